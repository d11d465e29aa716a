/* The reducer's memory and what is known before a sum begins. */
#include <limits.h>
#include <stdlib.h>

#include "base/log.h"
#include "comm/reduce_parts.h"

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

void reduce_plan_nodes(struct reducer *reducer, size_t microbatches)
{
    const struct group *group = reducer->group;
    int ranks = reducer->world->size, first = group->span[group->index].first;
    reducer->rank_nodes = reducer->all_nodes = 0;
    for (int r = 0; r < group->size; r++) {
        size_t at = reducer->rank_nodes;
        size_t count =
            tree_nodes(tree_range(microbatches, first + r, ranks), reducer->rank_node + at);
        for (size_t j = 0; j < count; j++)
            reducer->rank_value[at + j] = reduce_stack(reducer, r) + j * reducer->stride;
        reducer->rank_nodes += count;
        if (r == group->rank)
            reducer->own_nodes = count;
    }
    for (int g = 0; g < group->count; g++) {
        struct tree_node *to = reducer->all_node + reducer->all_nodes;
        size_t count = 1;
        if (group->count > 1)
            count = tree_nodes(reduce_range(reducer, microbatches, g), to);
        else
            *to = tree_root(microbatches);
        if (g == group->index) {
            reducer->nodes_before = reducer->all_nodes;
            reducer->group_nodes = count;
        }
        reducer->all_nodes += count;
    }
    reducer->microbatches = microbatches;
}

static enum status open_window(struct reducer *reducer, size_t depth)
{
    const struct group *group = reducer->group;
    size_t buffers = depth + (group->rank == 0 && group->size > 1);
    return window_open(&reducer->window, reducer->world, group,
                       sizeof(struct reduce_marks) + buffers * reducer->stride * sizeof(float),
                       "gradients");
}

/* Memory for depth buffers, shared with the group if it can be. */
static enum status get_memory(struct reducer *reducer, size_t depth)
{
    const struct world *world = reducer->world;
    reducer->group = &world->group;
    enum status status = open_window(reducer, depth);
    if (status == ST_OK || world->group.count == world->size || world->transport == TRANSPORT_SHM)
        return status;
    log_warn("%s; the ranks of a machine exchange messages instead", status_message());
    window_close(&reducer->window);
    group_alone(&reducer->alone, world->rank, world->size);
    reducer->group = &reducer->alone;
    return open_window(reducer, depth);
}

/* Which way gradients go, into the log. */
static void note_way(const struct reducer *reducer)
{
    const struct world *world = reducer->world;
    const struct group *group = reducer->group;
    if (world->transport != TRANSPORT_MPI && world->group.count > world->nodes)
        log_warn("the ranks of a machine are not numbered one after the other, so they share "
                 "memory only in part: start them with mpirun --map-by slot, or srun -m block");
    log_note("gradients of %zu floats in %zu buckets, %s memory in %d groups of ranks", reducer->n,
             reducer->buckets.count, reducer->window.shared ? "shared" : "own", group->count);
}

static void plan_buckets(struct reducer *reducer, const struct reduce_plan *plan)
{
    size_t place = 0;
    buckets_cut(&reducer->buckets, plan->n, plan->starts, plan->layers);
    reducer->bucket = mem_need(reducer->buckets.count, sizeof *reducer->bucket);
    reducer->cost = mem_need(reducer->buckets.count, sizeof *reducer->cost);
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        reducer->bucket[b].own = reduce_piece(reducer, b, reducer->world->rank);
        reducer->bucket[b].place = place;
        place += reducer->bucket[b].own.size;
    }
}

static enum status plan_exchange(struct reducer *reducer, const struct reduce_plan *plan)
{
    const struct group *group = reducer->group;
    size_t most = (size_t)(group->size > group->count ? group->size : group->count);
    size_t nodes = most * TREE_MAX_NODES, group_nodes = 0;
    reducer->rank_node = mem_need(nodes, sizeof *reducer->rank_node);
    reducer->all_node = mem_need(nodes, sizeof *reducer->all_node);
    reducer->rank_value = mem_need(nodes, sizeof *reducer->rank_value);
    reducer->all_value = mem_need(nodes, sizeof *reducer->all_value);
    reducer->at = mem_need(nodes, sizeof *reducer->at);
    for (int last = 0; last <= 1; last++) {
        reduce_plan_nodes(reducer, last ? plan->last : plan->usual);
        size_t others = reducer->all_nodes - reducer->group_nodes;
        reducer->staging_nodes = larger(reducer->staging_nodes, others);
        group_nodes = larger(group_nodes, reducer->group_nodes);
    }
    between_init(reducer, group_nodes);
    void *memory = NULL;
    TRY(mem_alloc(&memory, reducer->staging_nodes * reducer_own(reducer) * sizeof(float),
                  "gradient exchange"));
    reducer->staging = memory;
    return ST_OK;
}

enum status reducer_init(struct reducer *reducer, const struct world *world,
                         const struct reduce_plan *plan)
{
    *reducer = (struct reducer){.world = world, .n = plan->n, .cuts = plan->cuts};
    FAIL_IF(plan->n > INT_MAX, ST_USAGE, "the model has %zu trainable parameters; at most %d",
            plan->n, INT_MAX);
    reducer->stride = mem_round(plan->n, MEM_ALIGN / sizeof(float));
    plan_buckets(reducer, plan);
    size_t usual = tree_depth(tree_range(plan->usual, world->rank, world->size));
    size_t last = tree_depth(tree_range(plan->last, world->rank, world->size));
    TRY(get_memory(reducer, larger(usual, last)));
    note_way(reducer);
    return world_agree(world, plan_exchange(reducer, plan));
}

void reducer_release(struct reducer *reducer)
{
    window_close(&reducer->window);
    group_release(&reducer->alone);
    between_release(reducer);
    buckets_release(&reducer->buckets);
    free(reducer->bucket);
    free(reducer->cost);
    free(reducer->rank_node);
    free(reducer->all_node);
    free(reducer->rank_value);
    free(reducer->all_value);
    free(reducer->at);
    free(reducer->staging);
    *reducer = (struct reducer){0};
}

size_t reducer_own(const struct reducer *reducer)
{
    const struct reduce_bucket *last = &reducer->bucket[reducer->buckets.count - 1];
    return last->place + last->own.size;
}

struct bucket_cost reducer_cost(const struct reducer *reducer)
{
    struct bucket_cost all = {0};
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        all.hidden += reducer->cost[b].hidden;
        all.exposed += reducer->cost[b].exposed;
        all.bytes += reducer->cost[b].bytes;
    }
    return all;
}
