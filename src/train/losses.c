/* Formulas as in Keras: a sample's loss is the mean over its outputs, for crossentropy over classes
 * the sum. */
#include "train/losses.h"

#include "kernels/vmath.h"

struct crossentropy_args {
    bool from_logits;
};

static const struct field crossentropy_fields[] = {
    {.key = "from_logits",
     .type = FIELD_BOOL,
     .offset = offsetof(struct crossentropy_args, from_logits),
     .fallback = "false",
     .help = "the model's last activation is linear and its outputs are logits"},
    {0}};

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

/* log sum e^x - x[label]; dy = softmax(x) - onehot(label) */
static double sparse_crossentropy(const struct loss_input *in, float *dy)
{
    double total = 0.0;
    for (int s = 0; s < in->n; s++) {
        const float *x = in->output + (size_t)s * in->width;
        float *d = dy ? dy + (size_t)s * in->width : NULL, largest;
        float sum = softmax_sum(in->width, x, &largest, d);
        int32_t label = in->labels[s];
        total += dm_log((double)sum) + ((double)largest - (double)x[label]);
        for (size_t i = 0; d && i < in->width; i++)
            d[i] = d[i] / sum - (i == (size_t)label ? 1.0f : 0.0f);
    }
    return total;
}

/* sum of t (log sum e^x - x); dy = softmax(x) sum(t) - t */
static double crossentropy(const struct loss_input *in, float *dy)
{
    double total = 0.0;
    for (int s = 0; s < in->n; s++) {
        const float *x = in->output + (size_t)s * in->width;
        const float *t = in->values + (size_t)s * in->width;
        float *d = dy ? dy + (size_t)s * in->width : NULL, largest, weight = 0.0f;
        float sum = softmax_sum(in->width, x, &largest, d);
        double log_sum = dm_log((double)sum) + (double)largest;
        for (size_t i = 0; i < in->width; i++) {
            total += (double)t[i] * (log_sum - (double)x[i]);
            weight += t[i];
        }
        for (size_t i = 0; d && i < in->width; i++)
            d[i] = d[i] / sum * weight - t[i];
    }
    return total;
}

/* mean of max(x,0) - x t + log(1 + e^-|x|); dy = (sigmoid(x) - t) / width */
static double binary_crossentropy(const struct loss_input *in, float *dy)
{
    double total = 0.0, share = 1.0 / (double)in->width;
    for (size_t i = 0; i < (size_t)in->n * in->width; i++) {
        double x = (double)in->output[i], t = (double)in->values[i];
        double magnitude = x < 0.0 ? -x : x;
        total += ((x > 0.0 ? x : 0.0) - x * t + dm_log(1.0 + dm_exp(-magnitude))) * share;
        if (dy)
            dy[i] = (vm_sigmoid(in->output[i]) - in->values[i]) * (float)share;
    }
    return total;
}

/* mean of (x - t)^2; dy = 2 (x - t) / width */
static double mean_squared_error(const struct loss_input *in, float *dy)
{
    double total = 0.0, share = 1.0 / (double)in->width;
    for (size_t i = 0; i < (size_t)in->n * in->width; i++) {
        double difference = (double)in->output[i] - (double)in->values[i];
        total += difference * difference * share;
        if (dy)
            dy[i] = (float)(2.0 * difference * share);
    }
    return total;
}

/* mean of |x - t|; dy = sign(x - t) / width */
static double mean_absolute_error(const struct loss_input *in, float *dy)
{
    double total = 0.0, share = 1.0 / (double)in->width;
    for (size_t i = 0; i < (size_t)in->n * in->width; i++) {
        double difference = (double)in->output[i] - (double)in->values[i];
        total += (difference < 0.0 ? -difference : difference) * share;
        if (dy)
            dy[i] = difference > 0.0   ? (float)share
                    : difference < 0.0 ? (float)-share
                                       : (float)difference; /* 0, or NaN */
    }
    return total;
}

static const struct schema sparse_schema = {"sparse_categorical_crossentropy", crossentropy_fields,
                                            NULL};
static const struct schema categorical_schema = {"categorical_crossentropy", crossentropy_fields,
                                                 NULL};
static const struct schema binary_schema = {"binary_crossentropy", crossentropy_fields, NULL};

static const struct loss_type sparse_type = {
    .kind = {"sparse_categorical_crossentropy", &sparse_schema, sizeof(struct crossentropy_args),
             &sparse_type},
    .needs_labels = true,
    .logits = ACT_SOFTMAX,
    .compute = sparse_crossentropy};
static const struct loss_type categorical_type = {
    .kind = {"categorical_crossentropy", &categorical_schema, sizeof(struct crossentropy_args),
             &categorical_type},
    .logits = ACT_SOFTMAX,
    .compute = crossentropy};
static const struct loss_type binary_type = {
    .kind = {"binary_crossentropy", &binary_schema, sizeof(struct crossentropy_args), &binary_type},
    .logits = ACT_SIGMOID,
    .compute = binary_crossentropy};
static const struct loss_type squared_type = {
    .kind = {.name = "mean_squared_error", .impl = &squared_type}, .compute = mean_squared_error};
static const struct loss_type absolute_type = {
    .kind = {.name = "mean_absolute_error", .impl = &absolute_type},
    .compute = mean_absolute_error};

const struct kind *const loss_kinds[] = {&sparse_type.kind,   &categorical_type.kind,
                                         &binary_type.kind,   &squared_type.kind,
                                         &absolute_type.kind, NULL};

/* Does the model's last activation suit a crossentropy? */
static enum status check_logits(const struct variant *loss, struct model *model)
{
    const struct loss_type *type = loss->kind->impl;
    if (type->logits == ACT_LINEAR)
        return ST_OK;
    bool from_logits = ((const struct crossentropy_args *)loss->args)->from_logits;
    enum activation last = model_output_activation(model);
    enum activation wanted = from_logits ? ACT_LINEAR : type->logits;
    FAIL_IF(last != wanted, ST_USAGE,
            "%sloss %s%s needs a last layer with 'activation: %s'; layer '%s' has '%s'",
            position_text(loss->position), loss->kind->name, from_logits ? " from logits" : "",
            activation_names[wanted], model->node[model->nodes - 1].layer.name,
            activation_names[last]);
    model->output_is_logits = true;
    return ST_OK;
}

static enum status check_labels(const struct variant *loss, const struct model *model,
                                const struct dataset *data, bool one_hot)
{
    size_t width = shape_size(&model->output);
    FAIL_IF(model->output.rank != 1, ST_USAGE,
            "%sloss %s needs one vector of class scores; the model's output has the shape %s",
            position_text(loss->position), loss->kind->name, shape_text(&model->output));
    FAIL_IF(data->classes > width, ST_DATA,
            "%s: found the label %zu, expected at most %zu: the model has %zu outputs",
            data->source, data->classes - 1, width - 1, width);
    FAIL_IF(one_hot && data->classes != width, ST_USAGE,
            "%sthe model has %zu outputs, but %s has %zu classes; say 'classes: %zu' with the set",
            position_text(loss->position), width, data->source, data->classes, width);
    return ST_OK;
}

static size_t target_size(const struct dataset *data)
{
    size_t size = 1;
    for (int i = 0; i < data->y.rank; i++)
        size *= data->y.shape[i];
    return size;
}

enum status loss_fit(const struct variant *loss, struct model *model, const struct dataset *data,
                     bool one_hot, enum target_form *form)
{
    const struct loss_type *type = loss->kind->impl;
    const char *where = position_text(loss->position), *name = loss->kind->name;
    size_t width = shape_size(&model->output);
    TRY(check_logits(loss, model));
    FAIL_IF(data->y.parts == 0, ST_USAGE, "%sloss %s needs targets; %s has none", where, name,
            data->source);
    if (type->needs_labels || one_hot) {
        FAIL_IF(data->classes == 0, ST_USAGE, "%sloss %s needs class labels; %s has other targets",
                where, name, data->source);
        FAIL_IF(
            type->needs_labels && one_hot, ST_USAGE,
            "%sloss %s takes class numbers; remove data.one_hot, or use categorical_crossentropy",
            where, name);
        *form = one_hot ? TARGET_ONE_HOT : TARGET_LABEL;
        return check_labels(loss, model, data, one_hot);
    }
    FAIL_IF(type->logits == ACT_SOFTMAX && data->classes > 0, ST_USAGE,
            "%sloss %s needs vectors, and %s has class numbers; set data.one_hot, or use "
            "sparse_categorical_crossentropy",
            where, name, data->source);
    FAIL_IF(target_size(data) != width, ST_USAGE,
            "%sloss %s: the model has %zu outputs a sample, %s has %zu targets", where, name, width,
            data->source, target_size(data));
    *form = TARGET_VALUE;
    return ST_OK;
}
