/* BatchNormalization (S. Ioffe and C. Szegedy 2015) over all axes but the last.
 *
 * Training: mean and (biased) variance of the microbatch, y = gamma (x - mean)/sqrt(var + epsilon)
 * + beta. Inference: the moving averages. Once a step the moving averages move, as in Keras, by the
 * step's mean of the microbatches' means and variances, weighted by their samples. With
 * `trainable: false` the layer always runs as in inference, as in Keras.
 *
 * With `synchronized: true` mean and variance are those of the whole batch. */
#include <math.h>
#include <string.h>

#include "kernels/channels.h"
#include "layers/fields.h"

struct batchnormalization_args {
    struct layer_common common;
    int64_t axis;
    double momentum, epsilon;
    bool center, scale, synchronized;
    struct variant beta_initializer, gamma_initializer;
    struct variant moving_mean_initializer, moving_variance_initializer;
    struct variant beta_regularizer, gamma_regularizer;
    struct variant beta_constraint, gamma_constraint;
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
                                      /* hidden: Keras itself refuses it but with TensorFlow */
                                      {.key = "synchronized",
                                       .type = FIELD_BOOL,
                                       .offset = offsetof(ARGS, synchronized),
                                       .fallback = "false",
                                       .hidden = true,
                                       .help = "normalize the whole batch, not each microbatch"},
                                      FIELD_INITIALIZER(ARGS, beta_initializer, "zeros"),
                                      FIELD_INITIALIZER(ARGS, gamma_initializer, "ones"),
                                      FIELD_INITIALIZER(ARGS, moving_mean_initializer, "zeros"),
                                      FIELD_INITIALIZER(ARGS, moving_variance_initializer, "ones"),
                                      FIELD_REGULARIZER(ARGS, beta_regularizer),
                                      FIELD_REGULARIZER(ARGS, gamma_regularizer),
                                      FIELD_CONSTRAINT(ARGS, beta_constraint),
                                      FIELD_CONSTRAINT(ARGS, gamma_constraint),
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
                          !layer->trainable};
    int next = 0;
    if (args->scale) {
        layer_add_param(layer, "gamma", &vector, true, &args->gamma_initializer,
                        &args->gamma_regularizer)
            ->constraint = &args->gamma_constraint;
        plan->gamma = next++;
    }
    if (args->center) {
        layer_add_param(layer, "beta", &vector, true, &args->beta_initializer,
                        &args->beta_regularizer)
            ->constraint = &args->beta_constraint;
        plan->beta = next++;
    }
    layer_add_param(layer, "moving_mean", &vector, false, &args->moving_mean_initializer, NULL);
    plan->mean = next++;
    layer_add_param(layer, "moving_variance", &vector, false, &args->moving_variance_initializer,
                    NULL);
    plan->variance = next;
    layer->out = *in;
    layer->saved = 2 * plan->channels;   /* mean, 1/sqrt(variance + epsilon) */
    layer->scratch = 7 * plan->channels; /* two sums in double, three factors */
    layer->activates = layer->activation == ACT_RELU;
    layer->stats = plan->frozen ? 0 : 2 * plan->channels;
    layer->shared = args->synchronized ? layer->stats : 0;
    layer->flops = 2.0 * (double)shape_size(in);
    return ST_OK;
}

/* Mean and inverse deviation of channel c into saved, its sums for the step into stats. */
static void keep(const struct layer *layer, const struct pass *p, size_t c, double mean,
                 double variance)
{
    const ARGS *args = layer->args;
    size_t channels = ((const struct plan *)layer->plan)->channels;
    variance = variance < 0.0 ? 0.0 : variance; /* NaN stays NaN */
    p->stats[c] = mean * (double)p->n;
    p->stats[channels + c] = variance * (double)p->n;
    p->saved[c] = (float)mean;
    p->saved[channels + c] = (float)(1.0 / sqrt(variance + args->epsilon));
}

static void keep_own(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    size_t channels = plan->channels, rows = (size_t)p->n * plan->rows;
    double *sum = (double *)(void *)p->scratch, *squares = sum + channels;
    const float *x = p->x[0]; /* its first row is near enough to the mean to be a good origin */
    channels_sum(rows, channels, &(struct channels_pair){x, x, x, x}, sum, squares);
    for (size_t c = 0; c < channels; c++) {
        double from_origin = sum[c] / (double)rows;
        double variance = squares[c] / (double)rows - from_origin * from_origin;
        keep(layer, p, c, (double)x[c] + from_origin, variance);
    }
}

/* The sums of x and of x^2. Floats add up distances from the first row, as in keep_own; from there
 * to the origin 0, which all microbatches have in common, it goes in double, where a mean that is
 * 10^4 deviations away costs 8 digits of 16. */
static void measure(const struct layer *layer, const struct pass *p, double *sums)
{
    const struct plan *plan = layer->plan;
    size_t channels = plan->channels, rows = (size_t)p->n * plan->rows;
    double *sum = sums, *squares = sums + channels;
    const float *x = p->x[0];
    channels_sum(rows, channels, &(struct channels_pair){x, x, x, x}, sum, squares);
    for (size_t c = 0; c < channels; c++) {
        double first = (double)x[c], moved = (double)rows * first;
        squares[c] += first * (2.0 * sum[c] + moved);
        sum[c] += moved;
    }
}

static void keep_total(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    double rows = p->samples * (double)plan->rows;
    for (size_t c = 0; c < plan->channels; c++) {
        double mean = p->total[c] / rows;
        keep(layer, p, c, mean, p->total[plan->channels + c] / rows - mean * mean);
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

static void forward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    size_t channels = plan->channels, rows = (size_t)p->n * plan->rows;
    if (!p->training || plan->frozen)
        recall(layer, p);
    else if (p->total)
        keep_total(layer, p);
    else
        keep_own(layer, p);
    const float *mean = p->saved, *inverse = p->saved + channels;
    float *scale = p->scratch, *offset = p->scratch + channels;
    for (size_t c = 0; c < channels; c++) {
        scale[c] = inverse[c] * (plan->gamma < 0 ? 1.0f : p->w[plan->gamma][c]);
        offset[c] = plan->beta < 0 ? 0.0f : p->w[plan->beta][c];
    }
    channels_scale(rows, channels, p->x[0], mean, scale, offset, layer->activates, p->y);
}

/* With xh = (x - mean) inverse: dbeta = sum dy, dgamma = sum dy xh, of the microbatch. */
static void measure_back(const struct layer *layer, const struct pass *p, double *sums)
{
    const struct plan *plan = layer->plan;
    size_t channels = plan->channels, rows = (size_t)p->n * plan->rows;
    const float *mean = p->saved, *inverse = p->saved + channels;
    double *dbeta = sums, *dgamma = sums + channels;
    float *zero = p->scratch + 4 * channels;
    memset(zero, 0, channels * sizeof *zero);
    channels_sum(rows, channels, &(struct channels_pair){p->dy, zero, p->x[0], mean}, dbeta,
                 dgamma);
    for (size_t c = 0; c < channels; c++) {
        dgamma[c] *= (double)inverse[c];
        if (plan->gamma >= 0)
            p->dw[plan->gamma][c] = (float)dgamma[c];
        if (plan->beta >= 0)
            p->dw[plan->beta][c] = (float)dbeta[c];
    }
}

/* With the sums over the N rows that mean and inverse are of:
 * dx = gamma inverse (dy - dbeta/N - xh dgamma/N); frozen, mean and inverse are constants:
 * dx = gamma inverse dy. */
static void backward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    size_t channels = plan->channels, rows = (size_t)p->n * plan->rows;
    const float *mean = p->saved, *inverse = p->saved + channels;
    double *own = (double *)(void *)p->scratch;
    if (!p->total)
        measure_back(layer, p, own);
    const double *dbeta = p->total ? p->total : own, *dgamma = dbeta + channels;
    double share = 1.0 / (p->total ? p->samples * (double)plan->rows : (double)rows);
    float *scale = p->scratch + 4 * channels, *shift = scale + channels, *slope = shift + channels;
    share = plan->frozen ? 0.0 : share;
    for (size_t c = 0; c < channels; c++) {
        scale[c] = inverse[c] * (plan->gamma < 0 ? 1.0f : p->w[plan->gamma][c]);
        shift[c] = (float)(dbeta[c] * share);
        slope[c] = (float)(dgamma[c] * share * (double)inverse[c]);
    }
    if (p->dx[0])
        channels_scale_back(rows, channels, p->dy, p->x[0], mean, scale, shift, slope, p->dx[0]);
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
    .measure = measure,
    .measure_back = measure_back,
    .update = update,
};
