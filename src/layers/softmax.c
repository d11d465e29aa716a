/* Softmax over one axis. Over the last it is the activation softmax, so that a crossentropy can
 * take logits from it; another axis is gathered into a row first. */
#include "layers/axes.h"
#include "layers/identity.h"

struct softmax_args {
    struct layer_common common;
    int64_t axis;
};

static const struct field fields[] = {{.key = "axis",
                                       .type = FIELD_INT,
                                       .offset = offsetof(struct softmax_args, axis),
                                       .fallback = "-1",
                                       .bare = true,
                                       .help = "the axis whose numbers are to add up to 1"},
                                      {0}};
static const struct schema schema = {"Softmax", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct softmax_args *args = layer->args;
    int axis;
    TRY(axis_find(layer, &layer->in[0], args->axis, &axis));
    layer->out = layer->in[0];
    if (axis == layer->out.rank - 1 && layer->activation == ACT_LINEAR) {
        layer->activation = ACT_SOFTMAX;
        layer->passes_input = true;
        return ST_OK;
    }
    struct axis_view *view = layer->plan = pool_alloc(pool, sizeof *view);
    *view = axis_view(&layer->out, axis);
    layer->scratch = 2 * view->axis;
    return ST_OK;
}

static void copy(size_t n, const float *from, size_t from_step, float *to, size_t to_step)
{
    for (size_t i = 0; i < n; i++)
        to[i * to_step] = from[i * from_step];
}

static void forward(const struct layer *layer, const struct pass *p)
{
    if (layer->passes_input) {
        identity_forward(layer, p);
        return;
    }
    const struct axis_view *v = layer->plan;
    float *row = p->scratch;
    for (size_t o = 0; o < (size_t)p->n * v->outer; o++)
        for (size_t i = 0; i < v->inner; i++) {
            size_t at = o * v->axis * v->inner + i;
            copy(v->axis, p->x[0] + at, v->inner, row, 1);
            activation_forward(ACT_SOFTMAX, 1, v->axis, row, row);
            copy(v->axis, row, 1, p->y + at, v->inner);
        }
}

static void backward(const struct layer *layer, const struct pass *p)
{
    if (layer->passes_input || !p->dx[0]) {
        identity_backward(layer, p);
        return;
    }
    const struct axis_view *v = layer->plan;
    float *row = p->scratch, *slope = p->scratch + v->axis;
    for (size_t o = 0; o < (size_t)p->n * v->outer; o++)
        for (size_t i = 0; i < v->inner; i++) {
            size_t at = o * v->axis * v->inner + i;
            copy(v->axis, p->y + at, v->inner, row, 1);
            copy(v->axis, p->dy + at, v->inner, slope, 1);
            activation_backward(ACT_SOFTMAX, 1, v->axis, row, slope);
            copy(v->axis, slope, 1, p->dx[0] + at, v->inner);
        }
}

const struct layer_type layer_softmax = {
    .kind = {"Softmax", &schema, sizeof(struct softmax_args), &layer_softmax},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reads_output = true,
};
