/* Conv2DTranspose and Conv1DTranspose: the data gradient of a convolution from their output to
 * their input, as in Keras. With x (h,w,c) and W[r,s,f,c]:
 * y[i,j,f] = b[f] + sum over the p, q, r, s with i = p*sh - pt + r*dh, j = q*sw - pl + s*dw, and
 * over c, of x[p,q,c] W[r,s,f,c]. */
#include "layers/convolution.h"

extern const struct layer_type layer_conv1dtranspose;

struct transpose_args {
    struct convolution_args base;
    int64_t output_padding[2]; /* FIELD_NONE: as many as make the size natural */
    struct variant kernel_initializer, kernel_regularizer, kernel_constraint;
};

#define PADDING_HELP "valid: all that a kernel reaches; same: the input's size times the strides"
#define OUTPUT_PADDING_HELP "rows and columns added below and right; null: by the padding"
#define FIELDS_BEHIND                                                                              \
    FIELD_USE_BIAS,                                                                                \
        FIELD_INITIALIZER(struct transpose_args, kernel_initializer, "glorot_uniform"),            \
        FIELD_BIAS_INITIALIZER, FIELD_REGULARIZER(struct transpose_args, kernel_regularizer),      \
        FIELD_BIAS_REGULARIZER, FIELD_CONSTRAINT(struct transpose_args, kernel_constraint),        \
        FIELD_BIAS_CONSTRAINT

static const struct field fields_2d[] = {FIELD_FILTERS,
                                         FIELDS_WINDOW_2D,
                                         {.key = "output_padding",
                                          .type = FIELD_PAIR,
                                          .offset = offsetof(struct transpose_args, output_padding),
                                          .fallback = "null",
                                          .nullable = true,
                                          .max = 65536,
                                          .help = OUTPUT_PADDING_HELP},
                                         FIELDS_BEHIND,
                                         {0}};
static const struct field fields_1d[] = {
    FIELD_FILTERS,
    FIELDS_WINDOW_1D(padding_names, PADDING_HELP),
    {.key = "output_padding",
     .type = FIELD_INT,
     .offset = offsetof(struct transpose_args, output_padding[1]),
     .fallback = "null",
     .nullable = true,
     .max = 65536,
     .help = "steps added behind; null: by the padding"},
    FIELDS_BEHIND,
    {0}};
static const struct schema schema_2d = {"Conv2DTranspose", fields_2d, &layer_common_schema};
static const struct schema schema_1d = {"Conv1DTranspose", fields_1d, &layer_common_schema};

/* The axes and the geometry are those of the convolution of which this is the gradient: from our
 * output to our input. */
struct plan {
    struct convolution conv;
};

/* Keras's sizes (compute_conv_transpose_output_shape) and margins (those for JAX): the output is
 * what the kernels reach, less the convolution's padding in front and behind.
 * valid: (in - 1) stride + window + output_padding, by default max(window, stride) - window;
 * same: in stride, or (in - 1) stride + window mod 2 + output_padding. */
static enum status infer_axis(const struct layer *layer, int64_t in, int64_t extra,
                              enum padding padding, struct window_axis *a)
{
    int64_t reach = (in - 1) * a->stride + a->window, margin = 0;
    LAYER_FAIL_IF(layer, extra != FIELD_NONE && extra >= a->stride,
                  "an output_padding of %lld with strides of %lld; it must be below them",
                  (long long)extra, (long long)a->stride);
    if (padding == PADDING_VALID) {
        int64_t natural = a->window > a->stride ? 0 : a->stride - a->window;
        a->in = reach + (extra == FIELD_NONE ? natural : extra);
    } else { /* total: of the zeros that a convolution of the input spread by the strides needs */
        int64_t total =
            extra == FIELD_NONE ? a->stride + a->window - 2 : a->window + a->window % 2 - 2 + extra;
        int64_t front = (total + 1) / 2;
        margin = a->window - 1 - (front < a->window - 1 ? front : a->window - 1);
        a->in = extra == FIELD_NONE ? in * a->stride : (in - 1) * a->stride + a->window % 2 + extra;
    }
    LAYER_FAIL_IF(layer, a->in < 1, "no output is left of an input of %lld", (long long)in);
    a->out = in;
    a->before = margin;
    a->after = reach - margin > a->in ? reach - margin - a->in : 0;
    return ST_OK;
}

static enum status infer_axes(struct layer *layer, struct convolution *conv)
{
    const struct transpose_args *args = layer->args;
    const struct convolution_args *base = &args->base;
    const int64_t *in = layer->in[0].dim;
    for (int a = 2 - conv->dims; a < 2; a++) {
        int64_t kernel = base->kernel_size[a], dilation = base->dilation_rate[a];
        conv->axis[a].window = (kernel - 1) * dilation + 1;
        conv->axis[a].stride = base->strides[a];
        TRY(infer_axis(layer, in[a - (2 - conv->dims)], args->output_padding[a],
                       (enum padding)base->padding, &conv->axis[a]));
    }
    if (conv->dims == 1)
        conv->axis[0] = (struct window_axis){.in = 1, .window = 1, .stride = 1, .out = 1};
    return ST_OK;
}

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct transpose_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    struct convolution *conv = &plan->conv;
    conv->dims = layer->type == &layer_conv1dtranspose ? 1 : 2;
    TRY(convolution_not_both(layer));
    TRY(convolution_need_input(layer, conv->dims));
    TRY(infer_axes(layer, conv));
    int64_t channels = layer->in[0].dim[conv->dims], filters = args->base.filters;
    conv->geometry = convolution_geometry(layer, conv->axis, filters, channels);
    layer->out = convolution_image(conv->dims, conv->axis[0].in, conv->axis[1].in, filters);
    struct shape kernel = convolution_kernel(layer, conv->dims, filters, channels);
    TRY(convolution_fits(layer, &conv->geometry, (double)shape_size(&kernel)));
    layer_add_param(layer, "kernel", &kernel, true, &args->kernel_initializer,
                    &args->kernel_regularizer)
        ->constraint = &args->kernel_constraint;
    convolution_add_bias(layer, filters);
    layer->scratch = layer->kernels->conv2d_scratch(&conv->geometry);
    if (layer->kernels->conv2d_packed)
        layer->packed = layer->kernels->conv2d_packed(&conv->geometry);
    layer->activates = layer->activation == ACT_RELU;
    layer->flops =
        2.0 * (double)shape_size(&kernel) * (double)conv->axis[0].out * (double)conv->axis[1].out;
    return ST_OK;
}

static struct conv2d geometry_for(const struct layer *layer, int n)
{
    return convolution_of(&((const struct plan *)layer->plan)->conv, n);
}

static void prepare(const struct layer *layer, const struct pass *p)
{
    struct conv2d g = geometry_for(layer, p->n);
    if (layer->kernels->conv2d_pack)
        layer->kernels->conv2d_pack(&g, p->w[0], p->packed);
}

static const float *kernel_of(const struct layer *layer, const struct pass *p)
{
    return layer->kernels->conv2d_pack ? p->packed : p->w[0];
}

static size_t pixels(const struct conv2d *g)
{
    return (size_t)g->n * (size_t)g->h * (size_t)g->w;
}

static void forward(const struct layer *layer, const struct pass *p)
{
    struct conv2d g = geometry_for(layer, p->n);
    layer->kernels->conv2d_backward_data(&g, p->x[0], kernel_of(layer, p), p->y, p->scratch);
    kernels_finish(pixels(&g), (size_t)g.c, convolution_bias(layer, p, 1), layer->activates, p->y);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    struct conv2d g = geometry_for(layer, p->n);
    layer->kernels->conv2d_backward_weights(&g, p->dy, p->x[0], p->dw[0], p->scratch);
    if (layer->params > 1)
        kernels_sum_rows(pixels(&g), (size_t)g.c, p->dy, p->dw[1]);
    if (p->dx[0])
        layer->kernels->conv2d_forward(&g, p->dy, kernel_of(layer, p), NULL, false, p->dx[0],
                                       p->scratch);
}

static void explain(const struct layer *layer, struct text *out)
{
    const struct convolution *conv = &((const struct plan *)layer->plan)->conv;
    for (int a = 2 - conv->dims; a < 2; a++) {
        const struct window_axis *x = &conv->axis[a];
        long long more = (long long)(x->in - ((x->out - 1) * x->stride + x->window - x->before));
        text_add(out, "%s (%lld - 1)*%lld + %lld - %lld %c %lld = %lld; ",
                 convolution_axis_name(conv->dims, a), (long long)x->out, (long long)x->stride,
                 (long long)x->window, (long long)x->before, more < 0 ? '-' : '+',
                 more < 0 ? -more : more, (long long)x->in);
    }
    convolution_explain_weights(layer, out);
}

#define TRANSPOSE(symbol, name_, schema_)                                                          \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &schema_, sizeof(struct transpose_args), &symbol},                         \
        .infer = infer,                                                                            \
        .prepare = prepare,                                                                        \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
        .explain = explain,                                                                        \
    }

TRANSPOSE(layer_conv2dtranspose, "Conv2DTranspose", schema_2d);
TRANSPOSE(layer_conv1dtranspose, "Conv1DTranspose", schema_1d);
