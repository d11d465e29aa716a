#include "comm/sums.h"

#include <stdlib.h>

void sums_init(struct sums *sums, const struct world *world, size_t n)
{
    *sums = (struct sums){.world = world, .n = n};
    sums->stack = mem_need(TREE_MAX_NODES * n + 1, sizeof(double));
}

void sums_release(struct sums *sums)
{
    free(sums->stack);
    free(sums->staging);
    *sums = (struct sums){0};
}

void sums_begin(struct sums *sums, size_t microbatches)
{
    sums->microbatches = microbatches;
    sums->range = tree_range(microbatches, sums->world->rank, sums->world->size);
    sums->counter.depth = 0;
}

double *sums_next(struct sums *sums)
{
    return sums->stack + sums->counter.depth * sums->n;
}

void sums_push(struct sums *sums)
{
    void *values[TREE_MAX_NODES];
    for (size_t i = 0; i < TREE_MAX_NODES; i++)
        values[i] = sums->stack + i * sums->n;
    counter_push(&sums->counter, counter_next(&sums->counter, sums->range), values, sums->n,
                 tree_add_double);
}

const double *sums_total(struct sums *sums)
{
    const struct world *world = sums->world;
    size_t ranks = (size_t)world->size, total = 0;
    int *counts = mem_need(2 * ranks, sizeof *counts), *places = counts + ranks;
    struct tree_node *nodes = mem_need(ranks * TREE_MAX_NODES, sizeof *nodes);
    for (size_t r = 0; r < ranks; r++) {
        struct tree_range range = tree_range(sums->microbatches, (int)r, world->size);
        size_t count = tree_nodes(range, nodes + total);
        counts[r] = (int)(count * sums->n);
        places[r] = (int)(total * sums->n);
        total += count;
    }
    if (total > sums->staging_nodes) {
        sums->staging = mem_grow(sums->staging, total * sums->n + 1, sizeof(double));
        sums->staging_nodes = total;
    }
    MPI_Allgatherv(sums->stack, counts[world->rank], MPI_DOUBLE, sums->staging, counts, places,
                   MPI_DOUBLE, world->comm);
    void **values = mem_need(total, sizeof *values);
    for (size_t i = 0; i < total; i++)
        values[i] = sums->staging + i * sums->n;
    const double *root =
        tree_fold(sums->microbatches, nodes, values, total, sums->n, tree_add_double);
    free(values);
    free(nodes);
    free(counts);
    return root;
}
