/* Metrics of true and false positives and negatives, as in Keras; class numbers count as vectors
 * with one 1. */
#include <math.h>

#include "train/metrics.h"

static double ratio(double a, double b)
{
    return b == 0.0 ? 0.0 : a / b;
}

/* ---- Precision and recall: of all numbers of the output, or of one class ---- */

struct binary_args {
    struct metric_common common;
    double thresholds;
    int64_t class_id;
};

enum { TP, FP, FN, COUNTS };

static size_t binary_sums(const struct metric *metric)
{
    (void)metric;
    return COUNTS;
}

static enum status check_binary(const struct metric *metric)
{
    const struct binary_args *args = metric->given->args;
    FAIL_IF(args->class_id != FIELD_NONE && (size_t)args->class_id >= metric->classes, ST_USAGE,
            "%smetric %s: class_id: found %lld, the model has %zu classes",
            position_text(metric->given->position), metric->type->kind.name,
            (long long)args->class_id, metric->classes);
    return ST_OK;
}

static void add_binary(const struct metric *metric, const struct loss_input *in, double *sums)
{
    const struct binary_args *args = metric->given->args;
    bool one = args->class_id != FIELD_NONE;
    size_t step = one ? in->classes : 1;
    for (size_t i = one ? (size_t)args->class_id : 0; i < (size_t)in->n * in->width; i += step) {
        bool found = (double)in->output[i] > args->thresholds, wanted = metric_target(in, i) != 0.0;
        sums[TP] += found && wanted;
        sums[FP] += found && !wanted;
        sums[FN] += !found && wanted;
    }
}

static double precision(const struct metric *metric, const double *sums, double samples)
{
    (void)metric;
    (void)samples;
    return ratio(sums[TP], sums[TP] + sums[FP]);
}

static double recall(const struct metric *metric, const double *sums, double samples)
{
    (void)metric;
    (void)samples;
    return ratio(sums[TP], sums[TP] + sums[FN]);
}

/* ---- F scores: counts of each class ---- */

enum average { AVERAGE_MACRO, AVERAGE_MICRO, AVERAGE_WEIGHTED };
static const char *const average_names[] = {"macro", "micro", "weighted", NULL};

struct f_args {
    struct metric_common common;
    int average;
    double threshold; /* NAN: the largest output is the prediction */
    double beta;
};

static size_t f_sums(const struct metric *metric)
{
    return COUNTS * metric->classes;
}

static enum status check_f(const struct metric *metric)
{
    FAIL_IF(metric->width != metric->classes, ST_USAGE,
            "%smetric %s needs a vector of outputs; the model's has %zu rows",
            position_text(metric->given->position), metric->type->kind.name,
            metric->width / metric->classes);
    return ST_OK;
}

static void add_f(const struct metric *metric, const struct loss_input *in, double *sums)
{
    const struct f_args *args = metric->given->args;
    for (size_t s = 0; s < (size_t)in->n; s++) {
        const float *x = in->output + s * in->width;
        float largest = x[metric_argmax(in->width, x)];
        for (size_t c = 0; c < in->width; c++) {
            bool top = x[c] >= largest && fabs((double)x[c]) > 1e-9;
            bool found = isnan(args->threshold) ? top : (double)x[c] > args->threshold;
            double wanted = metric_target(in, s * in->width + c), *sum = sums + COUNTS * c;
            sum[TP] += found ? wanted : 0.0;
            sum[FP] += found ? 1.0 - wanted : 0.0;
            sum[FN] += found ? 0.0 : wanted;
        }
    }
}

static double f_of(const double *sum, double beta)
{
    double p = sum[TP] / (sum[TP] + sum[FP] + LOSS_EPSILON);
    double r = sum[TP] / (sum[TP] + sum[FN] + LOSS_EPSILON);
    return p * r / (beta * beta * p + r + LOSS_EPSILON) * (1.0 + beta * beta);
}

static double f_average(const struct metric *metric, const double *sums, double beta)
{
    const struct f_args *args = metric->given->args;
    double all[COUNTS] = {0}, mean = 0.0, weighted = 0.0, weight = 0.0;
    for (size_t c = 0; c < metric->classes; c++) {
        const double *sum = sums + COUNTS * c;
        double f = f_of(sum, beta), wanted = sum[TP] + sum[FN];
        for (int k = 0; k < COUNTS; k++)
            all[k] += sum[k];
        mean += f / (double)metric->classes;
        weighted += f * wanted;
        weight += wanted;
    }
    return args->average == AVERAGE_MICRO      ? f_of(all, beta)
           : args->average == AVERAGE_WEIGHTED ? weighted / (weight + LOSS_EPSILON)
                                               : mean;
}

static double f1_result(const struct metric *metric, const double *sums, double samples)
{
    (void)samples;
    return f_average(metric, sums, 1.0);
}

static double fbeta_result(const struct metric *metric, const double *sums, double samples)
{
    (void)samples;
    return f_average(metric, sums, ((const struct f_args *)metric->given->args)->beta);
}

/* ---- Arguments ---- */

static const struct field binary_fields[] = {
    {.key = "thresholds",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct binary_args, thresholds),
     .fallback = "0.5",
     .min = 0,
     .max = 1,
     .help = "a larger output is a prediction of 1"},
    {.key = "class_id",
     .type = FIELD_INT,
     .offset = offsetof(struct binary_args, class_id),
     .fallback = "null",
     .min = 0,
     .max = 1 << 30,
     .nullable = true,
     .help = "the class that is looked at; null: all outputs together"},
    {0}};
static const struct schema binary_schema = {"metric", binary_fields, &metric_common_schema};

#define AVERAGE                                                                                    \
    {                                                                                              \
        .key = "average", .type = FIELD_CHOICE, .offset = offsetof(struct f_args, average),        \
        .fallback = "macro", .choices = average_names,                                             \
        .help = "over the classes; micro: of all counts together, weighted: by frequency"          \
    }
#define THRESHOLD                                                                                  \
    {                                                                                              \
        .key = "threshold", .type = FIELD_FLOAT, .offset = offsetof(struct f_args, threshold),     \
        .fallback = "null", .min = 0, .max = 1, .nullable = true,                                  \
        .help = "a larger output is a prediction; null: the largest output is"                     \
    }
static const struct field f1_fields[] = {AVERAGE, THRESHOLD, {0}};
static const struct schema f1_schema = {"F1Score", f1_fields, &metric_common_schema};
static const struct field fbeta_fields[] = {AVERAGE,
                                            {.key = "beta",
                                             .type = FIELD_FLOAT,
                                             .offset = offsetof(struct f_args, beta),
                                             .fallback = "1.0",
                                             .min = 1e-6,
                                             .max = 1e6,
                                             .help = "how much more recall counts"},
                                            THRESHOLD,
                                            {0}};
static const struct schema fbeta_schema = {"FBetaScore", fbeta_fields, &metric_common_schema};

#define COUNTED(symbol, name_, column_, schema_, args_, sums_, check_, add_, result_)              \
    const struct metric_type symbol = {.kind = {name_, &schema_, sizeof(struct args_), &symbol},   \
                                       .column = column_,                                          \
                                       .larger_is_better = true,                                   \
                                       .sums = sums_,                                              \
                                       .check = check_,                                            \
                                       .add = add_,                                                \
                                       .result = result_}
COUNTED(metric_precision, "Precision", "precision", binary_schema, binary_args, binary_sums,
        check_binary, add_binary, precision);
COUNTED(metric_recall, "Recall", "recall", binary_schema, binary_args, binary_sums, check_binary,
        add_binary, recall);
COUNTED(metric_f1_score, "F1Score", "f1_score", f1_schema, f_args, f_sums, check_f, add_f,
        f1_result);
COUNTED(metric_fbeta_score, "FBetaScore", "fbeta_score", fbeta_schema, f_args, f_sums, check_f,
        add_f, fbeta_result);
