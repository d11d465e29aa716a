/* Gradients and sums reduced across real ranks: the bits of the canonical tree's definition, for
 * numbers of microbatches and sizes of many kinds, and the exchange of parameters; through shared
 * memory, by messages, and by both as between machines. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "comm/reduce.h"
#include "comm/sums.h"
#include "leaves.h"
#include "test.h"

/* What the environment may say of the way. */
static const struct way {
    const char *transport, *overlap, *ranks_per_node;
} ways[] = {{"auto", "1", "0"}, {"shm", "0", "0"}, {"mpi", "1", "0"}, {"mpi", "0", "0"},
            {"shm", "1", "2"},  {"shm", "0", "2"}, {"shm", "1", "3"}, {"auto", "1", "1"}};
enum { WAYS = sizeof ways / sizeof ways[0] };

static struct world open_world(const struct way *way)
{
    struct world world;
    setenv("CONVOY_TRANSPORT", way->transport, 1);
    setenv("CONVOY_OVERLAP", way->overlap, 1);
    setenv("CONVOY_RANKS_PER_NODE", way->ranks_per_node, 1);
    CU_ASSERT_EQUAL(world_init(&world), ST_OK);
    return world;
}

/* Gradients of so many floats, whose layers begin at start; the last of them are the layers that
 * end a bucket early. */
static const struct shape {
    size_t n, layers, start[6];
} shapes[] = {{0, 0, {0}},           {1, 1, {0}},
              {7, 1, {0}},           {4097, 3, {0, 16, 4000}},
              {16384, 2, {0, 8192}}, {640016, 6, {0, 32, 30000, 300000, 310000, 640000}}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static const size_t microbatches[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 17, 31, 32};
enum { COUNTS = sizeof microbatches / sizeof microbatches[0] };

/* Of large gradients, not all elements are looked at. */
static size_t stride_of(const struct shape *shape)
{
    return shape->n > 100000 ? 997 : 1;
}

static void fill(float *g, const struct shape *shape, size_t from, size_t end, size_t microbatch)
{
    size_t stride = stride_of(shape);
    for (size_t i = (from + stride - 1) / stride * stride; i < end; i += stride)
        g[i] = (float)leaf_element(microbatch, i);
}

static void sum_leaves(struct reducer *reducer, const struct shape *shape, size_t count)
{
    reducer_begin(reducer, count);
    for (size_t m = reducer->range.first; m < reducer->range.end; m++) {
        float *g = reducer_next(reducer);
        size_t end = shape->n;
        for (size_t layer = shape->layers; layer-- > 0; end = shape->start[layer]) {
            fill(g, shape, shape->start[layer], end, m);
            reducer_finished(reducer, shape->start[layer]);
        }
        reducer_push(reducer);
    }
    reducer_total(reducer);
}

/* The own pieces as new parameters to all; what is in params then. */
static void exchange(struct reducer *reducer, float *params)
{
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        const struct reduce_bucket *bucket = &reducer->bucket[b];
        memcpy(params + bucket->own.first, bucket->total, bucket->own.size * sizeof *params);
        reducer_share(reducer, b, params);
    }
    reducer_gather(reducer, params);
}

/* One sum, whose pieces go to all ranks: everywhere it must have the definition's bits. */
static void check_sum(struct reducer *reducer, const struct shape *shape, size_t count)
{
    float *params = mem_need(shape->n + 1, sizeof *params);
    sum_leaves(reducer, shape, count);
    exchange(reducer, params);
    size_t wrong = 0;
    for (size_t i = 0; i < shape->n; i += stride_of(shape)) {
        float wanted = leaves_sum_float(count, i);
        wrong += memcmp(&params[i], &wanted, sizeof wanted) != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(params[shape->n], 0.0f);
    free(params);
}

static struct reducer open_reducer(const struct world *world, const struct shape *shape,
                                   size_t usual, size_t last)
{
    struct reducer reducer;
    struct reduce_plan plan = {.n = shape->n,
                               .starts = shape->start,
                               .layers = shape->layers,
                               .usual = usual,
                               .last = last};
    CU_ASSERT_EQUAL(reducer_init(&reducer, world, &plan), ST_OK);
    return reducer;
}

static void test_gradients(void)
{
    for (size_t w = 0; w < WAYS; w++) {
        struct world world = open_world(&ways[w]);
        for (size_t s = 0; s < SHAPES; s++)
            for (size_t c = s * 2 % 3; c < COUNTS; c += s + 1) {
                size_t usual = microbatches[c], last = microbatches[(c * 5 + 3) % COUNTS];
                struct reducer reducer = open_reducer(&world, &shapes[s], usual, last);
                check_sum(&reducer, &shapes[s], usual);
                check_sum(&reducer, &shapes[s], last);
                check_sum(&reducer, &shapes[s], usual);
                reducer_release(&reducer);
            }
        world_finish(&world);
    }
}

/* Ranks that share memory but have other ranks' numbers between theirs. */
static void test_scattered(void)
{
    struct world world = open_world(&ways[0]);
    MPI_Comm node;
    MPI_Comm_split(world.comm, world.rank % 3 == 1, world.rank, &node);
    group_release(&world.group);
    group_form(&world.group, world.comm, node, true);
    CU_ASSERT_EQUAL(world.group.count, world.size < 4 ? world.size : 3);
    struct reducer reducer = open_reducer(&world, &shapes[SHAPES - 1], 12, 7);
    check_sum(&reducer, &shapes[SHAPES - 1], 12);
    check_sum(&reducer, &shapes[SHAPES - 1], 7);
    reducer_release(&reducer);
    MPI_Comm_free(&node);
    world_finish(&world);
}

/* Whole layers of at least a MiB but for the last, without a gap, the last floats first. */
static void test_buckets(void)
{
    for (size_t s = 0; s < SHAPES; s++) {
        struct buckets buckets;
        size_t end = shapes[s].n;
        buckets_cut(&buckets, shapes[s].n, shapes[s].start, shapes[s].layers);
        CU_ASSERT(buckets.count >= 1);
        for (size_t b = 0; b < buckets.count; b++) {
            struct slice bucket = buckets.bucket[b];
            CU_ASSERT_EQUAL(bucket.first + bucket.size, end);
            CU_ASSERT(bucket.size >= 1 << 18 || b + 1 == buckets.count);
            bool layer = shapes[s].layers == 0;
            for (size_t l = 0; l < shapes[s].layers; l++)
                layer = layer || bucket.first == shapes[s].start[l];
            CU_ASSERT(layer);
            end = bucket.first;
        }
        CU_ASSERT_EQUAL(end, 0);
        buckets_release(&buckets);
    }
}

/* The ranks' pieces follow each other, begin at cache lines, and differ by one line at most. */
static void test_pieces(void)
{
    static const size_t sizes[] = {0, 1, 16, 17, 100, 4096, 5000};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int ranks = 1; ranks <= 9; ranks++) {
            struct slice bucket = {64, sizes[s]};
            size_t at = bucket.first;
            for (int r = 0; r < ranks; r++) {
                struct slice piece = bucket_piece(bucket, &(struct cuts){0}, r, ranks);
                CU_ASSERT_EQUAL(piece.first, at);
                CU_ASSERT(piece.first % 16 == 0 || piece.size == 0);
                CU_ASSERT(piece.size <= (sizes[s] / 16 + 1) / (size_t)ranks * 16 + 16);
                at += piece.size;
            }
            CU_ASSERT_EQUAL(at, bucket.first + bucket.size);
        }
}

/* A rank that fails in the middle, and never pushes: nobody waits for it for ever, and what is done
 * about it is the caller's affair. The sum after it is right. */
static void test_failure(void)
{
    for (size_t w = 0; w < WAYS; w++) {
        struct world world = open_world(&ways[w]);
        const struct shape *shape = &shapes[SHAPES - 1];
        float *params = mem_need(shape->n, sizeof *params);
        struct reducer reducer = open_reducer(&world, shape, 8, 8);
        if (world.rank == world.size - 1) {
            reducer_begin(&reducer, 8);
            reducer_total(&reducer);
        } else {
            sum_leaves(&reducer, shape, 8);
        }
        exchange(&reducer, params);
        check_sum(&reducer, shape, 8);
        free(params);
        reducer_release(&reducer);
        world_finish(&world);
    }
}

static void test_report(void)
{
    for (size_t w = 0; w < WAYS; w++) {
        struct world world = open_world(&ways[w]);
        const struct shape *shape = &shapes[SHAPES - 1];
        struct reducer reducer = open_reducer(&world, shape, 8, 8);
        check_sum(&reducer, shape, 8);
        struct bucket_cost cost = reducer_cost(&reducer);
        double all = 0.0, least = (double)shape->n * sizeof(float) / world.size * (world.size - 1);
        MPI_Allreduce(&cost.bytes, &all, 1, MPI_DOUBLE, MPI_SUM, world.comm);
        CU_ASSERT(all >= 2.0 * least);
        CU_ASSERT(world.size > 1 || cost.bytes == 0.0);
        CU_ASSERT(cost.exposed > 0.0);
        CU_ASSERT(cost.hidden >= 0.0);
        for (size_t b = 0; b < reducer.buckets.count; b++)
            CU_ASSERT(world.size == 1 || reducer.cost[b].bytes > 0.0);
        reducer_release(&reducer);
        world_finish(&world);
    }
}

static float marked(size_t i)
{
    return (float)(i % 8191) + 0.25f;
}

/* What belongs to the pieces, to rank 0 and back. */
static void test_collect(void)
{
    struct world world = open_world(&ways[0]);
    for (size_t s = 0; s < SHAPES; s++) {
        size_t n = shapes[s].n, wrong = 0;
        struct reducer reducer = open_reducer(&world, &shapes[s], 8, 8);
        size_t own = reducer_own(&reducer);
        float *full = mem_need(n + 1, sizeof *full), *mine = mem_need(own + 1, sizeof *mine);
        for (size_t i = 0; i < n && world.rank == 0; i++)
            full[i] = marked(i);
        reducer_hand_out(&reducer, world.rank == 0 ? full : NULL, mine);
        for (size_t b = 0; b < reducer.buckets.count; b++)
            for (size_t i = 0; i < reducer.bucket[b].own.size; i++)
                wrong +=
                    mine[reducer.bucket[b].place + i] != marked(reducer.bucket[b].own.first + i);
        CU_ASSERT_EQUAL(mine[own], 0.0f);
        memset(full, 0, n * sizeof *full);
        reducer_collect(&reducer, mine, world.rank == 0 ? full : NULL);
        for (size_t i = 0; i < n && world.rank == 0; i++)
            wrong += full[i] != marked(i);
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT_EQUAL(full[n], 0.0f);
        free(mine);
        free(full);
        reducer_release(&reducer);
    }
    world_finish(&world);
}

static void test_too_large(void)
{
    static const size_t start = 0;
    struct world world = open_world(&ways[0]);
    struct reducer reducer;
    struct reduce_plan plan = {
        .n = (size_t)1 << 31, .starts = &start, .layers = 1, .usual = 1, .last = 1};
    CU_ASSERT_EQUAL(reducer_init(&reducer, &world, &plan), ST_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "2147483648"));
    reducer_release(&reducer);
    world_finish(&world);
}

/* One sum of n doubles; all ranks must have the definition's bits, and the largest flags. */
static void check_sums(struct sums *sums, size_t count)
{
    int rank = sums->world->rank, last = sums->world->size - 1;
    sums_begin(sums, count);
    for (size_t m = sums->range.first; m < sums->range.end; m++) {
        double *next = sums_next(sums);
        for (size_t i = 0; i < sums->n; i++)
            next[i] = leaf_element(m, i);
        sums_push(sums);
    }
    sums->flag[0] = rank + 1;
    sums->flag[2] = rank == last / 2;
    const double *total = sums_total(sums);
    for (size_t i = 0; i < sums->n; i++) {
        double wanted = leaves_sum_double(count, i);
        CU_ASSERT(memcmp(&total[i], &wanted, sizeof wanted) == 0);
    }
    CU_ASSERT(sums->flag[0] == last + 1 && sums->flag[1] == 0 && sums->flag[2] == 1);
}

/* One struct sums for sums of different lengths, as an epoch with a short last step has it. */
static void test_sums(void)
{
    for (size_t w = 0; w < WAYS; w++) {
        struct world world = open_world(&ways[w]);
        for (size_t n = 1; n <= 5; n += 2) {
            struct sums sums;
            sums_init(&sums, &world, n);
            if (w % 2 == 0)
                sums_share(&sums, 700);
            for (size_t count = 1; count <= 40; count++)
                check_sums(&sums, count);
            check_sums(&sums, 700);
            check_sums(&sums, 1);
            sums_release(&sums);
        }
        world_finish(&world);
    }
}

const struct test tests_reduce[] = {{"gradients", test_gradients}, {"scattered", test_scattered},
                                    {"buckets", test_buckets},     {"pieces", test_pieces},
                                    {"failure", test_failure},     {"report", test_report},
                                    {"collect", test_collect},     {"too large", test_too_large},
                                    {"sums", test_sums},           {0}};
TEST_MAIN(tests_reduce)
