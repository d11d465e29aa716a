/* SeparableConv2D and SeparableConv1D: a depthwise convolution z, then one of 1x1 pixels.
 * z[i,j,c*m + k] as in DepthwiseConv2D, y[i,j,f] = b[f] + sum over o of z[i,j,o] P[o,f]. */
#include "layers/convolution.h"
#include "layers/depthwise.h"

extern const struct layer_type layer_separableconv1d;

struct separable_args {
    struct convolution_args base;
    int64_t depth_multiplier;
    struct variant depthwise_initializer, pointwise_initializer;
    struct variant depthwise_regularizer, depthwise_constraint, pointwise_regularizer,
        pointwise_constraint;
};

#define FIELDS_BEHIND                                                                              \
    {.key = "depth_multiplier",                                                                    \
     .type = FIELD_INT,                                                                            \
     .offset = offsetof(struct separable_args, depth_multiplier),                                  \
     .fallback = "1",                                                                              \
     .min = 1,                                                                                     \
     .max = 65536,                                                                                 \
     .help = "channels in between for each input channel"},                                        \
        FIELD_USE_BIAS,                                                                            \
        FIELD_INITIALIZER(struct separable_args, depthwise_initializer, "glorot_uniform"),         \
        FIELD_INITIALIZER(struct separable_args, pointwise_initializer, "glorot_uniform"),         \
        FIELD_BIAS_INITIALIZER, FIELD_REGULARIZER(struct separable_args, depthwise_regularizer),   \
        FIELD_REGULARIZER(struct separable_args, pointwise_regularizer), FIELD_BIAS_REGULARIZER,   \
        FIELD_CONSTRAINT(struct separable_args, depthwise_constraint),                             \
        FIELD_CONSTRAINT(struct separable_args, pointwise_constraint), FIELD_BIAS_CONSTRAINT

static const struct field fields_2d[] = {FIELD_FILTERS, FIELDS_WINDOW_2D, FIELDS_BEHIND, {0}};
static const struct field fields_1d[] = {
    FIELD_FILTERS,
    FIELDS_WINDOW_1D(padding_names, "valid: none; same: zeros around"),
    FIELDS_BEHIND,
    {0}};
static const struct schema schema_2d = {"SeparableConv2D", fields_2d, &layer_common_schema};
static const struct schema schema_1d = {"SeparableConv1D", fields_1d, &layer_common_schema};

struct plan {
    struct convolution conv; /* from x to z */
    struct depthwise depthwise;
    struct conv2d point; /* from z to y */
};

/* Floats of z, for a whole microbatch. */
static size_t between(const struct conv2d *point)
{
    size_t size = (size_t)point->n * (size_t)point->h * (size_t)point->w * (size_t)point->c;
    return mem_round(size, 16);
}

/* z is saved; its gradient lies in the scratch, behind it what the passes need one after the other.
 */
static void need_memory(struct layer *layer, const struct plan *plan)
{
    size_t depth = depthwise_scratch(&plan->depthwise);
    size_t point = layer->kernels->conv2d_scratch(&plan->point);
    layer->saved = between(&plan->point);
    layer->scratch = between(&plan->point) + (depth > point ? depth : point);
    if (layer->kernels->conv2d_packed)
        layer->packed = layer->kernels->conv2d_packed(&plan->point);
}

static enum status add_params(struct layer *layer, int64_t c)
{
    const struct separable_args *args = layer->args;
    const struct plan *plan = layer->plan;
    int dims = plan->conv.dims;
    int64_t m = args->depth_multiplier, filters = args->base.filters;
    struct shape depth = convolution_kernel(layer, dims, c, m);
    struct shape point = dims == 1 ? (struct shape){3, {1, c * m, filters}}
                                   : (struct shape){4, {1, 1, c * m, filters}};
    TRY(convolution_fits(layer, &plan->conv.geometry, (double)shape_size(&depth)));
    TRY(convolution_fits(layer, &plan->point, (double)shape_size(&point)));
    layer_add_param(layer, "depthwise_kernel", &depth, true, &args->depthwise_initializer,
                    &args->depthwise_regularizer)
        ->constraint = &args->depthwise_constraint;
    layer_add_param(layer, "pointwise_kernel", &point, true, &args->pointwise_initializer,
                    &args->pointwise_regularizer)
        ->constraint = &args->pointwise_constraint;
    convolution_add_bias(layer, filters);
    layer->flops = 2.0 * (double)(shape_size(&depth) + shape_size(&point)) *
                   (double)plan->point.oh * (double)plan->point.ow;
    return ST_OK;
}

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct separable_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    int dims = layer->type == &layer_separableconv1d ? 1 : 2;
    TRY(convolution_need_input(layer, dims));
    int64_t c = layer->in[0].dim[dims];
    TRY(convolution_infer(layer, dims, c * args->depth_multiplier, &plan->conv));
    struct conv2d *point = &plan->point, *g = &plan->conv.geometry;
    *point = (struct conv2d){.n = g->n,
                             .h = g->oh,
                             .w = g->ow,
                             .c = g->f,
                             .oh = g->oh,
                             .ow = g->ow,
                             .f = (int)args->base.filters,
                             .kh = 1,
                             .kw = 1,
                             .sh = 1,
                             .sw = 1,
                             .dh = 1,
                             .dw = 1,
                             .method = layer->conv};
    layer->out.dim[dims] = args->base.filters;
    plan->depthwise = depthwise_make(layer->kernels, g);
    TRY(add_params(layer, c));
    need_memory(layer, plan);
    return ST_OK;
}

static void prepare(const struct layer *layer, const struct pass *p)
{
    if (layer->kernels->conv2d_pack)
        layer->kernels->conv2d_pack(&((const struct plan *)layer->plan)->point, p->w[1], p->packed);
}

static const float *pointwise_of(const struct layer *layer, const struct pass *p)
{
    return layer->kernels->conv2d_pack ? p->packed : p->w[1];
}

static void forward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    struct conv2d point = plan->point;
    point.n = p->n;
    depthwise_run(&plan->depthwise, p->n, p->x[0], p->w[0], NULL, false, p->saved, p->scratch);
    layer->kernels->conv2d_forward(&point, p->saved, pointwise_of(layer, p),
                                   convolution_bias(layer, p, 2), layer->activates, p->y,
                                   p->scratch);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    struct conv2d point = plan->point;
    point.n = p->n;
    float *dz = p->scratch, *scratch = p->scratch + between(&plan->point);
    layer->kernels->conv2d_backward_weights(&point, p->saved, p->dy, p->dw[1], scratch);
    layer->kernels->conv2d_backward_data(&point, p->dy, pointwise_of(layer, p), dz, scratch);
    if (layer->params > 2)
        kernels_sum_rows((size_t)p->n * (size_t)point.oh * (size_t)point.ow, (size_t)point.f, p->dy,
                         p->dw[2]);
    depthwise_run_back(&plan->depthwise, p->n, p->x[0], dz, p->w[0], p->dw[0], p->dx[0], scratch);
}

static void explain(const struct layer *layer, struct text *out)
{
    convolution_explain(layer, &((const struct plan *)layer->plan)->conv, out);
}

#define SEPARABLE(symbol, name_, schema_)                                                          \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &schema_, sizeof(struct separable_args), &symbol},                         \
        .infer = infer,                                                                            \
        .prepare = prepare,                                                                        \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
        .explain = explain,                                                                        \
    }

SEPARABLE(layer_separableconv2d, "SeparableConv2D", schema_2d);
SEPARABLE(layer_separableconv1d, "SeparableConv1D", schema_1d);
