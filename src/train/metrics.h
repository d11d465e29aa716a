/* Metrics: sums over samples that average to a number to watch. */
#ifndef CONVOY_TRAIN_METRICS_H
#define CONVOY_TRAIN_METRICS_H

#include "train/losses.h"

enum { METRICS_MAX = 8 };

struct metric {
    const char *name; /* as shown: "accuracy", "mae" */
    const char *full; /* as Keras names it: "mean_absolute_error" */
    bool larger_is_better;
    /* Sum over the samples; output is activated. */
    double (*compute)(const struct loss_input *input);
};

/* Finds the metrics by name for a model trained on such targets. Errors: ST_USAGE. */
enum status metrics_resolve(const struct string_list *names, const struct model *model,
                            enum target_form form, struct metric out[METRICS_MAX], size_t *count);

#endif
