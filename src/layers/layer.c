#include "layers/layer.h"

#include <stdio.h>

#define LAYER(symbol) extern const struct layer_type symbol;
#include "layers/layers.def"
#undef LAYER

const struct kind *const layer_kinds[] = {
#define LAYER(symbol) &symbol.kind,
#include "layers/layers.def"
#undef LAYER
    NULL};

static const struct field common_fields[] = {
    {.key = "name",
     .type = FIELD_STRING,
     .offset = offsetof(struct layer_common, name),
     .fallback = "null",
     .nullable = true,
     .hidden = true,
     .help = "unique name of the layer"},
    {.key = "inputs",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct layer_common, inputs),
     .fallback = "[]",
     .hidden = true,
     .help = "names of the layers it reads; the layer before where absent; 'input' is the model's"},
    {.key = "activation",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct layer_common, activation),
     .fallback = "linear",
     .choices = activation_names,
     .help = "applied to the output"},
    {.key = "trainable",
     .type = FIELD_BOOL,
     .offset = offsetof(struct layer_common, trainable),
     .fallback = "true",
     .help = "false: its parameters stay as they are"},
    {.key = "learning_rate_multiplier",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct layer_common, learning_rate_multiplier),
     .fallback = "1.0",
     .min = 0,
     .max = 1e6,
     .hidden = true,
     .help = "its learning rate is the optimizer's times this"},
    {0}};
const struct schema layer_common_schema = {.name = "layer", .fields = common_fields};

size_t shape_size(const struct shape *shape)
{
    size_t size = 1;
    for (int i = 0; i < shape->rank; i++)
        size *= (size_t)shape->dim[i];
    return size;
}

bool shape_same(const struct shape *a, const struct shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

const char *shape_text(const struct shape *shape)
{
    enum { RING = 4, LENGTH = 96 };
    static char ring[RING][LENGTH];
    static int next;
    char *text = ring[next++ % RING];
    int used = snprintf(text, LENGTH, "(");
    for (int i = 0; i < shape->rank; i++)
        used += snprintf(text + used, (size_t)(LENGTH - used), "%s%lld", i ? ", " : "",
                         (long long)shape->dim[i]);
    snprintf(text + used, (size_t)(LENGTH - used), "%s)", shape->rank == 1 ? "," : "");
    return text;
}

struct param *layer_add_param(struct layer *layer, const char *name, const struct shape *shape,
                              bool trainable, const struct variant *initializer,
                              const struct variant *regularizer)
{
    MUST(layer->params < LAYER_MAX_PARAMS, "%zu parameters", layer->params);
    struct param *param = &layer->param[layer->params++];
    *param = (struct param){.name = name,
                            .shape = *shape,
                            .trainable = trainable,
                            .initializer = initializer,
                            .regularizer = regularizer,
                            .size = shape_size(shape)};
    /* Keras's compute_fans: the last two axes times the receptive field */
    int rank = shape->rank;
    param->fan_in = param->fan_out = rank ? shape->dim[rank - 1] : 1;
    if (rank >= 2) {
        int64_t field = 1;
        for (int i = 0; i < rank - 2; i++)
            field *= shape->dim[i];
        param->fan_in = field * shape->dim[rank - 2];
        param->fan_out = field * shape->dim[rank - 1];
    }
    return param;
}
