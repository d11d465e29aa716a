/* Where each buffer lies in the arena: buffers whose lifetimes do not meet share memory. */
#ifndef CONVOY_MODEL_PLAN_H
#define CONVOY_MODEL_PLAN_H

#include <stddef.h>

/* A buffer of size floats that is needed in the moments first..last, both included. */
struct buffer {
    size_t size;
    int first, last;
    size_t *offset; /* where the plan writes its place, a multiple of 16 floats */
};

/* Places n buffers, largest first, each at the lowest place that is free for its whole life.
 * Returns the size of the arena in floats. */
size_t plan_buffers(struct buffer *buffers, size_t n);

#endif
