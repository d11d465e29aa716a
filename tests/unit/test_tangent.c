/* Products with the Hessian against second differences of the loss of an implementation in double
 * precision (naive.h): u.Hv = (L(++) - L(+-) - L(-+) + L(--)) / 4h^2, the signs being those of u
 * and v. And with the Gauss-Newton matrix, which is the Hessian where the outputs are linear in the
 * parameters. */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "model/tangent.h"
#include "naive.h"
#include "test.h"

enum { SAMPLES = 3, PARAMS = 512, DIRECTIONS = 6 };
#define STEP 1e-4
#define TOLERANCE (1e-5 * golden_slack()) /* of |u| |Hv| */

struct check {
    const struct naive_model *naive;
    struct text yaml;
    size_t params, inputs, outputs;
    double w[PARAMS], x[NAIVE_SIZE], y_true[NAIVE_SIZE];
};

static void fill(double *v, size_t n, const char *what, double spread)
{
    uint32_t seed = generator_seed(what);
    for (size_t i = 0; i < n; i++)
        v[i] = (double)((float)spread * generator_number(seed, (uint32_t)i));
}

static double loss_at(const struct check *c, double a, const double *u, double b, const double *v)
{
    double w[PARAMS];
    for (size_t i = 0; i < c->params; i++)
        w[i] = c->w[i] + a * u[i] + b * v[i];
    return naive_loss(c->naive, SAMPLES, w, c->x, c->y_true, NULL);
}

static double difference(const struct check *c, const double *u, const double *v)
{
    double sum = loss_at(c, STEP, u, STEP, v) - loss_at(c, STEP, u, -STEP, v) -
                 loss_at(c, -STEP, u, STEP, v) + loss_at(c, -STEP, u, -STEP, v);
    return sum / (4.0 * STEP * STEP);
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* hv = H v of the model, or with the Gauss-Newton matrix. */
static void product(const struct check *c, struct model *model, struct tangent *tangent,
                    const struct variant *loss, bool full, const double *v, double *hv)
{
    static float x[NAIVE_SIZE], y_true[NAIVE_SIZE], dy[NAIVE_SIZE], rdy[NAIVE_SIZE];
    static float direction[2 * PARAMS], result[2 * PARAMS];
    static const uint32_t ids[SAMPLES];
    int32_t labels[SAMPLES];
    CU_ASSERT_FATAL(model->trainable <= 2 * PARAMS);
    for (size_t i = 0; i < c->inputs; i++)
        x[i] = (float)c->x[i];
    for (size_t i = 0; i < c->outputs; i++)
        y_true[i] = (float)c->y_true[i];
    model_pack(model, v, direction);
    struct model_batch batch = {.n = SAMPLES, .training = true, .ids = ids, .x = x};
    const float *output = model_forward(model, &batch);
    struct loss_input input = loss_input_of(strncmp(loss->kind->name, "sparse", 6) == 0, SAMPLES,
                                            &model->output, output, y_true, labels);
    input.logits = model->output_is_logits;
    loss_sum(loss->kind->impl, loss->args, &input, dy);
    const float *ry = tangent_forward(tangent, &batch, direction);
    loss_sum_hessian(loss->kind->impl, loss->args, &input, ry, rdy);
    tangent_backward(tangent, &batch, direction, full ? dy : NULL, rdy, result);
    model_unpack(model, result, hv);
}

static void run_backend(const struct kernels *kernels, void *data)
{
    const struct check *c = data;
    struct pool pool = {0};
    struct tangent tangent;
    struct variant loss = read_loss(c->naive->loss, &pool);
    struct model *model = build_model(c->yaml.data, kernels, SAMPLES, loss.kind->impl, &pool);
    CU_ASSERT_FATAL(model->trainable_parameters == c->params);
    model_pack(model, c->w, model->params);
    CU_ASSERT_FATAL(tangent_check(model) == ST_OK && tangent_init(&tangent, model) == ST_OK);
    for (uint32_t k = 0; k < DIRECTIONS; k++) {
        double u[PARAMS], v[PARAMS], hv[PARAMS], gv[PARAMS];
        fill(u, c->params, k % 2 ? "u" : "another u", 1.0);
        fill(v, c->params, k % 3 ? "v" : "another v", 1.0);
        product(c, model, &tangent, &loss, true, v, hv);
        product(c, model, &tangent, &loss, false, v, gv);
        double want = difference(c, u, v), got = dot(c->params, u, hv);
        double scale = sqrt(dot(c->params, u, u) * dot(c->params, hv, hv));
        if (!(fabs(got - want) <= TOLERANCE * fmax(scale, 1.0)))
            test_fail("%s (%s) on %s: u.Hv is %.9g, expected %.9g", c->yaml.data, c->naive->loss,
                      kernels->name, got, want);
        CU_ASSERT(dot(c->params, v, gv) > -1e-6 * scale);
        if (c->naive->layers == 1)
            CU_ASSERT(fabs(dot(c->params, u, gv) - want) <= TOLERANCE * fmax(scale, 1.0));
    }
    tangent_release(&tangent);
    model_free(model);
    pool_release(&pool);
}

/* Without what is not differentiable twice, so that differences exist. */
static void check(const struct naive_model *naive, size_t outputs)
{
    static struct check c;
    const int *input = naive->input;
    c = (struct check){.naive = naive, .params = naive_params(naive)};
    c.inputs = (size_t)(SAMPLES * (input[0] ? input[0] * input[1] : 1) * input[2]);
    c.outputs = SAMPLES * outputs;
    CU_ASSERT_FATAL(c.params <= PARAMS);
    fill(c.w, c.params, "w", 0.75);
    fill(c.x, c.inputs, "x", 1.5);
    fill(c.y_true, c.outputs, "y_true", 1.0);
    for (size_t i = 0; i < c.outputs && strncmp(naive->loss, "mean", 4) != 0; i++)
        c.y_true[i] = fabs(c.y_true[i]);
    for (size_t i = 0; i < SAMPLES && strncmp(naive->loss, "sparse", 6) == 0; i++)
        c.y_true[i] = (double)(generator_word(7, (uint32_t)i) % (uint32_t)outputs);
    naive_yaml(naive, &c.yaml);
    each_backend(run_backend, &c);
    text_release(&c.yaml);
}

#define DENSE(...)                                                                                 \
    {                                                                                              \
        .kind = NAIVE_DENSE, __VA_ARGS__                                                           \
    }
#define CONV2D(...)                                                                                \
    {                                                                                              \
        .kind = NAIVE_CONV2D, .units = 2, __VA_ARGS__                                              \
    }
#define SPARSE "sparse_categorical_crossentropy"
#define CATEGORICAL "categorical_crossentropy"
#define BINARY "binary_crossentropy"
#define SQUARES "mean_squared_error"

static void dense(void)
{
    static const struct naive_model models[] = {
        {{0, 0, 4}, {DENSE(.units = 3)}, 1, SQUARES},
        {{0, 0, 4}, {DENSE(.units = 3, .act = "softmax")}, 1, SPARSE},
        {{0, 0, 4}, {DENSE(.units = 3, .act = "softmax", .no_bias = true)}, 1, CATEGORICAL},
        {{0, 0, 4}, {DENSE(.units = 3, .act = "sigmoid")}, 1, BINARY},
        {{0, 0, 4}, {DENSE(.units = 5, .act = "tanh"), DENSE(.units = 3)}, 2, SQUARES},
        {{0, 0, 4},
         {DENSE(.units = 5, .act = "sigmoid"), DENSE(.units = 3, .act = "softmax")},
         2,
         SPARSE},
        {{0, 0, 4},
         {DENSE(.units = 4, .act = "softmax"), DENSE(.units = 4, .act = "tanh"),
          DENSE(.units = 3, .act = "softmax")},
         3,
         SQUARES},
        {{0, 0, 5},
         {DENSE(.units = 6, .act = "relu"), DENSE(.units = 3, .act = "sigmoid")},
         2,
         BINARY},
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        check(&models[i], 3);
}

static void images(void)
{
    static const struct naive_model models[] = {
        {{4, 5, 2},
         {CONV2D(.k = {3, 3}, .same = true, .act = "tanh"),
          CONV2D(.k = {2, 3}, .act = "sigmoid"),
          {.kind = NAIVE_AVERAGE_POOLING},
          {.kind = NAIVE_FLATTEN},
          DENSE(.units = 3, .act = "softmax")},
         5,
         SPARSE},
        {{5, 4, 2},
         {CONV2D(.k = {2, 2}, .act = "tanh"),
          {.kind = NAIVE_MAX_POOLING},
          {.kind = NAIVE_FLATTEN},
          DENSE(.units = 3, .act = "sigmoid")},
         4,
         BINARY},
        {{5, 4, 2},
         {{.kind = NAIVE_ZERO_PADDING, .pad = {1, 0, 1, 2}},
          CONV2D(.k = {3, 2}, .s = {2, 1}),
          {.kind = NAIVE_ACTIVATION, .act = "tanh"},
          CONV2D(.k = {2, 3}, .no_bias = true),
          {.kind = NAIVE_GLOBAL_AVERAGE},
          DENSE(.units = 3)},
         6,
         SQUARES},
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        check(&models[i], 3);
}

static void graphs(void)
{
    static const struct naive_model models[] = {
        {{0, 0, 4},
         {DENSE(.units = 3, .act = "tanh"),
          DENSE(.units = 3, .act = "sigmoid"),
          {.kind = NAIVE_ADD, .act = "tanh", .inputs = 3, .from = {1, 0, 0}}},
         3,
         SQUARES},
    };
    check(&models[0], 3);
}

static void refusals(void)
{
    struct pool pool = {0};
    struct variant loss = read_loss(SQUARES, &pool);
    struct model *model = build_model("{input: [4], layers: [{Dense: {units: 3}}, "
                                      "{BatchNormalization: {name: norm}}]}",
                                      &kernels_reference, 2, loss.kind->impl, &pool);
    CU_ASSERT(tangent_check(model) == ST_USAGE);
    CU_ASSERT(strstr(status_message(), "layer 'norm' (BatchNormalization)") != NULL);
    model_free(model);
    pool_release(&pool);
}

const struct test tests_tangent[] = {{"Dense, activations, losses", dense},
                                     {"convolutions and poolings", images},
                                     {"a graph", graphs},
                                     {"layers without", refusals},
                                     {0}};
TEST_MAIN(tests_tangent)
