/* The crossentropies and their focal forms (T.-Y. Lin et al., Focal Loss, ICCV 2017), as in Keras:
 * of classes the sum over a row, of two-way choices the mean. From probabilities p they clip p to
 * epsilon..1 - epsilon, and classes are first divided by their sum. */
#include "kernels/vmath.h"
#include "train/losses.h"

/* The row's maximum, and the sum of e^(x - maximum); the exponentials go to e. */
static float softmax_sum(size_t width, const float *x, float *largest, float *e)
{
    float most = x[0], sum = 0.0f;
    for (size_t i = 1; i < width; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < width; i++) {
        float value = vm_exp(x[i] - most);
        sum += value;
        if (e)
            e[i] = value;
    }
    *largest = most;
    return sum;
}

static bool is_clipped(double p)
{
    return p < LOSS_EPSILON || p > 1.0 - LOSS_EPSILON;
}

static double clip(double p)
{
    return p < LOSS_EPSILON ? LOSS_EPSILON : p > 1.0 - LOSS_EPSILON ? 1.0 - LOSS_EPSILON : p;
}

static double sum_of(const struct loss_row *row)
{
    double sum = 0.0;
    for (size_t i = 0; i < row->n; i++)
        sum += (double)row->x[i];
    return sum;
}

/* The target of class i, smoothed. */
static double target_of(const struct crossentropy_args *args, const struct loss_row *row, size_t i)
{
    double t = row->t ? (double)row->t[i] : i == (size_t)row->label ? 1.0 : 0.0;
    return t * (1.0 - args->label_smoothing) + args->label_smoothing / (double)row->n;
}

/* With q = x / sum(x): slopes s by q, in d, become slopes by x; along is sum(s q). */
static void through_division(const struct loss_row *row, double sum, double along, float *d)
{
    for (size_t i = 0; i < row->n; i++)
        d[i] = (float)(((double)d[i] - along) / sum);
}

/* log sum e^x - x[label]; d = softmax(x) - onehot(label) */
static double sparse_from_logits(const struct loss_row *row, float *d)
{
    float largest, sum = softmax_sum(row->n, row->x, &largest, d);
    for (size_t i = 0; d && i < row->n; i++)
        d[i] = d[i] / sum - (i == (size_t)row->label ? 1.0f : 0.0f);
    return dm_log((double)sum) + ((double)largest - (double)row->x[row->label]);
}

/* sum of t (log sum e^x - x); d = softmax(x) sum(t) - t */
static double from_logits(const struct crossentropy_args *args, const struct loss_row *row,
                          float *d)
{
    float largest, sum = softmax_sum(row->n, row->x, &largest, d);
    double log_sum = dm_log((double)sum) + (double)largest, weight = 0.0, total = 0.0;
    for (size_t i = 0; i < row->n; i++) {
        double t = target_of(args, row, i);
        total += t * (log_sum - (double)row->x[i]);
        weight += t;
    }
    for (size_t i = 0; d && i < row->n; i++)
        d[i] = (float)((double)d[i] / (double)sum * weight - target_of(args, row, i));
    return total;
}

/* -sum of t log q, q = x / sum(x) clipped */
static double from_probabilities(const struct crossentropy_args *args, const struct loss_row *row,
                                 float *d)
{
    double sum = sum_of(row), total = 0.0, along = 0.0;
    for (size_t i = 0; i < row->n; i++) {
        double t = target_of(args, row, i), q = (double)row->x[i] / sum;
        double slope = is_clipped(q) ? 0.0 : -t / q;
        total -= t == 0.0 && q == q ? 0.0 : t * dm_log(clip(q));
        along += slope * q;
        if (d)
            d[i] = (float)slope;
    }
    if (d)
        through_division(row, sum, along, d);
    return total;
}

static double sparse_categorical(const void *args, const struct loss_row *row, float *d)
{
    return row->logits ? sparse_from_logits(row, d) : from_probabilities(args, row, d);
}

static double categorical(const void *args, const struct loss_row *row, float *d)
{
    return row->logits ? from_logits(args, row, d) : from_probabilities(args, row, d);
}

/* The target of a two-way choice, smoothed. */
static double choice_of(const struct crossentropy_args *args, const struct loss_row *row, size_t i)
{
    return (double)row->t[i] * (1.0 - args->label_smoothing) + 0.5 * args->label_smoothing;
}

/* From logits max(x,0) - x t + log(1 + e^-|x|), whose slope is sigmoid(x) - t; else
 * -t log p - (1 - t) log(1 - p) */
static double binary(const void *args, const struct loss_row *row, float *d)
{
    double total = 0.0, share = 1.0 / (double)row->n;
    for (size_t i = 0; i < row->n; i++) {
        double x = (double)row->x[i], t = choice_of(args, row, i), p = clip(x);
        if (row->logits)
            total += (x > 0.0 ? x : 0.0) - x * t + dm_log(1.0 + dm_exp(x < 0.0 ? x : -x));
        else
            total -= t * dm_log(p) + (1.0 - t) * dm_log(1.0 - p);
        if (d && row->logits)
            d[i] = (float)(((double)vm_sigmoid(row->x[i]) - t) * share);
        else if (d)
            d[i] = is_clipped(x) ? 0.0f : (float)(((1.0 - t) / (1.0 - p) - t / p) * share);
    }
    return total * share;
}

/* ---- Focal ---- */

struct focal_args {
    struct crossentropy_args common;
    double alpha, gamma;
    bool apply_class_balancing;
};

/* u^e for u >= 0 */
static double power(double u, double e)
{
    return u <= 0.0 ? (e == 0.0 ? 1.0 : 0.0) : dm_exp(e * dm_log(u));
}

/* With q_t = t p + (1 - t) (1 - p): (1 - q_t)^gamma times the crossentropy of p; balanced, times
 * alpha where t is 1 and 1 - alpha where it is 0. From logits p = sigmoid(x). */
static double binary_focal(const void *args, const struct loss_row *row, float *d)
{
    const struct focal_args *a = args;
    double total = 0.0, share = 1.0 / (double)row->n;
    for (size_t i = 0; i < row->n; i++) {
        double x = (double)row->x[i], t = choice_of(&a->common, row, i);
        double raw = row->logits ? 1.0 / (1.0 + dm_exp(-x)) : x, p = clip(raw);
        double miss = 1.0 - (t * raw + (1.0 - t) * (1.0 - raw));
        double weight = a->apply_class_balancing ? t * a->alpha + (1.0 - t) * (1.0 - a->alpha) : 1;
        double factor = power(miss, a->gamma);
        double entropy = -(t * dm_log(p) + (1.0 - t) * dm_log(1.0 - p));
        total += weight * factor * entropy;
        double factor_slope = a->gamma * power(miss, a->gamma - 1.0) * (1.0 - 2.0 * t);
        double entropy_slope = is_clipped(raw) ? 0.0 : (1.0 - t) / (1.0 - p) - t / p;
        double slope = weight * (factor_slope * entropy + factor * entropy_slope);
        if (d)
            d[i] = (float)(slope * share * (row->logits ? raw * (1.0 - raw) : 1.0));
    }
    return total * share;
}

/* sum of alpha (1 - q)^gamma t (-log q), q = x / sum(x) clipped; from logits q = softmax(x), whose
 * slopes s become q (s - sum(s q)). */
static double categorical_focal(const void *args, const struct loss_row *row, float *d)
{
    const struct focal_args *a = args;
    float largest = 0.0f;
    double total = 0.0, along = 0.0;
    double sum = row->logits ? (double)softmax_sum(row->n, row->x, &largest, NULL) : sum_of(row);
    for (size_t i = 0; i < row->n; i++) {
        double x = row->logits ? (double)vm_exp(row->x[i] - largest) : (double)row->x[i];
        double t = target_of(&a->common, row, i), raw = x / sum, q = clip(raw), rest = 1.0 - q;
        double log_q = dm_log(q), factor = a->alpha * power(rest, a->gamma);
        double slope = a->alpha * a->gamma * power(rest, a->gamma - 1.0) * t * log_q;
        slope = is_clipped(raw) ? 0.0 : slope - factor * t / q;
        total -= factor * t * log_q;
        along += slope * raw;
        if (d)
            d[i] = (float)slope;
    }
    if (d && !row->logits)
        through_division(row, sum, along, d);
    for (size_t i = 0; d && row->logits && i < row->n; i++)
        d[i] = (float)((double)vm_exp(row->x[i] - largest) / sum * ((double)d[i] - along));
    return total;
}

/* ---- Arguments ---- */

#define FROM_LOGITS                                                                                \
    {                                                                                              \
        .key = "from_logits", .type = FIELD_BOOL,                                                  \
        .offset = offsetof(struct crossentropy_args, from_logits), .fallback = "false",            \
        .help = "the model's last activation is linear and its outputs are logits"                 \
    }
#define LABEL_SMOOTHING                                                                            \
    {                                                                                              \
        .key = "label_smoothing", .type = FIELD_FLOAT,                                             \
        .offset = offsetof(struct crossentropy_args, label_smoothing), .fallback = "0.0",          \
        .min = 0, .max = 1, .help = "how much of the target goes to all classes alike"             \
    }
#define ALPHA                                                                                      \
    {                                                                                              \
        .key = "alpha", .type = FIELD_FLOAT, .offset = offsetof(struct focal_args, alpha),         \
        .fallback = "0.25", .min = 0, .max = 1e30, .help = "weight of a class"                     \
    }
#define GAMMA                                                                                      \
    {                                                                                              \
        .key = "gamma", .type = FIELD_FLOAT, .offset = offsetof(struct focal_args, gamma),         \
        .fallback = "2.0", .min = 0, .max = 100,                                                   \
        .help = "how much less the samples count that are classified well"                         \
    }
#define BALANCING                                                                                  \
    {                                                                                              \
        .key = "apply_class_balancing", .type = FIELD_BOOL,                                        \
        .offset = offsetof(struct focal_args, apply_class_balancing), .fallback = "false",         \
        .help = "alpha for targets of 1, 1 - alpha for 0"                                          \
    }

/* loss_NAME with these fields. */
#define CROSSENTROPY(name_, size_, labels_, logits_, keras_, row_, ...)                            \
    static const struct field row_##_fields[] = {__VA_ARGS__, {0}};                                \
    static const struct schema row_##_schema = {#name_, row_##_fields, NULL};                      \
    const struct loss_type loss_##name_ = {                                                        \
        .kind = {#name_, &row_##_schema, sizeof(struct size_), &loss_##name_},                     \
        .needs_labels = labels_,                                                                   \
        .logits = logits_,                                                                         \
        .keras = keras_,                                                                           \
        .row = row_}

CROSSENTROPY(sparse_categorical_crossentropy, crossentropy_args, true, ACT_SOFTMAX, KERAS_HAS,
             sparse_categorical, FROM_LOGITS);
CROSSENTROPY(categorical_crossentropy, crossentropy_args, false, ACT_SOFTMAX, KERAS_HAS,
             categorical, FROM_LOGITS, LABEL_SMOOTHING);
CROSSENTROPY(binary_crossentropy, crossentropy_args, false, ACT_SIGMOID, KERAS_HAS, binary,
             FROM_LOGITS, LABEL_SMOOTHING);
CROSSENTROPY(categorical_focal_crossentropy, focal_args, false, ACT_SOFTMAX, KERAS_HAS_LOSS,
             categorical_focal, ALPHA, GAMMA, FROM_LOGITS, LABEL_SMOOTHING);
CROSSENTROPY(binary_focal_crossentropy, focal_args, false, ACT_SIGMOID, KERAS_HAS_LOSS,
             binary_focal, BALANCING, ALPHA, GAMMA, FROM_LOGITS, LABEL_SMOOTHING);
