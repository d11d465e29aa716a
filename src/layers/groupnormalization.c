/* GroupNormalization (Y. Wu and K. He 2018): the channels, the last axis, are in groups; a group of
 * a sample is normalized over all its pixels and channels, and scaled by channel:
 * y = gamma (x - mean)/sqrt(variance + epsilon) + beta. */
#include "layers/groupnorm.h"

struct groupnormalization_args {
    struct groupnorm_args base;
    int64_t groups, axis;
};

static const struct field fields[] = {{.key = "groups",
                                       .type = FIELD_INT,
                                       .offset = offsetof(struct groupnormalization_args, groups),
                                       .fallback = "32",
                                       .min = -1,
                                       .max = 65536,
                                       .help = "of channels; -1: each channel is one"},
                                      {.key = "axis",
                                       .type = FIELD_INT,
                                       .offset = offsetof(struct groupnormalization_args, axis),
                                       .fallback = "-1",
                                       .min = -1,
                                       .max = -1,
                                       .help = "the channel axis: the last"},
                                      FIELDS_GROUPNORM,
                                      {0}};
static const struct schema schema = {"GroupNormalization", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct groupnormalization_args *args = layer->args;
    const struct shape *in = &layer->in[0];
    struct shape channels = {1, {in->dim[in->rank - 1]}};
    int64_t groups = args->groups == -1 ? channels.dim[0] : args->groups;
    LAYER_FAIL_IF(layer, groups == 0 || channels.dim[0] % groups,
                  "%lld channels cannot be in %lld equal groups", (long long)channels.dim[0],
                  (long long)groups);
    groupnorm_infer(layer, pool,
                    (struct groupnorm){.samples = 1,
                                       .pixels = shape_size(in) / (size_t)channels.dim[0],
                                       .groups = (size_t)groups,
                                       .width = (size_t)(channels.dim[0] / groups)},
                    &channels);
    return ST_OK;
}

const struct layer_type layer_groupnormalization = {
    .kind = {"GroupNormalization", &schema, sizeof(struct groupnormalization_args),
             &layer_groupnormalization},
    .infer = infer,
    .forward = groupnorm_layer_forward,
    .backward = groupnorm_layer_backward,
};
