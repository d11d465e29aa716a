/* Reshape: the same numbers in another shape, of which one number may be -1: what is left. */
#include "layers/identity.h"

struct reshape_args {
    struct layer_common common;
    struct int_list target_shape;
};

static const struct field fields[] = {{.key = "target_shape",
                                       .type = FIELD_INTS,
                                       .offset = offsetof(struct reshape_args, target_shape),
                                       .min = -1,
                                       .max = 1 << 24,
                                       .bare = true,
                                       .help = "without the batch; one number may be -1"},
                                      {0}};
static const struct schema schema = {"Reshape", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    const struct int_list *target = &((const struct reshape_args *)layer->args)->target_shape;
    LAYER_FAIL_IF(layer, target->n < 1 || target->n > SHAPE_MAX_RANK,
                  "its target_shape has %zu numbers; expected 1 to %d", target->n, SHAPE_MAX_RANK);
    int64_t size = (int64_t)shape_size(&layer->in[0]), known = 1;
    int open = -1;
    struct shape shape = {.rank = (int)target->n};
    for (int i = 0; i < shape.rank; i++) {
        shape.dim[i] = target->v[i];
        LAYER_FAIL_IF(layer, shape.dim[i] == 0 || (shape.dim[i] < 0 && open >= 0),
                      "its target_shape %s has %s; expected positive numbers and at most one -1",
                      shape_text(&shape), shape.dim[i] ? "two -1" : "a 0");
        open = shape.dim[i] < 0 ? i : open;
        known = known <= size && shape.dim[i] > 0 ? known * shape.dim[i] : known;
    }
    if (open >= 0 && size % known == 0)
        shape.dim[open] = size / known;
    LAYER_FAIL_IF(layer, open >= 0 ? size % known != 0 : known != size,
                  "its input %s has %lld numbers, which do not fill the target_shape %s",
                  shape_text(&layer->in[0]), (long long)size, shape_text(&shape));
    layer->out = shape;
    layer->passes_input = true;
    return ST_OK;
}

const struct layer_type layer_reshape = {
    .kind = {"Reshape", &schema, sizeof(struct reshape_args), &layer_reshape},
    .infer = infer,
    .forward = identity_forward,
    .backward = identity_backward,
    .form = FORM_LINEAR,
    .copies_gradient = true,
};
