/* Messages between groups. Of one bucket there are first those of gradients and, when they have
 * arrived, those of parameters; both wait in the same list of requests. Messages of one bucket
 * between two ranks are met in the order in which they were sent. */
#include <stdlib.h>

#include "comm/reduce_parts.h"

bool between_handles(const struct reducer *reducer, int owner)
{
    struct span own = reducer->group->span[reducer->group->index];
    bool outside = owner < own.first || owner >= own.first + own.size;
    return outside && span_handler(own, owner) == reducer->world->rank;
}

void between_init(struct reducer *reducer, size_t group_nodes)
{
    size_t handled = 0, groups = (size_t)reducer->group->count, count = reducer->buckets.count;
    for (int owner = 0; owner < reducer->world->size; owner++)
        handled += between_handles(reducer, owner);
    size_t gradients = handled * group_nodes + reducer->staging_nodes;
    size_t parameters = handled + groups - 1;
    size_t room = gradients > parameters ? gradients : parameters;
    MPI_Request *requests = mem_need(count * room + 1, sizeof(MPI_Request));
    for (size_t b = 0; b < count; b++)
        reducer->bucket[b].request = requests + b * room;
}

void between_release(struct reducer *reducer)
{
    if (reducer->bucket)
        free(reducer->bucket[0].request);
}

static MPI_Request *next_request(struct reduce_bucket *bucket)
{
    return &bucket->request[bucket->requests++];
}

static void expect(struct reducer *reducer, size_t b)
{
    const struct group *group = reducer->group;
    struct reduce_bucket *bucket = &reducer->bucket[b];
    float *to = reducer->staging + bucket->place * reducer->staging_nodes;
    struct tree_node nodes[TREE_MAX_NODES];
    bucket->requests = 0;
    for (int g = 0; g < group->count; g++) {
        int from = span_handler(group->span[g], reducer->world->rank);
        size_t count = tree_nodes(reduce_range(reducer, reducer->microbatches, g), nodes);
        for (size_t j = 0; j < count && g != group->index; j++, to += bucket->own.size)
            MPI_Irecv(to, (int)bucket->own.size, MPI_FLOAT, from, (int)b, reducer->world->comm,
                      next_request(bucket));
    }
}

void between_expect(struct reducer *reducer)
{
    for (size_t b = 0; b < reducer->buckets.count; b++)
        expect(reducer, b);
}

void between_send(struct reducer *reducer, size_t bucket, int owner, float *const *part)
{
    size_t size = reduce_piece(reducer, bucket, owner).size;
    for (size_t j = 0; j < reducer->group_nodes; j++)
        MPI_Isend(part[j], (int)size, MPI_FLOAT, owner, (int)bucket, reducer->world->comm,
                  next_request(&reducer->bucket[bucket]));
}

bool between_arrived(struct reducer *reducer, size_t bucket)
{
    struct reduce_bucket *b = &reducer->bucket[bucket];
    int all = 1;
    if (b->requests > 0)
        MPI_Testall(b->requests, b->request, &all, MPI_STATUSES_IGNORE);
    return all;
}

void between_values(const struct reducer *reducer, size_t bucket, float **values)
{
    const struct reduce_bucket *b = &reducer->bucket[bucket];
    float *from = reducer->staging + b->place * reducer->staging_nodes;
    for (size_t j = 0; j < reducer->all_nodes; j++) {
        size_t within = j - reducer->nodes_before; /* wraps around before the group's own */
        bool own = within < reducer->group_nodes;
        values[j] = own ? b->part[within] : from;
        from += own ? 0 : b->own.size;
    }
}

void between_share(struct reducer *reducer, size_t bucket, const float *buffer)
{
    const struct group *group = reducer->group;
    struct reduce_bucket *b = &reducer->bucket[bucket];
    int tag = (int)(reducer->buckets.count + bucket);
    b->requests = 0;
    for (int g = 0; g < group->count; g++)
        if (g != group->index)
            MPI_Isend(buffer + b->own.first, (int)b->own.size, MPI_FLOAT,
                      span_handler(group->span[g], reducer->world->rank), tag, reducer->world->comm,
                      next_request(b));
}

void between_gather(struct reducer *reducer, float *buffer, double *begin)
{
    size_t count = reducer->buckets.count;
    for (size_t b = 0; b < count; b++)
        for (int owner = 0; owner < reducer->world->size; owner++) {
            struct slice piece = reduce_piece(reducer, b, owner);
            if (!between_handles(reducer, owner))
                continue;
            MPI_Irecv(buffer + piece.first, (int)piece.size, MPI_FLOAT, owner, (int)(count + b),
                      reducer->world->comm, next_request(&reducer->bucket[b]));
            reducer->cost[b].bytes += (double)(piece.size * sizeof(float));
        }
    for (size_t b = 0; b < count; b++) {
        MPI_Waitall(reducer->bucket[b].requests, reducer->bucket[b].request, MPI_STATUSES_IGNORE);
        reduce_exposed(reducer, b, begin);
    }
}
