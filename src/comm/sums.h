/* Sums of a few doubles (loss, metrics, statistics) over the canonical tree, known to all ranks,
 * and a few flags that go with them. */
#ifndef CONVOY_COMM_SUMS_H
#define CONVOY_COMM_SUMS_H

#include "comm/tree.h"
#include "comm/window.h"

enum { SUMS_FLAGS = 3 };

struct sums {
    const struct world *world;
    size_t n;                /* doubles a microbatch yields, at least 1; may be set to fewer before
                                sums_begin, on all ranks alike */
    int flag[SUMS_FLAGS];    /* small numbers; sums_total makes each the largest of all ranks' */
    size_t microbatches;     /* of the sum under way */
    struct tree_range range; /* this rank's */
    struct counter counter;
    double *stack; /* TREE_MAX_NODES x n */
    /* the exchange: a row a rank, of its flags and its nodes */
    int *counts, *places;
    struct tree_node *node;
    void **values;
    double *staging;
    size_t staging_size;
    struct window window; /* where the rows are read directly: sums_share */
    size_t row;           /* doubles of the longest row there */
    uint64_t exchanges;
    double seconds; /* spent in sums_total */
};

void sums_init(struct sums *sums, const struct world *world, size_t n);
void sums_release(struct sums *sums);

/* Has the exchange go through shared memory where all ranks are of one group and it can be had;
 * else it stays with MPI. The sums are then over at most so many microbatches. Collective, and so
 * is then sums_release. */
void sums_share(struct sums *sums, size_t microbatches);

/* Starts a sum over so many microbatches with all flags 0; range says which are this rank's. */
void sums_begin(struct sums *sums, size_t microbatches);

/* Where the next microbatch's n doubles go; sums_push adds them. */
double *sums_next(struct sums *sums);
void sums_push(struct sums *sums);

/* The n totals, the same bits on every rank, valid until the next sums_begin. Collective; a rank
 * that failed to push all of its microbatches may call it, and the totals are rubbish. */
const double *sums_total(struct sums *sums);

#endif
