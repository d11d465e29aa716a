/* The gradients of layers and losses against central differences of an implementation in double
 * precision (naive.h), on every backend. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "naive.h"
#include "test.h"

enum { SAMPLES = 4, MAX_PARAMS = 4096 };
#define STEP 1e-5 /* of the differences, whose error is then about 1e-9 */
#define KINK 1e-7 /* a second difference above this: the derivative jumps near here */
#define TOLERANCE                                                                                  \
    (2e-6 * golden_slack()) /* of a tensor's largest gradient, or a tenth of the model's */
#define FORWARD_TOLERANCE                                                                          \
    (1e-6 * golden_slack()) /* of the largest output and of the loss, or of 1 */

/* A model, its numbers, and what they should come to. */
struct check {
    const struct naive_model *naive;
    struct text yaml;
    size_t params, inputs, outputs; /* inputs and outputs: of all samples */
    double w[MAX_PARAMS], x[NAIVE_SIZE], y[NAIVE_SIZE], y_true[NAIVE_SIZE];
    double loss, largest; /* of all gradients */
    float dw[MAX_PARAMS], dx[NAIVE_SIZE];
    bool dw_kink[MAX_PARAMS], dx_kink[NAIVE_SIZE];
};

/* Fills with numbers that float32 holds exactly. */
static void fill(double *v, size_t n, const char *what, double spread)
{
    uint32_t seed = generator_seed(what);
    for (size_t i = 0; i < n; i++)
        v[i] = (double)((float)spread * generator_number(seed, (uint32_t)i));
}

static void fill_y_true(struct check *c)
{
    size_t width = c->outputs / SAMPLES;
    const char *loss = c->naive->loss;
    fill(c->y_true, c->outputs, "y_true", 1.0);
    for (size_t i = 0; i < c->outputs && strncmp(loss, "mean", 4) != 0; i++)
        c->y_true[i] = (double)((float)fabs(c->y_true[i]));
    for (size_t i = 0; i < SAMPLES && strncmp(loss, "sparse", 6) == 0; i++)
        c->y_true[i] = (double)(generator_word(7, (uint32_t)i) % (uint32_t)width);
}

static double loss_now(const struct check *c)
{
    return naive_loss(c->naive, SAMPLES, c->w, c->x, c->y_true, NULL);
}

/* Central differences over v; marks the elements where the loss is not smooth. */
static size_t differentiate(struct check *c, double *v, size_t n, float *gradient, bool *kink)
{
    size_t kinks = 0;
    for (size_t i = 0; i < n; i++) {
        double value = v[i];
        v[i] = value + STEP;
        double above = loss_now(c);
        v[i] = value - STEP;
        double below = loss_now(c);
        v[i] = value;
        gradient[i] = (float)((above - below) / (2.0 * STEP));
        kink[i] = fabs(above - 2.0 * c->loss + below) > KINK;
        kinks += kink[i];
    }
    return kinks;
}

/* Everything that the double-precision implementation says. */
static void prepare(struct check *c)
{
    const int *input = c->naive->input;
    c->params = naive_params(c->naive);
    c->inputs = (size_t)(SAMPLES * (input[0] ? input[0] * input[1] : 1) * input[2]);
    CU_ASSERT_FATAL(c->params <= MAX_PARAMS && c->inputs <= NAIVE_SIZE);
    fill(c->w, c->params, "w", 0.75);
    fill(c->x, c->inputs, "x", 1.5);
    naive_yaml(c->naive, &c->yaml);
    fill_y_true(c);
    c->loss = naive_loss(c->naive, SAMPLES, c->w, c->x, c->y_true, c->y);
    size_t kinks = differentiate(c, c->w, c->params, c->dw, c->dw_kink) +
                   differentiate(c, c->x, c->inputs, c->dx, c->dx_kink);
    for (size_t i = 0; i < c->params; i++)
        c->largest = fmax(c->largest, fabs((double)c->dw[i]));
    for (size_t i = 0; i < c->inputs; i++)
        c->largest = fmax(c->largest, fabs((double)c->dx[i]));
    if (kinks * 20 > c->params + c->inputs)
        test_fail("%s: %zu of %zu numbers are at kinks", c->yaml.data, kinks,
                  c->params + c->inputs);
}

/* What is at a kink is taken as right. */
static void compare(const struct check *c, const char *what, const struct kernels *kernels,
                    float *got, const float *want, const bool *kink, size_t n)
{
    char text[400];
    snprintf(text, sizeof text, "%s (%s) on %s: %s", c->yaml.data, c->naive->loss, kernels->name,
             what);
    for (size_t i = 0; i < n && kink; i++)
        got[i] = kink[i] ? want[i] : got[i];
    expect_near(text, got, want, n, kink ? TOLERANCE : FORWARD_TOLERANCE,
                kink ? 0.1 * c->largest : 1.0);
}

static void check_forward(const struct check *c, struct model *model, const float *output,
                          double loss)
{
    static float got[NAIVE_SIZE], want[NAIVE_SIZE];
    memcpy(got, output, c->outputs * sizeof *got);
    for (size_t i = 0; i < c->outputs; i++)
        want[i] = (float)c->y[i];
    size_t width = c->outputs / SAMPLES;
    if (model->output_is_logits)
        activation_forward(model_output_activation(model), SAMPLES, width, got, got);
    compare(c, "output", model->kernels, got, want, NULL, c->outputs);
    if (!(fabs(loss - c->loss) <= FORWARD_TOLERANCE * fmax(1.0, fabs(c->loss))))
        test_fail("%s (%s) on %s: loss is %.9g, expected %.9g", c->yaml.data, c->naive->loss,
                  model->kernels->name, loss, c->loss);
}

static void check_backward(const struct check *c, struct model *model, float *gradient, float *dx)
{
    size_t at = 0;
    for (size_t i = 0; i < model_param_count(model); i++) {
        const struct param *param = model_param(model, i, NULL);
        if (param->trainable) {
            compare(c, param->path, model->kernels, gradient + param->offset, c->dw + at,
                    c->dw_kink + at, param->size);
            at += param->size;
        }
    }
    compare(c, "dx", model->kernels, dx, c->dx, c->dx_kink, c->inputs);
}

static void run_backend(const struct kernels *kernels, void *data)
{
    const struct check *c = data;
    static float x[NAIVE_SIZE], y_true[NAIVE_SIZE], dy[NAIVE_SIZE], dx[NAIVE_SIZE];
    static float gradient[2 * MAX_PARAMS];
    static double stats[1024];
    static const uint32_t ids[SAMPLES];
    struct pool pool = {0};
    struct variant loss = read_loss(c->naive->loss, &pool);
    struct model *model = build_model(c->yaml.data, kernels, SAMPLES, loss.kind->impl, &pool);
    CU_ASSERT_EQUAL_FATAL(model->trainable_parameters, c->params);
    CU_ASSERT_FATAL(model->trainable <= 2 * MAX_PARAMS && model->stats <= 1024);
    for (size_t i = 0, at = 0; i < model_param_count(model); i++) {
        const struct param *param = model_param(model, i, NULL);
        for (size_t k = 0; param->trainable && k < param->size; k++)
            model->params[param->offset + k] = (float)c->w[at++];
    }
    for (size_t i = 0; i < c->inputs; i++)
        x[i] = (float)c->x[i];
    for (size_t i = 0; i < c->outputs; i++)
        y_true[i] = (float)c->y_true[i];
    struct model_batch batch = {.n = SAMPLES, .training = true, .ids = ids, .x = x, .stats = stats};
    const float *output = model_forward(model, &batch);
    check_forward(c, model, output, loss_of(&loss, model, SAMPLES, output, y_true, dy));
    model_backward(model, &batch, dy, gradient, dx);
    check_backward(c, model, gradient, dx);
    model_free(model);
    pool_release(&pool);
}

/* The last activations that go with each loss. */
static const struct {
    const char *loss, *act;
} endings[] = {{"sparse_categorical_crossentropy", "softmax"},
               {"categorical_crossentropy", "softmax"},
               {"binary_crossentropy", "sigmoid"},
               {"mean_squared_error", NULL},
               {"mean_squared_error", "softmax"},
               {"mean_absolute_error", "tanh"}};
enum { ENDINGS = sizeof endings / sizeof *endings, OUTPUTS = 3 };

/* Puts a Dense layer and each loss behind the layers given, and checks all gradients. */
static void check_layers(const struct naive_model *layers)
{
    static struct check c;
    for (size_t e = 0; e < ENDINGS; e++) {
        struct naive_model model = *layers;
        const struct naive_layer *last = &layers->layer[layers->layers - 1];
        bool vector = layers->input[0] == 0 || last->kind == NAIVE_GLOBAL_AVERAGE ||
                      last->kind == NAIVE_FLATTEN;
        if (!vector)
            model.layer[model.layers++] = (struct naive_layer){.kind = NAIVE_FLATTEN};
        model.layer[model.layers++] =
            (struct naive_layer){.kind = NAIVE_DENSE, .units = OUTPUTS, .act = endings[e].act};
        MUST(model.layers <= NAIVE_LAYERS, "%zu layers", model.layers);
        model.loss = endings[e].loss;
        c = (struct check){.naive = &model, .outputs = (size_t)SAMPLES * OUTPUTS};
        prepare(&c);
        each_backend(run_backend, &c);
        text_release(&c.yaml);
    }
}

/* What is in front of the Dense layer: the input, then layers up to the first that is all 0. */
struct front {
    int input[3];
    struct naive_layer layer[NAIVE_LAYERS - 2];
};

static void check_all(const struct front *fronts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct naive_model model = {.layers = 0};
        memcpy(model.input, fronts[i].input, sizeof model.input);
        while (model.layers < NAIVE_LAYERS - 2 &&
               (fronts[i].layer[model.layers].kind || fronts[i].layer[model.layers].units)) {
            model.layer[model.layers] = fronts[i].layer[model.layers];
            model.layers++;
        }
        check_layers(&model);
    }
}
#define CHECK_ALL(models) check_all(models, sizeof models / sizeof *models)

/* ---- Layers ---- */

#define CONV2D(...)                                                                                \
    {                                                                                              \
        .kind = NAIVE_CONV2D, __VA_ARGS__                                                          \
    }
#define DENSE(...)                                                                                 \
    {                                                                                              \
        .kind = NAIVE_DENSE, __VA_ARGS__                                                           \
    }
#define MAX_POOLING(...)                                                                           \
    {                                                                                              \
        .kind = NAIVE_MAX_POOLING, __VA_ARGS__                                                     \
    }
#define AVERAGE_POOLING(...)                                                                       \
    {                                                                                              \
        .kind = NAIVE_AVERAGE_POOLING, __VA_ARGS__                                                 \
    }
#define BATCH_NORMALIZATION(...)                                                                   \
    {                                                                                              \
        .kind = NAIVE_BATCH_NORMALIZATION, __VA_ARGS__                                             \
    }
#define ACTIVATION(name)                                                                           \
    {                                                                                              \
        .kind = NAIVE_ACTIVATION, .act = name                                                      \
    }
#define ADD(count, ...)                                                                            \
    {                                                                                              \
        .kind = NAIVE_ADD, .inputs = count, .from = { __VA_ARGS__ }                                \
    }

static void convolutions(void)
{
    static const struct front models[] = {
        {{4, 3, 2}, {CONV2D(.units = 3, .k = {3, 3}, .same = true)}},
        {{5, 4, 1}, {CONV2D(.units = 2, .k = {3, 2}, .act = "tanh")}},
        {{5, 6, 3}, {CONV2D(.units = 2, .k = {3, 3}, .s = {2, 2}, .same = true)}},
        {{5, 4, 2}, {CONV2D(.units = 2, .k = {2, 2}, .s = {2, 1}, .no_bias = true)}},
        {{3, 3, 4}, {CONV2D(.units = 3, .k = {1, 1}, .act = "relu")}},
        {{4, 5, 3}, {CONV2D(.units = 2, .k = {1, 1}, .s = {2, 2}, .same = true)}},
        {{5, 6, 1}, {CONV2D(.units = 2, .k = {3, 3}, .d = {2, 2})}},
        {{4, 4, 2}, {CONV2D(.units = 2, .k = {2, 3}, .d = {3, 2}, .same = true)}},
        {{3, 2, 2}, {CONV2D(.units = 3, .k = {5, 5}, .same = true, .act = "softmax")}},
        {{4, 4, 2},
         {CONV2D(.units = 2, .k = {3, 3}, .same = true, .act = "relu"),
          CONV2D(.units = 3, .k = {2, 2}, .s = {2, 2}, .act = "sigmoid")}},
    };
    CHECK_ALL(models);
}

static void poolings(void)
{
    static const struct front models[] = {
        {{4, 6, 2}, {MAX_POOLING(0)}},
        {{5, 3, 2}, {MAX_POOLING(.same = true)}},
        {{5, 5, 1}, {MAX_POOLING(.k = {3, 3}, .s = {2, 2}, .same = true)}},
        {{4, 5, 2}, {MAX_POOLING(.k = {3, 2}, .s = {1, 2})}},
        {{4, 6, 2}, {AVERAGE_POOLING(0)}},
        {{5, 3, 2}, {AVERAGE_POOLING(.same = true)}},
        {{5, 5, 1}, {AVERAGE_POOLING(.k = {3, 3}, .s = {2, 2}, .same = true)}},
        {{4, 5, 2}, {AVERAGE_POOLING(.k = {3, 2}, .s = {1, 2}, .act = "tanh")}},
        {{3, 4, 3}, {{.kind = NAIVE_GLOBAL_AVERAGE}}},
        {{4, 4, 2},
         {CONV2D(.units = 3, .k = {3, 3}, .same = true, .act = "relu"),
          MAX_POOLING(.k = {3, 3}, .s = {2, 2}),
          {.kind = NAIVE_GLOBAL_AVERAGE}}},
    };
    CHECK_ALL(models);
}

static void dense(void)
{
    static const struct front models[] = {
        {{0, 0, 5}, {DENSE(.units = 4)}},
        {{0, 0, 5}, {DENSE(.units = 4, .act = "relu", .no_bias = true)}},
        {{0, 0, 5}, {DENSE(.units = 4, .act = "sigmoid"), DENSE(.units = 3, .act = "softmax")}},
        {{2, 2, 3}, {DENSE(.units = 4, .act = "tanh")}},
        {{0, 0, 6}, {ACTIVATION("relu")}},
        {{0, 0, 6}, {ACTIVATION("tanh")}},
        {{0, 0, 6}, {ACTIVATION("sigmoid")}},
        {{2, 2, 3}, {ACTIVATION("softmax")}},
    };
    CHECK_ALL(models);
}

static void normalizations(void)
{
    static const struct front models[] = {
        {{0, 0, 5}, {BATCH_NORMALIZATION(.epsilon = 0.01)}},
        {{3, 2, 3}, {BATCH_NORMALIZATION(.act = "relu")}},
        {{3, 2, 3}, {BATCH_NORMALIZATION(.no_scale = true, .act = "tanh")}},
        {{2, 2, 2}, {BATCH_NORMALIZATION(.no_center = true, .epsilon = 0.1)}},
        {{2, 2, 2}, {BATCH_NORMALIZATION(.no_center = true, .no_scale = true)}},
        {{4, 3, 2},
         {CONV2D(.units = 3, .k = {3, 3}, .no_bias = true), BATCH_NORMALIZATION(.act = "relu"),
          CONV2D(.units = 2, .k = {2, 1})}},
        {{0, 0, 4}, {DENSE(.units = 5), BATCH_NORMALIZATION(.act = "tanh"), DENSE(.units = 3)}},
    };
    CHECK_ALL(models);
}

static void graphs(void)
{
    static const struct front models[] = {
        {{0, 0, 4}, {DENSE(.units = 3, .act = "tanh"), DENSE(.units = 3), ADD(2, 1, 0)}},
        {{0, 0, 3}, {DENSE(.units = 3, .act = "tanh"), ADD(3, NAIVE_INPUT, 0, NAIVE_INPUT)}},
        {{0, 0, 3}, {DENSE(.units = 3, .act = "sigmoid"), ADD(2, 0, 0)}},
        {{3, 3, 2},
         {CONV2D(.units = 2, .k = {3, 3}, .same = true, .act = "tanh"),
          CONV2D(.units = 2, .k = {1, 1}),
          BATCH_NORMALIZATION(.inputs = 1, .from = {0}),
          ADD(3, 0, 1, 2),
          {.kind = NAIVE_ADD, .inputs = 2, .from = {3, 0}, .act = "relu"},
          MAX_POOLING(.k = {2, 2}, .same = true)}},
        {{3, 2, 2}, {{.kind = NAIVE_ZERO_PADDING, .pad = {1, 0, 2, 1}}}},
        {{4, 4, 2},
         {{.kind = NAIVE_ZERO_PADDING, .pad = {1, 1, 1, 1}},
          CONV2D(.units = 2, .k = {3, 3}, .s = {2, 2}),
          {.kind = NAIVE_FLATTEN}}},
        {{2, 2, 3},
         {CONV2D(.units = 3, .k = {1, 1}, .inputs = 1, .from = {NAIVE_INPUT}),
          DENSE(.units = 3, .inputs = 1, .from = {NAIVE_INPUT}),
          BATCH_NORMALIZATION(.inputs = 1, .from = {NAIVE_INPUT}), ADD(3, 0, 1, 2)}},
    };
    CHECK_ALL(models);
}

const struct test tests_gradients[] = {
    {"convolutions", convolutions},     {"poolings", poolings}, {"dense", dense},
    {"normalizations", normalizations}, {"graphs", graphs},     {0}};

TEST_MAIN(tests_gradients)
