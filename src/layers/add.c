/* Add: y = x0 + x1 + ..., of equal shapes; the gradient goes to every input. */
#include "layers/identity.h"

#include <string.h>

static const struct field fields[] = {{0}};
static const struct schema schema = {"Add", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    for (size_t i = 1; i < layer->inputs; i++)
        LAYER_FAIL_IF(layer, !shape_same(&layer->in[0], &layer->in[i]),
                      "input 1 has the shape %s and input %zu has %s; they must be equal",
                      shape_text(&layer->in[0]), i + 1, shape_text(&layer->in[i]));
    layer->out = layer->in[0];
    layer->flops = (double)(layer->inputs - 1) * (double)shape_size(&layer->out);
    return ST_OK;
}

static void forward(const struct layer *layer, const struct pass *p)
{
    size_t n = (size_t)p->n * shape_size(&layer->out);
    identity_forward(layer, p);
    for (size_t i = 1; i < layer->inputs; i++)
        for (size_t j = 0; j < n; j++)
            p->y[j] += p->x[i][j];
}

static void backward(const struct layer *layer, const struct pass *p)
{
    size_t bytes = (size_t)p->n * shape_size(&layer->out) * sizeof *p->dy;
    for (size_t i = 0; i < layer->inputs; i++)
        if (p->dx[i])
            memcpy(p->dx[i], p->dy, bytes);
}

const struct layer_type layer_add = {
    .kind = {"Add", &schema, sizeof(struct layer_common), &layer_add},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .min_inputs = 2,
    .max_inputs = LAYER_MAX_INPUTS,
};
