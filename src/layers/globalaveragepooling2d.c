/* GlobalAveragePooling2D: y[c] = mean over all pixels of x[.,.,c]. x (H,W,C), y (C) or, with
 * keepdims, (1,1,C). */
#include "layers/fields.h"
#include "layers/window.h"

struct global_args {
    struct layer_common common;
    bool keepdims;
};

static const struct field fields[] = {
    FIELD_FLAG(struct global_args, keepdims, "false", "keep the axes of height and width"), {0}};
static const struct schema schema = {"GlobalAveragePooling2D", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    const struct global_args *args = layer->args;
    TRY(window_need_image(layer));
    int64_t channels = layer->in[0].dim[2];
    layer->out =
        args->keepdims ? (struct shape){3, {1, 1, channels}} : (struct shape){1, {channels}};
    layer->flops = (double)shape_size(&layer->in[0]);
    return ST_OK;
}

static struct pool2d geometry_for(const struct layer *layer, int n)
{
    int h = (int)layer->in[0].dim[0], w = (int)layer->in[0].dim[1];
    return (struct pool2d){.n = n,
                           .h = h,
                           .w = w,
                           .c = (int)layer->in[0].dim[2],
                           .oh = 1,
                           .ow = 1,
                           .kh = h,
                           .kw = w,
                           .sh = 1,
                           .sw = 1,
                           .average = true};
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

const struct layer_type layer_globalaveragepooling2d = {
    .kind = {"GlobalAveragePooling2D", &schema, sizeof(struct global_args),
             &layer_globalaveragepooling2d},
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
