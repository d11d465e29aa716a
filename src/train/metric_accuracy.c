/* How often the prediction is the target. Of an output with several rows a sample's part is the
 * mean over them. */
#include "train/metrics.h"

/* The mean of right(row) over the rows of each sample. */
static double count_rows(const struct metric *metric, const struct loss_input *in,
                         bool (*right)(const struct metric *, const struct loss_input *, size_t))
{
    size_t rows = in->width / in->classes, found = 0;
    for (size_t r = 0; r < (size_t)in->n * rows; r++)
        found += right(metric, in, r);
    return (double)found / (double)rows;
}

static size_t target_class(const struct loss_input *in, size_t row)
{
    return in->labels ? (size_t)in->labels[row]
                      : metric_argmax(in->classes, in->values + row * in->classes);
}

static bool is_largest(const struct metric *metric, const struct loss_input *in, size_t row)
{
    (void)metric;
    return metric_argmax(in->classes, in->output + row * in->classes) == target_class(in, row);
}

static void add_largest(const struct metric *metric, const struct loss_input *in, double *sums)
{
    sums[0] += count_rows(metric, in, is_largest);
}

struct binary_args {
    struct metric_common common;
    double threshold;
};

static void add_above(const struct loss_input *in, double threshold, double *sums)
{
    size_t right = 0;
    for (size_t i = 0; i < (size_t)in->n * in->width; i++)
        right += in->values[i] == ((double)in->output[i] > threshold ? 1.0f : 0.0f);
    sums[0] += (double)right / (double)in->width;
}

static void add_binary(const struct metric *metric, const struct loss_input *in, double *sums)
{
    add_above(in, ((const struct binary_args *)metric->given->args)->threshold, sums);
}

/* Keras chooses by the shapes: one output is a two-way choice. */
static void add_accuracy(const struct metric *metric, const struct loss_input *in, double *sums)
{
    if (in->classes == 1)
        add_above(in, 0.5, sums);
    else
        add_largest(metric, in, sums);
}

struct top_k_args {
    struct metric_common common;
    int64_t k;
};

/* Are fewer than k outputs larger than that of the target? */
static bool is_in_top(const struct metric *metric, const struct loss_input *in, size_t row)
{
    const float *x = in->output + row * in->classes, own = x[target_class(in, row)];
    int64_t larger = 0;
    for (size_t i = 0; i < in->classes; i++)
        larger += x[i] > own || own != own;
    return larger < ((const struct top_k_args *)metric->given->args)->k;
}

static void add_top_k(const struct metric *metric, const struct loss_input *in, double *sums)
{
    sums[0] += count_rows(metric, in, is_in_top);
}

static const struct field binary_fields[] = {{.key = "threshold",
                                              .type = FIELD_FLOAT,
                                              .offset = offsetof(struct binary_args, threshold),
                                              .fallback = "0.5",
                                              .help = "a larger output is a prediction of 1"},
                                             {0}};
static const struct schema binary_schema = {"BinaryAccuracy", binary_fields, &metric_common_schema};

static const struct field top_k_fields[] = {{.key = "k",
                                             .type = FIELD_INT,
                                             .offset = offsetof(struct top_k_args, k),
                                             .fallback = "5",
                                             .min = 1,
                                             .max = 1 << 30,
                                             .bare = true,
                                             .help = "the target may be one of the k best"},
                                            {0}};
static const struct schema top_k_schema = {"TopKCategoricalAccuracy", top_k_fields,
                                           &metric_common_schema};

const struct metric_type metric_accuracy = {.kind = {.name = "accuracy", .impl = &metric_accuracy},
                                            .column = "accuracy",
                                            .larger_is_better = true,
                                            .add = add_accuracy};
const struct metric_type metric_binary_accuracy = {
    .kind = {"BinaryAccuracy", &binary_schema, sizeof(struct binary_args), &metric_binary_accuracy},
    .column = "binary_accuracy",
    .larger_is_better = true,
    .targets = METRIC_VALUES,
    .add = add_binary};
const struct metric_type metric_categorical_accuracy = {
    .kind = {"CategoricalAccuracy", &metric_common_schema, sizeof(struct metric_common),
             &metric_categorical_accuracy},
    .column = "categorical_accuracy",
    .larger_is_better = true,
    .targets = METRIC_VALUES,
    .add = add_largest};
const struct metric_type metric_sparse_categorical_accuracy = {
    .kind = {"SparseCategoricalAccuracy", &metric_common_schema, sizeof(struct metric_common),
             &metric_sparse_categorical_accuracy},
    .column = "sparse_categorical_accuracy",
    .larger_is_better = true,
    .targets = METRIC_LABELS,
    .add = add_largest};
const struct metric_type metric_top_k_categorical_accuracy = {
    .kind = {"TopKCategoricalAccuracy", &top_k_schema, sizeof(struct top_k_args),
             &metric_top_k_categorical_accuracy},
    .column = "top_k_categorical_accuracy",
    .larger_is_better = true,
    .targets = METRIC_VALUES,
    .add = add_top_k};
const struct metric_type metric_sparse_top_k_categorical_accuracy = {
    .kind = {"SparseTopKCategoricalAccuracy", &top_k_schema, sizeof(struct top_k_args),
             &metric_sparse_top_k_categorical_accuracy},
    .column = "sparse_top_k_categorical_accuracy",
    .larger_is_better = true,
    .targets = METRIC_LABELS,
    .add = add_top_k};
