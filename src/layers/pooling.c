/* Max and AveragePooling1D and 2D: y[i,j,c] = max or mean of x over the window; zeros that padding
 * would add never count. A sequence is pooled as an image of one row. */
#include "kernels/pool.h"
#include "layers/fields.h"
#include "layers/window.h"

struct pooling_args {
    struct layer_common common;
    int64_t pool_size[2], strides[2]; /* a sequence has the second of each */
    int padding;
};

#define PADDING                                                                                    \
    {                                                                                              \
        .key = "padding", .type = FIELD_CHOICE, .offset = offsetof(struct pooling_args, padding),  \
        .fallback = "valid", .choices = padding_names, .help = "valid or same"                     \
    }
#define STEPS(key_, member, default_, nullable_, help_)                                            \
    {                                                                                              \
        .key = key_, .type = FIELD_INT, .offset = offsetof(struct pooling_args, member),           \
        .fallback = default_, .nullable = nullable_, .min = 1, .max = 65536, .help = help_         \
    }

static const struct field fields_1d[] = {
    STEPS("pool_size", pool_size[1], "2", false, "steps of the window"),
    STEPS("strides", strides[1], "null", true, "null: pool_size"),
    PADDING,
    {0}};
static const struct field fields_2d[] = {
    FIELD_WINDOW(struct pooling_args, pool_size, "2", false, "height and width of the window"),
    FIELD_WINDOW(struct pooling_args, strides, "null", true, "null: pool_size"),
    PADDING,
    {0}};

struct plan {
    struct pool2d geometry;
    struct window_axis axis[2];
};

static enum status infer(struct layer *layer, struct pool *pool, bool sequence, bool average)
{
    const struct pooling_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    TRY(sequence ? window_need_sequence(layer) : window_need_image(layer));
    struct image in = image_of(&layer->in[0]);
    plan->axis[0] = plan->axis[1] =
        (struct window_axis){.in = 1, .window = 1, .stride = 1, .out = 1};
    for (int a = sequence ? 1 : 0; a < 2; a++) {
        int64_t stride = args->strides[a] == FIELD_NONE ? args->pool_size[a] : args->strides[a];
        plan->axis[a] = (struct window_axis){
            .in = a ? in.w : in.h, .window = args->pool_size[a], .stride = stride};
        TRY(window_infer(layer,
                         sequence ? "steps"
                         : a      ? "width"
                                  : "height",
                         (enum padding)args->padding, &plan->axis[a]));
    }
    layer->out = sequence ? (struct shape){2, {plan->axis[1].out, in.c}}
                          : (struct shape){3, {plan->axis[0].out, plan->axis[1].out, in.c}};
    plan->geometry = (struct pool2d){.h = (int)in.h,
                                     .w = (int)in.w,
                                     .c = (int)in.c,
                                     .oh = (int)plan->axis[0].out,
                                     .ow = (int)plan->axis[1].out,
                                     .kh = (int)plan->axis[0].window,
                                     .kw = (int)plan->axis[1].window,
                                     .sh = (int)plan->axis[0].stride,
                                     .sw = (int)plan->axis[1].stride,
                                     .pt = (int)plan->axis[0].before,
                                     .pl = (int)plan->axis[1].before,
                                     .average = average};
    layer->flops = (double)shape_size(&layer->out) * (double)plan->axis[0].window *
                   (double)plan->axis[1].window;
    return ST_OK;
}

static struct pool2d geometry_for(const struct layer *layer, int n)
{
    struct pool2d g = ((const struct plan *)layer->plan)->geometry;
    g.n = n;
    return g;
}

static void forward(const struct layer *layer, const struct pass *p)
{
    struct pool2d g = geometry_for(layer, p->n);
    layer->kernels->pool2d_forward(&g, p->x[0], p->y);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    struct pool2d g = geometry_for(layer, p->n);
    if (p->dx[0])
        layer->kernels->pool2d_backward(&g, p->x[0], p->dy, p->dx[0]);
}

static void maximum_tangent(const struct layer *layer, const struct pass *p, const float *rx)
{
    struct pool2d g = geometry_for(layer, p->n);
    pool2d_maximum_tangent(&g, p->x[0], rx, p->y);
}

static void explain(const struct layer *layer, struct text *out)
{
    const struct plan *plan = layer->plan;
    bool sequence = layer->in[0].rank == 2;
    if (!sequence) {
        window_explain("height", &plan->axis[0], out);
        text_add(out, "; ");
    }
    window_explain(sequence ? "steps" : "width", &plan->axis[1], out);
}

#define POOLING(symbol, name_, fields_, sequence, average)                                         \
    static const struct schema symbol##_schema = {name_, fields_, &layer_common_schema};           \
    static enum status symbol##_infer(struct layer *layer, struct pool *pool)                      \
    {                                                                                              \
        return infer(layer, pool, sequence, average);                                              \
    }                                                                                              \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &symbol##_schema, sizeof(struct pooling_args), &symbol},                   \
        .infer = symbol##_infer,                                                                   \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
        .explain = explain,                                                                        \
        .form = FORM_LINEAR,                                                                       \
        .tangent = average ? NULL : maximum_tangent,                                               \
    }

POOLING(layer_maxpooling1d, "MaxPooling1D", fields_1d, true, false);
POOLING(layer_averagepooling1d, "AveragePooling1D", fields_1d, true, true);
POOLING(layer_maxpooling2d, "MaxPooling2D", fields_2d, false, false);
POOLING(layer_averagepooling2d, "AveragePooling2D", fields_2d, false, true);
