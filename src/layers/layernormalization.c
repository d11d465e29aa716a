/* LayerNormalization (J. L. Ba et al. 2016) over the last axes of a sample:
 * y = gamma (x - mean)/sqrt(variance + epsilon) + beta; gamma and beta have the shape of these
 * axes.
 */
#include "layers/axes.h"
#include "layers/groupnorm.h"

struct layernorm_args {
    struct groupnorm_args base;
    struct int_list axis;
};

static const struct field fields[] = {
    FIELD_AXES(struct layernorm_args, "the axes to normalize, the last of the input"),
    FIELDS_GROUPNORM,
    {0}};
static const struct schema schema = {"LayerNormalization", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct layernorm_args *args = layer->args;
    int axes;
    TRY(axes_last(layer, &args->axis, &axes));
    struct shape shape = axes_shape(layer, axes);
    size_t width = shape_size(&shape);
    groupnorm_infer(
        layer, pool,
        (struct groupnorm){
            .samples = shape_size(&layer->in[0]) / width, .pixels = 1, .groups = 1, .width = width},
        &shape);
    return ST_OK;
}

const struct layer_type layer_layernormalization = {
    .kind = {"LayerNormalization", &schema, sizeof(struct layernorm_args),
             &layer_layernormalization},
    .infer = infer,
    .forward = groupnorm_layer_forward,
    .backward = groupnorm_layer_backward,
};
