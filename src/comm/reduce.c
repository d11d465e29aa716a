#include "comm/reduce.h"

#include "comm/reduce_parts.h"

enum { BLOCK = 4096 }; /* floats of each node that are added up before the next ones */

/* ---- the rank's own microbatches ---- */

void reducer_begin(struct reducer *reducer, size_t microbatches)
{
    if (microbatches != reducer->microbatches)
        reduce_plan_nodes(reducer, microbatches);
    reducer->range = tree_range(microbatches, reducer->world->rank, reducer->world->size);
    reducer->counter.depth = 0;
    reducer->published = reducer->settled = 0;
    reducer->base += reducer->buckets.count;
    for (size_t b = 0; b < reducer->buckets.count; b++)
        reducer->bucket[b].stage = REDUCE_OPEN;
    between_expect(reducer);
}

float *reducer_next(struct reducer *reducer)
{
    return reduce_stack(reducer, reducer->group->rank) + reducer->counter.depth * reducer->stride;
}

/* The additions of counter_count in a part of the buffers. */
static void add_buffers(struct reducer *reducer, struct slice part, size_t top, size_t additions)
{
    float *stack = reduce_stack(reducer, reducer->group->rank) + part.first;
    for (size_t i = 0; i < additions; i++)
        tree_add_float(stack + (top - i - 1) * reducer->stride, stack + (top - i) * reducer->stride,
                       part.size);
}

static void publish_next(struct reducer *reducer)
{
    mark_raise(&reduce_marks(reducer, reducer->group->rank)->published,
               reduce_goal(reducer, reducer->published++));
}

static bool in_last_microbatch(const struct reducer *reducer)
{
    return counter_next(&reducer->counter, reducer->range) + 1 == reducer->range.end;
}

/* Adds the last microbatch to the buckets that begin at offset or behind it, and publishes them. */
static void publish(struct reducer *reducer, size_t offset)
{
    const struct buckets *buckets = &reducer->buckets;
    struct counter after = reducer->counter;
    size_t additions = counter_count(&after, counter_next(&reducer->counter, reducer->range));
    while (reducer->published < buckets->count &&
           buckets->bucket[reducer->published].first >= offset) {
        add_buffers(reducer, buckets->bucket[reducer->published], reducer->counter.depth,
                    additions);
        publish_next(reducer);
    }
}

void reducer_push(struct reducer *reducer)
{
    size_t top = reducer->counter.depth;
    bool last = in_last_microbatch(reducer);
    if (last)
        publish(reducer, 0);
    size_t additions =
        counter_count(&reducer->counter, counter_next(&reducer->counter, reducer->range));
    if (!last)
        add_buffers(reducer, (struct slice){0, reducer->n}, top, additions);
}

/* ---- over the ranks ---- */

/* Adds up the values of from to those of to, in a piece of the buffers, a block at a time; the
 * results' places go to result. */
static void add_up(struct reducer *reducer, struct tree_list from, struct tree_list to,
                   float *const *values, struct slice piece, float **result)
{
    for (size_t done = 0; done == 0 || done < piece.size; done += BLOCK) {
        size_t rest = piece.size - done;
        for (size_t j = 0; j < from.count; j++)
            reducer->at[j] = values[j] + piece.first + done;
        tree_merge(reducer->microbatches, from, to, reducer->at, rest < BLOCK ? rest : BLOCK,
                   tree_add_float);
        for (size_t j = 0; j < to.count && done == 0; j++)
            result[j] = reducer->at[j];
    }
}

/* The pieces of this rank: its own, and for other groups those that it sends. */
static void add_group(struct reducer *reducer, size_t b)
{
    struct reduce_bucket *bucket = &reducer->bucket[b];
    struct tree_list ranks = {reducer->rank_node, reducer->rank_nodes};
    struct tree_list group = {reducer->all_node + reducer->nodes_before, reducer->group_nodes};
    add_up(reducer, ranks, group, reducer->rank_value, bucket->own, bucket->part);
    size_t floats = bucket->own.size;
    for (int owner = 0; owner < reducer->world->size; owner++) {
        float *part[TREE_MAX_NODES];
        if (!between_handles(reducer, owner))
            continue;
        struct slice piece = reduce_piece(reducer, b, owner);
        add_up(reducer, ranks, group, reducer->rank_value, piece, part);
        between_send(reducer, b, owner, part);
        floats += piece.size;
    }
    size_t nodes = reducer->rank_nodes - reducer->own_nodes;
    reducer->cost[b].bytes += (double)(nodes * floats * sizeof(float));
}

/* The own piece over all groups. */
static void add_groups(struct reducer *reducer, size_t b)
{
    struct reduce_bucket *bucket = &reducer->bucket[b];
    struct tree_node root = tree_root(reducer->microbatches);
    struct tree_list all = {reducer->all_node, reducer->all_nodes};
    between_values(reducer, b, reducer->all_value);
    add_up(reducer, all, (struct tree_list){&root, 1}, reducer->all_value,
           (struct slice){0, all.count > 1 ? bucket->own.size : 0}, &bucket->total);
    size_t nodes = reducer->all_nodes - reducer->group_nodes;
    reducer->cost[b].bytes += (double)(nodes * bucket->own.size * sizeof(float));
}

static bool is_published(const struct reducer *reducer, size_t bucket)
{
    for (int r = 0; r < reducer->group->size; r++)
        if (!mark_reached(&reduce_marks(reducer, r)->published, reduce_goal(reducer, bucket)))
            return false;
    return true;
}

static void advance(struct reducer *reducer, size_t b)
{
    struct reduce_bucket *bucket = &reducer->bucket[b];
    if (bucket->stage == REDUCE_OPEN && is_published(reducer, b)) {
        add_group(reducer, b);
        bucket->stage = REDUCE_SENT;
    }
    if (bucket->stage == REDUCE_SENT && between_arrived(reducer, b)) {
        add_groups(reducer, b);
        bucket->stage = REDUCE_DONE;
    }
}

/* Does what can be done by now. *begin: when that began, and then when it ended. */
static void settle(struct reducer *reducer, bool exposed, double *begin)
{
    for (size_t b = reducer->settled; b < reducer->published; b++) {
        if (reducer->bucket[b].stage == REDUCE_DONE)
            continue;
        advance(reducer, b);
        double now = MPI_Wtime(),
               *cost = exposed ? &reducer->cost[b].exposed : &reducer->cost[b].hidden;
        *cost += now - *begin;
        *begin = now;
    }
    while (reducer->settled < reducer->published &&
           reducer->bucket[reducer->settled].stage == REDUCE_DONE)
        reducer->settled++;
}

void reducer_finished(struct reducer *reducer, size_t offset)
{
    if (!reducer->world->overlap || !in_last_microbatch(reducer))
        return;
    publish(reducer, offset);
    double begin = MPI_Wtime();
    settle(reducer, false, &begin);
}

void reducer_total(struct reducer *reducer)
{
    double begin = MPI_Wtime();
    while (reducer->published < reducer->buckets.count)
        publish_next(reducer); /* of a rank that has no microbatches, or that failed */
    for (unsigned rounds = 0; reducer->settled < reducer->buckets.count;) {
        settle(reducer, true, &begin);
        if (reducer->settled == reducer->buckets.count)
            break;
        wait_round(&rounds); /* for the first bucket that is not done, in the main */
        reduce_exposed(reducer, reducer->settled, &begin);
    }
}
