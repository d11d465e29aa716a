/* The exchange of what belongs to pieces: new parameters in every step, the optimizer's state for
 * checkpoints. */
#include <stdlib.h>
#include <string.h>

#include "comm/reduce_parts.h"

void reducer_share(struct reducer *reducer, size_t bucket, const float *buffer)
{
    const struct group *group = reducer->group;
    double start = MPI_Wtime();
    struct slice own = reducer->bucket[bucket].own;
    if (group->size > 1)
        memcpy(reduce_shared(reducer) + own.first, buffer + own.first, own.size * sizeof *buffer);
    if (group->count > 1)
        between_share(reducer, bucket, buffer);
    else
        mark_raise(&reduce_marks(reducer, group->rank)->updated, reduce_goal(reducer, bucket));
    reduce_exposed(reducer, bucket, &start);
}

static void copy_piece(struct reducer *reducer, size_t bucket, int owner, float *buffer)
{
    struct slice piece = reduce_piece(reducer, bucket, owner);
    memcpy(buffer + piece.first, reduce_shared(reducer) + piece.first, piece.size * sizeof *buffer);
    reducer->cost[bucket].bytes += (double)(piece.size * sizeof *buffer);
}

/* What the group's ranks put into shared memory: their own pieces, beginning behind the own rank,
 * so that not all read the same piece at once, and then those of other groups. */
static void copy_bucket(struct reducer *reducer, size_t bucket, float *buffer)
{
    const struct group *group = reducer->group;
    struct span own = group->span[group->index];
    for (int step = 1; step <= group->size; step++) {
        int from = (group->rank + step) % group->size;
        mark_wait(&reduce_marks(reducer, from)->updated, reduce_goal(reducer, bucket));
        if (from != group->rank)
            copy_piece(reducer, bucket, own.first + from, buffer);
    }
    for (int owner = 0; owner < reducer->world->size && group->count > 1; owner++)
        if (owner < own.first || owner >= own.first + own.size)
            copy_piece(reducer, bucket, owner, buffer);
}

void reducer_gather(struct reducer *reducer, float *buffer)
{
    const struct group *group = reducer->group;
    size_t count = reducer->buckets.count;
    double start = MPI_Wtime();
    if (group->count > 1) {
        between_gather(reducer, group->size > 1 ? reduce_shared(reducer) : buffer, &start);
        mark_raise(&reduce_marks(reducer, group->rank)->updated, reduce_goal(reducer, count - 1));
    }
    for (size_t b = 0; b < count && group->size > 1; b++) {
        copy_bucket(reducer, b, buffer);
        reduce_exposed(reducer, b, &start);
    }
}

void reducer_unite(struct reducer *reducer, double *words, size_t count)
{
    double start = MPI_Wtime();
    enum { MOST = 1 << 24 };
    for (size_t done = 0; done < count && reducer->world->size > 1; done += MOST) {
        size_t size = count - done < MOST ? count - done : MOST;
        MPI_Allreduce(MPI_IN_PLACE, words + done, (int)size, MPI_UINT64_T, MPI_BOR,
                      reducer->world->comm);
    }
    reduce_exposed(reducer, reducer->buckets.count - 1, &start); /* the one that all waited for */
}

void reducer_spread(const struct reducer *reducer, const float *mine, float *full)
{
    const struct world *world = reducer->world;
    int *sizes = mem_need(2 * (size_t)world->size, sizeof *sizes), *places = sizes + world->size;
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        const struct reduce_bucket *bucket = &reducer->bucket[b];
        for (int r = 0; r < world->size; r++) {
            struct slice piece = reduce_piece(reducer, b, r);
            sizes[r] = (int)piece.size;
            places[r] = (int)piece.first;
        }
        MPI_Allgatherv(mine + bucket->place, (int)bucket->own.size, MPI_FLOAT, full, sizes, places,
                       MPI_FLOAT, world->comm);
    }
    free(sizes);
}

void reducer_collect(const struct reducer *reducer, const float *mine, float *full)
{
    const struct world *world = reducer->world;
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        const struct reduce_bucket *bucket = &reducer->bucket[b];
        if (world->rank != 0) {
            MPI_Send(mine + bucket->place, (int)bucket->own.size, MPI_FLOAT, 0, (int)b,
                     world->comm);
            continue;
        }
        memcpy(full + bucket->own.first, mine + bucket->place, bucket->own.size * sizeof *full);
        for (int r = 1; r < world->size; r++) {
            struct slice piece = reduce_piece(reducer, b, r);
            MPI_Recv(full + piece.first, (int)piece.size, MPI_FLOAT, r, (int)b, world->comm,
                     MPI_STATUS_IGNORE);
        }
    }
}

void reducer_hand_out(const struct reducer *reducer, const float *full, float *mine)
{
    const struct world *world = reducer->world;
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        const struct reduce_bucket *bucket = &reducer->bucket[b];
        if (world->rank != 0) {
            MPI_Recv(mine + bucket->place, (int)bucket->own.size, MPI_FLOAT, 0, (int)b, world->comm,
                     MPI_STATUS_IGNORE);
            continue;
        }
        memcpy(mine + bucket->place, full + bucket->own.first, bucket->own.size * sizeof *full);
        for (int r = 1; r < world->size; r++) {
            struct slice piece = reduce_piece(reducer, b, r);
            MPI_Send(full + piece.first, (int)piece.size, MPI_FLOAT, r, (int)b, world->comm);
        }
    }
}
