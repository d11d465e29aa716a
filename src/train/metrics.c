#include "train/metrics.h"

#include <stdio.h>
#include <string.h>

#define METRIC(symbol) extern const struct metric_type symbol;
#define LOSS(symbol) extern const struct loss_type symbol;
#include "train/losses.def"
#include "train/metrics.def"
#undef METRIC
#undef LOSS

const struct kind *const metric_kinds[] = {
#define METRIC(symbol) &symbol.kind,
#define LOSS(symbol) &symbol.kind,
#include "train/metrics.def"
/* the first of a name is taken */
#include "train/losses.def"
#undef METRIC
#undef LOSS
    NULL};

const struct alias metric_aliases[] = {
    LOSS_ALIASES, {"acc", "accuracy"}, {"rmse", "RootMeanSquaredError"}, {0}};

static const struct field common_fields[] = {{.key = "name",
                                              .type = FIELD_STRING,
                                              .offset = offsetof(struct metric_common, name),
                                              .fallback = "null",
                                              .nullable = true,
                                              .help = "of its column in history.csv"},
                                             {0}};
const struct schema metric_common_schema = {"metric", common_fields, NULL};

size_t metric_argmax(size_t n, const float *x)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

/* ---- Losses as metrics: their mean ---- */

static bool is_loss(const struct kind *kind)
{
    for (size_t i = 0; loss_kinds[i]; i++)
        if (loss_kinds[i] == kind)
            return true;
    return false;
}

static void add_loss(const struct metric *metric, const struct loss_input *in, double *sums)
{
    const struct loss_type *type = metric->given->kind->impl;
    const struct crossentropy_args *crossentropy =
        type->logits == ACT_LINEAR ? NULL : metric->given->args;
    struct loss_input own = *in;
    own.logits = crossentropy && crossentropy->from_logits;
    sums[0] += loss_sum(type, metric->given->args, &own, NULL);
}

static const struct metric_type mean_of_loss = {.add = add_loss};

/* ---- Setting up ---- */

static const char *short_name(const char *name)
{
    for (const struct alias *a = loss_aliases; a->alias; a++)
        if (strcmp(a->name, name) == 0)
            return a->alias;
    return name;
}

/* The name of its column: the user's, or else its own; of the losses mean_... the short one. */
static const char *column_of(const struct metric *metric)
{
    const struct kind *kind = metric->given->kind;
    const struct metric_common *common = kind->size ? metric->given->args : NULL;
    if (metric->type == &mean_of_loss)
        return strncmp(kind->name, "mean_", 5) == 0 ? short_name(kind->name) : kind->name;
    return common && common->name ? common->name : metric->type->column;
}

/* Keras numbers the metrics that have the same name. */
static void name_metric(struct metric *metrics, size_t index)
{
    const char *name = column_of(&metrics[index]);
    int same = 0;
    for (size_t i = 0; i < index; i++)
        same += strcmp(column_of(&metrics[i]), name) == 0;
    if (same)
        snprintf(metrics[index].name, METRIC_NAME_SIZE, "%s_%d", name, same);
    else
        snprintf(metrics[index].name, METRIC_NAME_SIZE, "%s", name);
}

static enum status check_name(const struct metric *metric)
{
    const char *name = column_of(metric);
    bool plain = name[0] != '\0' && strlen(name) < METRIC_NAME_SIZE - 4 &&
                 strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                     strlen(name);
    FAIL_IF(!plain || strcmp(name, "loss") == 0 || strncmp(name, "val_", 4) == 0, ST_USAGE,
            "%smetric %s: name \"%s\": expected up to %d letters, digits, _ or -, and neither "
            "'loss' nor 'val_...'",
            position_text(metric->given->position), metric->given->kind->name, name,
            METRIC_NAME_SIZE - 5);
    return ST_OK;
}

static enum metric_targets targets_of(const struct metric *metric)
{
    const struct loss_type *loss = metric->given->kind->impl;
    if (metric->type != &mean_of_loss)
        return metric->type->targets;
    return loss->needs_labels ? METRIC_LABELS : loss->takes_labels ? METRIC_ANY : METRIC_VALUES;
}

static enum status check_targets(const struct metric *metric, enum target_form form)
{
    bool labels = form == TARGET_LABEL;
    enum metric_targets targets = targets_of(metric);
    FAIL_IF(labels && targets == METRIC_VALUES, ST_USAGE,
            "%smetric %s needs targets of the output's shape; the targets are class numbers",
            position_text(metric->given->position), metric->given->kind->name);
    FAIL_IF(!labels && targets == METRIC_LABELS, ST_USAGE,
            "%smetric %s needs class numbers; the targets are of the output's shape",
            position_text(metric->given->position), metric->given->kind->name);
    return ST_OK;
}

static enum status resolve(struct metric *metric, const struct variant *given,
                           const struct model *model, enum target_form form)
{
    *metric = (struct metric){.type = is_loss(given->kind) ? &mean_of_loss : given->kind->impl,
                              .given = given,
                              .width = shape_size(&model->output),
                              .classes = (size_t)model->output.dim[model->output.rank - 1]};
    TRY(check_name(metric));
    TRY(check_targets(metric, form));
    if (metric->type->check)
        TRY(metric->type->check(metric));
    metric->sums = metric->type->sums ? metric->type->sums(metric) : 1;
    FAIL_IF(metric->sums > METRIC_MAX_SUMS, ST_USAGE,
            "%smetric %s takes %zu numbers, %d is the most: the model has too many outputs for it",
            position_text(given->position), given->kind->name, metric->sums, METRIC_MAX_SUMS);
    return ST_OK;
}

enum status metrics_resolve(const struct variant_list *list, const struct model *model,
                            enum target_form form, struct metric out[METRICS_MAX], size_t *count)
{
    FAIL_IF(list->n > METRICS_MAX, ST_USAGE, "%zu metrics; at most %d", list->n, METRICS_MAX);
    for (size_t i = 0; i < list->n; i++) {
        TRY(resolve(&out[i], &list->v[i], model, form));
        name_metric(out, i);
    }
    *count = list->n;
    return ST_OK;
}

bool metric_in_keras(const struct variant *metric)
{
    return !is_loss(metric->kind) ||
           ((const struct loss_type *)metric->kind->impl)->keras == KERAS_HAS;
}

double metric_result(const struct metric *metric, const double *sums, double samples)
{
    return metric->type->result ? metric->type->result(metric, sums, samples) : sums[0] / samples;
}
