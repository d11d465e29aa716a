/* Metrics: numbers to watch, made of sums over samples. A metric says how many doubles a sample
 * adds to, and what their totals mean; so they go over the canonical tree, and into checkpoints,
 * like the loss. The model's output reaches a metric activated, and samples are not weighted, as
 * Keras does for `metrics`. */
#ifndef CONVOY_TRAIN_METRICS_H
#define CONVOY_TRAIN_METRICS_H

#include "train/losses.h"

enum { METRICS_MAX = 16, METRIC_NAME_SIZE = 40, METRIC_MAX_SUMS = 1 << 16 };

/* A metric in use, on one output of a model. */
struct metric {
    const struct metric_type *type;
    const struct variant
        *given; /* its kind and arguments; of a loss that is watched, that loss's */
    char name[METRIC_NAME_SIZE]; /* of its column: "accuracy", "mae" */
    size_t width, classes, sums; /* of the output, as in struct loss_input; the doubles it takes */
};

enum metric_targets { METRIC_ANY, METRIC_LABELS, METRIC_VALUES };

struct metric_type {
    struct kind kind;   /* Keras's class name; the arguments begin with struct metric_common */
    const char *column; /* Keras's default name */
    bool larger_is_better;
    enum metric_targets targets;
    /* How many sums it takes; NULL: one. */
    size_t (*sums)(const struct metric *metric);
    /* Are the arguments right for the output? NULL: they are. Errors: ST_USAGE with position. */
    enum status (*check)(const struct metric *metric);
    /* Adds the samples' parts to sums, in sample order. */
    void (*add)(const struct metric *metric, const struct loss_input *input, double *sums);
    /* The number to show, of the sums over so many samples; NULL: the mean, sums[0] / samples. */
    double (*result)(const struct metric *metric, const double *sums, double samples);
};

/* What the arguments of every metric begin with (but not those of losses). */
struct metric_common {
    char *name; /* of its column; NULL: its own */
};
extern const struct schema metric_common_schema;

/* Ends with NULL: the metrics of metrics.def, then the losses. */
extern const struct kind *const metric_kinds[];
extern const struct alias metric_aliases[];

/* The target of number i of the output, a class number as a vector with one 1. */
static inline double metric_target(const struct loss_input *input, size_t i)
{
    if (input->labels)
        return (size_t)input->labels[i / input->classes] == i % input->classes ? 1.0 : 0.0;
    return (double)input->values[i];
}

/* The first of the largest. */
size_t metric_argmax(size_t n, const float *x);

/* Sets the metrics up for a model that is trained on such targets. Errors: ST_USAGE. */
enum status metrics_resolve(const struct variant_list *list, const struct model *model,
                            enum target_form form, struct metric out[METRICS_MAX], size_t *count);

/* Does Keras have it as a metric? */
bool metric_in_keras(const struct variant *metric);

double metric_result(const struct metric *metric, const double *sums, double samples);

#endif
