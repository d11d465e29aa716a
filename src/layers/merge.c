#include "layers/merge.h"

const struct field merge_fields[] = {{0}};

enum status merge_infer(struct layer *layer, struct pool *pool)
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
