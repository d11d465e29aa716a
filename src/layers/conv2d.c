/* Conv2D and Conv1D: cross-correlation, as in Keras.
 * y[i,j,f] = b[f] + sum over r, s, c of x[i*sh - pt + r*dh, j*sw - pl + s*dw, c] W[r,s,c,f]; of one
 * dimension without i, r. */
#include "layers/convolution.h"
#include "layers/grouped.h"

extern const struct layer_type layer_conv1d;

struct conv2d_args {
    struct convolution_args base;
    int64_t groups;
    struct variant kernel_initializer, kernel_regularizer, kernel_constraint;
};

#define FIELD_GROUPS                                                                               \
    {                                                                                              \
        .key = "groups", .type = FIELD_INT, .offset = offsetof(struct conv2d_args, groups),        \
        .fallback = "1", .min = 1, .max = 65536,                                                   \
        .help = "filters and input channels are in so many groups, which do not meet"              \
    }

#define FIELDS_BEHIND                                                                              \
    FIELD_GROUPS, FIELD_USE_BIAS,                                                                  \
        FIELD_INITIALIZER(struct conv2d_args, kernel_initializer, "glorot_uniform"),               \
        FIELD_BIAS_INITIALIZER, FIELD_REGULARIZER(struct conv2d_args, kernel_regularizer),         \
        FIELD_BIAS_REGULARIZER, FIELD_CONSTRAINT(struct conv2d_args, kernel_constraint),           \
        FIELD_BIAS_CONSTRAINT

static const struct field fields_2d[] = {FIELD_FILTERS, FIELDS_WINDOW_2D, FIELDS_BEHIND, {0}};
static const struct field fields_1d[] = {
    FIELD_FILTERS,
    FIELDS_WINDOW_1D(causal_padding_names, "valid: none; same: zeros around; causal: in front"),
    FIELDS_BEHIND,
    {0}};
static const struct schema schema_2d = {"Conv2D", fields_2d, &layer_common_schema};
static const struct schema schema_1d = {"Conv1D", fields_1d, &layer_common_schema};

struct plan {
    struct convolution conv;
    struct grouped grouped; /* used where there is more than one group */
};

static enum status add_params(struct layer *layer, int64_t channels)
{
    struct conv2d_args *args = layer->args;
    const struct plan *plan = layer->plan;
    LAYER_FAIL_IF(layer, channels % args->groups || args->base.filters % args->groups,
                  "%lld input channels and %lld filters cannot be in %lld equal groups",
                  (long long)channels, (long long)args->base.filters, (long long)args->groups);
    struct shape kernel =
        convolution_kernel(layer, plan->conv.dims, channels / args->groups, args->base.filters);
    TRY(convolution_fits(layer, &plan->conv.geometry, (double)shape_size(&kernel)));
    layer_add_param(layer, "kernel", &kernel, true, &args->kernel_initializer,
                    &args->kernel_regularizer)
        ->constraint = &args->kernel_constraint;
    convolution_add_bias(layer, args->base.filters);
    layer->flops = 2.0 * (double)shape_size(&kernel) * (double)plan->conv.geometry.oh *
                   (double)plan->conv.geometry.ow;
    return ST_OK;
}

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct conv2d_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    TRY(convolution_not_both(layer));
    TRY(convolution_infer(layer, layer->type == &layer_conv1d ? 1 : 2, args->base.filters,
                          &plan->conv));
    const struct conv2d *g = &plan->conv.geometry;
    TRY(add_params(layer, g->c));
    plan->grouped = (struct grouped){layer->kernels, *g, (int)args->groups};
    plan->grouped.part.c /= plan->grouped.groups;
    plan->grouped.part.f /= plan->grouped.groups;
    if (args->groups > 1) {
        layer->packed = grouped_packed(&plan->grouped);
        layer->scratch = grouped_scratch(&plan->grouped);
        return ST_OK;
    }
    for (int pass = 0; layer->kernels->conv2d_algorithm && pass < CONV_PASSES; pass++)
        layer->algorithm[pass] = layer->kernels->conv2d_algorithm(g, (enum conv_pass)pass);
    layer->scratch = layer->kernels->conv2d_scratch(g);
    if (layer->kernels->conv2d_packed)
        layer->packed = layer->kernels->conv2d_packed(g);
    return ST_OK;
}

static void prepare(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    struct conv2d g = convolution_of(&plan->conv, p->n);
    if (plan->grouped.groups > 1)
        grouped_pack(&plan->grouped, p->w[0], p->packed, p->scratch);
    else if (layer->kernels->conv2d_pack)
        layer->kernels->conv2d_pack(&g, p->w[0], p->packed);
}

/* The kernel in the form that the backend wants. */
static const float *kernel_of(const struct layer *layer, const struct pass *p)
{
    return layer->kernels->conv2d_pack ? p->packed : p->w[0];
}

static void forward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    struct conv2d g = convolution_of(&plan->conv, p->n);
    const float *bias = convolution_bias(layer, p, 1);
    if (plan->grouped.groups > 1)
        grouped_forward(&plan->grouped, p->n, p->x[0], p->packed, bias, layer->activates, p->y,
                        p->scratch);
    else
        layer->kernels->conv2d_forward(&g, p->x[0], kernel_of(layer, p), bias, layer->activates,
                                       p->y, p->scratch);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    struct conv2d g = convolution_of(&plan->conv, p->n);
    if (layer->params > 1)
        kernels_sum_rows((size_t)g.n * (size_t)g.oh * (size_t)g.ow, (size_t)g.f, p->dy, p->dw[1]);
    if (plan->grouped.groups > 1) {
        grouped_backward(&plan->grouped, p->n, p->x[0], p->dy, p->packed, p->dw[0], p->dx[0],
                         p->scratch);
        return;
    }
    layer->kernels->conv2d_backward_weights(&g, p->x[0], p->dy, p->dw[0], p->scratch);
    if (p->dx[0])
        layer->kernels->conv2d_backward_data(&g, p->dy, kernel_of(layer, p), p->dx[0], p->scratch);
}

static void explain(const struct layer *layer, struct text *out)
{
    convolution_explain(layer, &((const struct plan *)layer->plan)->conv, out);
}

#define CONVOLUTION(symbol, name_, schema_)                                                        \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &schema_, sizeof(struct conv2d_args), &symbol},                            \
        .infer = infer,                                                                            \
        .prepare = prepare,                                                                        \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
        .form = FORM_PRODUCT,                                                                      \
        .explain = explain,                                                                        \
    }

CONVOLUTION(layer_conv2d, "Conv2D", schema_2d);
CONVOLUTION(layer_conv1d, "Conv1D", schema_1d);
