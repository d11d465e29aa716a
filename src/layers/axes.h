/* Axes as Keras counts them: 0 is the batch, 1 the first of a sample's, -1 the last. */
#ifndef CONVOY_LAYERS_AXES_H
#define CONVOY_LAYERS_AXES_H

#include "layers/layer.h"

#define FIELD_AXES(type_, help_)                                                                   \
    {                                                                                              \
        .key = "axis", .type = FIELD_INTS, .offset = offsetof(type_, axis), .fallback = "-1",      \
        .min = -SHAPE_MAX_RANK, .max = SHAPE_MAX_RANK, .help = help_                               \
    }

/* The index of an axis in in->dim, in being a shape of the layer's inputs. Errors: ST_USAGE where
 * there is no such axis. */
enum status axis_find(const struct layer *layer, const struct shape *in, int64_t axis, int *index);

/* A tensor as [outer, axis, inner]: the product of what is before an axis, the axis, and the
 * product of what is behind it. */
struct axis_view {
    size_t outer, axis, inner;
};
struct axis_view axis_view(const struct shape *shape, int index);

/* How many axes the argument `axis` of a layer that works along the last axes of a sample names,
 * counted from the last, in any order. Errors: ST_USAGE where they are not the last ones, each
 * once. */
enum status axes_last(const struct layer *layer, const struct int_list *axis, int *count);

/* These axes of the layer's input. */
struct shape axes_shape(const struct layer *layer, int count);

#endif
