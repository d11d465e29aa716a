/* ONNX's backend tests: what its operators give, by its own reference, against convoy's layers on
 * every backend, its losses and optimizers. The cases are Debian's libonnx-testdata. Some of them
 * ask for what convoy does not have: these are counted by the reason, and all others must pass. */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "onnx_layers.h"
#include "test.h"

#define CASES "/usr/share/libonnx-testdata/data/*/*/model.onnx"
/* Of the largest number of an output. */
#define TOLERANCE (1e-5 * golden_slack())

enum { MAX_REASONS = 64, MAX_OPERATORS = 64 };

static struct {
    size_t cases, passed, partly; /* partly: with more outputs than convoy gives */
    bool ran[MAX_OPERATORS];      /* has one of this number (onnx_layer_op) a case that was run? */
    size_t reasons;
    struct {
        const char *why;
        size_t cases;
    } reason[MAX_REASONS];
} outcome;

static void not_applicable(const char *why)
{
    size_t i = 0;
    while (i < outcome.reasons && strcmp(outcome.reason[i].why, why) != 0)
        i++;
    MUST(i < MAX_REASONS, "%zu reasons", i);
    outcome.reasons += i == outcome.reasons;
    outcome.reason[i].why = why;
    outcome.reason[i].cases++;
}

static void has_run(const char *op)
{
    for (size_t i = 0; onnx_layer_op(i) && i < MAX_OPERATORS; i++)
        outcome.ran[i] = outcome.ran[i] || strcmp(onnx_layer_op(i), op) == 0;
}

/* ---- Layers ---- */

struct layer_run {
    const struct onnx_case *c;
    const struct onnx_model *m;
    const char *yaml;
    int n;
    const float *x;
};

/* Where in the dimensions of a tensor those of a sample begin. */
static int first_axis(const struct onnx_model *m)
{
    return m->whole ? 0 : 1;
}

static size_t sample_size(const struct onnx_model *m, const struct onnx_tensor *tensor)
{
    return tensor->size / (m->whole ? 1 : (size_t)tensor->dim[0]);
}

/* "[4, 5, 3]" */
static const char *sample_shape(const struct onnx_model *m, const struct onnx_tensor *tensor)
{
    const char *text = "";
    int first = first_axis(m), axes = tensor->rank - first;
    for (int a = 0; a < axes; a++) {
        int axis = first + (m->channels_last ? (a + 1) % axes : a);
        text = pool_printf(m->pool, "%s%s%lld", text, a ? ", " : "", (long long)tensor->dim[axis]);
    }
    return pool_printf(m->pool, "[%s]", axes ? text : "1");
}

/* A model has one input, of three axes at most: others lie in a row, and are cut apart. */
static const char *model_yaml(const struct onnx_model *m)
{
    const char *cut = "";
    size_t total = 0, before = 0;
    if (m->inputs == 1 && m->data->rank - first_axis(m) < 4)
        return pool_printf(m->pool, "{input: %s, layers: [{%s}]}", sample_shape(m, m->data),
                           m->layers.data);
    for (size_t i = 0; i < m->inputs; i++)
        total += sample_size(m, &m->data[i]);
    for (size_t i = 0; i < m->inputs; i++) {
        size_t size = sample_size(m, &m->data[i]);
        cut = pool_printf(m->pool,
                          "%s{Cropping1D: {cropping: [%zu, %zu], inputs: [input]}}, "
                          "{Reshape: {target_shape: %s, name: x%zu}}, ",
                          cut, before, total - before - size, sample_shape(m, &m->data[i]), i);
        before += size;
    }
    return pool_printf(m->pool, "{input: [%zu, 1], layers: [%s{%s}]}", total, cut, m->layers.data);
}

/* The inputs as the model takes them. */
static const float *model_input(const struct onnx_model *m, size_t n)
{
    size_t total = 0, before = 0;
    for (size_t i = 0; i < m->inputs; i++)
        total += sample_size(m, &m->data[i]);
    float *x = pool_alloc(m->pool, n * total * sizeof *x);
    for (size_t i = 0; i < m->inputs; i++) {
        size_t size = sample_size(m, &m->data[i]);
        for (size_t s = 0; s < n; s++)
            memcpy(x + s * total + before, m->data[i].v + s * size, size * sizeof *x);
        before += size;
    }
    if (!m->channels_last)
        return x;
    float *swapped = pool_alloc(m->pool, n * total * sizeof *x);
    size_t channels = (size_t)m->data[0].dim[1];
    onnx_swap(n, channels, total / channels, x, swapped);
    return swapped;
}

static void set_parameters(const struct layer_run *run, struct model *model)
{
    const struct onnx_model *m = run->m;
    CU_ASSERT_EQUAL(model_param_count(model), m->params);
    for (size_t i = 0; i < model_param_count(model); i++) {
        const struct param *param = model_param(model, i, NULL);
        size_t p = 0;
        while (p < m->params && strcmp(m->param[p].name, param->name) != 0)
            p++;
        if (p == m->params || m->param[p].size != param->size)
            test_fail("%s: the parameter %s %s", run->c->name, param->path,
                      shape_text(&param->shape));
        else
            memcpy(model->params + param->offset, m->param[p].v, param->size * sizeof(float));
    }
}

/* ONNX's own test, |got - want| <= 1e-7 + 1e-3 |want|, and ours. Winograd's method does not keep
 * exact zeros, which the former asks for. */
static void compare(const struct onnx_case *c, const char *where, const float *got,
                    const struct onnx_tensor *want)
{
    char what[160];
    snprintf(what, sizeof what, "%s on %s: %s", c->name, where, want->name);
    expect_near(what, got, want->v, want->size, TOLERANCE, 0.01);
    for (size_t i = 0; i < want->size && golden_conv == CONV_DIRECT; i++)
        if (fabs((double)got[i] - (double)want->v[i]) > 1e-7 + 1e-3 * fabs((double)want->v[i])) {
            test_fail("%s: element %zu is %.9g, expected %.9g", what, i, (double)got[i],
                      (double)want->v[i]);
            break;
        }
}

/* Is it the tensor's shape, but for axes of size 1? */
static bool has_shape(const struct onnx_model *m, const struct shape *shape,
                      const struct onnx_tensor *tensor)
{
    int at = 0, first = first_axis(m), axes = tensor->rank - first;
    for (int a = 0; a < axes; a++) {
        int64_t dim = tensor->dim[first + (m->channels_last ? (a + 1) % axes : a)];
        while (at < shape->rank && shape->dim[at] == 1)
            at++;
        if (dim != 1 && (at == shape->rank || shape->dim[at++] != dim))
            return false;
    }
    return true;
}

static void check_output(const struct layer_run *run, const struct kernels *kernels,
                         const struct model *model, const float *y)
{
    const struct onnx_tensor *want = &run->c->output[0];
    size_t size = (size_t)run->n * shape_size(&model->output);
    if (size != want->size || !has_shape(run->m, &model->output, want)) {
        test_fail("%s: the output is %s", run->c->name, shape_text(&model->output));
        return;
    }
    if (run->m->channels_last) {
        size_t channels = (size_t)want->dim[1];
        float *swapped = pool_alloc(run->m->pool, size * sizeof *swapped);
        onnx_swap((size_t)run->n, size / (size_t)run->n / channels, channels, y, swapped);
        y = swapped;
    }
    compare(run->c, kernels->name, y, want);
}

static void run_layer(const struct kernels *kernels, void *data)
{
    static const uint32_t ids[64];
    const struct layer_run *run = data;
    struct model *model = build_model(run->yaml, kernels, run->n, NULL, run->m->pool);
    double *stats = pool_alloc(run->m->pool, (model->stats + 1) * sizeof *stats);
    set_parameters(run, model);
    const struct model_batch batch = {.n = run->n,
                                      .training = run->m->training,
                                      .ids = ids,
                                      .x = run->x,
                                      .stats = run->m->training ? stats : NULL};
    check_output(run, kernels, model, model_forward(model, &batch));
    if (run->m->training)
        model_update_stats(model, stats, (double)run->n);
    for (size_t i = 0; i < 2 && run->m->moved[i]; i++)
        for (size_t p = 0; p < model_param_count(model); p++) {
            const struct param *param = model_param(model, p, NULL);
            if (strcmp(param->name, run->m->moved[i]) == 0)
                compare(run->c, kernels->name, model->params + param->offset,
                        &run->c->output[i + 1]);
        }
    model_free(model);
}

static const char *check_layer(const struct onnx_case *c, struct pool *pool)
{
    struct onnx_model m;
    const char *why = onnx_make_model(c, pool, &m);
    if (!why) {
        struct layer_run run = {
            .c = c, .m = &m, .yaml = model_yaml(&m), .n = m.whole ? 1 : (int)m.data[0].dim[0]};
        run.x = model_input(&m, (size_t)run.n);
        CU_ASSERT_FATAL(run.n <= 64);
        each_backend(run_layer, &run);
        outcome.partly += c->outputs > 1 && !m.moved[0];
        has_run(c->op);
    }
    text_release(&m.layers);
    return why;
}

/* ---- The loss ---- */

/* SoftmaxCrossEntropyLoss of scores [N, C, ...] and labels [N, ...], weights [C]. Each place is a
 * sample here. One that is to be ignored has the weight 0, the others that of their class. */
struct places {
    size_t n, classes, inner; /* inner: places in each of ONNX's samples */
    float *scores;            /* [n, classes] */
    int32_t *labels;
    float *weights;
};

static const char *find_places(const struct onnx_case *c, struct pool *pool, struct places *p)
{
    const struct onnx_tensor *x = &c->input[0], *t = &c->input[1], *weights = &c->input[2];
    const struct onnx_attribute *ignored = onnx_find(c, "ignore_index");
    *p = (struct places){.n = t->size, .classes = x->rank > 1 ? (size_t)x->dim[1] : 0};
    bool fits = x->v && t->i && p->n * p->classes == x->size && x->size > 0 &&
                (c->inputs < 3 || (weights->v && weights->size == p->classes));
    if (!fits)
        return "other types than float32";
    p->inner = p->n / (size_t)x->dim[0];
    p->scores = pool_alloc(pool, x->size * sizeof *p->scores);
    p->labels = pool_alloc(pool, p->n * sizeof *p->labels);
    p->weights = pool_alloc(pool, p->n * sizeof *p->weights);
    onnx_swap((size_t)x->dim[0], p->classes, p->inner, x->v, p->scores);
    for (size_t i = 0; i < p->n; i++) {
        if (ignored && t->i[i] == ignored->i)
            continue;
        CU_ASSERT_FATAL(t->i[i] >= 0 && t->i[i] < (int64_t)p->classes);
        p->labels[i] = (int32_t)t->i[i];
        p->weights[i] = c->inputs > 2 ? weights->v[p->labels[i]] : 1.0f;
    }
    return NULL;
}

/* The sum over n places from the given one on. */
static double loss_from(const struct places *p, size_t from, size_t n, struct pool *pool)
{
    struct variant loss = read_loss("{sparse_categorical_crossentropy: {from_logits: true}}", pool);
    struct loss_input input = {.n = (int)n,
                               .width = p->classes,
                               .classes = p->classes,
                               .output = p->scores + from * p->classes,
                               .labels = p->labels + from,
                               .weights = p->weights + from,
                               .logits = true};
    return loss_sum(loss.kind->impl, loss.args, &input, NULL);
}

static const char *check_loss(const struct onnx_case *c, struct pool *pool)
{
    const char *reduction = onnx_word(c, "reduction", "mean");
    struct places p;
    const char *why = find_places(c, pool, &p);
    if (why)
        return why;
    float *value = pool_alloc(pool, p.n * sizeof *value);
    if (strcmp(reduction, "none") == 0) {
        for (size_t i = 0; i < p.n; i++)
            value[i] = (float)loss_from(&p, i, 1, pool);
    } else {
        double divisor = 0.0;
        for (size_t i = 0; i < p.n; i++)
            divisor += (double)p.weights[i];
        double sum = loss_from(&p, 0, p.n, pool);
        value[0] = (float)(strcmp(reduction, "mean") == 0 ? sum / divisor : sum);
    }
    compare(c, "any", value, &c->output[0]);
    if (c->outputs > 1) {
        float *log_prob = pool_alloc(pool, p.n * p.classes * sizeof *log_prob);
        activation_forward(ACT_LOG_SOFTMAX, p.n, p.classes, p.scores, p.scores);
        onnx_swap(p.n / p.inner, p.inner, p.classes, p.scores, log_prob);
        compare(c, "any", log_prob, &c->output[1]);
    }
    return NULL;
}

/* ---- Optimizers ---- */

/* Inputs R, T, the tensors, their gradients, their slots; outputs the tensors, the slots. T is 0 in
 * all cases: a first update, which for ONNX's Adam has no correction of the bias and for Keras's
 * has. Adagrad's epsilon is added to the root there, and under it in Keras: 1e-5 of a case, and
 * here next to nothing. Slots of SGD are the steps, R times ONNX's and with the other sign. The
 * case of Adam without an epsilon was made with one of 0.01, which ONNX forgot to write into it. */
static const char *optimizer_text(const struct onnx_case *c, struct pool *pool, double *rate)
{
    double alpha = onnx_float(c, "alpha", 0.9), beta = onnx_float(c, "beta", 0.999);
    if (strcmp(c->op, "Momentum") == 0)
        return pool_printf(pool, "{SGD: {momentum: %.9g, nesterov: %s}}", alpha,
                           strcmp(onnx_word(c, "mode", ""), "nesterov") ? "false" : "true");
    if (strcmp(c->op, "Adagrad") == 0)
        return "{Adagrad: {epsilon: 1e-16}}";
    *rate *= (1.0 - alpha) / sqrt(1.0 - beta);
    return pool_printf(pool, "{Adam: {beta_1: %.9g, beta_2: %.9g, epsilon: %.9g}}", alpha, beta,
                       onnx_float(c, "epsilon", 0.01));
}

static void update_one(const struct onnx_case *c, size_t i, size_t tensors, struct pool *pool)
{
    double rate = (double)c->input[0].v[0], scale = strcmp(c->op, "Momentum") ? 1.0 : -rate;
    struct variant optimizer = read_optimizer(optimizer_text(c, pool, &rate), pool);
    const struct optimizer_type *type = optimizer.kind->impl;
    const struct onnx_tensor *x = &c->input[2 + i], *g = &c->input[2 + tensors + i];
    size_t n = x->size, slots = type->slots(optimizer.args);
    float *w = pool_alloc(pool, n * sizeof *w), *gradient = pool_alloc(pool, n * sizeof *w);
    struct optimizer_step step = {
        .learning_rate = rate, .iteration = 1, .n = n, .w = w, .g = gradient};
    for (size_t e = 0; e < n; e++) {
        w[e] = x->v[e];
        gradient[e] = g->v[e] + (float)onnx_float(c, "norm_coefficient", 0.0) * x->v[e];
    }
    for (size_t s = 0; s < slots; s++) {
        step.slot[s] = pool_alloc(pool, n * sizeof *w);
        for (size_t e = 0; e < n; e++)
            step.slot[s][e] = (float)scale * c->input[2 + (s + 2) * tensors + i].v[e];
    }
    type->update(optimizer.args, &step);
    compare(c, "any", w, &c->output[i]);
    for (size_t s = 0; s < slots; s++) {
        for (size_t e = 0; e < n; e++)
            step.slot[s][e] /= (float)scale;
        compare(c, "any", step.slot[s], &c->output[(s + 1) * tensors + i]);
    }
}

static const char *check_optimizer(const struct onnx_case *c, struct pool *pool)
{
    size_t tensors = c->inputs - 2 - c->outputs;
    CU_ASSERT_EQUAL_FATAL(c->input[1].i[0], 0);
    for (size_t i = 0; i < tensors; i++)
        update_one(c, i, tensors, pool);
    return NULL;
}

/* ---- All of them ---- */

static bool is_optimizer(const char *op)
{
    return strcmp(op, "Adagrad") == 0 || strcmp(op, "Adam") == 0 || strcmp(op, "Momentum") == 0;
}

static const char *check_case(const struct onnx_case *c, struct pool *pool)
{
    if (c->nodes != 1)
        return strstr(c->name, "_expanded") ? "an operator of another case, spelt out in others"
                                            : "models of several operators";
    if (is_optimizer(c->op))
        return check_optimizer(c, pool);
    if (strcmp(c->op, "SoftmaxCrossEntropyLoss") == 0)
        return check_loss(c, pool);
    if (strcmp(c->op, "NegativeLogLikelihoodLoss") == 0)
        return "a loss of log-probabilities";
    return onnx_has_layer(c->op) ? check_layer(c, pool) : "operators that are no layers of convoy";
}

static void run_case(char *model)
{
    struct pool pool = {0};
    struct onnx_case c;
    const char *why;
    unsigned failed = CU_get_number_of_failures();
    *strrchr(model, '/') = '\0';
    if (onnx_read(model, &pool, &c, &why))
        why = check_case(&c, &pool);
    outcome.cases++;
    if (why)
        not_applicable(why);
    else
        outcome.passed += CU_get_number_of_failures() == failed;
    pool_release(&pool);
}

static void all_cases(void)
{
    glob_t models;
    if (glob(CASES, 0, NULL, &models) != 0)
        test_skip("Debian's package libonnx-testdata is not installed");
    for (size_t i = 0; i < models.gl_pathc; i++)
        run_case(models.gl_pathv[i]);
    globfree(&models);
    for (size_t i = 0; onnx_layer_op(i) && i < MAX_OPERATORS; i++)
        if (!outcome.ran[i])
            test_fail("no case of %s was run", onnx_layer_op(i));
    printf("%zu cases: %zu passed (of %zu the first output only)\n", outcome.cases, outcome.passed,
           outcome.partly);
    for (size_t i = 0; i < outcome.reasons; i++)
        printf("%4zu not applicable: %s\n", outcome.reason[i].cases, outcome.reason[i].why);
}

const struct test tests_onnx[] = {{"all_cases", all_cases}, {0}};

TEST_MAIN(tests_onnx)
