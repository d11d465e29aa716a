/* LAMB (Y. You et al. 2020, algorithm 2; Keras's formulas): m and v as in Adam,
 * r = m/(1-b1^t) / (sqrt(v/(1-b2^t)) + epsilon), w -= lr |w|/|r| r; where a norm is 0, the ratio is
 * 1. */
#include <math.h>

#include "base/vectorized.h"
#include "kernels/vmath.h"
#include "optimizers/adam.h"

struct lamb_args {
    struct optimizer_common common;
    struct adam_betas betas;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    ADAM_BETAS_FIELDS(struct lamb_args, betas, "beta_1", "beta_2"),
    {0}};
static const struct schema schema = {"Lamb", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    (void)args;
    return 2;
}

VECTORIZED static void direct(const void *args, const struct optimizer_step *s)
{
    const struct adam_betas *a = &((const struct lamb_args *)args)->betas;
    float by_mean = (float)(1.0 / (1.0 - dm_power(a->beta_1, s->iteration)));
    float by_square = (float)(1.0 / (1.0 - dm_power(a->beta_2, s->iteration)));
    float rest1 = (float)(1.0 - a->beta_1), rest2 = (float)(1.0 - a->beta_2);
    float epsilon = (float)a->epsilon;
    float *m = s->slot[0], *v = s->slot[1];
    for (size_t i = 0; i < s->n; i++) {
        float g = s->g[i];
        m[i] += (g - m[i]) * rest1;
        v[i] += (g * g - v[i]) * rest2;
        s->g[i] = m[i] * by_mean / (sqrtf(v[i] * by_square) + epsilon);
    }
}

VECTORIZED static void update(const void *args, const struct optimizer_step *s)
{
    (void)args;
    double ratio = s->w_norm > 0.0 && s->g_norm > 0.0 ? s->w_norm / s->g_norm : 1.0;
    float rate = (float)(s->learning_rate * ratio);
    for (size_t i = 0; i < s->n; i++)
        s->w[i] -= rate * s->g[i];
}

const struct optimizer_type optimizer_lamb = {
    .kind = {"Lamb", &schema, sizeof(struct lamb_args), &optimizer_lamb},
    .slot_name = {"momentum", "velocity"},
    .slots = slots,
    .update = update,
    .norms = true,
    .direct = direct,
};
