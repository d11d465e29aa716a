#include "naive.h"

#include <math.h>
#include <string.h>

/* A tensor of n samples; a vector has h = w = 1. */
struct tensor {
    int n, h, w, c;
    double v[NAIVE_SIZE];
};

static size_t size_of(const struct tensor *t)
{
    return (size_t)(t->n * t->h * t->w * t->c);
}

static double *at(struct tensor *t, int n, int i, int j, int c)
{
    return &t->v[((n * t->h + i) * t->w + j) * t->c + c];
}

static void resize(struct tensor *t, int n, int h, int w, int c)
{
    t->n = n;
    t->h = h;
    t->w = w;
    t->c = c;
    MUST(size_of(t) <= NAIVE_SIZE, "%zu numbers", size_of(t));
    memset(t->v, 0, size_of(t) * sizeof *t->v);
}

/* One axis of a window: size after it and zeros in front. */
static int window(const struct naive_layer *l, int axis, int in, int *before)
{
    int k = l->k[axis], s = l->s[axis], reach = (k - 1) * l->d[axis] + 1;
    *before = 0;
    if (!l->same)
        return (in - reach) / s + 1;
    int out = (in + s - 1) / s, zeros = (out - 1) * s + reach - in;
    *before = zeros > 0 ? zeros / 2 : 0;
    return out;
}

static const double *convolve(const struct naive_layer *l, struct tensor *x, struct tensor *y,
                              const double *w)
{
    int top, left, high = window(l, 0, x->h, &top), wide = window(l, 1, x->w, &left);
    resize(y, x->n, high, wide, l->units);
    const double *bias = w + l->k[0] * l->k[1] * x->c * l->units;
    for (int n = 0; n < y->n; n++)
        for (int i = 0; i < high; i++)
            for (int j = 0; j < wide; j++)
                for (int f = 0; f < l->units; f++) {
                    double sum = l->no_bias ? 0.0 : bias[f];
                    for (int r = 0; r < l->k[0]; r++)
                        for (int s = 0; s < l->k[1]; s++) {
                            int row = i * l->s[0] + r * l->d[0] - top;
                            int column = j * l->s[1] + s * l->d[1] - left;
                            bool inside = row >= 0 && row < x->h && column >= 0 && column < x->w;
                            for (int c = 0; inside && c < x->c; c++)
                                sum += *at(x, n, row, column, c) *
                                       w[((r * l->k[1] + s) * x->c + c) * l->units + f];
                        }
                    *at(y, n, i, j, f) = sum;
                }
    return bias + (l->no_bias ? 0 : l->units);
}

static const double *connect(const struct naive_layer *l, struct tensor *x, struct tensor *y,
                             const double *w)
{
    resize(y, x->n, x->h, x->w, l->units);
    const double *bias = w + x->c * l->units;
    size_t rows = size_of(x) / (size_t)x->c;
    for (size_t r = 0; r < rows; r++)
        for (int u = 0; u < l->units; u++) {
            double sum = l->no_bias ? 0.0 : bias[u];
            for (int c = 0; c < x->c; c++)
                sum += x->v[r * (size_t)x->c + (size_t)c] * w[c * l->units + u];
            y->v[r * (size_t)l->units + (size_t)u] = sum;
        }
    return bias + (l->no_bias ? 0 : l->units);
}

static double pool_one(const struct naive_layer *l, struct tensor *x, int n, int row, int column,
                       int c)
{
    double most = -(double)INFINITY, sum = 0.0;
    int count = 0;
    for (int i = row; i < row + l->k[0]; i++)
        for (int j = column; j < column + l->k[1]; j++)
            if (i >= 0 && i < x->h && j >= 0 && j < x->w) {
                most = fmax(most, *at(x, n, i, j, c));
                sum += *at(x, n, i, j, c);
                count++;
            }
    return l->kind == NAIVE_MAX_POOLING ? most : sum / count;
}

static void pool(const struct naive_layer *l, struct tensor *x, struct tensor *y)
{
    int top, left, high = window(l, 0, x->h, &top), wide = window(l, 1, x->w, &left);
    resize(y, x->n, high, wide, x->c);
    for (int n = 0; n < y->n; n++)
        for (int i = 0; i < high; i++)
            for (int j = 0; j < wide; j++)
                for (int c = 0; c < x->c; c++)
                    *at(y, n, i, j, c) =
                        pool_one(l, x, n, i * l->s[0] - top, j * l->s[1] - left, c);
}

static void average_all(struct tensor *x, struct tensor *y)
{
    resize(y, x->n, 1, 1, x->c);
    for (int n = 0; n < x->n; n++)
        for (int i = 0; i < x->h; i++)
            for (int j = 0; j < x->w; j++)
                for (int c = 0; c < x->c; c++)
                    *at(y, n, 0, 0, c) += *at(x, n, i, j, c) / (x->h * x->w);
}

static const double *normalize(const struct naive_layer *l, struct tensor *x, struct tensor *y,
                               const double *w)
{
    resize(y, x->n, x->h, x->w, x->c);
    const double *gamma = w, *beta = l->no_scale ? w : w + x->c;
    size_t channels = (size_t)x->c, rows = size_of(x) / channels;
    for (size_t c = 0; c < channels; c++) {
        double mean = 0.0, variance = 0.0;
        for (size_t r = 0; r < rows; r++)
            mean += x->v[r * channels + c] / (double)rows;
        for (size_t r = 0; r < rows; r++)
            variance += pow(x->v[r * channels + c] - mean, 2.0) / (double)rows;
        for (size_t r = 0; r < rows; r++)
            y->v[r * channels + c] = (x->v[r * channels + c] - mean) / sqrt(variance + l->epsilon) *
                                         (l->no_scale ? 1.0 : gamma[c]) +
                                     (l->no_center ? 0.0 : beta[c]);
    }
    return beta + (l->no_center ? 0 : channels);
}

static void border(const struct naive_layer *l, struct tensor *x, struct tensor *y)
{
    resize(y, x->n, x->h + l->pad[0] + l->pad[1], x->w + l->pad[2] + l->pad[3], x->c);
    for (int n = 0; n < x->n; n++)
        for (int i = 0; i < x->h; i++)
            for (int j = 0; j < x->w; j++)
                for (int c = 0; c < x->c; c++)
                    *at(y, n, i + l->pad[0], j + l->pad[2], c) = *at(x, n, i, j, c);
}

static void softmax(struct tensor *y)
{
    size_t width = (size_t)y->c;
    for (double *row = y->v; row < y->v + size_of(y); row += width) {
        double sum = 0.0;
        for (size_t i = 0; i < width; i++)
            sum += exp(row[i]);
        for (size_t i = 0; i < width; i++)
            row[i] = exp(row[i]) / sum;
    }
}

static void activate(const char *act, struct tensor *y)
{
    if (act && strcmp(act, "softmax") == 0)
        softmax(y);
    for (size_t i = 0; act && i < size_of(y); i++) {
        double v = y->v[i];
        y->v[i] = strcmp(act, "relu") == 0      ? fmax(v, 0.0)
                  : strcmp(act, "tanh") == 0    ? tanh(v)
                  : strcmp(act, "sigmoid") == 0 ? 1.0 / (1.0 + exp(-v))
                                                : v;
    }
}

/* Keras's defaults for what is 0. */
static struct naive_layer complete(struct naive_layer l)
{
    bool pooling = l.kind == NAIVE_MAX_POOLING || l.kind == NAIVE_AVERAGE_POOLING;
    for (int a = 0; a < 2; a++) {
        l.k[a] = l.k[a] ? l.k[a] : 2;
        l.s[a] = l.s[a] ? l.s[a] : pooling ? l.k[a] : 1;
        l.d[a] = l.d[a] ? l.d[a] : 1;
    }
    l.epsilon = l.epsilon > 0.0 ? l.epsilon : 0.001;
    return l;
}

/* Runs one layer; returns the parameters that are left for the next. */
static const double *run_layer(const struct naive_layer *given, struct tensor *const *x,
                               struct tensor *y, const double *w)
{
    struct naive_layer l = complete(*given);
    switch (l.kind) {
    case NAIVE_CONV2D:
        w = convolve(&l, x[0], y, w);
        break;
    case NAIVE_DENSE:
        w = connect(&l, x[0], y, w);
        break;
    case NAIVE_MAX_POOLING:
    case NAIVE_AVERAGE_POOLING:
        pool(&l, x[0], y);
        break;
    case NAIVE_GLOBAL_AVERAGE:
        average_all(x[0], y);
        break;
    case NAIVE_FLATTEN:
        *y = *x[0];
        y->c = (int)size_of(x[0]) / x[0]->n;
        y->h = y->w = 1;
        break;
    case NAIVE_ACTIVATION:
        *y = *x[0];
        break;
    case NAIVE_BATCH_NORMALIZATION:
        w = normalize(&l, x[0], y, w);
        break;
    case NAIVE_ADD:
        *y = *x[0];
        for (int i = 1; i < l.inputs; i++)
            for (size_t e = 0; e < size_of(y); e++)
                y->v[e] += x[i]->v[e];
        break;
    case NAIVE_ZERO_PADDING:
        border(&l, x[0], y);
        break;
    }
    activate(l.act, y);
    return w;
}

static double loss_of(const char *name, int n, size_t width, const double *y, const double *t)
{
    double sum = 0.0, share = 1.0 / (double)width;
    for (size_t i = 0; i < (size_t)n * width; i++) {
        if (strcmp(name, "mean_squared_error") == 0)
            sum += (y[i] - t[i]) * (y[i] - t[i]) * share;
        else if (strcmp(name, "mean_absolute_error") == 0)
            sum += fabs(y[i] - t[i]) * share;
        else if (strcmp(name, "binary_crossentropy") == 0)
            sum -= (t[i] * log(y[i]) + (1.0 - t[i]) * log(1.0 - y[i])) * share;
        else if (strcmp(name, "categorical_crossentropy") == 0)
            sum -= t[i] * log(y[i]);
        else if ((size_t)t[i / width] == i % width)
            sum -= log(y[i]);
    }
    return sum;
}

/* The output goes to the tensor that is returned; *end is the first parameter not used. */
static struct tensor *run(const struct naive_model *model, int n, const double *params,
                          const double *x, const double **end)
{
    static struct tensor tensors[NAIVE_LAYERS + 1]; /* the input is the first */
    bool flat = model->input[0] == 0;
    resize(&tensors[0], n, flat ? 1 : model->input[0], flat ? 1 : model->input[1], model->input[2]);
    if (x)
        memcpy(tensors[0].v, x, size_of(&tensors[0]) * sizeof *x);
    *end = params;
    for (size_t i = 0; i < model->layers; i++) {
        const struct naive_layer *layer = &model->layer[i];
        struct tensor *inputs[3] = {&tensors[i], NULL, NULL};
        for (int k = 0; k < layer->inputs; k++)
            inputs[k] = &tensors[layer->from[k] + 1];
        *end = run_layer(layer, inputs, &tensors[i + 1], *end);
    }
    return &tensors[model->layers];
}

double naive_loss(const struct naive_model *model, int n, const double *params, const double *x,
                  const double *y_true, double *y)
{
    const double *end;
    struct tensor *out = run(model, n, params, x, &end);
    if (y)
        memcpy(y, out->v, size_of(out) * sizeof *y);
    return loss_of(model->loss, n, size_of(out) / (size_t)n, out->v, y_true);
}

size_t naive_params(const struct naive_model *model)
{
    static const double zeros[1 << 16];
    const double *end;
    run(model, 1, zeros, NULL, &end);
    return (size_t)(end - zeros);
}

/* ---- As YAML ---- */

static const char *const classes[] = {[NAIVE_CONV2D] = "Conv2D",
                                      [NAIVE_DENSE] = "Dense",
                                      [NAIVE_MAX_POOLING] = "MaxPooling2D",
                                      [NAIVE_AVERAGE_POOLING] = "AveragePooling2D",
                                      [NAIVE_GLOBAL_AVERAGE] = "GlobalAveragePooling2D",
                                      [NAIVE_FLATTEN] = "Flatten",
                                      [NAIVE_ACTIVATION] = "Activation",
                                      [NAIVE_BATCH_NORMALIZATION] = "BatchNormalization",
                                      [NAIVE_ADD] = "Add",
                                      [NAIVE_ZERO_PADDING] = "ZeroPadding2D"};

static void add_arguments(const struct naive_layer *l, struct text *out)
{
    bool pooling = l->kind == NAIVE_MAX_POOLING || l->kind == NAIVE_AVERAGE_POOLING;
    struct naive_layer c = complete(*l);
    if (l->kind == NAIVE_CONV2D)
        text_add(out, ", filters: %d, kernel_size: [%d, %d], dilation_rate: [%d, %d]", l->units,
                 c.k[0], c.k[1], c.d[0], c.d[1]);
    if (pooling)
        text_add(out, ", pool_size: [%d, %d]", c.k[0], c.k[1]);
    if (pooling || l->kind == NAIVE_CONV2D)
        text_add(out, ", strides: [%d, %d], padding: %s", c.s[0], c.s[1],
                 l->same ? "same" : "valid");
    if (l->kind == NAIVE_DENSE)
        text_add(out, ", units: %d", l->units);
    if (l->kind == NAIVE_ZERO_PADDING)
        text_add(out, ", padding: [[%d, %d], [%d, %d]]", l->pad[0], l->pad[1], l->pad[2],
                 l->pad[3]);
    if (l->kind == NAIVE_BATCH_NORMALIZATION)
        text_add(out, ", epsilon: %g, center: %s, scale: %s", c.epsilon,
                 l->no_center ? "false" : "true", l->no_scale ? "false" : "true");
    if (l->no_bias)
        text_add(out, ", use_bias: false");
    if (l->act)
        text_add(out, ", activation: %s", l->act);
}

void naive_yaml(const struct naive_model *model, struct text *out)
{
    if (model->input[0])
        text_add(out, "{input: [%d, %d, %d], layers: [", model->input[0], model->input[1],
                 model->input[2]);
    else
        text_add(out, "{input: [%d], layers: [", model->input[2]);
    for (size_t i = 0; i < model->layers; i++) {
        const struct naive_layer *l = &model->layer[i];
        text_add(out, "%s{%s: {name: l%zu", i ? ", " : "", classes[l->kind], i);
        add_arguments(l, out);
        for (int k = 0; k < l->inputs; k++) {
            text_add(out, "%s", k ? ", " : ", inputs: [");
            if (l->from[k] == NAIVE_INPUT)
                text_add(out, "input");
            else
                text_add(out, "l%d", l->from[k]);
        }
        text_add(out, "%s}}", l->inputs ? "]" : "");
    }
    text_add(out, "]}");
}
