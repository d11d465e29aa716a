/* Three training steps of whole models against Keras in double precision, on every backend: SGD
 * with momentum, the batch as one microbatch (tests/golden). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "test.h"

enum { STEPS = 3, ELEMENTS = 64, CLASSES = 10 };

/* |ours - Keras's| / |Keras's| over the elements of each parameter, and of its norm. */
#define TOLERANCE 3e-6
#define LOSS_TOLERANCE 1e-6
/* For resnet20, where rounding moves some inputs of ReLUs across 0 (see cases_basic.py): of the
 * largest error that Keras has in float32. resnet20_tanh is the exact test of the same graph. */
#define KINKED_TOLERANCE 3.0

struct trainer {
    const struct golden_case *c;
    struct model *model;
    struct variant optimizer, loss;
    float *x, *dy, *gradient, *velocity;
    double *stats;
    double tolerance, loss_tolerance;
    struct pool pool;
};

/* The largest error of a parameter that Keras has in float32. */
static double keras_error(const struct golden_case *c)
{
    double largest = 0.0;
    for (size_t i = 0; i < c->arrays; i++)
        if (strncmp(c->array[i].name, "after/", 6) == 0)
            largest = fmax(largest, (double)c->array[i].v[ELEMENTS + 1]);
    return largest;
}

static void start(struct trainer *t, const struct kernels *kernels)
{
    t->optimizer = read_optimizer("{SGD: {learning_rate: 0.01, momentum: 0.9}}", &t->pool);
    t->loss = read_loss(t->c->loss, &t->pool);
    t->model = build_model(t->c->model, kernels, t->c->samples, t->loss.kind->impl, &t->pool);
    struct model *model = t->model;
    size_t n = (size_t)t->c->samples;
    t->x = pool_alloc(&t->pool, n * shape_size(&model->input) * sizeof(float));
    t->dy = pool_alloc(&t->pool, n * shape_size(&model->output) * sizeof(float));
    t->gradient = pool_alloc(&t->pool, model->trainable * sizeof(float));
    t->velocity = pool_alloc(&t->pool, model->trainable * sizeof(float));
    t->stats = pool_alloc(&t->pool, (model->stats + 1) * sizeof(double));
    for (size_t i = 0; i < model_param_count(model); i++) {
        const struct param *param = model_param(model, i, NULL);
        generator_parameter(param, model->params + param->offset);
    }
}

/* One step; returns the mean loss before it. */
static double step(struct trainer *t, int number)
{
    static const uint32_t ids[64];
    struct model *model = t->model;
    int n = t->c->samples;
    int32_t labels[64];
    CU_ASSERT_FATAL(n <= 64);
    generator_batch(number, n, shape_size(&model->input), CLASSES, t->x, labels);
    struct model_batch batch = {.n = n,
                                .training = true,
                                .step = (uint64_t)number,
                                .ids = ids,
                                .x = t->x,
                                .stats = t->stats};
    const float *output = model_forward(model, &batch);
    struct loss_input input = {.n = n,
                               .width = CLASSES,
                               .classes = CLASSES,
                               .output = output,
                               .labels = labels,
                               .logits = model->output_is_logits};
    double loss = loss_sum(t->loss.kind->impl, t->loss.args, &input, t->dy);
    model_backward(model, &batch, t->dy, t->gradient, NULL);
    for (size_t i = 0; i < model->trainable; i++)
        t->gradient[i] /= (float)n;
    struct optimizer_step update = {.learning_rate = 0.01,
                                    .iteration = number + 1,
                                    .n = model->trainable,
                                    .w = model->params,
                                    .g = t->gradient,
                                    .slot = {t->velocity}};
    ((const struct optimizer_type *)t->optimizer.kind->impl)->update(t->optimizer.args, &update);
    model_update_stats(model, t->stats, (double)n);
    return loss / (double)n;
}

/* Elements 0..ELEMENTS-1 of want are the parameter's at i*size/ELEMENTS, then its norm, then
 * Keras's own error in float32. */
static void check_param(const struct trainer *t, const struct param *param)
{
    char name[96];
    snprintf(name, sizeof name, "after/%s", param->path);
    const float *want = golden_need(t->c, name)->v, *w = t->model->params + param->offset;
    double difference = 0.0, size = 0.0, norm = 0.0;
    for (size_t i = 0; i < ELEMENTS; i++) {
        double expected = (double)want[i];
        double found = (double)w[i * param->size / ELEMENTS];
        difference += (found - expected) * (found - expected);
        size += expected * expected;
    }
    for (size_t i = 0; i < param->size; i++)
        norm += (double)w[i] * (double)w[i];
    double error = sqrt(difference / size);
    double norm_error = fabs(sqrt(norm) / (double)want[ELEMENTS] - 1.0);
    if (!(error <= t->tolerance && norm_error <= t->tolerance))
        test_fail("%s on %s: %s differs by %.2g, its norm by %.2g; allowed %.2g", t->c->name,
                  t->model->kernels->name, param->path, error, norm_error, t->tolerance);
}

/* kinked: with relus, behind which small differences grow; slow: takes seconds in plain loops. */
struct model_test {
    const char *name;
    bool kinked, slow;
};

/* The native kernels of one instruction set are enough: the others give the same bits
 * (test_exactness.c). */
static bool left_out(const struct model_test *test, const struct kernels *kernels)
{
    return (kernels->isa && kernels != kernels_all()[0]) ||
           (test->slow && kernels == &kernels_reference);
}

static void run_model(const struct kernels *kernels, void *data)
{
    const struct model_test *test = data;
    const struct golden *golden = golden_load();
    struct trainer t = {.tolerance = TOLERANCE, .loss_tolerance = LOSS_TOLERANCE};
    const char *name = test->name;
    if (left_out(test, kernels))
        return;
    for (size_t i = 0; i < golden->cases; i++)
        if (strcmp(golden->at[i].name, name) == 0)
            t.c = &golden->at[i];
    CU_ASSERT_PTR_NOT_NULL_FATAL(t.c);
    if (test->kinked)
        t.tolerance = t.loss_tolerance = KINKED_TOLERANCE * keras_error(t.c);
    t.tolerance *= golden_slack();
    t.loss_tolerance *= golden_slack();
    start(&t, kernels);
    const struct golden_array *losses = golden_need(t.c, "losses");
    for (int number = 0; number < STEPS; number++) {
        double loss = step(&t, number), want = (double)losses->v[number];
        if (!(fabs(loss - want) <= t.loss_tolerance * want))
            test_fail("%s on %s, step %d: loss is %.9g, expected %.9g", name, kernels->name, number,
                      loss, want);
    }
    size_t count = model_param_count(t.model);
    for (size_t i = 0; i < count; i++)
        check_param(&t, model_param(t.model, i, NULL));
    CU_ASSERT_EQUAL(count + 1, t.c->arrays);
    model_free(t.model);
    pool_release(&t.pool);
}

static void check_model(const char *name, bool kinked, bool slow)
{
    const char *wrap = getenv("WRAP"); /* set by tests/run */
    if (slow && wrap && *wrap)
        test_skip("takes too long under Valgrind");
    each_backend(run_model, &(struct model_test){name, kinked, slow});
}

static void lenet5(void)
{
    check_model("models/lenet5", false, false);
}

static void cifar_cnn(void)
{
    check_model("models/cifar_cnn", false, true);
}

static void resnet20(void)
{
    check_model("models/resnet20", true, true);
}

static void resnet20_tanh(void)
{
    check_model("models/resnet20_tanh", false, false);
}

const struct test tests_golden_models[] = {{"lenet5", lenet5},
                                           {"cifar_cnn", cifar_cnn},
                                           {"resnet20", resnet20},
                                           {"resnet20_tanh", resnet20_tanh},
                                           {0}};

TEST_MAIN(tests_golden_models)
