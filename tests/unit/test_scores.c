/* Losses and metrics against Keras (tests/golden), and what holds for all of them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "test.h"

#define TOLERANCE 1e-6
enum { BATCHES = 3 };

/* The shape without its first axis. */
static struct shape inner(const struct shape *shape)
{
    struct shape result = {.rank = shape->rank - 1};
    memcpy(result.dim, shape->dim + 1, sizeof shape->dim - sizeof shape->dim[0]);
    return result;
}

static void expect_number(const char *name, double got, double want)
{
    if (!(fabs(got - want) <= TOLERANCE * fmax(1.0, fabs(want))))
        test_fail("%s is %.9g, expected %.9g", name, got, want);
}

/* Calls run for each case whose name begins so. */
static void each_case(const char *prefix, void (*run)(const struct golden_case *c))
{
    const struct golden *golden = golden_load();
    size_t found = 0;
    for (size_t i = 0; i < golden->cases; i++)
        if (strncmp(golden->at[i].name, prefix, strlen(prefix)) == 0) {
            found++;
            run(&golden->at[i]);
        }
    CU_ASSERT(found > 0);
}

/* ---- Losses ---- */

static void run_loss(const struct golden_case *c)
{
    struct pool pool = {0};
    struct variant loss = read_loss(c->loss, &pool);
    const struct loss_type *type = loss.kind->impl;
    const struct golden_array *x = golden_need(c, "y_pred"), *t = golden_need(c, "y_true");
    const struct golden_array *weight = golden_find(c, "weight"), *dy = golden_need(c, "dy");
    struct shape output = inner(&x->shape);
    int32_t *labels = pool_alloc(&pool, t->size * sizeof *labels);
    float *slope = pool_alloc(&pool, x->size * sizeof *slope);
    struct loss_input in =
        loss_input_of(type->needs_labels, c->samples, &output, x->v, t->v, labels);
    in.weights = weight ? weight->v : NULL;
    in.logits =
        type->logits != ACT_LINEAR && ((const struct crossentropy_args *)loss.args)->from_logits;
    double value = loss_sum(type, loss.args, &in, slope), n = (double)c->samples;
    CU_ASSERT_EQUAL(loss_sum(type, loss.args, &in, NULL), value);
    expect_number(c->name, value / n, (double)golden_need(c, "value")->v[0]);
    for (size_t i = 0; i < x->size; i++)
        slope[i] /= (float)n;
    expect_near(c->name, slope, dy->v, dy->size, 2 * TOLERANCE, 1e-3);
    if (type->takes_labels && output.dim[output.rank - 1] > 1) {
        size_t classes = (size_t)output.dim[output.rank - 1];
        for (size_t r = 0; r < t->size / classes; r++)
            labels[r] = (int32_t)metric_argmax(classes, t->v + r * classes);
        in.values = NULL;
        in.labels = labels;
        CU_ASSERT_EQUAL(loss_sum(type, loss.args, &in, NULL), value);
    }
    pool_release(&pool);
}

static void losses(void)
{
    each_case("losses/", run_loss);
}

/* Where the derivative jumps it is 0, as in TensorFlow and PyTorch (JAX has -1). */
static void absolute_error_of_equals(void)
{
    const float y[3] = {1.0f, 2.0f, 3.0f}, want[3] = {1.0f, 3.0f, 2.0f};
    float dy[3];
    struct pool pool = {0};
    struct variant loss = read_loss("mae", &pool);
    struct loss_input input = {.n = 1, .width = 3, .classes = 3, .output = y, .values = want};
    CU_ASSERT_DOUBLE_EQUAL(loss_sum(loss.kind->impl, loss.args, &input, dy), 2.0 / 3.0, 1e-15);
    CU_ASSERT_EQUAL(dy[0], 0.0f);
    CU_ASSERT_EQUAL(dy[1], -1.0f / 3.0f);
    CU_ASSERT_EQUAL(dy[2], 1.0f / 3.0f);
    pool_release(&pool);
}

/* A run that diverged must be seen in the loss and in the gradient. */
static void losses_keep_nan(void)
{
    for (size_t i = 0; loss_kinds[i]; i++)
        for (int logits = 0; logits < 2; logits++) {
            struct pool pool = {0};
            struct variant loss = read_loss(loss_kinds[i]->name, &pool);
            const struct loss_type *type = loss.kind->impl;
            const float y[2] = {NAN, 0.5f}, values[2] = {0.0f, 1.0f};
            const int32_t labels[1] = {1};
            float dy[2] = {0.0f, 0.0f};
            struct loss_input input = {.n = 1,
                                       .width = 2,
                                       .classes = 2,
                                       .output = y,
                                       .labels = type->needs_labels ? labels : NULL,
                                       .values = type->needs_labels ? NULL : values,
                                       .logits = logits};
            if (!isnan(loss_sum(type, loss.args, &input, dy)) || !isnan(dy[0]))
                test_fail("%s loses NaN", loss.kind->name);
            pool_release(&pool);
        }
}

/* Weights multiply losses and gradients; a sample of weight 0 does not count. */
static void weights(void)
{
    for (size_t i = 0; loss_kinds[i]; i++) {
        struct pool pool = {0};
        struct variant loss = read_loss(loss_kinds[i]->name, &pool);
        const struct loss_type *type = loss.kind->impl;
        const float y[4] = {0.25f, 0.5f, 0.75f, 0.125f}, values[4] = {0.0f, 1.0f, 1.0f, 0.0f};
        const float weight[2] = {2.0f, 0.0f};
        const int32_t labels[2] = {1, 0};
        float one[4], both[4];
        struct loss_input input = {.n = 1,
                                   .width = 2,
                                   .classes = 2,
                                   .output = y,
                                   .labels = type->needs_labels ? labels : NULL,
                                   .values = type->needs_labels ? NULL : values};
        double alone = loss_sum(type, loss.args, &input, one);
        input.n = 2;
        input.weights = weight;
        CU_ASSERT_EQUAL(loss_sum(type, loss.args, &input, both), 2.0 * alone);
        CU_ASSERT(both[0] == 2.0f * one[0] && both[1] == 2.0f * one[1]);
        CU_ASSERT(both[2] == 0.0f && both[3] == 0.0f);
        pool_release(&pool);
    }
}

/* ---- Metrics ---- */

/* A metric of its text on an output of this shape. */
static struct metric make_metric(const char *yaml, const struct shape *output, bool labels,
                                 struct variant *given, struct pool *pool)
{
    struct metric metric[METRICS_MAX];
    const struct model model = {.output = *output};
    size_t count = 0;
    *given = read_metric(yaml, pool);
    enum status status = metrics_resolve(&(struct variant_list){1, given}, &model,
                                         labels ? TARGET_LABEL : TARGET_VALUE, metric, &count);
    if (status != ST_OK)
        test_fail("%s: %s", yaml, status_message());
    CU_ASSERT_EQUAL_FATAL(status, ST_OK);
    return metric[0];
}

static void run_metric(const struct golden_case *c)
{
    struct pool pool = {0};
    struct variant given;
    const struct golden_array *x = golden_need(c, "y_pred"), *t = golden_need(c, "y_true");
    struct shape batch = inner(&x->shape), output = inner(&batch);
    bool as_labels = t->shape.rank < x->shape.rank;
    struct metric metric = make_metric(c->metric, &output, as_labels, &given, &pool);
    int32_t *labels = pool_alloc(&pool, t->size * sizeof *labels);
    double *total = pool_alloc(&pool, metric.sums * sizeof *total);
    double *sums = pool_alloc(&pool, metric.sums * sizeof *sums);
    for (size_t b = 0; b < BATCHES; b++) {
        struct loss_input in =
            loss_input_of(as_labels, c->samples, &output, x->v + b * (x->size / BATCHES),
                          t->v + b * (t->size / BATCHES), labels);
        memset(sums, 0, metric.sums * sizeof *sums);
        metric.type->add(&metric, &in, sums);
        for (size_t i = 0; i < metric.sums; i++)
            total[i] += sums[i];
        expect_number(c->name, metric_result(&metric, total, (double)(c->samples * (int)(b + 1))),
                      (double)golden_need(c, "results")->v[b]);
    }
    pool_release(&pool);
}

static void metrics(void)
{
    each_case("metrics/", run_metric);
}

/* Class numbers are worth vectors with one 1. */
static void metrics_of_labels(void)
{
    static const char *const names[] = {"accuracy", "Precision", "{Recall: {class_id: 1}}",
                                        "F1Score",  "AUC",       "perceptron"};
    const struct shape output = {1, {3}};
    const float x[6] = {0.5f, 0.125f, 0.375f, 0.125f, 0.75f, 0.25f}, t[6] = {0, 0, 1, 0, 1, 0};
    const int32_t labels[2] = {2, 1};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct pool pool = {0};
        struct variant given[2];
        struct metric of_labels = make_metric(names[i], &output, true, &given[0], &pool);
        struct metric of_values = make_metric(names[i], &output, false, &given[1], &pool);
        double *a = pool_alloc(&pool, of_labels.sums * sizeof *a);
        double *b = pool_alloc(&pool, of_labels.sums * sizeof *b);
        struct loss_input in = {.n = 2, .width = 3, .classes = 3, .output = x, .labels = labels};
        of_labels.type->add(&of_labels, &in, a);
        in.labels = NULL;
        in.values = t;
        of_values.type->add(&of_values, &in, b);
        CU_ASSERT(memcmp(a, b, of_labels.sums * sizeof *a) == 0);
        pool_release(&pool);
    }
}

static void expect_refused(const char *yaml, bool labels, const char *text)
{
    struct metric metric[METRICS_MAX];
    struct pool pool = {0};
    const struct model model = {.output = {1, {4}}};
    size_t count = 0;
    struct variant given = read_metric(yaml, &pool);
    enum status status = metrics_resolve(&(struct variant_list){1, &given}, &model,
                                         labels ? TARGET_LABEL : TARGET_VALUE, metric, &count);
    CU_ASSERT_EQUAL(status, ST_USAGE);
    if (status == ST_USAGE && !strstr(status_message(), text))
        test_fail("%s: found \"%s\", expected \"%s\"", yaml, status_message(), text);
    pool_release(&pool);
}

static void refused(void)
{
    expect_refused("mae", true, "metric mean_absolute_error needs targets of the output's shape");
    expect_refused("sparse_categorical_accuracy", false, "needs class numbers");
    expect_refused("{Precision: {class_id: 4}}", false, "class_id: found 4, the model has 4");
    expect_refused("{AUC: {name: val_x}}", false, "name \"val_x\"");
    expect_refused("{AUC: {name: 'a,b'}}", false, "name \"a,b\"");
    expect_refused("{AUC: {name: loss}}", false, "name \"loss\"");
}

/* Names are Keras's, short ones are accepted, equal ones are numbered. */
static void names(void)
{
    static const char *const given[] = {"mse", "MeanAbsoluteError",  "rmse", "{AUC: PR}",
                                        "auc", "{AUC: {name: roc}}", "acc"};
    static const char *const shown[] = {"mse", "mae",     "root_mean_squared_error", "auc", "auc_1",
                                        "roc", "accuracy"};
    enum { COUNT = sizeof given / sizeof *given };
    struct pool pool = {0};
    struct variant list[COUNT];
    struct metric metric[METRICS_MAX];
    const struct model model = {.output = {1, {4}}};
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++)
        list[i] = read_metric(given[i], &pool);
    CU_ASSERT_EQUAL(
        metrics_resolve(&(struct variant_list){COUNT, list}, &model, TARGET_VALUE, metric, &count),
        ST_OK);
    for (size_t i = 0; i < COUNT; i++)
        CU_ASSERT_STRING_EQUAL(metric[i].name, shown[i]);
    pool_release(&pool);
}

/* ---- Is everything tested? ---- */

static bool has_word(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text; at && (at = strstr(at, name)); at += length)
        if (strchr("{: ,", at == text ? ' ' : at[-1]) && strchr(":,} ", at[length]))
            return true;
    return false;
}

/* Each kind is named by a golden case. */
static void expect_cases(const struct kind *const *kinds, const char *what)
{
    const struct golden *golden = golden_load();
    for (size_t k = 0; kinds[k]; k++) {
        bool found = kinds == optimizer_kinds && /* those are in tests/golden/solvers.txt */
                     ((const struct optimizer_type *)kinds[k]->impl)->solver;
        for (size_t i = 0; i < golden->cases && !found; i++) {
            const struct golden_case *c = &golden->at[i];
            const char *texts[] = {c->model, c->optimizer, c->loss, c->metric};
            for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
                found = found || has_word(texts[t], kinds[k]->name);
        }
        if (!found)
            test_fail("the %s %s has no golden case", what, kinds[k]->name);
    }
}

static void all_have_cases(void)
{
    expect_cases(layer_kinds, "layer");
    expect_cases(optimizer_kinds, "optimizer");
    expect_cases(loss_kinds, "loss");
    expect_cases(metric_kinds, "metric");
}

const struct test tests_scores[] = {{"losses", losses},
                                    {"absolute_error_of_equals", absolute_error_of_equals},
                                    {"losses_keep_nan", losses_keep_nan},
                                    {"weights", weights},
                                    {"metrics", metrics},
                                    {"metrics_of_labels", metrics_of_labels},
                                    {"refused", refused},
                                    {"names", names},
                                    {"all_have_cases", all_have_cases},
                                    {0}};

TEST_MAIN(tests_scores)
