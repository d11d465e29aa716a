/* Add: y = x0 + x1 + ..., of equal shapes; the gradient goes to every input. */
#include <string.h>

#include "base/vectorized.h"
#include "layers/merge.h"

static const struct schema schema = {"Add", merge_fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    TRY(merge_infer(layer, pool));
    layer->activates = layer->activation == ACT_RELU;
    return ST_OK;
}

VECTORIZED static void add(size_t n, const float *restrict a, const float *b, bool relu, float *y)
{
    for (size_t i = 0; i < n; i++) {
        float sum = a[i] + b[i];
        y[i] = relu && sum < 0.0f ? 0.0f : sum;
    }
}

static void forward(const struct layer *layer, const struct pass *p)
{
    size_t n = (size_t)p->n * shape_size(&layer->out);
    for (size_t i = 1; i < layer->inputs; i++)
        add(n, p->x[i], i == 1 ? p->x[0] : p->y, layer->activates && i + 1 == layer->inputs, p->y);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    size_t bytes = (size_t)p->n * shape_size(&layer->out) * sizeof *p->dy;
    for (size_t i = 0; i < layer->inputs; i++)
        if (p->dx[i] && p->dx[i] != p->dy)
            memcpy(p->dx[i], p->dy, bytes);
}

const struct layer_type layer_add = {
    .kind = {"Add", &schema, sizeof(struct layer_common), &layer_add},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .copies_gradient = true,
    .form = FORM_LINEAR,
    .min_inputs = 2,
    .max_inputs = LAYER_MAX_INPUTS,
};
