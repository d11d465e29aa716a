#include "layers/window.h"

const char *const padding_names[] = {"valid", "same", NULL};
const char *const causal_padding_names[] = {"valid", "same", "causal", NULL};

enum status window_infer(const struct layer *layer, const char *axis, enum padding padding,
                         struct window_axis *a)
{
    if (padding == PADDING_CAUSAL) {
        a->out = (a->in + a->stride - 1) / a->stride;
        a->before = a->window - 1;
        a->after = 0;
    } else if (padding == PADDING_SAME) {
        a->out = (a->in + a->stride - 1) / a->stride;
        int64_t zeros = (a->out - 1) * a->stride + a->window - a->in;
        zeros = zeros > 0 ? zeros : 0;
        a->before = zeros / 2;
        a->after = zeros - a->before;
    } else {
        LAYER_FAIL_IF(layer, a->window > a->in,
                      "its window of %lld is larger than the input's %s of %lld; use a smaller "
                      "window or 'padding: same'",
                      (long long)a->window, axis, (long long)a->in);
        a->out = (a->in - a->window) / a->stride + 1;
        a->before = a->after = 0;
    }
    return ST_OK;
}

enum status window_need_image(const struct layer *layer)
{
    LAYER_FAIL_IF(layer, layer->in[0].rank != 3,
                  "its input has the shape %s; expected an image (height, width, channels)",
                  shape_text(&layer->in[0]));
    return ST_OK;
}

enum status window_need_sequence(const struct layer *layer)
{
    LAYER_FAIL_IF(layer, layer->in[0].rank != 2,
                  "its input has the shape %s; expected a sequence (steps, channels)",
                  shape_text(&layer->in[0]));
    return ST_OK;
}

struct image image_of(const struct shape *shape)
{
    const int64_t *dim = shape->dim;
    return shape->rank == 2 ? (struct image){1, dim[0], dim[1]}
                            : (struct image){dim[0], dim[1], dim[2]};
}

void window_explain(const char *axis, const struct window_axis *a, struct text *out)
{
    text_add(out, "%s floor((%lld + %lld+%lld - %lld)/%lld) + 1 = %lld", axis, (long long)a->in,
             (long long)a->before, (long long)a->after, (long long)a->window, (long long)a->stride,
             (long long)a->out);
}
