#include "onnx_parts.h"

#include <stdlib.h>
#include <string.h>

#include "layers/layer.h"

void onnx_swap(size_t n, size_t rows, size_t columns, const float *from, float *to)
{
    for (size_t s = 0; s < n; s++, from += rows * columns, to += rows * columns)
        for (size_t r = 0; r < rows; r++)
            for (size_t k = 0; k < columns; k++)
                to[k * rows + r] = from[r * columns + k];
}

void onnx_add_param(struct onnx_model *m, const char *name, const struct onnx_tensor *tensor)
{
    if (tensor->type == ONNX_FLOAT)
        m->param[m->params++] = (struct onnx_param){name, tensor->size, tensor->v};
}

/* A tensor with its rows and columns swapped. */
static const struct onnx_tensor *swapped(struct onnx_model *m, const struct onnx_tensor *tensor)
{
    struct onnx_tensor *other = pool_alloc(m->pool, sizeof *other);
    float *v = pool_alloc(m->pool, tensor->size * sizeof *v + 1);
    *other = *tensor;
    other->dim[0] = tensor->dim[1];
    other->dim[1] = tensor->dim[0];
    onnx_swap(1, (size_t)tensor->dim[0], (size_t)tensor->dim[1], tensor->v, v);
    other->v = v;
    return other;
}

const char *onnx_list(struct onnx_model *m, const int64_t *numbers, size_t n)
{
    const char *text = "";
    for (size_t i = 0; i < n; i++)
        text = pool_printf(m->pool, "%s%s%lld", text, i ? ", " : "", (long long)numbers[i]);
    return pool_printf(m->pool, "[%s]", text);
}

/* ---- Functions of each number, and of several tensors ---- */

static const char *plain(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    (void)c;
    text_add(&m->layers, "%s", layer);
    return NULL;
}

/* layer ends with the name of the argument that alpha becomes. */
static const char *with_alpha(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    double otherwise = strcmp(c->op, "LeakyRelu") == 0 ? 0.01 : 1.0;
    text_add(&m->layers, "%s: %.9g}", layer, onnx_float(c, "alpha", otherwise));
    return NULL;
}

/* All of the operator's inputs are the model's: "[x0, x1]". */
static const char *all_inputs(const struct onnx_case *c, struct onnx_model *m)
{
    const char *names = "x0";
    m->inputs = c->inputs;
    for (size_t i = 1; i < c->inputs; i++)
        names = pool_printf(m->pool, "%s, x%zu", names, i);
    return pool_printf(m->pool, "[%s]", names);
}

static const char *merge(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    NOT_IF(c->inputs < 2, "a merging layer with one input");
    for (size_t i = 1; i < c->inputs; i++)
        for (int a = 0; a < ONNX_MAX_RANK; a++)
            NOT_IF(c->input[i].dim[a] != c->input[0].dim[a], "shapes that differ (broadcasting)");
    text_add(&m->layers, "%s: {inputs: %s}", layer, all_inputs(c, m));
    return NULL;
}

/* A layer's number of an axis given in ONNX's way; where that is the first, all is one sample. */
static int64_t axis_of(const struct onnx_case *c, struct onnx_model *m, int64_t otherwise)
{
    int64_t axis = onnx_int(c, "axis", otherwise);
    axis += axis < 0 ? c->input[0].rank : 0;
    m->whole = axis == 0;
    return axis + m->whole;
}

static const char *concatenate(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    text_add(&m->layers, "%s: {axis: %lld, inputs: %s}", layer, (long long)axis_of(c, m, 0),
             all_inputs(c, m));
    return NULL;
}

static const char *softmax(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    int64_t axis = axis_of(c, m, c->opset < 13 ? 1 : -1), last = c->input[0].rank - !m->whole;
    NOT_IF(c->opset < 13 && axis != last, "softmax over several axes");
    text_add(&m->layers, "%s: {axis: %lld}", layer, (long long)axis);
    return NULL;
}

/* The activation runs along the last axis: another one changes places with it before and after. */
static const char *log_softmax(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    int64_t axis = axis_of(c, m, c->opset < 13 ? 1 : -1), last = c->input[0].rank - !m->whole;
    int64_t dims[ONNX_MAX_RANK + 1];
    NOT_IF(c->opset < 13 && axis != last, "softmax over several axes");
    for (int64_t a = 1; a <= last; a++)
        dims[a - 1] = a == axis ? last : a == last ? axis : a;
    const char *swap =
        pool_printf(m->pool, "Permute: {dims: %s}", onnx_list(m, dims, (size_t)last));
    if (axis == last)
        return plain(c, m, layer);
    text_add(&m->layers, "%s}, {%s}, {%s", swap, layer, swap);
    return NULL;
}

/* max(0, min(1, alpha x + beta)); Keras's has 1/6 and 1/2. */
static const char *hard_sigmoid(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    double alpha = onnx_float(c, "alpha", 0.2), beta = onnx_float(c, "beta", 0.5);
    text_add(&m->layers, "Rescaling: {scale: %.9g, offset: %.9g}}, {%s", 6.0 * alpha,
             6.0 * beta - 3.0, layer);
    return NULL;
}

/* gamma elu(x, alpha); Keras's has the constants that are ONNX's defaults. */
static const char *selu(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    if (c->attributes == 0)
        return plain(c, m, layer);
    text_add(&m->layers, "ELU: {alpha: %.9g}}, {Rescaling: {scale: %.9g}",
             onnx_float(c, "alpha", 1.67326319), onnx_float(c, "gamma", 1.05070102));
    return NULL;
}

static const char *dropout(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    double rate = onnx_float(c, "ratio", 0.5);
    if (c->inputs > 1 && c->input[1].size == 1 && c->input[1].v)
        rate = (double)c->input[1].v[0];
    m->training = c->inputs > 2 && c->input[2].i && c->input[2].i[0];
    NOT_IF(m->training && rate > 0.0, "random numbers");
    text_add(&m->layers, "%s: {rate: %.9g}", layer, rate);
    return NULL;
}

/* The slope has the last axes of x; before opset 7 its only axis is the second of x. */
static const char *prelu(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    const struct onnx_tensor *x = &c->input[0], *slope = &c->input[1];
    int64_t shared[ONNX_MAX_RANK];
    size_t n = 0;
    bool old = c->opset < 7 && slope->rank == 1;
    int skipped = old ? 1 : x->rank - slope->rank;
    m->whole = !skipped && slope->dim[0] > 1;
    for (int a = m->whole ? 0 : 1; a < x->rank; a++) {
        int own = a - skipped;
        if (own < 0 || own >= slope->rank || slope->dim[own] == 1)
            shared[n++] = a + m->whole;
    }
    onnx_add_param(m, "alpha", slope);
    text_add(&m->layers, "%s: {shared_axes: %s}", layer, onnx_list(m, shared, n));
    return NULL;
}

/* ---- Shapes ---- */

static const char *reshape_to(struct onnx_model *m, const int64_t *dims, size_t rank)
{
    m->whole = true;
    NOT_IF(rank > SHAPE_MAX_RANK || rank < 1, "more axes than a sample can have");
    text_add(&m->layers, "Reshape: {target_shape: %s}", onnx_list(m, dims, rank));
    return NULL;
}

static const char *reshape(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    (void)layer;
    const struct onnx_tensor *shape = &c->input[1];
    int64_t dims[ONNX_MAX_RANK];
    NOT_IF(!shape->i || shape->size > SHAPE_MAX_RANK, "more axes than a sample can have");
    for (size_t i = 0; i < shape->size; i++)
        dims[i] = shape->i[i] ? shape->i[i] : c->input[0].dim[i]; /* 0: as in the input */
    return reshape_to(m, dims, shape->size);
}

static const char *squeeze(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    (void)layer;
    return reshape_to(m, c->output[0].dim, (size_t)c->output[0].rank);
}

/* To (axes before the given one, the others), of which Keras has the first two. */
static const char *flatten(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    int64_t axis = onnx_int(c, "axis", 1), before = 1;
    axis += axis < 0 ? c->input[0].rank : 0;
    if (axis < 2) {
        m->whole = axis == 0;
        return plain(c, m, layer);
    }
    for (int64_t a = 0; a < axis; a++)
        before *= c->input[0].dim[a];
    return reshape_to(m, (const int64_t[2]){before, -1}, 2);
}

static const char *permute(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    const struct onnx_attribute *perm = onnx_find(c, "perm");
    int64_t dims[ONNX_MAX_RANK];
    int rank = c->input[0].rank;
    for (int a = 0; a < rank; a++)
        dims[a] = 1 + (perm ? perm->ints[a] : rank - 1 - a);
    m->whole = true;
    text_add(&m->layers, "%s: {dims: %s}", layer, onnx_list(m, dims, (size_t)rank));
    return NULL;
}

/* ---- Matrices ---- */

static const char *matmul(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    const struct onnx_tensor *b = &c->input[1];
    NOT_IF(!b->v, NOT_FLOAT);
    if (b->rank == 2) {
        text_add(&m->layers, "%s: {units: %lld, use_bias: false}", layer, (long long)b->dim[1]);
        onnx_add_param(m, "kernel", b);
        return NULL;
    }
    NOT_IF(b->rank != 3 || c->input[0].rank != 3, "products of stacks of stacks of matrices");
    text_add(&m->layers, "Dot: {axes: [2, 1], inputs: %s}", all_inputs(c, m));
    return NULL;
}

/* alpha A B + beta C: the factors go into kernel and bias. */
static const char *gemm(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    const struct onnx_tensor *b = &c->input[1], *bias = &c->input[2];
    bool biased = c->inputs > 2;
    NOT_IF(!b->v || b->rank != 2 || (biased && !bias->v), NOT_FLOAT);
    if (onnx_int(c, "transA", 0))
        m->data = swapped(m, m->data);
    if (onnx_int(c, "transB", 0))
        b = swapped(m, b);
    size_t units = (size_t)b->dim[1];
    NOT_IF(biased && bias->size != 1 && (bias->size != units || bias->dim[bias->rank - 1] == 1),
           "a bias that differs between samples");
    struct onnx_tensor *w = pool_alloc(m->pool, 2 * sizeof *w);
    float *v = pool_alloc(m->pool, (b->size + units) * sizeof *v);
    for (size_t i = 0; i < b->size; i++)
        v[i] = (float)onnx_float(c, "alpha", 1.0) * b->v[i];
    for (size_t i = 0; i < units && biased; i++)
        v[b->size + i] = (float)onnx_float(c, "beta", 1.0) * bias->v[bias->size == 1 ? 0 : i];
    w[0] = (struct onnx_tensor){.type = ONNX_FLOAT, .size = b->size, .v = v};
    w[1] = (struct onnx_tensor){.type = ONNX_FLOAT, .size = units, .v = v + b->size};
    onnx_add_param(m, "kernel", &w[0]);
    if (biased)
        onnx_add_param(m, "bias", &w[1]);
    text_add(&m->layers, "%s: {units: %zu, use_bias: %s}", layer, units, biased ? "true" : "false");
    return NULL;
}

/* ---- Normalization ---- */

static const char *batch_norm(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    static const char *const names[] = {"gamma", "beta", "moving_mean", "moving_variance"};
    m->channels_last = true;
    m->training = onnx_int(c, "training_mode", 0);
    for (size_t i = 0; i < 4; i++)
        onnx_add_param(m, names[i], &c->input[i + 1]);
    for (size_t i = 0; i < 2 && m->training; i++)
        m->moved[i] = names[i + 2];
    text_add(&m->layers, "%s: {momentum: %.9g, epsilon: %.9g}", layer,
             onnx_float(c, "momentum", 0.9), onnx_float(c, "epsilon", 1e-5));
    return NULL;
}

static const char *instance_norm(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    m->channels_last = true;
    onnx_add_param(m, "gamma", &c->input[1]);
    onnx_add_param(m, "beta", &c->input[2]);
    text_add(&m->layers, "%s: {groups: %lld, epsilon: %.9g}", layer, (long long)c->input[0].dim[1],
             onnx_float(c, "epsilon", 1e-5));
    return NULL;
}

static const char *layer_norm(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    int64_t axes[ONNX_MAX_RANK], first = axis_of(c, m, -1);
    size_t n = 0;
    for (int64_t a = first; a < c->input[0].rank + m->whole; a++)
        axes[n++] = a;
    onnx_add_param(m, "gamma", &c->input[1]);
    onnx_add_param(m, "beta", &c->input[2]);
    text_add(&m->layers, "%s: {axis: %s, epsilon: %.9g}", layer, onnx_list(m, axes, n),
             onnx_float(c, "epsilon", 1e-5));
    return NULL;
}

static const struct mapping {
    const char *op;
    make_layers *make;
    const char *layer;
} mappings[] = {
    {"Identity", plain, "Activation: linear"},
    {"Relu", plain, "Activation: relu"},
    {"Sigmoid", plain, "Activation: sigmoid"},
    {"Tanh", plain, "Activation: tanh"},
    {"Softplus", plain, "Activation: softplus"},
    {"Softsign", plain, "Activation: softsign"},
    {"HardSwish", plain, "Activation: hard_silu"},
    {"Neg", plain, "Rescaling: {scale: -1}"},
    {"Exp", plain, "Activation: exponential"},
    {"HardSigmoid", hard_sigmoid, "Activation: hard_sigmoid"},
    {"Selu", selu, "Activation: selu"},
    {"Elu", with_alpha, "ELU: {alpha"},
    {"LeakyRelu", with_alpha, "LeakyReLU: {negative_slope"},
    {"ThresholdedRelu", with_alpha, "ReLU: {threshold"},
    {"PRelu", prelu, "PReLU"},
    {"Softmax", softmax, "Softmax"},
    {"LogSoftmax", log_softmax, "Activation: log_softmax"},
    {"Dropout", dropout, "Dropout"},
    {"Add", merge, "Add"},
    {"Sum", merge, "Add"},
    {"Sub", merge, "Subtract"},
    {"Mul", merge, "Multiply"},
    {"Mean", merge, "Average"},
    {"Max", merge, "Maximum"},
    {"Min", merge, "Minimum"},
    {"Concat", concatenate, "Concatenate"},
    {"Flatten", flatten, "Flatten: {}"},
    {"Reshape", reshape, "Reshape"},
    {"Squeeze", squeeze, "Reshape"},
    {"Unsqueeze", squeeze, "Reshape"},
    {"Transpose", permute, "Permute"},
    {"Pad", onnx_pad, "ZeroPadding"},
    {"Resize", onnx_resize, "UpSampling2D"},
    {"Upsample", onnx_resize, "UpSampling2D"},
    {"MaxPool", onnx_pooling, "MaxPooling"},
    {"AveragePool", onnx_pooling, "AveragePooling"},
    {"GlobalMaxPool", onnx_global_pooling, "GlobalMaxPooling"},
    {"GlobalAveragePool", onnx_global_pooling, "GlobalAveragePooling"},
    {"ReduceMax", onnx_reduce, "GlobalMaxPooling"},
    {"ReduceMean", onnx_reduce, "GlobalAveragePooling"},
    {"Conv", onnx_convolution, "Conv"},
    {"ConvTranspose", onnx_transposed, "ConvTranspose"},
    {"MatMul", matmul, "Dense"},
    {"Gemm", gemm, "Dense"},
    {"BatchNormalization", batch_norm, "BatchNormalization"},
    {"InstanceNormalization", instance_norm, "GroupNormalization"},
    {"LayerNormalization", layer_norm, "LayerNormalization"},
};
enum { MAPPINGS = sizeof mappings / sizeof *mappings };

static const struct mapping *find(const char *op)
{
    for (size_t i = 0; i < MAPPINGS; i++)
        if (strcmp(mappings[i].op, op) == 0)
            return &mappings[i];
    return NULL;
}

bool onnx_has_layer(const char *op)
{
    return find(op);
}

const char *onnx_layer_op(size_t number)
{
    return number < MAPPINGS ? mappings[number].op : NULL;
}

const char *onnx_make_model(const struct onnx_case *c, struct pool *pool, struct onnx_model *model)
{
    const struct mapping *mapping = find(c->op);
    const struct onnx_tensor *x = &c->input[0];
    *model = (struct onnx_model){.inputs = 1, .data = c->input, .pool = pool};
    NOT_IF(c->output[0].type != ONNX_FLOAT || x->type != ONNX_FLOAT, NOT_FLOAT);
    NOT_IF(!x->size || !c->output[0].size, "empty tensors");
    NOT_IF(x->rank == 0, "a single number without axes");
    NOT_IF(llabs(onnx_int(c, "axis", 0)) > x->rank, "an axis that is not there");
    const char *why = mapping->make(c, model, mapping->layer);
    NOT_IF(why, why);
    NOT_IF(x->rank - !model->whole > SHAPE_MAX_RANK, "more axes than a sample can have");
    return NULL;
}
