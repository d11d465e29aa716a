/* BatchNormalization (S. Ioffe and C. Szegedy 2015) over all axes but the last.
 *
 * Training: mean and (biased) variance of the microbatch, y = gamma (x - mean)/sqrt(var + epsilon)
 * + beta. Inference: the moving averages. Once a step the moving averages move, as in Keras, by the
 * step's mean of the microbatches' means and variances, weighted by their samples. With
 * `trainable: false` the layer always runs as in inference, as in Keras. */
#include <math.h>
#include <string.h>

#include "layers/fields.h"

struct batchnormalization_args {
    struct layer_common common;
    int64_t axis;
    double momentum, epsilon;
    bool center, scale;
    struct variant beta_initializer, gamma_initializer;
    struct variant moving_mean_initializer, moving_variance_initializer;
    struct variant beta_regularizer, gamma_regularizer;
};
#define ARGS struct batchnormalization_args

static const struct field fields[] = {{.key = "axis",
                                       .type = FIELD_INT,
                                       .offset = offsetof(ARGS, axis),
                                       .fallback = "-1",
                                       .min = -1,
                                       .max = -1,
                                       .help = "the channel axis: the last"},
                                      {.key = "momentum",
                                       .type = FIELD_FLOAT,
                                       .offset = offsetof(ARGS, momentum),
                                       .fallback = "0.99",
                                       .min = 0,
                                       .max = 1,
                                       .help = "of the moving averages"},
                                      {.key = "epsilon",
                                       .type = FIELD_FLOAT,
                                       .offset = offsetof(ARGS, epsilon),
                                       .fallback = "0.001",
                                       .min = 1e-12,
                                       .max = 1e3,
                                       .help = "added to the variance"},
                                      FIELD_FLAG(ARGS, center, "true", "learn beta"),
                                      FIELD_FLAG(ARGS, scale, "true", "learn gamma"),
                                      FIELD_INITIALIZER(ARGS, beta_initializer, "zeros"),
                                      FIELD_INITIALIZER(ARGS, gamma_initializer, "ones"),
                                      FIELD_INITIALIZER(ARGS, moving_mean_initializer, "zeros"),
                                      FIELD_INITIALIZER(ARGS, moving_variance_initializer, "ones"),
                                      FIELD_REGULARIZER(ARGS, beta_regularizer),
                                      FIELD_REGULARIZER(ARGS, gamma_regularizer),
                                      {0}};
static const struct schema schema = {"BatchNormalization", fields, &layer_common_schema};

/* Parameter numbers; -1 where absent. */
struct plan {
    int gamma, beta, mean, variance;
    size_t channels, rows; /* rows: of one sample */
    bool frozen;           /* the moving averages are used, and stay */
};

static enum status infer(struct layer *layer, struct pool *pool)
{
    const ARGS *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    const struct shape *in = &layer->in[0];
    LAYER_FAIL_IF(layer, in->rank < 1, "its input has the shape %s; expected at least one axis",
                  shape_text(in));
    struct shape vector = {1, {in->dim[in->rank - 1]}};
    *plan = (struct plan){-1,
                          -1,
                          -1,
                          -1,
                          (size_t)vector.dim[0],
                          shape_size(in) / (size_t)vector.dim[0],
                          !args->common.trainable};
    int next = 0;
    if (args->scale) {
        layer_add_param(layer, "gamma", &vector, true, &args->gamma_initializer,
                        &args->gamma_regularizer);
        plan->gamma = next++;
    }
    if (args->center) {
        layer_add_param(layer, "beta", &vector, true, &args->beta_initializer,
                        &args->beta_regularizer);
        plan->beta = next++;
    }
    layer_add_param(layer, "moving_mean", &vector, false, &args->moving_mean_initializer, NULL);
    plan->mean = next++;
    layer_add_param(layer, "moving_variance", &vector, false, &args->moving_variance_initializer,
                    NULL);
    plan->variance = next;
    layer->out = *in;
    layer->saved = 2 * plan->channels;        /* mean, 1/sqrt(variance + epsilon) */
    layer->scratch = 4 * plan->channels + 16; /* two sums in double */
    layer->stats = plan->frozen ? 0 : 2 * plan->channels;
    layer->flops = 2.0 * (double)shape_size(in);
    return ST_OK;
}

/* sum[c] = sum over rows of x, or of (x - center)^2 where center is given; serial in row order. */
static void sum_channels(size_t rows, size_t channels, const float *x, const float *center,
                         double *sum)
{
    memset(sum, 0, channels * sizeof *sum);
    for (size_t r = 0; r < rows; r++, x += channels)
        for (size_t c = 0; c < channels; c++) {
            double d = center ? (double)x[c] - (double)center[c] : 1.0;
            sum[c] += center ? d * d : (double)x[c];
        }
}

/* Mean and inverse deviation of the microbatch into saved, its sums for the step into stats. */
static void measure(const struct layer *layer, const struct pass *p)
{
    const ARGS *args = layer->args;
    const struct plan *plan = layer->plan;
    size_t channels = plan->channels, rows = (size_t)p->n * plan->rows;
    float *mean = p->saved, *inverse = p->saved + channels;
    double *sum = (double *)(void *)p->scratch;
    sum_channels(rows, channels, p->x[0], NULL, sum);
    for (size_t c = 0; c < channels; c++) {
        p->stats[c] = sum[c] / (double)rows * (double)p->n;
        mean[c] = (float)(sum[c] / (double)rows);
    }
    sum_channels(rows, channels, p->x[0], mean, sum);
    for (size_t c = 0; c < channels; c++) {
        double variance = sum[c] / (double)rows;
        p->stats[channels + c] = variance * (double)p->n;
        inverse[c] = (float)(1.0 / sqrt(variance + args->epsilon));
    }
}

/* The moving mean and its inverse deviation into saved. */
static void recall(const struct layer *layer, const struct pass *p)
{
    const ARGS *args = layer->args;
    const struct plan *plan = layer->plan;
    float *mean = p->saved, *inverse = p->saved + plan->channels;
    memcpy(mean, p->w[plan->mean], plan->channels * sizeof *mean);
    for (size_t c = 0; c < plan->channels; c++)
        inverse[c] = (float)(1.0 / sqrt((double)p->w[plan->variance][c] + args->epsilon));
}

/* y = (x - mean) a[c] + b[c] with a, b made from inverse deviation, gamma and beta. */
static void normalize(const struct plan *plan, const struct pass *p)
{
    const float *mean = p->saved, *inverse = p->saved + plan->channels;
    size_t channels = plan->channels, rows = (size_t)p->n * plan->rows;
    const float *gamma = plan->gamma < 0 ? NULL : p->w[plan->gamma];
    const float *beta = plan->beta < 0 ? NULL : p->w[plan->beta];
    float *a = p->scratch, *b = p->scratch + channels;
    for (size_t c = 0; c < channels; c++) {
        a[c] = inverse[c] * (gamma ? gamma[c] : 1.0f);
        b[c] = (beta ? beta[c] : 0.0f);
    }
    const float *x = p->x[0];
    float *y = p->y;
    for (size_t r = 0; r < rows; r++, x += channels, y += channels)
        for (size_t c = 0; c < channels; c++)
            y[c] = (x[c] - mean[c]) * a[c] + b[c];
}

static void forward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    if (p->training && !plan->frozen)
        measure(layer, p);
    else
        recall(layer, p);
    normalize(plan, p);
}

/* With xh = (x - mean) inverse and N rows:
 * dgamma = sum dy xh, dbeta = sum dy, dx = gamma inverse (dy - dbeta/N - xh dgamma/N); frozen, mean
 * and inverse are constants: dx = gamma inverse dy. */
static void backward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    size_t channels = plan->channels, rows = (size_t)p->n * plan->rows;
    const float *mean = p->saved, *inverse = p->saved + channels, *x = p->x[0], *dy = p->dy;
    double *dgamma = (double *)(void *)p->scratch, *dbeta = dgamma + channels;
    memset(dgamma, 0, 2 * channels * sizeof *dgamma);
    for (size_t r = 0; r < rows; r++, x += channels, dy += channels)
        for (size_t c = 0; c < channels; c++) {
            dbeta[c] += (double)dy[c];
            dgamma[c] += (double)dy[c] * (double)((x[c] - mean[c]) * inverse[c]);
        }
    for (size_t c = 0; c < channels; c++) {
        if (plan->gamma >= 0)
            p->dw[plan->gamma][c] = (float)dgamma[c];
        if (plan->beta >= 0)
            p->dw[plan->beta][c] = (float)dbeta[c];
        dgamma[c] = plan->frozen ? 0.0 : dgamma[c] / (double)rows;
        dbeta[c] = plan->frozen ? 0.0 : dbeta[c] / (double)rows;
    }
    if (!p->dx[0])
        return;
    float *dx = p->dx[0];
    x = p->x[0];
    dy = p->dy;
    for (size_t r = 0; r < rows; r++, x += channels, dy += channels, dx += channels)
        for (size_t c = 0; c < channels; c++) {
            float gamma = plan->gamma < 0 ? 1.0f : p->w[plan->gamma][c];
            float xh = (x[c] - mean[c]) * inverse[c];
            dx[c] = gamma * inverse[c] * (dy[c] - (float)dbeta[c] - xh * (float)dgamma[c]);
        }
}

static void update(const struct layer *layer, const double *stats, double samples, float *const *w)
{
    const ARGS *args = layer->args;
    const struct plan *plan = layer->plan;
    if (plan->frozen)
        return;
    float *moving[2] = {w[plan->mean], w[plan->variance]};
    for (int m = 0; m < 2; m++, stats += plan->channels)
        for (size_t c = 0; c < plan->channels; c++)
            moving[m][c] = (float)((double)moving[m][c] * args->momentum +
                                   stats[c] / samples * (1.0 - args->momentum));
}

const struct layer_type layer_batchnormalization = {
    .kind = {"BatchNormalization", &schema, sizeof(ARGS), &layer_batchnormalization},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .update = update,
};
