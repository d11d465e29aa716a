/* Reductions over blocks of 4,096 elements: the canonical tree of comm/tree.h, and no other order.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "comm/tree.h"
#include "golden.h"
#include "kernels/blocks.h"
#include "test.h"

static const size_t sizes[] = {1, 7, 8, 4095, 4096, 4097, 8192, 12289, 16384, 20481, 53248};

static float *numbers(size_t n)
{
    float *x = mem_need(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = generator_number(9, (uint32_t)i) * (float)(1 + i % 1000);
    return x;
}

static void test_squares(void)
{
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        size_t n = sizes[s], blocks = blocks_of(n);
        float *x = numbers(n);
        double *sums = mem_need(2 * blocks, sizeof *sums), exact = 0.0;
        struct counter counter = {0};
        double stack[TREE_MAX_NODES];
        void *values[TREE_MAX_NODES];
        for (size_t i = 0; i < TREE_MAX_NODES; i++)
            values[i] = &stack[i];
        for (size_t b = 0; b < blocks; b++) {
            size_t size =
                n - b * BLOCK_ELEMENTS < BLOCK_ELEMENTS ? n - b * BLOCK_ELEMENTS : BLOCK_ELEMENTS;
            sums[b] = stack[counter.depth] = block_squares(x + b * BLOCK_ELEMENTS, size);
            counter_push(&counter, b, values, 1, tree_add_double);
        }
        for (size_t i = 0; i < n; i++)
            exact += (double)x[i] * (double)x[i];
        double *root = tree_fold(blocks, counter.node, values, counter.depth, 1, tree_add_double);
        CU_ASSERT_EQUAL(blocks_squares(x, n), *root);
        CU_ASSERT_EQUAL(blocks_total(sums, blocks), *root);
        CU_ASSERT(fabs(*root - exact) <= 1e-13 * exact);
        free(sums);
        free(x);
    }
}

const struct test tests_blocks[] = {{"squares", test_squares}, {0}};
TEST_MAIN(tests_blocks)
