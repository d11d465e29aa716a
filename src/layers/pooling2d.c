/* MaxPooling2D and AveragePooling2D: y[i,j,c] = max or mean of x over the window; zeros that
 * padding would add never count. */
#include "layers/fields.h"
#include "layers/window.h"

extern const struct layer_type layer_averagepooling2d;

struct pooling_args {
    struct layer_common common;
    int64_t pool_size[2], strides[2];
    int padding;
};

static const struct field fields[] = {
    FIELD_WINDOW(struct pooling_args, pool_size, "2", false, "height and width of the window"),
    FIELD_WINDOW(struct pooling_args, strides, "null", true, "null: pool_size"),
    {.key = "padding",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct pooling_args, padding),
     .fallback = "valid",
     .choices = padding_names,
     .help = "valid or same"},
    {0}};
static const struct schema max_schema = {"MaxPooling2D", fields, &layer_common_schema};
static const struct schema average_schema = {"AveragePooling2D", fields, &layer_common_schema};

struct plan {
    struct pool2d geometry;
    struct window_axis axis[2];
};

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct pooling_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    TRY(window_need_image(layer));
    for (int a = 0; a < 2; a++) {
        int64_t stride = args->strides[a] == FIELD_NONE ? args->pool_size[a] : args->strides[a];
        plan->axis[a] = (struct window_axis){
            .in = layer->in[0].dim[a], .window = args->pool_size[a], .stride = stride};
        TRY(window_infer(layer, a ? "width" : "height", (enum padding)args->padding,
                         &plan->axis[a]));
    }
    layer->out = (struct shape){3, {plan->axis[0].out, plan->axis[1].out, layer->in[0].dim[2]}};
    plan->geometry = (struct pool2d){.h = (int)layer->in[0].dim[0],
                                     .w = (int)layer->in[0].dim[1],
                                     .c = (int)layer->in[0].dim[2],
                                     .oh = (int)plan->axis[0].out,
                                     .ow = (int)plan->axis[1].out,
                                     .kh = (int)args->pool_size[0],
                                     .kw = (int)args->pool_size[1],
                                     .sh = (int)plan->axis[0].stride,
                                     .sw = (int)plan->axis[1].stride,
                                     .pt = (int)plan->axis[0].before,
                                     .pl = (int)plan->axis[1].before,
                                     .average = layer->type == &layer_averagepooling2d};
    layer->flops =
        (double)shape_size(&layer->out) * (double)args->pool_size[0] * (double)args->pool_size[1];
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

static void explain(const struct layer *layer, struct text *out)
{
    const struct plan *plan = layer->plan;
    window_explain("height", &plan->axis[0], out);
    text_add(out, "; ");
    window_explain("width", &plan->axis[1], out);
}

#define POOLING(symbol, name_, schema_)                                                            \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &schema_, sizeof(struct pooling_args), &symbol},                           \
        .infer = infer,                                                                            \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
        .explain = explain,                                                                        \
    }

POOLING(layer_maxpooling2d, "MaxPooling2D", max_schema);
POOLING(layer_averagepooling2d, "AveragePooling2D", average_schema);
