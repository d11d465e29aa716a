/* Layers, activations, losses and optimizers against Keras, on every backend (tests/golden). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "layers/regularizers.h"
#include "test.h"

/* Of the largest number of each array; where that is less, of 1 for outputs and of a tenth of the
 * case's largest gradient for gradients. The golden numbers are exact to half a unit of float32
 * (6e-8). */
#define OUTPUT_TOLERANCE (1e-6 * golden_slack())
#define GRADIENT_TOLERANCE (2e-6 * golden_slack())

/* A case being run on one backend. */
struct run {
    const struct golden_case *c;
    const struct kernels *kernels;
    struct variant loss;
    struct model *model;
    struct pool pool;
    float *y, *dy, *gradient, *dx;
    double *stats;
    size_t width;          /* of the output of a sample */
    double gradient_floor; /* a tenth of the largest gradient expected */
};

static const char *label(const struct run *run, const char *what)
{
    static char text[160];
    snprintf(text, sizeof text, "%s on %s: %s", run->c->name, run->kernels->name, what);
    return text;
}

static void set_parameters(struct run *run)
{
    size_t count = model_param_count(run->model);
    for (size_t i = 0; i < count; i++) {
        const struct param *param = model_param(run->model, i, NULL);
        char name[96];
        snprintf(name, sizeof name, "w/%s", param->path);
        const struct golden_array *w = golden_need(run->c, name);
        if (shape_same(&w->shape, &param->shape))
            memcpy(run->model->params + param->offset, w->v, w->size * sizeof *w->v);
        else
            test_fail("%s has the shape %s, in Keras %s", label(run, param->path),
                      shape_text(&param->shape), shape_text(&w->shape));
    }
    size_t arrays = 0;
    for (size_t i = 0; i < run->c->arrays; i++)
        arrays += strncmp(run->c->array[i].name, "w/", 2) == 0;
    CU_ASSERT_EQUAL(arrays, count);
}

static double largest_gradient(const struct golden_case *c)
{
    double largest = 0.0;
    for (size_t i = 0; i < c->arrays; i++) {
        const struct golden_array *a = &c->array[i];
        bool gradient = strcmp(a->name, "dx") == 0 || strncmp(a->name, "dw/", 3) == 0;
        for (size_t k = 0; gradient && k < a->size; k++)
            largest = fmax(largest, fabs((double)a->v[k]));
    }
    return largest;
}

static void start(struct run *run)
{
    run->loss = read_loss(run->c->loss, &run->pool);
    run->model =
        build_model(run->c->model, run->kernels, run->c->samples, run->loss.kind->impl, &run->pool);
    struct model *model = run->model;
    run->width = shape_size(&model->output);
    run->gradient_floor = 0.1 * largest_gradient(run->c);
    size_t n = (size_t)run->c->samples;
    run->y = pool_alloc(&run->pool, n * run->width * sizeof(float));
    run->dy = pool_alloc(&run->pool, n * run->width * sizeof(float));
    run->dx = pool_alloc(&run->pool, n * shape_size(&model->input) * sizeof(float));
    run->gradient = pool_alloc(&run->pool, (model->trainable + 1) * sizeof(float));
    run->stats = pool_alloc(&run->pool, (model->stats + 1) * sizeof(double));
    set_parameters(run);
}

static struct model_batch batch_of(const struct run *run, bool training)
{
    static const uint32_t ids[64];
    return (struct model_batch){.n = run->c->samples,
                                .training = training,
                                .ids = ids,
                                .x = golden_need(run->c, "x")->v,
                                .stats = training ? run->stats : NULL};
}

/* Runs forward, finishes logits, compares with the array of this name. */
static void check_output(struct run *run, bool training, const char *name)
{
    const struct golden_array *want = golden_need(run->c, name);
    struct model_batch batch = batch_of(run, training);
    size_t size = (size_t)batch.n * run->width;
    const float *y = model_forward(run->model, &batch);
    CU_ASSERT_EQUAL_FATAL(size, want->size);
    memcpy(run->y, y, size * sizeof *y);
    if (run->model->output_is_logits)
        activation_forward(model_output_activation(run->model), size / run->width, run->width,
                           run->y, run->y);
    expect_near(label(run, training ? "training output" : "output"), run->y, want->v, size,
                OUTPUT_TOLERANCE, 1.0);
}

static void check_loss(struct run *run)
{
    struct model_batch batch = batch_of(run, true);
    const float *output = model_forward(run->model, &batch);
    const float *y_true = golden_need(run->c, "y_true")->v;
    double want = (double)golden_need(run->c, "loss")->v[0];
    double loss = loss_of(&run->loss, run->model, batch.n, output, y_true, run->dy);
    if (!(fabs(loss - want) <= OUTPUT_TOLERANCE * fmax(1.0, fabs(want))))
        test_fail("%s is %.9g, expected %.9g", label(run, "loss"), loss, want);
    CU_ASSERT_EQUAL(loss_of(&run->loss, run->model, batch.n, output, y_true, NULL), loss);
    model_backward(run->model, &batch, run->dy, run->gradient, run->dx);
    const struct golden_array *dx = golden_need(run->c, "dx");
    expect_near(label(run, "dx"), run->dx, dx->v, dx->size, GRADIENT_TOLERANCE,
                run->gradient_floor);
}

static void check_gradients(const struct run *run)
{
    size_t count = model_param_count(run->model);
    for (size_t i = 0; i < count; i++) {
        const struct param *param = model_param(run->model, i, NULL);
        char name[96];
        snprintf(name, sizeof name, "dw/%s", param->path);
        const struct golden_array *dw = golden_find(run->c, name);
        if (!!dw != param->trainable)
            test_fail("%s", label(run, "is it trainable?"));
        else if (dw)
            expect_near(label(run, name), run->gradient + param->offset, dw->v, dw->size,
                        GRADIENT_TOLERANCE, run->gradient_floor);
    }
}

static void check_statistics(struct run *run)
{
    model_update_stats(run->model, run->stats, (double)run->c->samples);
    size_t count = model_param_count(run->model);
    for (size_t i = 0; i < count; i++) {
        const struct param *param = model_param(run->model, i, NULL);
        char name[96];
        snprintf(name, sizeof name, "after/%s", param->path);
        const struct golden_array *after = golden_find(run->c, name);
        if (after)
            expect_near(label(run, name), run->model->params + param->offset, after->v, after->size,
                        OUTPUT_TOLERANCE, 1e-3);
    }
}

/* The penalty l1 sum|w| + l2 sum w^2 of all parameters, and its gradient, which training adds. */
static void check_penalty(struct run *run)
{
    const struct golden_array *want = golden_find(run->c, "loss_reg");
    double sum = 0.0;
    for (size_t i = 0; i < model_param_count(run->model); i++) {
        const struct param *param = model_param(run->model, i, NULL);
        struct penalty penalty = regularizer_penalty(param->regularizer);
        const float *w = run->model->params + param->offset;
        float gradient[64];
        CU_ASSERT_FATAL(!want || param->size <= 64);
        for (size_t k = 0; k < param->size && want; k++) {
            double value = (double)w[k], sign = (value > 0.0) - (value < 0.0);
            sum += penalty.l1 * fabs(value) + penalty.l2 * value * value;
            gradient[k] = (float)(penalty.l1 * sign + 2.0 * penalty.l2 * value);
        }
        const struct matrix_regularizer *matrix = regularizer_matrix(param);
        if (matrix)
            sum += matrix->penalty(param->regularizer->args, param, w, gradient);
        CU_ASSERT(want || (penalty.l1 == 0.0 && penalty.l2 == 0.0 && !matrix));
        char name[96];
        snprintf(name, sizeof name, "dr/%s", param->path);
        const struct golden_array *dr = want ? golden_find(run->c, name) : NULL;
        if (dr)
            expect_near(label(run, name), gradient, dr->v, dr->size, OUTPUT_TOLERANCE, 1e-3);
    }
    if (want && !(fabs(sum - (double)want->v[0]) <= OUTPUT_TOLERANCE * sum))
        test_fail("%s is %.9g, expected %.9g", label(run, "penalty"), sum, (double)want->v[0]);
}

static void run_case(const struct kernels *kernels, void *data)
{
    const struct golden_case *c = data;
    struct run run = {.c = c, .kernels = kernels};
    start(&run);
    check_output(&run, false, "y");
    if (golden_find(c, "loss")) {
        check_output(&run, true, golden_find(c, "y_train") ? "y_train" : "y");
        check_loss(&run);
        check_gradients(&run);
        check_penalty(&run);
        check_statistics(&run);
    }
    model_free(run.model);
    pool_release(&run.pool);
}

static void run_cases(const char *prefix)
{
    const struct golden *golden = golden_load();
    size_t found = 0;
    for (size_t i = 0; i < golden->cases; i++) {
        if (strncmp(golden->at[i].name, prefix, strlen(prefix)) != 0)
            continue;
        found++;
        each_backend(run_case, &golden->at[i]);
    }
    CU_ASSERT(found > 0);
}

static void convolutions(void)
{
    run_cases("layers/conv2d");
    run_cases("layers/conv1d");
    run_cases("layers/depthwise_conv");
    run_cases("layers/separable_conv");
}

static void poolings(void)
{
    run_cases("layers/max_pooling");
    run_cases("layers/average_pooling");
    run_cases("layers/global_average");
    run_cases("layers/pooling1d");
    run_cases("layers/pooling2d");
}

static void normalizations(void)
{
    run_cases("layers/batch_normalization");
    run_cases("layers/layer_normalization");
    run_cases("layers/group_normalization");
    run_cases("layers/unit_normalization");
    run_cases("layers/normalizations_between");
}

static void graphs(void)
{
    run_cases("layers/add_");
    run_cases("layers/many_consumers");
    run_cases("layers/zero_padding");
    run_cases("layers/flatten");
    run_cases("layers/dropout");
    run_cases("layers/merging");
    run_cases("layers/shape");
    run_cases("layers/random");
}

static void densities(void)
{
    run_cases("layers/dense");
    run_cases("layers/activation");
    run_cases("layers/element");
    run_cases("layers/regularizer");
}

static void losses(void)
{
    run_cases("layers/loss");
}

/* ---- Optimizers ---- */

/* Steps a copy of w0 with the given gradients, in slices as ranks would, and compares each step. */
static void run_optimizer(const struct golden_case *c, size_t slice)
{
    struct pool pool = {0};
    struct variant optimizer = read_optimizer(c->optimizer, &pool);
    const struct optimizer_type *type = optimizer.kind->impl;
    const void *args = optimizer.args;
    const struct golden_array *w0 = golden_need(c, "w0"), *g = golden_need(c, "g");
    const struct golden_array *want = golden_need(c, "w");
    size_t n = w0->size, slots = type->slots(args);
    float *w = pool_alloc(&pool, n * sizeof *w), *slot[OPTIMIZER_MAX_SLOTS] = {NULL};
    float *gradient = pool_alloc(&pool, g->size * sizeof *gradient);
    memcpy(w, w0->v, n * sizeof *w);
    memcpy(gradient, g->v, g->size * sizeof *gradient);
    for (size_t s = 0; s < slots; s++) {
        slot[s] = pool_alloc(&pool, n * sizeof *w);
        for (size_t i = 0; i < n && type->slot_start; i++)
            slot[s][i] = type->slot_start(args, s);
    }
    for (size_t t = 0; t < g->size / n; t++) {
        for (size_t from = 0; from < n; from += slice) {
            struct optimizer_step step = {
                .learning_rate = schedule_rate(
                    &((const struct optimizer_common *)args)->learning_rate, (int64_t)t),
                .iteration = (int64_t)t + 1,
                .n = n - from < slice ? n - from : slice,
                .w = w + from,
                .g = gradient + t * n + from};
            for (size_t s = 0; s < slots; s++)
                step.slot[s] = slot[s] + from;
            type->update(args, &step);
        }
        char what[96];
        snprintf(what, sizeof what, "%s, step %zu", c->name, t + 1);
        for (size_t i = 0; i < n; i++)
            expect_near(what, w + i, want->v + t * n + i, 1, 1e-6, 0.05);
    }
    pool_release(&pool);
}

static void optimizers(void)
{
    const struct golden *golden = golden_load();
    size_t found = 0;
    for (size_t i = 0; i < golden->cases; i++)
        if (golden_find(&golden->at[i], "w0")) {
            found++;
            run_optimizer(&golden->at[i], golden_need(&golden->at[i], "w0")->size);
            run_optimizer(&golden->at[i], 5);
        }
    CU_ASSERT(found > 0);
}

const struct test tests_golden[] = {{"convolutions", convolutions},     {"poolings", poolings},
                                    {"normalizations", normalizations}, {"graphs", graphs},
                                    {"densities", densities},           {"losses", losses},
                                    {"optimizers", optimizers},         {0}};

TEST_MAIN(tests_golden)
