/* ONNX's convolutions and poolings as layers, and what else has to do with rows and columns. */
#include <string.h>

#include "onnx_parts.h"

#define NOT_3D "pooling and convolution of volumes"

/* Kernel, strides, dilation and padding along one or two axes. */
struct windows {
    size_t dims;
    int64_t kernel[2], stride[2], dilation[2], pads[2][2];
    bool spread, strided; /* is any dilation, any stride more than 1? */
    bool same;            /* the pads are those of Keras's "same" */
    bool padded;
};

static void give_pads(const char *automatic, const struct onnx_attribute *pads, int64_t same,
                      int64_t out[2], size_t dims, size_t a)
{
    int64_t less = same / 2, more = same - less;
    if (strcmp(automatic, "SAME_UPPER") == 0 || strcmp(automatic, "SAME_LOWER") == 0) {
        out[0] = strcmp(automatic, "SAME_UPPER") == 0 ? less : more;
        out[1] = same - out[0];
    } else {
        out[0] = pads ? pads->ints[a] : 0;
        out[1] = pads ? pads->ints[a + dims] : 0;
    }
}

/* Reads the attributes of a case whose input is x and whose kernel, if it has one, is w. */
static const char *read_windows(const struct onnx_case *c, const struct onnx_tensor *w,
                                struct windows *s)
{
    const struct onnx_tensor *x = &c->input[0];
    const struct onnx_attribute *kernel = onnx_find(c, "kernel_shape");
    const struct onnx_attribute *strides = onnx_find(c, "strides");
    const struct onnx_attribute *dilations = onnx_find(c, "dilations");
    *s = (struct windows){.dims = (size_t)x->rank - 2, .same = true};
    NOT_IF(x->rank < 3 || s->dims > 2, NOT_3D);
    NOT_IF((!kernel && !w) || (w && (!w->v || w->rank != x->rank)), "no kernel");
    for (size_t a = 0; a < s->dims; a++) {
        s->kernel[a] = w ? w->dim[a + 2] : kernel->ints[a];
        s->stride[a] = strides ? strides->ints[a] : 1;
        s->dilation[a] = dilations ? dilations->ints[a] : 1;
        NOT_IF(s->stride[a] < 1, "no strides");
        int64_t in = x->dim[a + 2], window = (s->kernel[a] - 1) * s->dilation[a] + 1;
        int64_t out = (in + s->stride[a] - 1) / s->stride[a];
        int64_t same = (out - 1) * s->stride[a] + window - in;
        same = same < 0 ? 0 : same;
        give_pads(onnx_word(c, "auto_pad", "NOTSET"), onnx_find(c, "pads"), same, s->pads[a],
                  s->dims, a);
        int64_t margin = s->pads[a][0] + s->pads[a][1];
        s->same = s->same && s->pads[a][0] == same / 2 && s->pads[a][1] == same - same / 2 &&
                  (in + margin - window) / s->stride[a] + 1 == out;
        s->padded = s->padded || margin > 0;
        s->spread = s->spread || s->dilation[a] > 1;
        s->strided = s->strided || s->stride[a] > 1;
    }
    return NULL;
}

/* "1" or "[1, 2]" */
static const char *along(struct onnx_model *m, const struct windows *s, const int64_t *numbers)
{
    return s->dims == 1 ? pool_printf(m->pool, "%lld", (long long)numbers[0])
                        : onnx_list(m, numbers, 2);
}

/* "ZeroPadding2D: {padding: [[1, 1], [0, 0]]}" */
static void add_margins(struct onnx_model *m, const char *layer, const char *key, size_t dims,
                        int64_t pads[2][2])
{
    const char *first = onnx_list(m, pads[0], 2);
    text_add(&m->layers, "%s%zuD: {%s: %s}", layer, dims, key,
             dims == 1 ? first : pool_printf(m->pool, "[%s, %s]", first, onnx_list(m, pads[1], 2)));
}

/* What padding the layer shall have; other pads than it knows become a layer in front of it. */
static const char *padding_of(struct onnx_model *m, struct windows *s)
{
    if (s->padded && !s->same) {
        add_margins(m, "ZeroPadding", "padding", s->dims, s->pads);
        text_add(&m->layers, "}, {");
    }
    return s->padded && s->same ? "same" : "valid";
}

const char *onnx_pooling(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    struct windows s;
    const char *why = read_windows(c, NULL, &s);
    NOT_IF(why, why);
    NOT_IF(onnx_int(c, "ceil_mode", 0), "ceil_mode");
    NOT_IF(s.spread, "pooling with dilation");
    bool zeros = onnx_int(c, "count_include_pad", 0);
    NOT_IF(s.padded && !s.same && !zeros, "pooling with other pads than those of same");
    m->channels_last = true;
    s.same = s.same && !zeros;
    const char *padding = padding_of(m, &s);
    text_add(&m->layers, "%s%zuD: {pool_size: %s, strides: %s, padding: %s}", layer, s.dims,
             along(m, &s, s.kernel), along(m, &s, s.stride), padding);
    return NULL;
}

const char *onnx_global_pooling(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    NOT_IF(c->input[0].rank < 3 || c->input[0].rank > 4, NOT_3D);
    m->channels_last = true;
    text_add(&m->layers, "%s%dD: {keepdims: true}", layer, c->input[0].rank - 2);
    return NULL;
}

/* The mean or maximum along the second axis of three is that of the steps of sequences. */
const char *onnx_reduce(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    const struct onnx_attribute *axes = onnx_find(c, "axes");
    NOT_IF(c->input[0].rank != 3 || !axes || axes->n != 1 ||
               (axes->ints[0] != 1 && axes->ints[0] != -2),
           "means and maxima along other axes than the steps");
    text_add(&m->layers, "%s1D: {keepdims: %s}", layer,
             onnx_int(c, "keepdims", 1) ? "true" : "false");
    return NULL;
}

/* A kernel (a, b, taps), as ONNX has them, to (taps, b, a). */
static void add_kernel(struct onnx_model *m, const struct onnx_tensor *w)
{
    struct onnx_tensor *kernel = pool_alloc(m->pool, sizeof *kernel);
    float *v = pool_alloc(m->pool, w->size * sizeof *v + 1);
    size_t a = (size_t)w->dim[0], b = (size_t)w->dim[1], taps = w->size / (a * b);
    for (size_t i = 0; i < w->size; i++)
        v[(i % taps * b + i / taps % b) * a + i / taps / b] = w->v[i];
    *kernel = *w;
    kernel->v = v;
    onnx_add_param(m, "kernel", kernel);
}

const char *onnx_convolution(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    (void)layer;
    struct windows s;
    const struct onnx_tensor *w = &c->input[1];
    const char *why = read_windows(c, w, &s);
    NOT_IF(why, why);
    NOT_IF(s.spread && s.strided, "convolution with strides and dilation");
    int64_t groups = onnx_int(c, "group", 1), channels = c->input[0].dim[1];
    bool biased = c->inputs > 2;
    m->channels_last = true;
    const char *padding = padding_of(m, &s);
    if (groups > 1 && groups == channels)
        text_add(&m->layers, "DepthwiseConv%zuD: {depth_multiplier: %lld", s.dims,
                 (long long)(w->dim[0] / channels));
    else
        text_add(&m->layers, "Conv%zuD: {filters: %lld, groups: %lld", s.dims, (long long)w->dim[0],
                 (long long)groups);
    text_add(&m->layers,
             ", kernel_size: %s, strides: %s, dilation_rate: %s, padding: %s, use_bias: %s}",
             along(m, &s, s.kernel), along(m, &s, s.stride), along(m, &s, s.dilation), padding,
             biased ? "true" : "false");
    add_kernel(m, w);
    if (biased)
        onnx_add_param(m, "bias", &c->input[2]);
    return NULL;
}

/* Given the size of the output, the rows beyond what the kernels reach are output_padding. */
const char *onnx_transposed(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    (void)layer;
    struct windows s;
    const struct onnx_tensor *w = &c->input[1];
    const struct onnx_attribute *given = onnx_find(c, "output_padding");
    const char *why = read_windows(c, w, &s);
    NOT_IF(why, why);
    NOT_IF(s.spread && s.strided, "convolution with strides and dilation");
    NOT_IF(onnx_int(c, "group", 1) != 1, "transposed convolution in groups");
    bool same = strcmp(onnx_word(c, "auto_pad", "NOTSET"), "SAME_UPPER") == 0;
    int64_t more[2] = {0};
    for (size_t a = 0; a < s.dims; a++) {
        int64_t reach = (c->input[0].dim[a + 2] - 1) * s.stride[a] + 1;
        reach += (s.kernel[a] - 1) * s.dilation[a];
        int64_t beyond = c->output[0].dim[a + 2] + s.pads[a][0] + s.pads[a][1] - reach;
        more[a] = given ? given->ints[a] : beyond > 0 && !same ? beyond : 0;
        NOT_IF(more[a] >= s.stride[a] && more[a] > 0, "output_padding beyond the strides");
    }
    m->channels_last = true;
    text_add(&m->layers,
             "Conv%zuDTranspose: {filters: %lld, kernel_size: %s, strides: %s, dilation_rate: %s, "
             "padding: %s, output_padding: %s, use_bias: %s}",
             s.dims, (long long)w->dim[1], along(m, &s, s.kernel), along(m, &s, s.stride),
             along(m, &s, s.dilation), same ? "same" : "valid", same ? "null" : along(m, &s, more),
             c->inputs > 2 ? "true" : "false");
    if (s.padded && !same) {
        text_add(&m->layers, "}, {");
        add_margins(m, "Cropping", "cropping", s.dims, s.pads);
    }
    add_kernel(m, w);
    if (c->inputs > 2)
        onnx_add_param(m, "bias", &c->input[2]);
    return NULL;
}

const char *onnx_pad(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    const struct onnx_attribute *attribute = onnx_find(c, "pads");
    const int64_t *pads = attribute ? attribute->ints : c->inputs > 1 ? c->input[1].i : NULL;
    double value = onnx_float(c, "value", 0.0);
    if (c->inputs > 2 && c->input[2].v)
        value = (double)c->input[2].v[0];
    NOT_IF(strcmp(onnx_word(c, "mode", "constant"), "constant") != 0 || value != 0.0,
           "padding by something else than zeros");
    NOT_IF(!attribute && c->input[1].size != 8, "padding of other axes than rows and columns");
    NOT_IF(!pads || c->input[0].rank != 4 || pads[0] || pads[1] || pads[4] || pads[5],
           "padding of other axes than rows and columns");
    m->channels_last = true;
    add_margins(m, layer, "padding", 2, (int64_t[2][2]){{pads[2], pads[6]}, {pads[3], pads[7]}});
    return NULL;
}

const char *onnx_resize(const struct onnx_case *c, struct onnx_model *m, const char *layer)
{
    const int64_t *in = c->input[0].dim, *out = c->output[0].dim;
    const char *mode = onnx_word(c, "mode", "nearest");
    NOT_IF(strcmp(onnx_word(c, "coordinate_transformation_mode", "half_pixel"), "half_pixel") ||
               strcmp(onnx_word(c, "nearest_mode", "round_prefer_floor"), "round_prefer_floor"),
           "resizing with other positions than Keras's");
    NOT_IF(strcmp(mode, "cubic") == 0, "cubic resizing");
    NOT_IF(c->input[0].rank != 4 || out[2] % in[2] || out[3] % in[3],
           "resizing by numbers that are not whole");
    m->channels_last = true;
    text_add(&m->layers, "%s: {size: [%lld, %lld], interpolation: %s}", layer,
             (long long)(out[2] / in[2]), (long long)(out[3] / in[3]),
             strcmp(mode, "linear") == 0 ? "bilinear" : "nearest");
    return NULL;
}
