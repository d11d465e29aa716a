/* The ranks of a run and how they agree. */
#ifndef CONVOY_COMM_WORLD_H
#define CONVOY_COMM_WORLD_H

#include <mpi.h>
#include <stdbool.h>

#include "base/status.h"
#include "comm/group.h"
#include "data/dataset.h"

/* How gradients and parameters go between the ranks of a machine (CONVOY_TRANSPORT). */
enum transport {
    TRANSPORT_AUTO, /* shared memory, or MPI where it cannot be had */
    TRANSPORT_SHM,
    TRANSPORT_MPI
};

struct world {
    MPI_Comm comm; /* a duplicate of MPI_COMM_WORLD */
    int rank, size;
    MPI_Comm node; /* the ranks of this machine */
    int node_rank, node_size;
    int nodes;          /* machines */
    struct group group; /* the ranks that share memory with this one, for reductions */
    enum transport transport;
    bool overlap; /* reduce while gradients are still computed (CONVOY_OVERLAP) */
    bool started; /* we called MPI_Init */
};

/* Starts MPI if nobody has, makes the communicators, and reads the environment. For tests of what
 * happens between machines, CONVOY_RANKS_PER_NODE=k has each k ranks of a machine taken for one.
 * Collective over MPI_COMM_WORLD. Errors: ST_USAGE for a variable of the environment that has an
 * unknown value; world_finish is to be called all the same, after the message is out: when one rank
 * has ended, mpirun ends the others. */
enum status world_init(struct world *world);

/* Frees the communicators, and ends MPI if world_init started it; nothing where MPI does not start.
 * Collective. */
void world_finish(struct world *world);

/* Has every rank got here without an error? Returns ST_OK on all ranks, or on all ranks the status
 * of the lowest failing rank, with its message, "rank r: " in front where there are several.
 * Collective: call it before a collective operation that a failed rank would not reach. */
enum status world_agree(const struct world *world, enum status mine);

/* Do all ranks hold the same bytes? Fails on all (ST_USAGE) if not; what names them. Collective. */
enum status world_same(const struct world *world, const void *bytes, size_t size, const char *what);

/* Sends size bytes of rank 0 to all. Collective. */
void world_broadcast(const struct world *world, void *bytes, size_t size);

/* How data/ shares unpacked sets among the ranks of a node: fills in a struct share whose context
 * is the world. Its functions are collective over the node. */
void world_share(struct world *world, struct share *share);

#endif
