#include "comm/reduce.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 };

static bool power_of_two(size_t x)
{
    return x > 0 && (x & (x - 1)) == 0;
}

/* One half of a run of blocks: the lower one (bit 0) is the larger where they differ. */
static struct slice half_of(struct slice whole, int bit)
{
    size_t blocks = (whole.size + BLOCK - 1) / BLOCK, lower = (blocks + 1) / 2 * BLOCK;
    lower = lower < whole.size ? lower : whole.size;
    if (bit == 0)
        return (struct slice){whole.first, lower};
    return (struct slice){whole.first + lower, whole.size - lower};
}

/* The slice of a rank: by halving along the bits of its number, lowest first, where there are 2^k
 * ranks; else equal runs of blocks. */
static struct slice slice_of(size_t n, size_t rank, size_t ranks)
{
    struct slice slice = {0, n};
    if (power_of_two(ranks)) {
        for (size_t stage = 1; stage < ranks; stage *= 2)
            slice = half_of(slice, (rank & stage) != 0);
        return slice;
    }
    size_t blocks = (n + BLOCK - 1) / BLOCK;
    size_t first = rank * blocks / ranks * BLOCK, end = (rank + 1) * blocks / ranks * BLOCK;
    first = first < n ? first : n;
    end = end < n ? end : n;
    return (struct slice){first, end - first};
}

static bool can_halve(const struct reducer *reducer)
{
    size_t ranks = (size_t)reducer->world->size;
    return power_of_two(ranks) && reducer->microbatches % ranks == 0 &&
           power_of_two(reducer->microbatches / ranks);
}

/* Floats of staging that a step of so many microbatches needs. */
static size_t staging_for(const struct reducer *reducer, size_t microbatches)
{
    struct tree_node nodes[TREE_MAX_NODES];
    size_t others = 0;
    for (int r = 0; r < reducer->world->size; r++)
        if (r != reducer->world->rank)
            others += tree_nodes(tree_range(microbatches, r, reducer->world->size), nodes);
    size_t pieces = others * reducer_own(reducer).size, halving = reducer->n;
    return pieces > halving ? pieces : halving;
}

enum status reducer_init(struct reducer *reducer, const struct world *world, size_t n, size_t usual,
                         size_t last)
{
    size_t ranks = (size_t)world->size;
    *reducer = (struct reducer){.world = world, .n = n};
    FAIL_IF(n > INT_MAX, ST_USAGE, "the model has %zu trainable parameters; at most %d", n,
            INT_MAX);
    reducer->slice = mem_need(ranks, sizeof *reducer->slice);
    reducer->counts = mem_need(2 * ranks, sizeof *reducer->counts);
    reducer->places = reducer->counts + ranks;
    for (size_t r = 0; r < ranks; r++) {
        reducer->slice[r] = slice_of(n, r, ranks);
        reducer->counts[r] = (int)reducer->slice[r].size;
        reducer->places[r] = (int)reducer->slice[r].first;
    }
    size_t depth = tree_depth(tree_range(usual, world->rank, world->size));
    size_t other = tree_depth(tree_range(last, world->rank, world->size));
    size_t staging = staging_for(reducer, usual), more = staging_for(reducer, last);
    depth = depth > other ? depth : other;
    void *memory = NULL;
    TRY(mem_alloc(&memory, (depth ? depth : 1) * n * sizeof(float), "gradients"));
    reducer->stack = memory;
    TRY(mem_alloc(&memory, (staging > more ? staging : more) * sizeof(float), "gradient exchange"));
    reducer->staging = memory;
    return ST_OK;
}

void reducer_release(struct reducer *reducer)
{
    free(reducer->slice);
    free(reducer->counts);
    free(reducer->stack);
    free(reducer->staging);
    *reducer = (struct reducer){0};
}

struct slice reducer_own(const struct reducer *reducer)
{
    return reducer->slice[reducer->world->rank];
}

void reducer_begin(struct reducer *reducer, size_t microbatches)
{
    reducer->microbatches = microbatches;
    reducer->range = tree_range(microbatches, reducer->world->rank, reducer->world->size);
    reducer->counter.depth = 0;
}

float *reducer_next(struct reducer *reducer)
{
    return reducer->stack + reducer->counter.depth * reducer->n;
}

void reducer_push(struct reducer *reducer)
{
    void *values[TREE_MAX_NODES];
    for (size_t i = 0; i < TREE_MAX_NODES; i++)
        values[i] = reducer->stack + i * reducer->n;
    counter_push(&reducer->counter, counter_next(&reducer->counter, reducer->range), values,
                 reducer->n, tree_add_float);
}

/* One node a rank: neighbours exchange halves, then halves of halves. The one addition of a stage
 * has two operands, so that its bits do not depend on which side adds. */
static float *halving(struct reducer *reducer)
{
    const struct world *world = reducer->world;
    struct slice have = {0, reducer->n};
    for (int stage = 1; stage < world->size; stage *= 2) {
        int partner = world->rank ^ stage, bit = (world->rank & stage) != 0;
        struct slice keep = half_of(have, bit), give = half_of(have, !bit);
        MPI_Sendrecv(reducer->stack + give.first, (int)give.size, MPI_FLOAT, partner, 0,
                     reducer->staging, (int)keep.size, MPI_FLOAT, partner, 0, world->comm,
                     MPI_STATUS_IGNORE);
        tree_add_float(reducer->stack + keep.first, reducer->staging, keep.size);
        have = keep;
    }
    return reducer->stack + have.first;
}

/* Sends this rank's nodes to the owners of the slices; returns how many requests were made. */
static int send_pieces(struct reducer *reducer, MPI_Request *requests)
{
    const struct world *world = reducer->world;
    int made = 0;
    for (int owner = 0; owner < world->size; owner++)
        for (size_t j = 0; owner != world->rank && j < reducer->counter.depth; j++)
            MPI_Isend(reducer->stack + j * reducer->n + reducer->slice[owner].first,
                      reducer->counts[owner], MPI_FLOAT, owner, (int)j, world->comm,
                      &requests[made++]);
    return made;
}

/* All nodes of the tree in order: where the values of the own slice are, or will arrive. */
static size_t receive_pieces(struct reducer *reducer, struct tree_node *nodes, void **values,
                             MPI_Request *requests, int *made)
{
    const struct world *world = reducer->world;
    struct slice own = reducer_own(reducer);
    size_t count = 0, arrived = 0;
    for (int r = 0; r < world->size; r++) {
        size_t of_rank =
            tree_nodes(tree_range(reducer->microbatches, r, world->size), nodes + count);
        for (size_t j = 0; j < of_rank; j++, count++) {
            if (r == world->rank) {
                values[count] = reducer->stack + j * reducer->n + own.first;
                continue;
            }
            values[count] = reducer->staging + arrived++ * own.size;
            MPI_Irecv(values[count], (int)own.size, MPI_FLOAT, r, (int)j, world->comm,
                      &requests[(*made)++]);
        }
    }
    return count;
}

static float *general(struct reducer *reducer)
{
    size_t ranks = (size_t)reducer->world->size, most = ranks * TREE_MAX_NODES;
    struct tree_node *nodes = mem_need(most, sizeof *nodes);
    void **values = mem_need(most, sizeof *values);
    MPI_Request *requests = mem_need(2 * most, sizeof(MPI_Request));
    int made = 0;
    size_t count = receive_pieces(reducer, nodes, values, requests, &made);
    made += send_pieces(reducer, requests + made);
    MPI_Waitall(made, requests, MPI_STATUSES_IGNORE);
    float *root = tree_fold(reducer->microbatches, nodes, values, count, reducer_own(reducer).size,
                            tree_add_float);
    free(requests);
    free(values);
    free(nodes);
    return root;
}

float *reducer_total(struct reducer *reducer)
{
    return can_halve(reducer) ? halving(reducer) : general(reducer);
}

void reducer_spread(const struct reducer *reducer, float *buffer)
{
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, buffer, reducer->counts, reducer->places,
                   MPI_FLOAT, reducer->world->comm);
}

void reducer_collect(const struct reducer *reducer, const float *mine, float *full)
{
    const struct world *world = reducer->world;
    MPI_Gatherv(mine, reducer->counts[world->rank], MPI_FLOAT, full, reducer->counts,
                reducer->places, MPI_FLOAT, 0, world->comm);
}

void reducer_hand_out(const struct reducer *reducer, const float *full, float *mine)
{
    const struct world *world = reducer->world;
    MPI_Scatterv(full, reducer->counts, reducer->places, MPI_FLOAT, mine,
                 reducer->counts[world->rank], MPI_FLOAT, 0, world->comm);
}
