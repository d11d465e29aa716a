/* Layers that draw random numbers: what they draw depends on seed, step, layer, sample and element
 * only, has the mean and variance that Keras's documentation promises, and is the same backward. */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "test.h"

enum { SIZE = 1000 };

/* With inputs of 1 and gradients of 3. Each draw has the mean 1 and the variance 1/4; a sample has
 * so many draws, one for every SIZE/draws elements, which lie draws apart. */
struct random_case {
    const char *yaml;
    size_t draws;
    bool adds; /* the gradient passes; else it is multiplied like the input */
};
static const struct random_case cases[] = {
    {"{input: [1000], layers: [{Dropout: 0.2}]}", 1000, false},
    {"{input: [5, 200], layers: [{SpatialDropout1D: 0.2}]}", 200, false},
    {"{input: [2, 2, 250], layers: [{SpatialDropout2D: 0.2}]}", 250, false},
    {"{input: [1000], layers: [{GaussianDropout: 0.2}]}", 1000, false},
    {"{input: [1000], layers: [{GaussianNoise: 0.5}]}", 1000, true},
};

static void run(struct model *model, uint64_t step, const uint32_t ids[2], float *y, float *dx)
{
    static float x[2 * SIZE], dy[2 * SIZE], gradient[16];
    struct model_batch batch = {.n = 2, .training = true, .step = step, .ids = ids, .x = x};
    for (size_t i = 0; i < (size_t)2 * SIZE; i++) {
        x[i] = 1.0f;
        dy[i] = 3.0f;
    }
    memcpy(y, model_forward(model, &batch), sizeof x);
    model_backward(model, &batch, dy, gradient, dx);
}

static void check_values(const struct random_case *c, const float *y, const float *dx)
{
    double sum = 0.0, squares = 0.0, n = 2.0 * (double)c->draws;
    for (size_t i = 0; i < (size_t)2 * SIZE; i++) {
        CU_ASSERT_EQUAL(y[i], y[i / SIZE * SIZE + i % SIZE % c->draws]);
        CU_ASSERT_DOUBLE_EQUAL((double)dx[i], c->adds ? 3.0 : 3.0 * (double)y[i], 1e-6);
        sum += i % SIZE < c->draws ? (double)y[i] : 0.0;
        squares += i % SIZE < c->draws ? pow((double)y[i] - 1.0, 2.0) : 0.0;
    }
    double mean = sum / n, variance = squares / n; /* within five standard deviations */
    if (!(fabs(mean - 1.0) < 5.0 * 0.5 / sqrt(n)) ||
        !(fabs(variance - 0.25) < 5.0 * 0.25 * sqrt(2.0 / n)))
        test_fail("%s: mean %.3f, variance %.3f", c->yaml, mean, variance);
}

static void check_case(const struct random_case *c)
{
    static float y[2 * SIZE], dx[2 * SIZE], again[2 * SIZE], other[2 * SIZE];
    const uint32_t ids[2] = {5, 9}, swapped[2] = {9, 5};
    struct pool pool = {0};
    struct model *model = build_model(c->yaml, kernels_all()[0], 2, NULL, &pool);
    run(model, 3, ids, y, dx);
    check_values(c, y, dx);
    run(model, 3, swapped, again, dx);
    CU_ASSERT(memcmp(y, again + SIZE, SIZE * sizeof *y) == 0);
    CU_ASSERT(memcmp(y + SIZE, again, SIZE * sizeof *y) == 0);
    CU_ASSERT(memcmp(y, again, SIZE * sizeof *y) != 0);
    run(model, 4, ids, other, dx);
    CU_ASSERT(memcmp(y, other, sizeof y) != 0);
    model_free(model);
    pool_release(&pool);
}

static void draws(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

/* Two layers of the same kind do not draw the same. */
static void layers_differ(void)
{
    static float y[2 * SIZE], dx[2 * SIZE];
    const uint32_t ids[2] = {5, 9};
    struct pool pool = {0};
    struct model *model = build_model("{input: [1000], layers: [{Dropout: 0.5}, {Dropout: 0.5}]}",
                                      kernels_all()[0], 2, NULL, &pool);
    run(model, 3, ids, y, dx);
    size_t kept = 0;
    for (size_t i = 0; i < (size_t)2 * SIZE; i++)
        kept += y[i] > 0.0f;
    CU_ASSERT(kept > 500 - 97 && kept < 500 + 97); /* five standard deviations of a quarter */
    model_free(model);
    pool_release(&pool);
}

const struct test tests_random_layers[] = {{"draws", draws}, {"layers_differ", layers_differ}, {0}};

TEST_MAIN(tests_random_layers)
