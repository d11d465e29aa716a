/* Losses to which each number adds a part of its own: the mean over a row. Formulas as in Keras. */
#include <float.h>

#include "kernels/vmath.h"
#include "train/losses.h"

/* The part of an output x with target t, and its derivative by x. */
struct point {
    double value, slope;
};

static double magnitude(double x)
{
    return x < 0.0 ? -x : x;
}

/* 0 at 0, as in TensorFlow and PyTorch; NaN of NaN. */
static double sign(double x)
{
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x;
}

/* (x - t)^2 */
static inline struct point squared(const void *args, double x, double t)
{
    (void)args;
    return (struct point){(x - t) * (x - t), 2.0 * (x - t)};
}

/* |x - t| */
static inline struct point absolute(const void *args, double x, double t)
{
    (void)args;
    return (struct point){magnitude(x - t), sign(x - t)};
}

/* 100 |x - t| / max(|t|, epsilon) */
static inline struct point percentage(const void *args, double x, double t)
{
    (void)args;
    double size = magnitude(t), scale = 100.0 / (size < LOSS_EPSILON ? LOSS_EPSILON : size);
    return (struct point){scale * magnitude(x - t), scale * sign(x - t)};
}

/* (log(1 + max(x, epsilon)) - log(1 + max(t, epsilon)))^2 */
static inline struct point logarithmic(const void *args, double x, double t)
{
    (void)args;
    double a = x < LOSS_EPSILON ? LOSS_EPSILON : x, b = t < LOSS_EPSILON ? LOSS_EPSILON : t;
    double difference = dm_log(1.0 + a) - dm_log(1.0 + b);
    return (struct point){difference * difference,
                          x < LOSS_EPSILON ? 0.0 : 2.0 * difference / (1.0 + a)};
}

struct huber_args {
    double delta;
};

/* With e = x - t: e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2 */
static inline struct point huber(const void *args, double x, double t)
{
    double delta = ((const struct huber_args *)args)->delta, e = x - t;
    if (magnitude(e) > delta)
        return (struct point){delta * magnitude(e) - 0.5 * delta * delta, delta * sign(e)};
    return (struct point){0.5 * e * e, e};
}

/* With e = x - t: log cosh e = |e| + log(1 + exp(-2 |e|)) - log 2; its slope is tanh e. */
static inline struct point log_cosh(const void *args, double x, double t)
{
    (void)args;
    double e = magnitude(x - t), small = dm_exp(-2.0 * e);
    return (struct point){e + dm_log(1.0 + small) - 0x1.62e42fefa39efp-1,
                          sign(x - t) * (1.0 - small) / (1.0 + small)};
}

/* x - t log(x + epsilon) */
static inline struct point poisson(const void *args, double x, double t)
{
    (void)args;
    double shifted = x + LOSS_EPSILON;
    return (struct point){x - t * dm_log(shifted), 1.0 - t / shifted};
}

/* Keras takes targets that are 0 or 1 throughout a batch for -1 and 1. Here each 0 is -1, so that a
 * sample's loss does not depend on the others: the same for targets of either kind. */
static double signed_target(double t)
{
    return t == 0.0 ? -1.0 : t;
}

/* max(0, 1 - t x) */
static inline struct point hinge(const void *args, double x, double t)
{
    (void)args;
    double s = signed_target(t), margin = 1.0 - s * x;
    return margin <= 0.0 ? (struct point){0.0, 0.0}
                         : (struct point){margin, margin > 0.0 ? -s : margin};
}

/* max(0, 1 - t x)^2 */
static inline struct point squared_hinge(const void *args, double x, double t)
{
    (void)args;
    double s = signed_target(t), margin = 1.0 - s * x;
    return margin <= 0.0 ? (struct point){0.0, 0.0}
                         : (struct point){margin * margin, -2.0 * s * margin};
}

/* loss_NAME, made of the function for a point. */
#define POINTWISE(name_, point_, schema_, size_, keras_)                                           \
    static double point_##_row(const void *args, const struct loss_row *row, float *d)             \
    {                                                                                              \
        double total = 0.0, share = 1.0 / (double)row->n;                                          \
        for (size_t i = 0; i < row->n; i++) {                                                      \
            struct point p = point_(args, (double)row->x[i], (double)row->t[i]);                   \
            total += p.value;                                                                      \
            if (d)                                                                                 \
                d[i] = (float)(p.slope * share);                                                   \
        }                                                                                          \
        return total * share;                                                                      \
    }                                                                                              \
    const struct loss_type loss_##name_ = {.kind = {#name_, schema_, size_, &loss_##name_},        \
                                           .pointwise = true,                                      \
                                           .keras = keras_,                                        \
                                           .row = point_##_row}

static const struct field huber_fields[] = {{.key = "delta",
                                             .type = FIELD_FLOAT,
                                             .offset = offsetof(struct huber_args, delta),
                                             .fallback = "1.0",
                                             .min = DBL_MIN,
                                             .max = 1e30,
                                             .bare = true,
                                             .help = "errors above it count linearly"},
                                            {0}};
static const struct schema huber_schema = {"huber", huber_fields, NULL};

POINTWISE(mean_squared_error, squared, NULL, 0, KERAS_HAS);
POINTWISE(mean_absolute_error, absolute, NULL, 0, KERAS_HAS);
POINTWISE(mean_absolute_percentage_error, percentage, NULL, 0, KERAS_HAS);
POINTWISE(mean_squared_logarithmic_error, logarithmic, NULL, 0, KERAS_HAS);
POINTWISE(huber, huber, &huber_schema, sizeof(struct huber_args), KERAS_HAS_LOSS);
POINTWISE(log_cosh, log_cosh, NULL, 0, KERAS_HAS_LOSS);
POINTWISE(poisson, poisson, NULL, 0, KERAS_HAS);
POINTWISE(hinge, hinge, NULL, 0, KERAS_HAS);
POINTWISE(squared_hinge, squared_hinge, NULL, 0, KERAS_HAS);
