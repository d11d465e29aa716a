/* Passes in parts (model/range.h): a microbatch that is the whole batch goes through them as
 * through model_forward and model_backward; and what synchronized layers measure, far from 0. */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "model/range.h"
#include "test.h"

enum { SAMPLES = 6, INPUT = 5 * 4 * 2, OUTPUT = 3, MOST = 512, STATS = 32 };

struct results {
    float y[SAMPLES * OUTPUT], gradient[MOST];
    double stats[STATS];
};

static const char graph[] =
    "{input: [5, 4, 2], layers: [{BatchNormalization: {name: a, synchronized: true}},"
    "{Conv2D: {name: b, filters: 2, kernel_size: 3, padding: same}}, {BatchNormalization: {name: c,"
    "synchronized: true, activation: tanh}}, {Add: {name: d, inputs: [a, c], activation: relu}},"
    "Flatten, {Dense: {name: e, units: 3}}, {BatchNormalization: {name: f, synchronized: true}}]}";

static struct model_batch batch_of(const float *x, double *stats)
{
    static const uint32_t ids[SAMPLES];
    return (struct model_batch){
        .n = SAMPLES, .training = true, .ids = ids, .x = x, .stats = stats, .samples = SAMPLES};
}

static void run_whole(struct model *model, const float *x, const float *dy, struct results *out)
{
    struct model_batch batch = batch_of(x, out->stats);
    memcpy(out->y, model_forward(model, &batch), sizeof out->y);
    model_backward(model, &batch, dy, out->gradient, NULL);
}

static void run_parts(struct model *model, const float *x, const float *dy, struct results *out)
{
    struct model_batch batch = batch_of(x, out->stats);
    double total[STATS];
    size_t node[8], count = 0, end = model->nodes;
    for (size_t i = 0; (i = model_next_shared(model, i)) < model->nodes; i++)
        node[count++] = i;
    CU_ASSERT_EQUAL_FATAL(count, 3);
    for (size_t l = 0; l < count; l++) {
        model_forward_range(model, &batch, l ? node[l - 1] : 0, node[l]);
        model_measure(model, &batch, node[l], total);
        batch.total = total;
    }
    model_forward_range(model, &batch, node[count - 1], model->nodes);
    memcpy(out->y, model_output(model), sizeof out->y);
    model_backward_begin(model, &batch, dy);
    for (size_t l = count; l-- > 0; end = node[l] + 1) {
        model_backward_range(model, &batch, node[l] + 1, end, out->gradient, NULL);
        model_measure_back(model, &batch, node[l], out->gradient, total);
    }
    model_backward_range(model, &batch, 0, end, out->gradient, NULL);
}

static void compare(const struct kernels *kernels, void *data)
{
    static struct results whole, parts;
    float x[SAMPLES * INPUT], dy[SAMPLES * OUTPUT];
    struct pool pool = {0};
    struct model *model = build_model(graph, kernels, SAMPLES, NULL, &pool);
    (void)data;
    CU_ASSERT_FATAL(model->trainable <= MOST && model->stats <= STATS);
    model_init(model);
    for (uint32_t i = 0; i < SAMPLES * INPUT; i++)
        x[i] = generator_number(1, i);
    for (uint32_t i = 0; i < SAMPLES * OUTPUT; i++)
        dy[i] = generator_number(2, i);
    run_whole(model, x, dy, &whole);
    run_parts(model, x, dy, &parts);
    expect_near("outputs", parts.y, whole.y, SAMPLES * OUTPUT, 2e-6, 1.0);
    expect_near("gradient", parts.gradient, whole.gradient, model->trainable, 2e-6, 1.0);
    for (size_t i = 0; i < model->stats; i++)
        CU_ASSERT_DOUBLE_EQUAL(parts.stats[i], whole.stats[i], 1e-6);
    model_free(model);
    pool_release(&pool);
}

static void parts(void)
{
    each_backend(compare, NULL);
}

/* A mean of 4096 deviations and more: the sums of squares are 10^7 times the variance, of which
 * nothing is lost. */
static void far_from_zero(void)
{
    struct pool pool = {0};
    float x[SAMPLES][2];
    double total[4] = {0}, stats[4], sums[4];
    struct model *model = build_model("{input: [2], layers: [{BatchNormalization: {synchronized: "
                                      "true}}]}",
                                      &kernels_reference, 1, NULL, &pool);
    for (uint32_t s = 0; s < SAMPLES; s++)
        for (uint32_t c = 0; c < 2; c++) /* exact in float */
            x[s][c] = (c ? -5000.0f : 4096.0f) + (float)((s * 7 + c * 3) % 5) * 0.5f;
    for (size_t s = 0; s < SAMPLES; s++) {
        struct model_batch batch = batch_of(x[s], stats);
        batch.n = 1;
        model_measure(model, &batch, 0, sums);
        for (size_t i = 0; i < 4; i++)
            total[i] += sums[i];
        batch.total = total;
        if (s + 1 == SAMPLES)
            model_forward_range(model, &batch, 0, 1);
    }
    for (size_t c = 0; c < 2; c++) {
        double mean = 0.0, variance = 0.0;
        for (size_t s = 0; s < SAMPLES; s++)
            mean += (double)x[s][c] / SAMPLES;
        for (size_t s = 0; s < SAMPLES; s++)
            variance += ((double)x[s][c] - mean) * ((double)x[s][c] - mean) / SAMPLES;
        CU_ASSERT_DOUBLE_EQUAL(stats[c], mean, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(stats[2 + c], variance, 1e-7 * variance);
    }
    model_free(model);
    pool_release(&pool);
}

const struct test tests_range[] = {{"parts", parts}, {"far from zero", far_from_zero}, {0}};
TEST_MAIN(tests_range)
