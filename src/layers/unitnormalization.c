/* UnitNormalization: y = x / max(sqrt(sum of x^2), 1e-12), the sum over the last axes. With r = 1 /
 * sqrt(sum of x^2): dx = r (dy - y sum of (dy y)), and 10^12 dy where the sum is below 1e-24. */
#include <math.h>

#include "base/vectorized.h"
#include "layers/axes.h"

struct unit_args {
    struct layer_common common;
    struct int_list axis;
};

static const struct field fields[] = {
    FIELD_AXES(struct unit_args, "the axes to normalize, the last of the input"), {0}};
static const struct schema schema = {"UnitNormalization", fields, &layer_common_schema};

struct plan {
    size_t width; /* numbers that are normalized together */
};

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct unit_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    int axes;
    TRY(axes_last(layer, &args->axis, &axes));
    struct shape shape = axes_shape(layer, axes);
    plan->width = shape_size(&shape);
    layer->out = layer->in[0];
    layer->flops = 3.0 * (double)shape_size(&layer->out);
    return ST_OK;
}

/* sum of a b in double: eight sums of every eighth number, then in pairs */
VECTORIZED static double product(size_t n, const float *a, const float *b)
{
    enum { SUMS = 8 };
    double sum[SUMS] = {0};
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (size_t k = 0; k < SUMS; k++)
            sum[k] += (double)a[i + k] * (double)b[i + k];
    for (size_t k = 0; i + k < n; k++)
        sum[k] += (double)a[i + k] * (double)b[i + k];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

#define SMALLEST 1e-12

/* y = scale (a - b factor) */
VECTORIZED static void combine(size_t n, const float *restrict a, const float *restrict b,
                               float factor, float scale, float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = scale * (a[i] - b[i] * factor);
}

static float inverse_norm(double squares)
{
    double norm = sqrt(squares);
    return (float)(1.0 / (norm < SMALLEST ? SMALLEST : norm));
}

static void forward(const struct layer *layer, const struct pass *p)
{
    size_t width = ((const struct plan *)layer->plan)->width;
    size_t size = (size_t)p->n * shape_size(&layer->out);
    for (size_t i = 0; i < size; i += width) {
        const float *x = p->x[0] + i;
        combine(width, x, x, 0.0f, inverse_norm(product(width, x, x)), p->y + i);
    }
}

/* From x, as the activation has been applied to y: y sum of (dy y) is x r^2 sum of (dy x). */
static void backward(const struct layer *layer, const struct pass *p)
{
    size_t width = ((const struct plan *)layer->plan)->width;
    size_t size = (size_t)p->n * shape_size(&layer->out);
    for (size_t i = 0; i < size && p->dx[0]; i += width) {
        const float *x = p->x[0] + i, *dy = p->dy + i;
        double squares = product(width, x, x);
        double factor = squares < SMALLEST * SMALLEST ? 0.0 : product(width, dy, x) / squares;
        combine(width, dy, x, (float)factor, inverse_norm(squares), p->dx[0] + i);
    }
}

const struct layer_type layer_unitnormalization = {
    .kind = {"UnitNormalization", &schema, sizeof(struct unit_args), &layer_unitnormalization},
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
