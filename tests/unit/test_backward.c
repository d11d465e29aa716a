/* What the backward pass says while it runs: from which offset on the gradient is final. */
#include <string.h>

#include "nets.h"
#include "test.h"

enum { MOST = 4096 };

/* Gradients as they were when they were said to be final. */
struct seen {
    const float *gradient;
    float then[MOST];
    size_t offset, end; /* the last that was said, and the end of the gradient */
    size_t calls;
    bool ascending;
};

static void note(void *context, size_t offset)
{
    struct seen *seen = context;
    seen->ascending = seen->ascending || offset > seen->offset;
    if (offset < seen->offset)
        memcpy(seen->then + offset, seen->gradient + offset,
               (seen->offset - offset) * sizeof *seen->then);
    seen->offset = offset;
    seen->calls++;
}

static void check_net(const char *text)
{
    static float x[MOST], dy[MOST], gradient[MOST];
    static struct seen seen;
    struct pool pool = {0};
    struct model *model = net_build(&pool, text);
    double stats[64];
    uint32_t ids[2] = {3, 4};
    for (size_t i = 0; i < MOST; i++) {
        x[i] = (float)(i % 13) - 5.5f;
        dy[i] = (float)(i % 7) - 2.5f;
        gradient[i] = 0.0f;
    }
    seen = (struct seen){.gradient = gradient, .offset = model->trainable};
    struct model_batch batch = {.n = 2,
                                .training = true,
                                .ids = ids,
                                .x = x,
                                .stats = stats,
                                .finished = note,
                                .context = &seen};
    MUST(model->trainable <= MOST && model->stats <= 64, "%zu parameters", model->trainable);
    model_forward(model, &batch);
    model_backward(model, &batch, dy, gradient, NULL);
    size_t trained = 0; /* below the first trained layer nothing is computed */
    for (size_t i = 0; i < model->nodes; i++)
        trained += model->node[i].trained;
    CU_ASSERT_EQUAL(seen.calls, trained);
    CU_ASSERT_EQUAL(seen.offset, 0);
    CU_ASSERT_FALSE(seen.ascending);
    CU_ASSERT(memcmp(seen.then, gradient, model->trainable * sizeof *gradient) == 0);
    size_t starts[32], count = model_gradient_starts(model, starts);
    CU_ASSERT(count > 0 && starts[0] == 0);
    for (size_t i = 1; i < count; i++)
        CU_ASSERT(starts[i] > starts[i - 1] && starts[i] < model->trainable);
    model_free(model);
    pool_release(&pool);
}

static void test_chain(void)
{
    check_net(
        "{input: [6, 6, 2], layers: [{Conv2D: {filters: 3, kernel_size: 3}}, BatchNormalization,"
        " {MaxPooling2D: {pool_size: 2}}, Flatten, {Dense: {units: 4, activation: tanh}},"
        " {Dense: {units: 3, use_bias: false}}]}");
}

static void test_graph(void)
{
    check_net("{input: [5], layers: [{Dense: {name: a, units: 4}}, {Dense: {name: b, units: 4}},"
              " {Dense: {name: c, units: 4, inputs: [a]}}, {Add: {inputs: [b, c]}},"
              " {Dense: {units: 2}}]}");
}

static void test_frozen(void)
{
    check_net("{input: [5], layers: [{Dense: {units: 4, trainable: false}}, {Dense: {units: 4}},"
              " {Dense: {units: 4, trainable: false}}, {Dense: {units: 2}}]}");
}

const struct test tests_backward[] = {
    {"chain", test_chain}, {"graph", test_graph}, {"frozen layers", test_frozen}, {0}};

TEST_MAIN(tests_backward)
