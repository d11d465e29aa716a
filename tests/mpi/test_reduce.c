/* Gradients and sums reduced across real ranks: the bits of the canonical tree's definition, for
 * numbers of microbatches and sizes that take either transport, and the exchange of slices. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "comm/reduce.h"
#include "comm/sums.h"
#include "leaves.h"
#include "test.h"

enum { BLOCK = 4096 };

static const size_t sizes[] = {0, 1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5, 8 * BLOCK};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* Both powers of two, for which ranks that are one too halve, and others. */
static const size_t microbatches[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 17, 31, 32};
enum { COUNTS = sizeof microbatches / sizeof microbatches[0] };

static float *sum_leaves(struct reducer *reducer, size_t count)
{
    reducer_begin(reducer, count);
    for (size_t m = reducer->range.first; m < reducer->range.end; m++) {
        float *g = reducer_next(reducer);
        for (size_t i = 0; i < reducer->n; i++)
            g[i] = (float)leaf_element(m, i);
        reducer_push(reducer);
    }
    return reducer_total(reducer);
}

/* One sum; the rank's slice of it must have the definition's bits. */
static void check_sum(struct reducer *reducer, size_t count)
{
    const float *total = sum_leaves(reducer, count);
    struct slice own = reducer_own(reducer);
    size_t wrong = 0;
    for (size_t i = 0; i < own.size; i++) {
        float wanted = leaves_sum_float(count, own.first + i);
        wrong += memcmp(&total[i], &wanted, sizeof wanted) != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void test_gradients(void)
{
    struct world world;
    CU_ASSERT_EQUAL(world_init(&world), ST_OK);
    for (size_t s = 0; s < SIZES; s++)
        for (size_t c = 0; c < COUNTS; c++) {
            struct reducer reducer;
            size_t usual = microbatches[c], last = microbatches[(c * 5 + 3) % COUNTS];
            CU_ASSERT_EQUAL(reducer_init(&reducer, &world, sizes[s], usual, last), ST_OK);
            check_sum(&reducer, usual);
            check_sum(&reducer, last);
            check_sum(&reducer, usual);
            reducer_release(&reducer);
        }
    world_finish(&world);
}

/* Every float belongs to one rank, and slices meet at multiples of the block. */
static void test_slices(void)
{
    struct world world;
    CU_ASSERT_EQUAL(world_init(&world), ST_OK);
    for (size_t s = 0; s < SIZES; s++) {
        struct reducer reducer;
        size_t n = sizes[s], covered = 0;
        CU_ASSERT_EQUAL(reducer_init(&reducer, &world, n, 8, 8), ST_OK);
        unsigned char *owners = mem_need(n + 1, 1);
        for (int r = 0; r < world.size; r++) {
            struct slice slice = reducer.slice[r];
            CU_ASSERT(slice.first % BLOCK == 0 || slice.size == 0);
            for (size_t i = slice.first; i < slice.first + slice.size && i < n; i++)
                owners[i]++;
            covered += slice.size;
        }
        CU_ASSERT_EQUAL(covered, n);
        for (size_t i = 0; i < n && owners[i] != 1; i++)
            CU_FAIL("a float that is not one rank's");
        free(owners);
        reducer_release(&reducer);
    }
    world_finish(&world);
}

static float marked(size_t i)
{
    return (float)(i % 8191) + 0.25f;
}

static size_t count_wrong(const float *values, size_t first, size_t n)
{
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++)
        wrong += values[i] != marked(first + i);
    return wrong;
}

/* Own slices to all, to rank 0, and from rank 0. */
static void test_exchange(void)
{
    struct world world;
    CU_ASSERT_EQUAL(world_init(&world), ST_OK);
    for (size_t s = 0; s < SIZES; s++) {
        struct reducer reducer;
        size_t n = sizes[s];
        CU_ASSERT_EQUAL(reducer_init(&reducer, &world, n, 8, 8), ST_OK);
        struct slice own = reducer_own(&reducer);
        float *all = mem_need(n + 1, sizeof *all), *full = mem_need(n + 1, sizeof *full);
        float *mine = mem_need(own.size + 1, sizeof *mine);
        for (size_t i = 0; i < own.size; i++)
            mine[i] = all[own.first + i] = marked(own.first + i);
        reducer_spread(&reducer, all);
        CU_ASSERT_EQUAL(count_wrong(all, 0, n), 0);
        reducer_collect(&reducer, mine, world.rank == 0 ? full : NULL);
        if (world.rank == 0)
            CU_ASSERT_EQUAL(count_wrong(full, 0, n), 0);
        memset(mine, 0, (own.size + 1) * sizeof *mine);
        reducer_hand_out(&reducer, world.rank == 0 ? full : NULL, mine);
        CU_ASSERT_EQUAL(count_wrong(mine, own.first, own.size), 0);
        CU_ASSERT_EQUAL(mine[own.size], 0.0f);
        free(mine);
        free(full);
        free(all);
        reducer_release(&reducer);
    }
    world_finish(&world);
}

static void test_too_large(void)
{
    struct world world;
    struct reducer reducer;
    CU_ASSERT_EQUAL(world_init(&world), ST_OK);
    CU_ASSERT_EQUAL(reducer_init(&reducer, &world, (size_t)1 << 31, 1, 1), ST_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "2147483648"));
    reducer_release(&reducer);
    world_finish(&world);
}

/* One sum of n doubles; all ranks must have the definition's bits. */
static void check_sums(struct sums *sums, size_t count)
{
    sums_begin(sums, count);
    for (size_t m = sums->range.first; m < sums->range.end; m++) {
        double *next = sums_next(sums);
        for (size_t i = 0; i < sums->n; i++)
            next[i] = leaf_element(m, i);
        sums_push(sums);
    }
    const double *total = sums_total(sums);
    for (size_t i = 0; i < sums->n; i++) {
        double wanted = leaves_sum_double(count, i);
        CU_ASSERT(memcmp(&total[i], &wanted, sizeof wanted) == 0);
    }
}

/* One struct sums for sums of different lengths, as an epoch with a short last step has it. */
static void test_sums(void)
{
    struct world world;
    CU_ASSERT_EQUAL(world_init(&world), ST_OK);
    for (size_t n = 1; n <= 5; n += 2) {
        struct sums sums;
        sums_init(&sums, &world, n);
        for (size_t count = 1; count <= 40; count++)
            check_sums(&sums, count);
        check_sums(&sums, 700);
        check_sums(&sums, 1);
        sums_release(&sums);
    }
    world_finish(&world);
}

const struct test tests_reduce[] = {{"gradients", test_gradients}, {"slices", test_slices},
                                    {"exchange", test_exchange},   {"too large", test_too_large},
                                    {"sums", test_sums},           {0}};
TEST_MAIN(tests_reduce)
