/* GaussianNoise: in training, y = x + stddev z. GaussianDropout (N. Srivastava et al. 2014, section
 * 10): y = x (1 + z sqrt(rate/(1 - rate))). z is a standard normal number, a function of (seed,
 * step, layer, sample id, element), drawn again in backward. */
#include <math.h>

#include "base/vectorized.h"
#include "kernels/vmath.h"
#include "layers/draws.h"
#include "layers/identity.h"

struct noise_args {
    struct layer_common common;
    double amount; /* stddev or rate */
};

#define AMOUNT(key_, max_, help_)                                                                  \
    {                                                                                              \
        {.key = key_,                                                                              \
         .type = FIELD_FLOAT,                                                                      \
         .offset = offsetof(struct noise_args, amount),                                            \
         .min = 0,                                                                                 \
         .max = max_,                                                                              \
         .bare = true,                                                                             \
         .help = help_},                                                                           \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

static const struct field noise_fields[] = AMOUNT("stddev", 1e30, "standard deviation");
static const struct field dropout_fields[] =
    AMOUNT("rate", 0.999999, "as of Dropout, whose mean and variance the factors have");
static const struct schema noise_schema = {"GaussianNoise", noise_fields, &layer_common_schema};
static const struct schema dropout_schema = {"GaussianDropout", dropout_fields,
                                             &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    layer->out = layer->in[0];
    layer->scratch = shape_size(&layer->out);
    return ST_OK;
}

/* A standard normal number: the quantile of (word/2^9 + 1/2)/2^23. */
static inline float normal(uint32_t word)
{
    return vm_normal_quantile(((float)(word >> 9) + 0.5f) * 0x1p-23f);
}

VECTORIZED static void add_noise(size_t n, const uint32_t *restrict words, float stddev,
                                 const float *restrict from, float *restrict to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] + stddev * normal(words[i]);
}

VECTORIZED static void multiply_noise(size_t n, const uint32_t *restrict words, float stddev,
                                      const float *restrict from, float *restrict to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] * (1.0f + stddev * normal(words[i]));
}

static void add_forward(const struct layer *layer, const struct pass *p)
{
    float stddev = (float)((const struct noise_args *)layer->args)->amount;
    size_t size = shape_size(&layer->out);
    if (!p->training) {
        identity_forward(layer, p);
        return;
    }
    for (int s = 0; s < p->n; s++)
        add_noise(size, draws_of(layer, p, s, size), stddev, p->x[0] + (size_t)s * size,
                  p->y + (size_t)s * size);
}

static void multiply(const struct layer *layer, const struct pass *p, const float *from, float *to)
{
    double rate = ((const struct noise_args *)layer->args)->amount;
    float stddev = (float)sqrt(rate / (1.0 - rate));
    size_t size = shape_size(&layer->out);
    for (int s = 0; s < p->n; s++)
        multiply_noise(size, draws_of(layer, p, s, size), stddev, from + (size_t)s * size,
                       to + (size_t)s * size);
}

static void multiply_forward(const struct layer *layer, const struct pass *p)
{
    if (p->training)
        multiply(layer, p, p->x[0], p->y);
    else
        identity_forward(layer, p);
}

static void multiply_backward(const struct layer *layer, const struct pass *p)
{
    if (p->dx[0])
        multiply(layer, p, p->dy, p->dx[0]);
}

const struct layer_type layer_gaussiannoise = {
    .kind = {"GaussianNoise", &noise_schema, sizeof(struct noise_args), &layer_gaussiannoise},
    .infer = infer,
    .forward = add_forward,
    .backward = identity_backward,
    .random = true,
    .copies_gradient = true,
};

const struct layer_type layer_gaussiandropout = {
    .kind = {"GaussianDropout", &dropout_schema, sizeof(struct noise_args), &layer_gaussiandropout},
    .infer = infer,
    .forward = multiply_forward,
    .backward = multiply_backward,
    .random = true,
};
