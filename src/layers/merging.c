/* Subtract, Multiply, Average, Maximum and Minimum of inputs of equal shapes, element by element:
 * y = x0 op x1 op ..., Average divided by their number. Where several are the largest (or the
 * smallest), the first of them gets the gradient. */
#include "base/vectorized.h"
#include "layers/merge.h"

enum operation { SUBTRACT, MULTIPLY, AVERAGE, MAXIMUM, MINIMUM };

/* y = a op b, where a may be y. NaN stays NaN. */
VECTORIZED static void fold(enum operation operation, size_t n, const float *a,
                            const float *restrict b, float *y)
{
    switch (operation) {
    case SUBTRACT:
        for (size_t i = 0; i < n; i++)
            y[i] = a[i] - b[i];
        break;
    case MULTIPLY:
        for (size_t i = 0; i < n; i++)
            y[i] = a[i] * b[i];
        break;
    case AVERAGE:
        for (size_t i = 0; i < n; i++)
            y[i] = a[i] + b[i];
        break;
    case MAXIMUM:
        for (size_t i = 0; i < n; i++)
            y[i] = a[i] >= b[i] || a[i] != a[i] ? a[i] : b[i];
        break;
    case MINIMUM:
        for (size_t i = 0; i < n; i++)
            y[i] = a[i] <= b[i] || a[i] != a[i] ? a[i] : b[i];
        break;
    }
}

VECTORIZED static void scale(size_t n, float factor, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * factor;
}

/* What is left for dx, the gradient of the input own, of d, which may be dx, in view of another
 * input: multiplied by it (Multiply), or 0 where the other is the largest (smallest); where both
 * are equal, that is the earlier. */
VECTORIZED static void yield_to(enum operation operation, size_t n, const float *own,
                                const float *other, bool earlier, const float *d, float *dx)
{
    switch (operation) {
    case MULTIPLY:
        for (size_t i = 0; i < n; i++)
            dx[i] = d[i] * other[i];
        break;
    case MAXIMUM:
        for (size_t i = 0; i < n; i++)
            dx[i] = other[i] > own[i] || (earlier && other[i] == own[i]) ? 0.0f : d[i];
        break;
    case MINIMUM:
        for (size_t i = 0; i < n; i++)
            dx[i] = other[i] < own[i] || (earlier && other[i] == own[i]) ? 0.0f : d[i];
        break;
    case SUBTRACT:
    case AVERAGE:
        break;
    }
}

static void forward(const struct layer *layer, const struct pass *p, enum operation operation)
{
    size_t n = (size_t)p->n * shape_size(&layer->out);
    for (size_t i = 1; i < layer->inputs; i++)
        fold(operation, n, i == 1 ? p->x[0] : p->y, p->x[i], p->y);
    if (operation == AVERAGE)
        scale(n, 1.0f / (float)layer->inputs, p->y, p->y);
}

static void backward(const struct layer *layer, const struct pass *p, enum operation operation)
{
    size_t n = (size_t)p->n * shape_size(&layer->out);
    for (size_t i = 0; i < layer->inputs; i++) {
        const float *d = p->dy;
        if (!p->dx[i])
            continue;
        if (operation == AVERAGE)
            scale(n, 1.0f / (float)layer->inputs, d, p->dx[i]);
        else if (operation == SUBTRACT)
            scale(n, i > 0 ? -1.0f : 1.0f, d, p->dx[i]);
        else
            for (size_t k = 0; k < layer->inputs; k++)
                if (k != i) {
                    yield_to(operation, n, p->x[i], p->x[k], k < i, d, p->dx[i]);
                    d = p->dx[i];
                }
    }
}

#define MERGING(symbol, name_, operation, most)                                                    \
    static const struct schema symbol##_schema = {name_, merge_fields, &layer_common_schema};      \
    static void symbol##_forward(const struct layer *layer, const struct pass *p)                  \
    {                                                                                              \
        forward(layer, p, operation);                                                              \
    }                                                                                              \
    static void symbol##_backward(const struct layer *layer, const struct pass *p)                 \
    {                                                                                              \
        backward(layer, p, operation);                                                             \
    }                                                                                              \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &symbol##_schema, sizeof(struct layer_common), &symbol},                   \
        .infer = merge_infer,                                                                      \
        .forward = symbol##_forward,                                                               \
        .backward = symbol##_backward,                                                             \
        .min_inputs = 2,                                                                           \
        .max_inputs = most,                                                                        \
    }

MERGING(layer_subtract, "Subtract", SUBTRACT, 2);
MERGING(layer_multiply, "Multiply", MULTIPLY, LAYER_MAX_INPUTS);
MERGING(layer_average, "Average", AVERAGE, LAYER_MAX_INPUTS);
MERGING(layer_maximum, "Maximum", MAXIMUM, LAYER_MAX_INPUTS);
MERGING(layer_minimum, "Minimum", MINIMUM, LAYER_MAX_INPUTS);
