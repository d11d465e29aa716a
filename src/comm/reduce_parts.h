/* What the files of the reducer have in common. */
#ifndef CONVOY_COMM_REDUCE_PARTS_H
#define CONVOY_COMM_REDUCE_PARTS_H

#include "comm/reduce.h"

/* At the beginning of a rank's segment of the window. */
struct reduce_marks {
    struct mark published; /* buckets whose gradients are final */
    struct mark updated;   /* buckets whose new parameters are there to be read */
};

static inline struct reduce_marks *reduce_marks(const struct reducer *reducer, int rank)
{
    return (struct reduce_marks *)(void *)reducer->window.segment[rank];
}

/* The parameters that the group shares (n floats); only where it has several ranks. */
static inline float *reduce_shared(const struct reducer *reducer)
{
    return (float *)(void *)(reducer->window.segment[0] + sizeof(struct reduce_marks));
}

/* The counter's buffers of a rank of the group. */
static inline float *reduce_stack(const struct reducer *reducer, int rank)
{
    char *stack = reducer->window.segment[rank] + sizeof(struct reduce_marks);
    bool behind_shared = rank == 0 && reducer->group->size > 1;
    return (float *)(void *)stack + (behind_shared ? reducer->stride : 0);
}

/* What bucket raises this sum's marks to. */
static inline uint64_t reduce_goal(const struct reducer *reducer, size_t bucket)
{
    return reducer->base + bucket + 1;
}

/* The piece of any rank of the world. */
static inline struct slice reduce_piece(const struct reducer *reducer, size_t bucket, int rank)
{
    return bucket_piece(reducer->buckets.bucket[bucket], &reducer->cuts, rank,
                        reducer->world->size);
}

/* Sets the nodes of a sum over so many microbatches, and where their values are. Where there is one
 * group, it adds up to the root at once. */
void reduce_plan_nodes(struct reducer *reducer, size_t microbatches);

/* The microbatches of a group. */
static inline struct tree_range reduce_range(const struct reducer *reducer, size_t microbatches,
                                             int group)
{
    struct span span = reducer->group->span[group];
    int ranks = reducer->world->size, last = span.first + span.size - 1;
    return (struct tree_range){tree_range(microbatches, span.first, ranks).first,
                               tree_range(microbatches, last, ranks).end};
}

/* Charges a bucket with the time since *begin, in which nothing else was done, and begins anew. */
static inline void reduce_exposed(struct reducer *reducer, size_t bucket, double *begin)
{
    double now = MPI_Wtime();
    reducer->cost[bucket].exposed += now - *begin;
    *begin = now;
}

/* ---- messages between groups: comm/reduce_between.c ---- */

/* Does this rank handle the pieces of owner, a rank of another group? */
bool between_handles(const struct reducer *reducer, int owner);

/* Room for the messages. Not collective. */
void between_init(struct reducer *reducer, size_t group_nodes);
void between_release(struct reducer *reducer);

/* Gets ready for the own pieces of other groups' nodes, all buckets. Not collective. */
void between_expect(struct reducer *reducer);

/* Sends the group's nodes of a piece to its owner: does not wait. */
void between_send(struct reducer *reducer, size_t bucket, int owner, float *const *part);

/* Have all messages of a bucket arrived, the sent ones too? */
bool between_arrived(struct reducer *reducer, size_t bucket);

/* The values of all groups' nodes for the own piece, in order: the group's own and what arrived. */
void between_values(const struct reducer *reducer, size_t bucket, float **values);

/* The own new parameters to the other groups: does not wait; and all that come from there, into
 * buffer. Returns when messages in both directions have arrived; the buckets are charged from
 * *begin on. */
void between_share(struct reducer *reducer, size_t bucket, const float *buffer);
void between_gather(struct reducer *reducer, float *buffer, double *begin);

#endif
