/* PReLU (K. He et al. 2015): y = x above 0, else alpha x. alpha has the shape of a sample, with 1
 * in the shared axes; dalpha = sum of dy x where x is not above 0, over samples (in float, in
 * order), then over the elements that share a number (in double, in order). */
#include <string.h>

#include "base/vectorized.h"
#include "layers/axes.h"
#include "layers/fields.h"

struct prelu_args {
    struct layer_common common;
    struct variant alpha_initializer, alpha_regularizer, alpha_constraint;
    struct int_list shared_axes;
};

static const struct field fields[] = {
    FIELD_INITIALIZER(struct prelu_args, alpha_initializer, "zeros"),
    FIELD_REGULARIZER(struct prelu_args, alpha_regularizer),
    FIELD_CONSTRAINT(struct prelu_args, alpha_constraint),
    {.key = "shared_axes",
     .type = FIELD_INTS,
     .offset = offsetof(struct prelu_args, shared_axes),
     .fallback = "null",
     .nullable = true,
     .help = "axes along which one number serves all; [1, 2] for a number a channel of an image"},
    {0}};
static const struct schema schema = {"PReLU", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    struct prelu_args *args = layer->args;
    const struct shape *in = &layer->in[0];
    struct shape alpha = *in;
    for (size_t i = 0; i < args->shared_axes.n; i++) {
        int axis;
        TRY(axis_find(layer, in, args->shared_axes.v[i], &axis));
        alpha.dim[axis] = 1;
    }
    LAYER_FAIL_IF(layer, shape_size(in) > INT32_MAX, "its input %s has more than 2^31 numbers",
                  shape_text(in));
    layer->out = *in;
    layer_add_param(layer, "alpha", &alpha, true, &args->alpha_initializer,
                    &args->alpha_regularizer)
        ->constraint = &args->alpha_constraint;
    size_t size = shape_size(in);
    size_t *place = layer->plan = pool_alloc(pool, size * sizeof *place);
    for (size_t e = 0; e < size; e++) { /* of alpha, for each element of a sample */
        size_t rest = e, step = 1;
        for (int a = in->rank - 1; a >= 0; a--) {
            size_t along = rest % (size_t)in->dim[a];
            rest /= (size_t)in->dim[a];
            place[e] += alpha.dim[a] > 1 ? along * step : 0;
            step *= (size_t)alpha.dim[a];
        }
    }
    layer->scratch = size + 2 * layer->param[0].size;
    layer->flops = (double)size;
    return ST_OK;
}

VECTORIZED static void bend(size_t n, const float *restrict alpha, const float *restrict x,
                            float *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        float below = alpha[i] * x[i];
        y[i] = x[i] > 0.0f ? x[i] : below;
    }
}

VECTORIZED static void bend_back(size_t n, const float *restrict alpha, const float *restrict x,
                                 const float *restrict dy, float *restrict dx)
{
    for (size_t i = 0; i < n; i++) {
        float below = alpha[i] * dy[i];
        dx[i] = x[i] > 0.0f ? dy[i] : below;
    }
}

VECTORIZED static void add_slopes(size_t n, const float *restrict x, const float *restrict dy,
                                  float *restrict sum)
{
    for (size_t i = 0; i < n; i++) {
        float below = dy[i] * x[i];
        sum[i] += x[i] > 0.0f ? 0.0f : below;
    }
}

/* alpha for each element of a sample, in scratch. */
static const float *spread_alpha(const struct layer *layer, const struct pass *p)
{
    const size_t *place = layer->plan;
    for (size_t e = 0; e < shape_size(&layer->out); e++)
        p->scratch[e] = p->w[0][place[e]];
    return p->scratch;
}

static void forward(const struct layer *layer, const struct pass *p)
{
    size_t size = shape_size(&layer->out);
    const float *alpha = spread_alpha(layer, p);
    for (size_t s = 0; s < (size_t)p->n; s++)
        bend(size, alpha, p->x[0] + s * size, p->y + s * size);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    const size_t *place = layer->plan;
    size_t size = shape_size(&layer->out), alphas = layer->param[0].size;
    double *total = (double *)(void *)p->scratch;
    float *sum = p->scratch + 2 * alphas;
    memset(p->scratch, 0, (2 * alphas + size) * sizeof *sum);
    for (size_t s = 0; s < (size_t)p->n; s++)
        add_slopes(size, p->x[0] + s * size, p->dy + s * size, sum);
    for (size_t e = 0; e < size; e++)
        total[place[e]] += (double)sum[e];
    for (size_t a = 0; a < alphas; a++)
        p->dw[0][a] = (float)total[a];
    if (!p->dx[0])
        return;
    const float *alpha = spread_alpha(layer, p);
    for (size_t s = 0; s < (size_t)p->n; s++)
        bend_back(size, alpha, p->x[0] + s * size, p->dy + s * size, p->dx[0] + s * size);
}

const struct layer_type layer_prelu = {
    .kind = {"PReLU", &schema, sizeof(struct prelu_args), &layer_prelu},
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
