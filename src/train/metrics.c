#include "train/metrics.h"

static size_t argmax(size_t width, const float *x)
{
    size_t best = 0;
    for (size_t i = 1; i < width; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

static double sparse_accuracy(const struct loss_input *in)
{
    double right = 0.0;
    for (int s = 0; s < in->n; s++)
        right += argmax(in->width, in->output + (size_t)s * in->width) == (size_t)in->labels[s];
    return right;
}

static double categorical_accuracy(const struct loss_input *in)
{
    double right = 0.0;
    for (size_t s = 0; s < (size_t)in->n; s++)
        right += argmax(in->width, in->output + s * in->width) ==
                 argmax(in->width, in->values + s * in->width);
    return right;
}

/* Of every output on its own, threshold 0.5. */
static double binary_accuracy(const struct loss_input *in)
{
    double right = 0.0;
    for (size_t i = 0; i < (size_t)in->n * in->width; i++)
        right += (in->output[i] > 0.5f) == (in->values[i] > 0.5f);
    return right / (double)in->width;
}

static double absolute_error(const struct loss_input *in)
{
    double sum = 0.0;
    for (size_t i = 0; i < (size_t)in->n * in->width; i++) {
        double d = (double)in->output[i] - (double)in->values[i];
        sum += d < 0.0 ? -d : d;
    }
    return sum / (double)in->width;
}

static double squared_error(const struct loss_input *in)
{
    double sum = 0.0;
    for (size_t i = 0; i < (size_t)in->n * in->width; i++) {
        double d = (double)in->output[i] - (double)in->values[i];
        sum += d * d;
    }
    return sum / (double)in->width;
}

static const struct metric errors[] = {
    {"mae", "mean_absolute_error", false, absolute_error},
    {"mse", "mean_squared_error", false, squared_error},
};

/* Keras picks the kind of accuracy by the targets and the outputs. */
static struct metric accuracy_for(const struct model *model, enum target_form form)
{
    struct metric metric = {"accuracy", "accuracy", true, sparse_accuracy};
    if (form != TARGET_LABEL)
        metric.compute = shape_size(&model->output) > 1 ? categorical_accuracy : binary_accuracy;
    if (model_output_activation(model) == ACT_SIGMOID && form != TARGET_LABEL)
        metric.compute = binary_accuracy;
    return metric;
}

static enum status resolve(const char *name, const struct model *model, enum target_form form,
                           struct metric *out)
{
    static const char *const known[] = {"accuracy",           "mae", "mse", "mean_absolute_error",
                                        "mean_squared_error", NULL};
    if (name_equal(name, "accuracy") || name_equal(name, "acc")) {
        *out = accuracy_for(model, form);
        return ST_OK;
    }
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (name_equal(name, errors[i].name) || name_equal(name, errors[i].full)) {
            FAIL_IF(form == TARGET_LABEL, ST_USAGE,
                    "metric %s needs targets of the output's shape; the targets are class numbers",
                    name);
            *out = errors[i];
            return ST_OK;
        }
    const char *near = name_nearest(name, known);
    FAIL(ST_USAGE, "unknown metric '%s'; %s%s%s", name,
         near ? "did you mean '" : "expected one of ", near ? near : "accuracy, mae, mse",
         near ? "'?" : "");
}

enum status metrics_resolve(const struct string_list *names, const struct model *model,
                            enum target_form form, struct metric out[METRICS_MAX], size_t *count)
{
    FAIL_IF(names->n > METRICS_MAX, ST_USAGE, "%zu metrics; at most %d", names->n, METRICS_MAX);
    for (size_t i = 0; i < names->n; i++)
        TRY(resolve(names->v[i], model, form, &out[i]));
    *count = names->n;
    return ST_OK;
}
