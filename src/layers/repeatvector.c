/* RepeatVector: (F) to (n, F); dx is the sum of dy over the n, in order. */
#include <string.h>

#include "base/vectorized.h"
#include "layers/layer.h"

struct repeatvector_args {
    struct layer_common common;
    int64_t n;
};

static const struct field fields[] = {{.key = "n",
                                       .type = FIELD_INT,
                                       .offset = offsetof(struct repeatvector_args, n),
                                       .min = 1,
                                       .max = 1 << 24,
                                       .bare = true,
                                       .help = "how many times"},
                                      {0}};
static const struct schema schema = {"RepeatVector", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    const struct repeatvector_args *args = layer->args;
    LAYER_FAIL_IF(layer, layer->in[0].rank != 1,
                  "its input has the shape %s; expected a vector (features)",
                  shape_text(&layer->in[0]));
    layer->out = (struct shape){2, {args->n, layer->in[0].dim[0]}};
    return ST_OK;
}

static void forward(const struct layer *layer, const struct pass *p)
{
    size_t times = (size_t)layer->out.dim[0], width = (size_t)layer->out.dim[1];
    for (size_t r = 0; r < (size_t)p->n * times; r++)
        memcpy(p->y + r * width, p->x[0] + r / times * width, width * sizeof *p->y);
}

VECTORIZED static void add_to(size_t n, const float *restrict from, float *restrict to)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void backward(const struct layer *layer, const struct pass *p)
{
    size_t times = (size_t)layer->out.dim[0], width = (size_t)layer->out.dim[1];
    if (!p->dx[0])
        return;
    memset(p->dx[0], 0, (size_t)p->n * width * sizeof *p->dx[0]);
    for (size_t r = 0; r < (size_t)p->n * times; r++)
        add_to(width, p->dy + r * width, p->dx[0] + r / times * width);
}

const struct layer_type layer_repeatvector = {
    .kind = {"RepeatVector", &schema, sizeof(struct repeatvector_args), &layer_repeatvector},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .form = FORM_LINEAR,
};
