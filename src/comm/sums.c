#include "comm/sums.h"

#include <stdlib.h>
#include <string.h>

void sums_init(struct sums *sums, const struct world *world, size_t n)
{
    size_t ranks = (size_t)world->size;
    *sums = (struct sums){.world = world, .n = n};
    sums->stack = mem_need(SUMS_FLAGS + TREE_MAX_NODES * n, sizeof(double));
    sums->counts = mem_need(2 * ranks, sizeof *sums->counts);
    sums->places = sums->counts + ranks;
    sums->node = mem_need(ranks * TREE_MAX_NODES, sizeof *sums->node);
    sums->values = mem_need(ranks * TREE_MAX_NODES, sizeof *sums->values);
}

void sums_release(struct sums *sums)
{
    window_close(&sums->window);
    free(sums->stack);
    free(sums->counts);
    free(sums->node);
    free(sums->values);
    free(sums->staging);
    *sums = (struct sums){0};
}

/* In a segment: a mark, then two rows in turn. A rank writes a row again when all have read it:
 * they have then raised their mark for the other. */
static double *row_of(const struct sums *sums, int rank)
{
    char *rows = sums->window.segment[rank] + sizeof(struct mark);
    return (double *)(void *)rows + (sums->exchanges % 2) * sums->row;
}

static struct mark *mark_of(const struct sums *sums, int rank)
{
    return (struct mark *)(void *)sums->window.segment[rank];
}

void sums_share(struct sums *sums, size_t microbatches)
{
    const struct world *world = sums->world;
    size_t most = 2 * (size_t)tree_root(microbatches).level + 1; /* nodes of any range */
    if (world->group.count > 1 || world->size == 1)
        return;
    sums->row = mem_round(SUMS_FLAGS + most * sums->n, MEM_ALIGN / sizeof(double));
    if (window_open(&sums->window, world, &world->group,
                    sizeof(struct mark) + 2 * sums->row * sizeof(double), "sums") != ST_OK)
        window_close(&sums->window);
}

void sums_begin(struct sums *sums, size_t microbatches)
{
    sums->microbatches = microbatches;
    sums->range = tree_range(microbatches, sums->world->rank, sums->world->size);
    sums->counter.depth = 0;
    memset(sums->flag, 0, sizeof sums->flag);
}

/* The stack begins behind room for the flags, so that they form a row. */
static double *buffer(struct sums *sums, size_t number)
{
    return sums->stack + SUMS_FLAGS + number * sums->n;
}

double *sums_next(struct sums *sums)
{
    return buffer(sums, sums->counter.depth);
}

void sums_push(struct sums *sums)
{
    void *values[TREE_MAX_NODES];
    for (size_t i = 0; i < TREE_MAX_NODES; i++)
        values[i] = buffer(sums, i);
    counter_push(&sums->counter, counter_next(&sums->counter, sums->range), values, sums->n,
                 tree_add_double);
}

/* All nodes, where each rank's row will be in the staging, and where the values in it. */
static size_t plan(struct sums *sums)
{
    const struct world *world = sums->world;
    size_t total = 0, size = 0;
    for (int r = 0; r < world->size; r++) {
        struct tree_range range = tree_range(sums->microbatches, r, world->size);
        size_t count = tree_nodes(range, sums->node + total);
        sums->counts[r] = (int)(SUMS_FLAGS + count * sums->n);
        sums->places[r] = (int)size;
        size += (size_t)sums->counts[r];
        total += count;
    }
    if (size > sums->staging_size)
        sums->staging = mem_grow(sums->staging, size, sizeof(double));
    sums->staging_size = size > sums->staging_size ? size : sums->staging_size;
    void **value = sums->values;
    for (int r = 0; r < world->size; r++)
        for (int at = SUMS_FLAGS; at < sums->counts[r]; at += (int)sums->n)
            *value++ = sums->staging + sums->places[r] + at;
    return total;
}

static void exchange_rows(struct sums *sums)
{
    const struct world *world = sums->world;
    size_t own = (size_t)sums->counts[world->rank] * sizeof(double);
    if (!sums->window.shared) {
        MPI_Allgatherv(sums->stack, sums->counts[world->rank], MPI_DOUBLE, sums->staging,
                       sums->counts, sums->places, MPI_DOUBLE, world->comm);
        return;
    }
    sums->exchanges++;
    memcpy(row_of(sums, world->rank), sums->stack, own);
    mark_raise(mark_of(sums, world->rank), sums->exchanges);
    for (int r = 0; r < world->size; r++) {
        mark_wait(mark_of(sums, r), sums->exchanges);
        memcpy(sums->staging + sums->places[r], row_of(sums, r),
               (size_t)sums->counts[r] * sizeof(double));
    }
}

const double *sums_total(struct sums *sums)
{
    double start = MPI_Wtime();
    size_t nodes = plan(sums);
    for (int f = 0; f < SUMS_FLAGS; f++)
        sums->stack[f] = sums->flag[f];
    exchange_rows(sums);
    for (int r = 0; r < sums->world->size; r++)
        for (int f = 0; f < SUMS_FLAGS; f++) {
            int flag = (int)sums->staging[sums->places[r] + f];
            sums->flag[f] = flag > sums->flag[f] ? flag : sums->flag[f];
        }
    const double *root =
        tree_fold(sums->microbatches, sums->node, sums->values, nodes, sums->n, tree_add_double);
    sums->seconds += MPI_Wtime() - start;
    return root;
}
