/* Conv2D: cross-correlation, as in Keras.
 * y[i,j,f] = b[f] + sum over r, s, c of x[i*sh - pt + r*dh, j*sw - pl + s*dw, c] W[r,s,c,f]. */
#include "layers/fields.h"
#include "layers/window.h"

struct conv2d_args {
    struct layer_common common;
    int64_t filters, kernel_size[2], strides[2], dilation_rate[2];
    int padding;
    bool use_bias;
    struct variant kernel_initializer, bias_initializer;
    struct variant kernel_regularizer, bias_regularizer;
};

static const struct field fields[] = {
    {.key = "filters",
     .type = FIELD_INT,
     .offset = offsetof(struct conv2d_args, filters),
     .min = 1,
     .max = 65536,
     .help = "output channels"},
    FIELD_WINDOW(struct conv2d_args, kernel_size, NULL, false, "height and width of the kernel"),
    FIELD_WINDOW(struct conv2d_args, strides, "1", false, "steps between windows"),
    {.key = "padding",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct conv2d_args, padding),
     .fallback = "valid",
     .choices = padding_names,
     .help = "valid: none; same: zeros around"},
    FIELD_WINDOW(struct conv2d_args, dilation_rate, "1", false, "distance between kernel taps"),
    FIELD_FLAG(struct conv2d_args, use_bias, "true", "add a bias"),
    FIELD_INITIALIZER(struct conv2d_args, kernel_initializer, "glorot_uniform"),
    FIELD_INITIALIZER(struct conv2d_args, bias_initializer, "zeros"),
    FIELD_REGULARIZER(struct conv2d_args, kernel_regularizer),
    FIELD_REGULARIZER(struct conv2d_args, bias_regularizer),
    {0}};
static const struct schema schema = {"Conv2D", fields, &layer_common_schema};

struct plan {
    struct conv2d geometry; /* n is filled in at each pass */
    struct window_axis axis[2];
};

static const char *const axis_names[2] = {"height", "width"};

static void add_params(struct layer *layer, struct conv2d_args *args)
{
    struct shape kernel = {
        4, {args->kernel_size[0], args->kernel_size[1], layer->in[0].dim[2], args->filters}};
    layer_add_param(layer, "kernel", &kernel, true, &args->kernel_initializer,
                    &args->kernel_regularizer);
    if (args->use_bias)
        layer_add_param(layer, "bias", &(struct shape){1, {args->filters}}, true,
                        &args->bias_initializer, &args->bias_regularizer);
}

static struct conv2d geometry_of(const struct layer *layer, const struct conv2d_args *args,
                                 const struct window_axis axis[2])
{
    const int64_t *in = layer->in[0].dim;
    return (struct conv2d){.n = layer->microbatch,
                           .h = (int)in[0],
                           .w = (int)in[1],
                           .c = (int)in[2],
                           .oh = (int)axis[0].out,
                           .ow = (int)axis[1].out,
                           .f = (int)args->filters,
                           .kh = (int)args->kernel_size[0],
                           .kw = (int)args->kernel_size[1],
                           .sh = (int)args->strides[0],
                           .sw = (int)args->strides[1],
                           .dh = (int)args->dilation_rate[0],
                           .dw = (int)args->dilation_rate[1],
                           .pt = (int)axis[0].before,
                           .pl = (int)axis[1].before,
                           .method = layer->conv};
}

static enum status infer(struct layer *layer, struct pool *pool)
{
    struct conv2d_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    TRY(window_need_image(layer));
    for (int a = 0; a < 2; a++) {
        LAYER_FAIL_IF(layer, args->strides[a] > 1 && args->dilation_rate[a] > 1,
                      "strides of %lld and a dilation_rate of %lld; only one may be above 1",
                      (long long)args->strides[a], (long long)args->dilation_rate[a]);
        plan->axis[a] =
            (struct window_axis){.in = layer->in[0].dim[a],
                                 .window = (args->kernel_size[a] - 1) * args->dilation_rate[a] + 1,
                                 .stride = args->strides[a]};
        TRY(window_infer(layer, axis_names[a], (enum padding)args->padding, &plan->axis[a]));
    }
    layer->out = (struct shape){3, {plan->axis[0].out, plan->axis[1].out, args->filters}};
    add_params(layer, args);
    double taps =
        (double)args->kernel_size[0] * (double)args->kernel_size[1] * (double)layer->in[0].dim[2];
    double rows = (double)layer->microbatch * (double)layer->out.dim[0] * (double)layer->out.dim[1];
    LAYER_FAIL_IF(layer, taps * (double)args->filters > INT32_MAX || rows > INT32_MAX,
                  "%.0f weights and %.0f output pixels in a microbatch; at most 2^31 of each",
                  taps * (double)args->filters, rows);
    plan->geometry = geometry_of(layer, args, plan->axis);
    layer->scratch = layer->kernels->conv2d_scratch(&plan->geometry);
    if (layer->kernels->conv2d_packed)
        layer->packed = layer->kernels->conv2d_packed(&plan->geometry);
    layer->activates = layer->activation == ACT_RELU;
    layer->flops = 2.0 * taps * (double)shape_size(&layer->out);
    return ST_OK;
}

static struct conv2d geometry_for(const struct layer *layer, int n)
{
    struct conv2d g = ((const struct plan *)layer->plan)->geometry;
    g.n = n;
    return g;
}

static void prepare(const struct layer *layer, const struct pass *p)
{
    struct conv2d g = geometry_for(layer, p->n);
    if (layer->kernels->conv2d_pack)
        layer->kernels->conv2d_pack(&g, p->w[0], p->packed);
}

/* The kernel in the form that the backend wants. */
static const float *kernel_of(const struct layer *layer, const struct pass *p)
{
    return layer->kernels->conv2d_pack ? p->packed : p->w[0];
}

static void forward(const struct layer *layer, const struct pass *p)
{
    struct conv2d g = geometry_for(layer, p->n);
    layer->kernels->conv2d_forward(&g, p->x[0], kernel_of(layer, p),
                                   layer->params > 1 ? p->w[1] : NULL, layer->activates, p->y,
                                   p->scratch);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    struct conv2d g = geometry_for(layer, p->n);
    layer->kernels->conv2d_backward_weights(&g, p->x[0], p->dy, p->dw[0], p->scratch);
    if (layer->params > 1)
        kernels_sum_rows((size_t)g.n * (size_t)g.oh * (size_t)g.ow, (size_t)g.f, p->dy, p->dw[1]);
    if (p->dx[0])
        layer->kernels->conv2d_backward_data(&g, p->dy, kernel_of(layer, p), p->dx[0], p->scratch);
}

static void explain(const struct layer *layer, struct text *out)
{
    const struct plan *plan = layer->plan;
    window_explain(axis_names[0], &plan->axis[0], out);
    text_add(out, "; ");
    window_explain(axis_names[1], &plan->axis[1], out);
    const struct conv2d *g = &plan->geometry;
    text_add(out, "; weights %d*%d*%d*%d%s = %zu", g->kh, g->kw, g->c, g->f,
             layer->params > 1 ? " + bias" : "",
             layer->param[0].size + (layer->params > 1 ? layer->param[1].size : 0));
}

const struct layer_type layer_conv2d = {
    .kind = {"Conv2D", &schema, sizeof(struct conv2d_args), &layer_conv2d},
    .infer = infer,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
    .explain = explain,
};
