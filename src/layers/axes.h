/* The argument `axis` of layers that work along the last axes of a sample. */
#ifndef CONVOY_LAYERS_AXES_H
#define CONVOY_LAYERS_AXES_H

#include "layers/layer.h"

#define FIELD_AXES(type_, help_)                                                                   \
    {                                                                                              \
        .key = "axis", .type = FIELD_INTS, .offset = offsetof(type_, axis), .fallback = "-1",      \
        .min = -SHAPE_MAX_RANK, .max = SHAPE_MAX_RANK, .help = help_                               \
    }

/* How many axes it names, counted from the last: Keras's numbers, in which 0 is the batch and -1
 * the last axis, in any order. Errors: ST_USAGE where they are not the last ones, each once. */
enum status axes_last(const struct layer *layer, const struct int_list *axis, int *count);

/* These axes of the layer's input. */
struct shape axes_shape(const struct layer *layer, int count);

#endif
