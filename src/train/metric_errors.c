/* Metrics of regression that are not the mean of a loss. */
#include <math.h>

#include "train/metrics.h"

static void add_squares(const struct metric *metric, const struct loss_input *in, double *sums)
{
    (void)metric;
    for (size_t i = 0; i < (size_t)in->n * in->width; i++) {
        double error = (double)in->output[i] - (double)in->values[i];
        sums[0] += error * error;
    }
}

static double root_of_mean(const struct metric *metric, const double *sums, double samples)
{
    return sqrt(sums[0] / (samples * (double)metric->width));
}

/* The loss's negative. */
static void add_cosine(const struct metric *metric, const struct loss_input *in, double *sums)
{
    extern const struct loss_type loss_cosine_similarity;
    (void)metric;
    sums[0] -= loss_sum(&loss_cosine_similarity, NULL, in, NULL);
}

/* ---- R2: 1 - sum (t - x)^2 / sum (t - mean t)^2, of each output ---- */

enum aggregation { UNIFORM_AVERAGE, VARIANCE_WEIGHTED_AVERAGE };
static const char *const aggregation_names[] = {"uniform_average", "variance_weighted_average",
                                                NULL};

struct r2_args {
    struct metric_common common;
    int class_aggregation;
    int64_t num_regressors;
};

enum { TARGETS, TARGET_SQUARES, ERRORS, R2_SUMS };

static size_t r2_sums(const struct metric *metric)
{
    return R2_SUMS * metric->width;
}

static void add_r2(const struct metric *metric, const struct loss_input *in, double *sums)
{
    (void)metric;
    for (size_t i = 0; i < (size_t)in->n * in->width; i++) {
        double t = (double)in->values[i], error = t - (double)in->output[i];
        double *sum = sums + R2_SUMS * (i % in->width);
        sum[TARGETS] += t;
        sum[TARGET_SQUARES] += t * t;
        sum[ERRORS] += error * error;
    }
}

/* Keras counts each output of a sample as a sample here. Where there are not more of them than
 * regressors and one, the score stays as it is. */
static double adjusted(double score, double samples, double regressors)
{
    if (regressors == 0.0 || regressors >= samples - 1.0)
        return score;
    return 1.0 - (1.0 - score) * (samples - 1.0) / (samples - regressors - 1.0);
}

static double r2_result(const struct metric *metric, const double *sums, double samples)
{
    const struct r2_args *args = metric->given->args;
    double mean = 0.0, weighted = 0.0, weight = 0.0, width = (double)metric->width;
    for (size_t c = 0; c < metric->width; c++) {
        const double *sum = sums + R2_SUMS * c;
        double total = sum[TARGET_SQUARES] - sum[TARGETS] * (sum[TARGETS] / samples);
        double score = 1.0 - sum[ERRORS] / total;
        score = isinf(score) ? 0.0 : score;
        mean += score / width;
        weighted += total * score;
        weight += total;
    }
    double score = args->class_aggregation == UNIFORM_AVERAGE ? mean : weighted / weight;
    return adjusted(score, samples * width, (double)args->num_regressors);
}

static const struct field r2_fields[] = {
    {.key = "class_aggregation",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct r2_args, class_aggregation),
     .fallback = "uniform_average",
     .choices = aggregation_names,
     .help = "how the scores of several outputs become one"},
    {.key = "num_regressors",
     .type = FIELD_INT,
     .offset = offsetof(struct r2_args, num_regressors),
     .fallback = "0",
     .min = 0,
     .max = 1 << 30,
     .help = "independent variables, for the adjusted score; 0: the standard one"},
    {0}};
static const struct schema r2_schema = {"R2Score", r2_fields, &metric_common_schema};

const struct metric_type metric_root_mean_squared_error = {
    .kind = {"RootMeanSquaredError", &metric_common_schema, sizeof(struct metric_common),
             &metric_root_mean_squared_error},
    .column = "root_mean_squared_error",
    .targets = METRIC_VALUES,
    .add = add_squares,
    .result = root_of_mean};
const struct metric_type metric_cosine_similarity = {
    .kind = {"CosineSimilarity", &metric_common_schema, sizeof(struct metric_common),
             &metric_cosine_similarity},
    .column = "cosine_similarity",
    .larger_is_better = true,
    .targets = METRIC_VALUES,
    .add = add_cosine};
const struct metric_type metric_r2_score = {
    .kind = {"R2Score", &r2_schema, sizeof(struct r2_args), &metric_r2_score},
    .column = "r2_score",
    .larger_is_better = true,
    .targets = METRIC_VALUES,
    .sums = r2_sums,
    .add = add_r2,
    .result = r2_result};
