/* Gradients summed over the canonical tree across ranks, and the exchange of parameters.
 *
 * The parameters are cut into one slice a rank (boundaries at multiples of 4,096). Each rank ends
 * up with the sum of its own slice, updates it with its part of the optimizer's state, and sends
 * the new parameters to all. Two transports do the same additions:
 *   - recursive halving, where ranks and microbatches per rank are powers of two: at each of the
 *     log2 P stages neighbours in the tree exchange halves, with the volume of a ring;
 *   - the general way: every rank sends its few nodes' pieces of a slice to the slice's owner, who
 *     finishes the tree. */
#ifndef CONVOY_COMM_REDUCE_H
#define CONVOY_COMM_REDUCE_H

#include "comm/tree.h"
#include "comm/world.h"

struct slice {
    size_t first, size;
};

struct reducer {
    const struct world *world;
    size_t n;                /* floats in the gradient */
    struct slice *slice;     /* of every rank */
    int *counts, *places;    /* the same for MPI's v-collectives */
    size_t microbatches;     /* of the sum under way */
    struct tree_range range; /* this rank's */
    struct counter counter;
    float *stack;   /* the counter's buffers, n floats each */
    float *staging; /* where other ranks' pieces arrive */
};

/* Plans for gradients of n floats; a step has usual or last microbatches. Not collective. Errors:
 * ST_IO for memory; more than 2^31 floats: ST_USAGE. */
enum status reducer_init(struct reducer *reducer, const struct world *world, size_t n, size_t usual,
                         size_t last);
void reducer_release(struct reducer *reducer);

struct slice reducer_own(const struct reducer *reducer);

/* Starts a sum over so many microbatches; range says which are this rank's. */
void reducer_begin(struct reducer *reducer, size_t microbatches);

/* Where the next microbatch's gradient goes (n floats); reducer_push adds it. */
float *reducer_next(struct reducer *reducer);
void reducer_push(struct reducer *reducer);

/* The sum of the rank's own slice over all microbatches (may be overwritten; valid until the next
 * reducer_begin). Collective. */
float *reducer_total(struct reducer *reducer);

/* Every rank's own slice of buffer (n floats) to all ranks. Collective. */
void reducer_spread(const struct reducer *reducer, float *buffer);

/* The slices of all ranks (mine) into full (n floats) on rank 0, and back. Collective. */
void reducer_collect(const struct reducer *reducer, const float *mine, float *full);
void reducer_hand_out(const struct reducer *reducer, const float *full, float *mine);

#endif
