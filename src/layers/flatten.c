/* Flatten: (H,W,C) to (H*W*C), in row-major order. */
#include "layers/identity.h"

static const struct field fields[] = {{0}};
static const struct schema schema = {"Flatten", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    layer->out = (struct shape){1, {(int64_t)shape_size(&layer->in[0])}};
    layer->passes_input = true;
    return ST_OK;
}

const struct layer_type layer_flatten = {
    .kind = {"Flatten", &schema, sizeof(struct layer_common), &layer_flatten},
    .infer = infer,
    .forward = identity_forward,
    .backward = identity_backward,
    .copies_gradient = true,
    .form = FORM_LINEAR,
};
