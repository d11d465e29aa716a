/* Concatenate: inputs one behind the other along an axis; the gradient is cut likewise. */
#include <string.h>

#include "layers/axes.h"

struct concatenate_args {
    struct layer_common common;
    int64_t axis;
};

static const struct field fields[] = {{.key = "axis",
                                       .type = FIELD_INT,
                                       .offset = offsetof(struct concatenate_args, axis),
                                       .fallback = "-1",
                                       .help = "the axis along which they are joined"},
                                      {0}};
static const struct schema schema = {"Concatenate", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct concatenate_args *args = layer->args;
    int *axis = layer->plan = pool_alloc(pool, sizeof *axis);
    TRY(axis_find(layer, &layer->in[0], args->axis, axis));
    layer->out = layer->in[0];
    for (size_t i = 1; i < layer->inputs; i++) {
        struct shape same = layer->in[i];
        LAYER_FAIL_IF(layer, same.rank != layer->out.rank,
                      "input 1 has the shape %s and input %zu has %s; they must have as many axes",
                      shape_text(&layer->in[0]), i + 1, shape_text(&layer->in[i]));
        same.dim[*axis] = layer->in[0].dim[*axis];
        LAYER_FAIL_IF(layer, !shape_same(&same, &layer->in[0]),
                      "input 1 has the shape %s and input %zu has %s; they may differ in axis %d "
                      "only",
                      shape_text(&layer->in[0]), i + 1, shape_text(&layer->in[i]), *axis + 1);
        layer->out.dim[*axis] += layer->in[i].dim[*axis];
    }
    return ST_OK;
}

/* Where input number i begins in a run of the output, and how long its runs are. */
struct run {
    size_t count, start, length, whole;
};

static struct run run_of(const struct layer *layer, int n, size_t i)
{
    int axis = *(const int *)layer->plan;
    struct axis_view out = axis_view(&layer->out, axis);
    struct run run = {.count = (size_t)n * out.outer, .whole = out.axis * out.inner};
    for (size_t before = 0; before < i; before++)
        run.start += (size_t)layer->in[before].dim[axis] * out.inner;
    run.length = (size_t)layer->in[i].dim[axis] * out.inner;
    return run;
}

static void forward(const struct layer *layer, const struct pass *p)
{
    for (size_t i = 0; i < layer->inputs; i++) {
        struct run run = run_of(layer, p->n, i);
        for (size_t r = 0; r < run.count; r++)
            memcpy(p->y + r * run.whole + run.start, p->x[i] + r * run.length,
                   run.length * sizeof *p->y);
    }
}

static void backward(const struct layer *layer, const struct pass *p)
{
    for (size_t i = 0; i < layer->inputs; i++) {
        struct run run = run_of(layer, p->n, i);
        for (size_t r = 0; r < run.count && p->dx[i]; r++)
            memcpy(p->dx[i] + r * run.length, p->dy + r * run.whole + run.start,
                   run.length * sizeof *p->dy);
    }
}

const struct layer_type layer_concatenate = {
    .kind = {"Concatenate", &schema, sizeof(struct concatenate_args), &layer_concatenate},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .min_inputs = 2,
    .max_inputs = LAYER_MAX_INPUTS,
};
