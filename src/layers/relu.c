/* ReLU and LeakyReLU: y = max_value where x is above it, x where x is above threshold, else
 * negative_slope (x - threshold). LeakyReLU has no max_value, and the threshold 0. */
#include <math.h>

#include "base/vectorized.h"
#include "layers/layer.h"

struct relu_args {
    struct layer_common common;
    double max_value, negative_slope, threshold;
};

#define SLOPE(default_, bare_)                                                                     \
    {                                                                                              \
        .key = "negative_slope", .type = FIELD_FLOAT,                                              \
        .offset = offsetof(struct relu_args, negative_slope), .fallback = default_, .min = 0,      \
        .max = 1e30, .bare = bare_, .help = "slope below the threshold"                            \
    }

static const struct field relu_fields[] = {{.key = "max_value",
                                            .type = FIELD_FLOAT,
                                            .offset = offsetof(struct relu_args, max_value),
                                            .fallback = "null",
                                            .min = 0,
                                            .max = 1e30,
                                            .nullable = true,
                                            .help = "largest output; null: no limit"},
                                           SLOPE("0.0", false),
                                           {.key = "threshold",
                                            .type = FIELD_FLOAT,
                                            .offset = offsetof(struct relu_args, threshold),
                                            .fallback = "0.0",
                                            .min = 0,
                                            .max = 1e30,
                                            .help = "inputs above it pass"},
                                           {0}};
static const struct schema relu_schema = {"ReLU", relu_fields, &layer_common_schema};
static const struct field leaky_fields[] = {SLOPE("0.3", true), {0}};
static const struct schema leaky_schema = {"LeakyReLU", leaky_fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    layer->out = layer->in[0];
    return ST_OK;
}

struct limits {
    float most, slope, threshold;
};

extern const struct layer_type layer_leakyrelu;

static struct limits limits_of(const struct layer *layer)
{
    const struct relu_args *args = layer->args;
    bool endless = layer->type == &layer_leakyrelu || isnan(args->max_value);
    return (struct limits){endless ? INFINITY : (float)args->max_value, (float)args->negative_slope,
                           (float)args->threshold};
}

/* NaN stays NaN. */
VECTORIZED static void bend(size_t n, struct limits l, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        float below = l.slope > 0.0f ? l.slope * (x[i] - l.threshold) : 0.0f;
        float above = x[i] > l.most ? l.most : x[i];
        y[i] = x[i] <= l.threshold ? below : above;
    }
}

VECTORIZED static void bend_back(size_t n, struct limits l, const float *restrict x,
                                 const float *restrict dy, float *restrict dx)
{
    for (size_t i = 0; i < n; i++) {
        float above = x[i] < l.most ? dy[i] : 0.0f;
        dx[i] = x[i] <= l.threshold ? l.slope * dy[i] : above;
    }
}

static void forward(const struct layer *layer, const struct pass *p)
{
    bend((size_t)p->n * shape_size(&layer->out), limits_of(layer), p->x[0], p->y);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    if (p->dx[0])
        bend_back((size_t)p->n * shape_size(&layer->out), limits_of(layer), p->x[0], p->dy,
                  p->dx[0]);
}

#define RELU(symbol, name_, schema_)                                                               \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &schema_, sizeof(struct relu_args), &symbol},                              \
        .infer = infer,                                                                            \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
    }

RELU(layer_relu, "ReLU", relu_schema);
RELU(layer_leakyrelu, "LeakyReLU", leaky_schema);
