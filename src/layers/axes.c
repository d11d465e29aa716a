#include "layers/axes.h"

enum status axis_find(const struct layer *layer, const struct shape *in, int64_t axis, int *index)
{
    int64_t found = axis < 0 ? in->rank + axis : axis - 1;
    LAYER_FAIL_IF(layer, found < 0 || found >= in->rank,
                  "axis %lld is none of its input %s; expected %d to -1, or 1 to %d",
                  (long long)axis, shape_text(in), -in->rank, in->rank);
    *index = (int)found;
    return ST_OK;
}

struct axis_view axis_view(const struct shape *shape, int index)
{
    struct axis_view view = {1, (size_t)shape->dim[index], 1};
    for (int i = 0; i < shape->rank; i++) {
        view.outer *= i < index ? (size_t)shape->dim[i] : 1;
        view.inner *= i > index ? (size_t)shape->dim[i] : 1;
    }
    return view;
}

enum status axes_last(const struct layer *layer, const struct int_list *axis, int *count)
{
    int rank = layer->in[0].rank;
    bool named[SHAPE_MAX_RANK] = {false};
    LAYER_FAIL_IF(layer, axis->n == 0, "%s", "axis names none; expected -1, or [-2, -1] and so on");
    for (size_t i = 0; i < axis->n; i++) {
        int at;
        TRY(axis_find(layer, &layer->in[0], axis->v[i], &at));
        LAYER_FAIL_IF(layer, named[at], "axis names %lld twice", (long long)axis->v[i]);
        named[at] = true;
    }
    for (size_t i = 0; i < axis->n; i++)
        LAYER_FAIL_IF(layer, !named[rank - 1 - (int)i],
                      "axis names %zu axes of its input %s that are not its last ones; only those "
                      "can be taken together",
                      axis->n, shape_text(&layer->in[0]));
    *count = (int)axis->n;
    return ST_OK;
}

struct shape axes_shape(const struct layer *layer, int count)
{
    struct shape shape = {.rank = count};
    for (int i = 0; i < count; i++)
        shape.dim[i] = layer->in[0].dim[layer->in[0].rank - count + i];
    return shape;
}
