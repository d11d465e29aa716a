/* Rescaling: y = x scale + offset. */
#include "base/vectorized.h"
#include "layers/layer.h"

struct rescaling_args {
    struct layer_common common;
    double scale, offset;
};

static const struct field fields[] = {{.key = "scale",
                                       .type = FIELD_FLOAT,
                                       .offset = offsetof(struct rescaling_args, scale),
                                       .bare = true,
                                       .help = "what each number is multiplied by"},
                                      {.key = "offset",
                                       .type = FIELD_FLOAT,
                                       .offset = offsetof(struct rescaling_args, offset),
                                       .fallback = "0.0",
                                       .help = "added afterwards"},
                                      {0}};
static const struct schema schema = {"Rescaling", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    layer->out = layer->in[0];
    layer->flops = 2.0 * (double)shape_size(&layer->out);
    return ST_OK;
}

VECTORIZED static void rescale(size_t n, float scale, float offset, const float *restrict x,
                               float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * scale + offset;
}

static void forward(const struct layer *layer, const struct pass *p)
{
    const struct rescaling_args *args = layer->args;
    rescale((size_t)p->n * shape_size(&layer->out), (float)args->scale, (float)args->offset,
            p->x[0], p->y);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    const struct rescaling_args *args = layer->args;
    if (p->dx[0])
        rescale((size_t)p->n * shape_size(&layer->out), (float)args->scale, 0.0f, p->dy, p->dx[0]);
}

const struct layer_type layer_rescaling = {
    .kind = {"Rescaling", &schema, sizeof(struct rescaling_args), &layer_rescaling},
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
