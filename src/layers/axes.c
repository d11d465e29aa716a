#include "layers/axes.h"

enum status axes_last(const struct layer *layer, const struct int_list *axis, int *count)
{
    int rank = layer->in[0].rank;
    bool named[SHAPE_MAX_RANK] = {false};
    LAYER_FAIL_IF(layer, axis->n == 0, "%s", "axis names none; expected -1, or [-2, -1] and so on");
    for (size_t i = 0; i < axis->n; i++) {
        int64_t at = axis->v[i] < 0 ? rank + axis->v[i] : axis->v[i] - 1;
        LAYER_FAIL_IF(layer, at < 0 || at >= rank,
                      "axis %lld is none of its input %s; expected %d to -1, or 1 to %d",
                      (long long)axis->v[i], shape_text(&layer->in[0]), -rank, rank);
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
