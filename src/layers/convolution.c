#include "layers/convolution.h"

const char *convolution_axis_name(int dims, int axis)
{
    return dims == 1 ? "length" : axis == 0 ? "height" : "width";
}

int64_t convolution_argument(const int64_t pair[2], int axis)
{
    return pair[axis] ? pair[axis] : 1;
}

enum status convolution_need_input(const struct layer *layer, int dims)
{
    return dims == 2 ? window_need_image(layer) : window_need_sequence(layer);
}

enum status convolution_not_both(const struct layer *layer)
{
    const struct convolution_args *args = layer->args;
    for (int a = 0; a < 2; a++)
        LAYER_FAIL_IF(layer, args->strides[a] > 1 && args->dilation_rate[a] > 1,
                      "strides of %lld and a dilation_rate of %lld; only one may be above 1",
                      (long long)args->strides[a], (long long)args->dilation_rate[a]);
    return ST_OK;
}

struct conv2d convolution_geometry(const struct layer *layer, const struct window_axis axis[2],
                                   int64_t c, int64_t f)
{
    const struct convolution_args *args = layer->args;
    return (struct conv2d){.n = layer->microbatch,
                           .h = (int)axis[0].in,
                           .w = (int)axis[1].in,
                           .c = (int)c,
                           .oh = (int)axis[0].out,
                           .ow = (int)axis[1].out,
                           .f = (int)f,
                           .kh = (int)convolution_argument(args->kernel_size, 0),
                           .kw = (int)convolution_argument(args->kernel_size, 1),
                           .sh = (int)convolution_argument(args->strides, 0),
                           .sw = (int)convolution_argument(args->strides, 1),
                           .dh = (int)convolution_argument(args->dilation_rate, 0),
                           .dw = (int)convolution_argument(args->dilation_rate, 1),
                           .pt = (int)axis[0].before,
                           .pl = (int)axis[1].before,
                           .method = layer->conv};
}

enum status convolution_fits(const struct layer *layer, const struct conv2d *g, double weights)
{
    double rows = (double)g->oh * (double)g->ow, columns = (double)g->h * (double)g->w;
    rows = (double)g->n * (rows > columns ? rows : columns);
    LAYER_FAIL_IF(layer, weights > INT32_MAX || rows > INT32_MAX,
                  "%.0f weights and %.0f pixels in a microbatch; at most 2^31 of each", weights,
                  rows);
    return ST_OK;
}

struct shape convolution_kernel(const struct layer *layer, int dims, int64_t c, int64_t f)
{
    const struct convolution_args *args = layer->args;
    if (dims == 1)
        return (struct shape){3, {args->kernel_size[1], c, f}};
    return (struct shape){4, {args->kernel_size[0], args->kernel_size[1], c, f}};
}

struct shape convolution_image(int dims, int64_t rows, int64_t columns, int64_t channels)
{
    if (dims == 1)
        return (struct shape){2, {columns, channels}};
    return (struct shape){3, {rows, columns, channels}};
}

enum status convolution_infer(struct layer *layer, int dims, int64_t filters,
                              struct convolution *conv)
{
    const struct convolution_args *args = layer->args;
    const int64_t *in = layer->in[0].dim;
    TRY(convolution_need_input(layer, dims));
    conv->dims = dims;
    for (int a = 0; a < 2; a++) {
        int64_t kernel = convolution_argument(args->kernel_size, a);
        int64_t dilation = convolution_argument(args->dilation_rate, a);
        conv->axis[a] = (struct window_axis){.in = dims == 2 ? in[a]
                                                   : a       ? in[0]
                                                             : 1,
                                             .window = (kernel - 1) * dilation + 1,
                                             .stride = convolution_argument(args->strides, a)};
        TRY(window_infer(layer, convolution_axis_name(dims, a), (enum padding)args->padding,
                         &conv->axis[a]));
    }
    int64_t channels = in[dims];
    conv->geometry = convolution_geometry(layer, conv->axis, channels, filters);
    layer->out = convolution_image(dims, conv->axis[0].out, conv->axis[1].out, filters);
    layer->activates = layer->activation == ACT_RELU;
    return ST_OK;
}

void convolution_add_bias(struct layer *layer, int64_t channels)
{
    const struct convolution_args *args = layer->args;
    if (args->use_bias)
        layer_add_param(layer, "bias", &(struct shape){1, {channels}}, true,
                        &args->bias_initializer, &args->bias_regularizer)
            ->constraint = &args->bias_constraint;
}

const float *convolution_bias(const struct layer *layer, const struct pass *p, size_t index)
{
    return layer->params > index ? p->w[index] : NULL;
}

struct conv2d convolution_of(const struct convolution *conv, int n)
{
    struct conv2d g = conv->geometry;
    g.n = n;
    return g;
}

void convolution_explain(const struct layer *layer, const struct convolution *conv,
                         struct text *out)
{
    for (int a = 2 - conv->dims; a < 2; a++) {
        window_explain(convolution_axis_name(conv->dims, a), &conv->axis[a], out);
        text_add(out, "; ");
    }
    convolution_explain_weights(layer, out);
}

void convolution_explain_weights(const struct layer *layer, struct text *out)
{
    size_t total = 0;
    text_add(out, "weights ");
    for (size_t p = 0; p < layer->params; p++) {
        const struct shape *shape = &layer->param[p].shape;
        text_add(out, p ? " + " : "");
        for (int i = 0; i < shape->rank && shape->rank > 1; i++)
            text_add(out, "%s%lld", i ? "*" : "", (long long)shape->dim[i]);
        if (shape->rank == 1)
            text_add(out, "bias");
        total += layer->param[p].size;
    }
    text_add(out, " = %zu", total);
}
