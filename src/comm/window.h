/* Memory that the ranks of a group share, a segment a rank, and how they wait for each other.
 *
 * Waiting goes over marks: numbers in a segment that only grow. Who sees a mark reached sees all
 * that its rank had written before it raised it. */
#ifndef CONVOY_COMM_WINDOW_H
#define CONVOY_COMM_WINDOW_H

#include <stdatomic.h>
#include <stdint.h>

#include "comm/world.h"

/* Is there shared memory for bytes of each rank together? Errors, the same on all: ST_IO.
 * Collective over comm, whose ranks are of one machine. */
enum status window_room(MPI_Comm comm, size_t bytes, const char *what);

struct window {
    MPI_Win handle;
    bool shared;    /* there is a handle: the group has several ranks */
    int size;       /* ranks of the group */
    char **segment; /* of each rank, 64-byte aligned */
};

/* Segments of so many zeroed bytes for this rank; the other ranks may ask for other sizes. A group
 * of one has ordinary memory. what names it in messages. Collective over the world. Errors, the
 * same on all ranks: ST_IO where the memory cannot be had. */
enum status window_open(struct window *window, const struct world *world, const struct group *group,
                        size_t bytes, const char *what);

/* Collective over the group. */
void window_close(struct window *window);

struct mark {
    _Alignas(64) _Atomic uint64_t value; /* nothing else in its cache line */
};

static inline void mark_raise(struct mark *mark, uint64_t value)
{
    atomic_store_explicit(&mark->value, value, memory_order_release);
}

static inline bool mark_reached(struct mark *mark, uint64_t value)
{
    return atomic_load_explicit(&mark->value, memory_order_acquire) >= value;
}

/* Returns when it is reached. */
void mark_wait(struct mark *mark, uint64_t value);

/* One round of waiting: a moment, and after some rounds the core goes to others that want it.
 * rounds: 0 before the first. */
void wait_round(unsigned *rounds);

#endif
