/* Permute: axis i of the output is axis dims[i] of the input, counted from 1. */
#include "layers/layer.h"

struct permute_args {
    struct layer_common common;
    struct int_list dims;
};

static const struct field fields[] = {{.key = "dims",
                                       .type = FIELD_INTS,
                                       .offset = offsetof(struct permute_args, dims),
                                       .min = 1,
                                       .max = SHAPE_MAX_RANK,
                                       .bare = true,
                                       .help = "the axes in their new order, counted from 1"},
                                      {0}};
static const struct schema schema = {"Permute", fields, &layer_common_schema};

/* The output's axes, filled up to four in front, and how far apart their neighbours lie in x. */
struct plan {
    size_t size[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK];
};

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct int_list *dims = &((const struct permute_args *)layer->args)->dims;
    const struct shape *in = &layer->in[0];
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    unsigned seen = 0;
    for (size_t i = 0; i < dims->n; i++)
        seen |= 1u << dims->v[i];
    LAYER_FAIL_IF(layer, dims->n != (size_t)in->rank || seen != (1u << (in->rank + 1)) - 2u,
                  "its dims do not name each axis of its input %s once; expected an order of the "
                  "numbers 1 to %d",
                  shape_text(in), in->rank);
    layer->out.rank = in->rank;
    for (int i = 0; i < SHAPE_MAX_RANK; i++) {
        int own = i - (SHAPE_MAX_RANK - in->rank);
        plan->size[i] = plan->step[i] = 1;
        if (own < 0)
            continue;
        int from = (int)dims->v[own] - 1;
        layer->out.dim[own] = in->dim[from];
        plan->size[i] = (size_t)in->dim[from];
        for (int behind = from + 1; behind < in->rank; behind++)
            plan->step[i] *= (size_t)in->dim[behind];
    }
    return ST_OK;
}

/* The n samples, from the input's order to the output's, or back. */
static void reorder(const struct layer *layer, int n, const float *from, float *to, bool back)
{
    const struct plan *p = layer->plan;
    size_t size = shape_size(&layer->out), along = p->step[3];
    for (int s = 0; s < n; s++, from += size, to += size) {
        size_t out = 0;
        for (size_t a = 0; a < p->size[0]; a++)
            for (size_t b = 0; b < p->size[1]; b++)
                for (size_t c = 0; c < p->size[2]; c++) {
                    size_t in = a * p->step[0] + b * p->step[1] + c * p->step[2];
                    for (size_t d = 0; d < p->size[3]; d++, out++, in += along)
                        to[back ? in : out] = from[back ? out : in];
                }
    }
}

static void forward(const struct layer *layer, const struct pass *p)
{
    reorder(layer, p->n, p->x[0], p->y, false);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    if (p->dx[0])
        reorder(layer, p->n, p->dy, p->dx[0], true);
}

const struct layer_type layer_permute = {
    .kind = {"Permute", &schema, sizeof(struct permute_args), &layer_permute},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .form = FORM_LINEAR,
};
