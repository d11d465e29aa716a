/* ELU (D. Clevert et al. 2015): y = x above 0, else alpha (e^x - 1), whose derivative is y + alpha.
 */
#include "base/vectorized.h"
#include "kernels/vmath.h"
#include "layers/layer.h"

struct elu_args {
    struct layer_common common;
    double alpha;
};

static const struct field fields[] = {{.key = "alpha",
                                       .type = FIELD_FLOAT,
                                       .offset = offsetof(struct elu_args, alpha),
                                       .fallback = "1.0",
                                       .bare = true,
                                       .help = "how far below 0 it goes"},
                                      {0}};
static const struct schema schema = {"ELU", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    layer->out = layer->in[0];
    return ST_OK;
}

VECTORIZED static void bend(size_t n, float alpha, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        float below = alpha * vm_expm1(x[i]);
        y[i] = x[i] > 0.0f ? x[i] : below;
    }
}

VECTORIZED static void bend_back(size_t n, float alpha, const float *restrict x,
                                 const float *restrict y, const float *restrict dy,
                                 float *restrict dx)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = dy[i] * (x[i] > 0.0f ? 1.0f : y[i] + alpha);
}

static float alpha_of(const struct layer *layer)
{
    return (float)((const struct elu_args *)layer->args)->alpha;
}

static void forward(const struct layer *layer, const struct pass *p)
{
    bend((size_t)p->n * shape_size(&layer->out), alpha_of(layer), p->x[0], p->y);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    if (p->dx[0])
        bend_back((size_t)p->n * shape_size(&layer->out), alpha_of(layer), p->x[0], p->y, p->dy,
                  p->dx[0]);
}

const struct layer_type layer_elu = {
    .kind = {"ELU", &schema, sizeof(struct elu_args), &layer_elu},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reads_output = true,
};
