#include "train/losses.h"

#define LOSS(symbol) extern const struct loss_type symbol;
#include "train/losses.def"
#undef LOSS

const struct kind *const loss_kinds[] = {
#define LOSS(symbol) &symbol.kind,
#include "train/losses.def"
#undef LOSS
    NULL};

const struct alias loss_aliases[] = {LOSS_ALIASES, {0}};

static size_t row_size(const struct loss_type *type, const struct loss_input *in)
{
    return type->pointwise ? in->width : in->classes;
}

/* Row number r of all samples'. */
static struct loss_row row_of(const struct loss_type *type, const struct loss_input *in, size_t r)
{
    size_t n = row_size(type, in);
    struct loss_row row = {.n = n, .x = in->output + r * n, .logits = in->logits};
    if (in->labels)
        row.label = in->labels[r];
    else
        row.t = in->values + r * n;
    return row;
}

/* The sum over a sample's rows; d, if not NULL, gets the gradients. */
static double sum_rows(const struct loss_type *type, const void *args, const struct loss_input *in,
                       size_t sample, float *d)
{
    size_t n = row_size(type, in), rows = in->width / n;
    double sum = 0.0;
    for (size_t r = sample * rows; r < (sample + 1) * rows; r++) {
        struct loss_row row = row_of(type, in, r);
        sum += type->row(args, &row, d);
        d = d ? d + n : NULL;
    }
    return sum / (double)rows;
}

double loss_sum(const struct loss_type *type, const void *args, const struct loss_input *in,
                float *dy)
{
    double total = 0.0, rows = type->pointwise ? 1.0 : (double)(in->width / in->classes);
    for (size_t s = 0; s < (size_t)in->n; s++) {
        float *d = dy ? dy + s * in->width : NULL;
        double weight = in->weights ? (double)in->weights[s] : 1.0;
        total += weight * sum_rows(type, args, in, s, d);
        float share = (float)(weight / rows);
        for (size_t i = 0; d && share != 1.0f && i < in->width; i++)
            d[i] *= share;
    }
    return total;
}

void loss_sum_hessian(const struct loss_type *type, const void *args, const struct loss_input *in,
                      const float *v, float *hv)
{
    size_t n = row_size(type, in), rows = in->width / n;
    loss_hessian hessian = loss_hessian_of(type);
    for (size_t r = 0; r < (size_t)in->n * rows; r++, v += n, hv += n) {
        struct loss_row row = row_of(type, in, r);
        hessian(args, &row, v, hv);
        double weight = in->weights ? (double)in->weights[r / rows] : 1.0;
        float share = (float)(weight / (double)rows);
        for (size_t i = 0; share != 1.0f && i < n; i++)
            hv[i] *= share;
    }
}

/* ---- Does the model suit? ---- */

/* Does the activation give numbers of 0..1 only? */
static bool gives_probabilities(enum activation activation)
{
    enum { PROBES = 5 };
    float y[PROBES] = {-4.0f, -1.0f, 0.0f, 1.5f, 4.0f};
    activation_forward(activation, 1, PROBES, y, y);
    for (int i = 0; i < PROBES; i++)
        if (!(y[i] >= 0.0f && y[i] <= 1.0f))
            return false;
    return true;
}

/* A layer without parameters may pass on the probabilities of others. */
static bool may_be_probabilities(const struct layer *last)
{
    return gives_probabilities(last->activation) ||
           (last->activation == ACT_LINEAR && last->params == 0);
}

/* Does the model's last activation suit a crossentropy? */
static enum status check_logits(const struct variant *loss, struct model *model)
{
    const struct loss_type *type = loss->kind->impl;
    const struct layer *last = &model->node[model->nodes - 1].layer;
    if (type->logits == ACT_LINEAR)
        return ST_OK;
    bool from_logits = ((const struct crossentropy_args *)loss->args)->from_logits;
    bool suits = from_logits ? !gives_probabilities(last->activation) : may_be_probabilities(last);
    FAIL_IF(!suits, ST_USAGE,
            "%sloss %s%s needs a last layer with 'activation: %s'; layer '%s' has '%s'%s",
            position_text(loss->position), loss->kind->name, from_logits ? " from logits" : "",
            activation_names[from_logits ? ACT_LINEAR : type->logits], last->name,
            activation_names[last->activation],
            from_logits ? "" : " (or say 'from_logits: true' with the loss)");
    model->output_is_logits = !from_logits && last->activation == type->logits;
    return ST_OK;
}

/* Class numbers: one a row of the output. */
static enum status check_labels(const struct variant *loss, const struct model *model,
                                const struct dataset *data)
{
    size_t classes = (size_t)model->output.dim[model->output.rank - 1];
    size_t rows = shape_size(&model->output) / classes;
    const char *where = position_text(loss->position), *name = loss->kind->name;
    FAIL_IF(data->classes == 0 && (rows == 1 || !dtype_is_integer(data->y.dtype)), ST_USAGE,
            "%sloss %s needs class labels; %s has other targets", where, name, data->source);
    FAIL_IF(array_elements(&data->y) != rows, ST_USAGE,
            "%sloss %s: the model's output %s needs %zu labels a sample, %s has %zu", where, name,
            shape_text(&model->output), rows, data->source, array_elements(&data->y));
    FAIL_IF(data->classes > classes, ST_DATA,
            "%s: found the label %zu, expected at most %zu: the model has %zu outputs",
            data->source, data->classes - 1, classes - 1, classes);
    return ST_OK;
}

static enum status check_one_hot(const struct variant *loss, const struct model *model,
                                 const struct dataset *data)
{
    size_t width = shape_size(&model->output);
    const char *where = position_text(loss->position), *name = loss->kind->name;
    FAIL_IF(data->classes == 0, ST_USAGE, "%sloss %s needs class labels; %s has other targets",
            where, name, data->source);
    FAIL_IF(model->output.rank != 1, ST_USAGE,
            "%sdata.one_hot needs one vector of class scores; the model's output has the shape %s",
            where, shape_text(&model->output));
    FAIL_IF(data->classes != width, ST_USAGE,
            "%sthe model has %zu outputs, but %s has %zu classes; say 'classes: %zu' with the set",
            where, width, data->source, data->classes, width);
    return ST_OK;
}

enum status loss_fit(const struct variant *loss, struct model *model, const struct dataset *data,
                     bool one_hot, enum target_form *form)
{
    const struct loss_type *type = loss->kind->impl;
    const char *where = position_text(loss->position), *name = loss->kind->name;
    size_t width = shape_size(&model->output);
    bool classified = data->classes > 0 && model->output.dim[model->output.rank - 1] > 1;
    TRY(check_logits(loss, model));
    FAIL_IF(data->y.parts == 0, ST_USAGE, "%sloss %s needs targets; %s has none", where, name,
            data->source);
    FAIL_IF(type->needs_labels && one_hot, ST_USAGE,
            "%sloss %s takes class numbers; remove data.one_hot, or use categorical_crossentropy",
            where, name);
    *form = one_hot ? TARGET_ONE_HOT : TARGET_LABEL;
    if (one_hot)
        return check_one_hot(loss, model, data);
    if (type->needs_labels || (type->takes_labels && classified))
        return check_labels(loss, model, data);
    FAIL_IF(type->logits == ACT_SOFTMAX && data->classes > 0, ST_USAGE,
            "%sloss %s needs vectors, and %s has class numbers; set data.one_hot, or use "
            "sparse_categorical_crossentropy",
            where, name, data->source);
    FAIL_IF(array_elements(&data->y) != width, ST_USAGE,
            "%sloss %s: the model has %zu outputs a sample, %s has %zu targets", where, name, width,
            data->source, array_elements(&data->y));
    *form = TARGET_VALUE;
    return ST_OK;
}
