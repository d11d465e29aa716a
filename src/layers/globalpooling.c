/* GlobalMaxPooling1D and 2D, GlobalAveragePooling1D and 2D: y[c] = max or mean of x[.,c] over all
 * steps or pixels. x (steps,C) or (H,W,C); y (C) or, with keepdims, (1,C) or (1,1,C). */
#include "layers/fields.h"
#include "layers/window.h"

struct global_args {
    struct layer_common common;
    bool keepdims;
};

static const struct field fields[] = {
    FIELD_FLAG(struct global_args, keepdims, "false", "keep the axes that are pooled"), {0}};

static enum status infer(struct layer *layer, struct pool *pool, bool sequence, bool average)
{
    const struct global_args *args = layer->args;
    TRY(sequence ? window_need_sequence(layer) : window_need_image(layer));
    struct image in = image_of(&layer->in[0]);
    struct shape kept = sequence ? (struct shape){2, {1, in.c}} : (struct shape){3, {1, 1, in.c}};
    layer->out = args->keepdims ? kept : (struct shape){1, {in.c}};
    struct pool2d *geometry = layer->plan = pool_alloc(pool, sizeof *geometry);
    *geometry = (struct pool2d){.h = (int)in.h,
                                .w = (int)in.w,
                                .c = (int)in.c,
                                .oh = 1,
                                .ow = 1,
                                .kh = (int)in.h,
                                .kw = (int)in.w,
                                .sh = 1,
                                .sw = 1,
                                .average = average};
    layer->flops = (double)shape_size(&layer->in[0]);
    return ST_OK;
}

static struct pool2d geometry_for(const struct layer *layer, int n)
{
    struct pool2d g = *(const struct pool2d *)layer->plan;
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

#define GLOBAL(symbol, name_, sequence, average)                                                   \
    static const struct schema symbol##_schema = {name_, fields, &layer_common_schema};            \
    static enum status symbol##_infer(struct layer *layer, struct pool *pool)                      \
    {                                                                                              \
        return infer(layer, pool, sequence, average);                                              \
    }                                                                                              \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &symbol##_schema, sizeof(struct global_args), &symbol},                    \
        .infer = symbol##_infer,                                                                   \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
        .form = average ? FORM_LINEAR : FORM_OTHER,                                                \
    }

GLOBAL(layer_globalmaxpooling1d, "GlobalMaxPooling1D", true, false);
GLOBAL(layer_globalaveragepooling1d, "GlobalAveragePooling1D", true, true);
GLOBAL(layer_globalmaxpooling2d, "GlobalMaxPooling2D", false, false);
GLOBAL(layer_globalaveragepooling2d, "GlobalAveragePooling2D", false, true);
