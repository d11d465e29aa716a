/* Sums of a few doubles (loss, metrics, statistics) over the canonical tree, known to all ranks. */
#ifndef CONVOY_COMM_SUMS_H
#define CONVOY_COMM_SUMS_H

#include "comm/tree.h"
#include "comm/world.h"

struct sums {
    const struct world *world;
    size_t n;                /* doubles a microbatch yields */
    size_t microbatches;     /* of the sum under way */
    struct tree_range range; /* this rank's */
    struct counter counter;
    double *stack; /* TREE_MAX_NODES x n */
    double *staging;
    size_t staging_nodes;
};

void sums_init(struct sums *sums, const struct world *world, size_t n);
void sums_release(struct sums *sums);

/* Starts a sum over so many microbatches; range says which are this rank's. */
void sums_begin(struct sums *sums, size_t microbatches);

/* Where the next microbatch's n doubles go; sums_push adds them. */
double *sums_next(struct sums *sums);
void sums_push(struct sums *sums);

/* The n totals, the same bits on every rank, valid until the next sums_begin. Collective. */
const double *sums_total(struct sums *sums);

#endif
