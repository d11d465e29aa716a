/* DepthwiseConv2D and DepthwiseConv1D: every input channel is convolved by itself, with
 * depth_multiplier kernels. y[i,j,c*m + k] = b[c*m + k] + sum over r, s of x[i*sh - pt + r*dh,
 * j*sw - pl + s*dw, c] W[r,s,c,k]; of one dimension without i, r. */
#include "layers/convolution.h"
#include "layers/depthwise.h"

extern const struct layer_type layer_depthwiseconv1d;

struct depthwise_args {
    struct convolution_args base;
    int64_t depth_multiplier;
    struct variant depthwise_initializer, depthwise_regularizer, depthwise_constraint;
};

#define FIELDS_BEHIND                                                                              \
    {.key = "depth_multiplier",                                                                    \
     .type = FIELD_INT,                                                                            \
     .offset = offsetof(struct depthwise_args, depth_multiplier),                                  \
     .fallback = "1",                                                                              \
     .min = 1,                                                                                     \
     .max = 65536,                                                                                 \
     .help = "output channels for each input channel"},                                            \
        FIELD_USE_BIAS,                                                                            \
        FIELD_INITIALIZER(struct depthwise_args, depthwise_initializer, "glorot_uniform"),         \
        FIELD_BIAS_INITIALIZER, FIELD_REGULARIZER(struct depthwise_args, depthwise_regularizer),   \
        FIELD_BIAS_REGULARIZER, FIELD_CONSTRAINT(struct depthwise_args, depthwise_constraint),     \
        FIELD_BIAS_CONSTRAINT

static const struct field fields_2d[] = {FIELDS_WINDOW_2D, FIELDS_BEHIND, {0}};
static const struct field fields_1d[] = {
    FIELDS_WINDOW_1D(padding_names, "valid: none; same: zeros around"), FIELDS_BEHIND, {0}};
static const struct schema schema_2d = {"DepthwiseConv2D", fields_2d, &layer_common_schema};
static const struct schema schema_1d = {"DepthwiseConv1D", fields_1d, &layer_common_schema};

struct plan {
    struct convolution conv;
    struct depthwise depthwise;
};

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct depthwise_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    int dims = layer->type == &layer_depthwiseconv1d ? 1 : 2;
    TRY(convolution_need_input(layer, dims));
    int64_t c = layer->in[0].dim[dims], out = c * args->depth_multiplier;
    TRY(convolution_infer(layer, dims, out, &plan->conv));
    struct shape kernel = convolution_kernel(layer, dims, c, args->depth_multiplier);
    TRY(convolution_fits(layer, &plan->conv.geometry, (double)shape_size(&kernel)));
    layer_add_param(layer, "kernel", &kernel, true, &args->depthwise_initializer,
                    &args->depthwise_regularizer)
        ->constraint = &args->depthwise_constraint;
    convolution_add_bias(layer, out);
    plan->depthwise = depthwise_make(layer->kernels, &plan->conv.geometry);
    layer->scratch = depthwise_scratch(&plan->depthwise);
    layer->flops = 2.0 * (double)shape_size(&kernel) * (double)plan->conv.geometry.oh *
                   (double)plan->conv.geometry.ow;
    return ST_OK;
}

static void forward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    depthwise_run(&plan->depthwise, p->n, p->x[0], p->w[0], convolution_bias(layer, p, 1),
                  layer->activates, p->y, p->scratch);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    const struct conv2d *g = &plan->conv.geometry;
    if (layer->params > 1)
        kernels_sum_rows((size_t)p->n * (size_t)g->oh * (size_t)g->ow, (size_t)g->f, p->dy,
                         p->dw[1]);
    depthwise_run_back(&plan->depthwise, p->n, p->x[0], p->dy, p->w[0], p->dw[0], p->dx[0],
                       p->scratch);
}

static void explain(const struct layer *layer, struct text *out)
{
    convolution_explain(layer, &((const struct plan *)layer->plan)->conv, out);
}

#define DEPTHWISE(symbol, name_, schema_)                                                          \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &schema_, sizeof(struct depthwise_args), &symbol},                         \
        .infer = infer,                                                                            \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
        .explain = explain,                                                                        \
    }

DEPTHWISE(layer_depthwiseconv2d, "DepthwiseConv2D", schema_2d);
DEPTHWISE(layer_depthwiseconv1d, "DepthwiseConv1D", schema_1d);
