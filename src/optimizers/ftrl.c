/* FTRL-Proximal (H. B. McMahan et al. 2013, algorithm 1; Keras's formulas): with n the accumulator,
 * p = -learning_rate_power and l2' = l2 + beta / (2 lr):
 * z += g + 2 shrinkage w - ((n + g^2)^p - n^p) / lr w, n += g^2,
 * w = (clip(z, -l1, l1) - z) / (n^p / lr + 2 l2'). */
#include <math.h>

#include "base/vectorized.h"
#include "kernels/vmath.h"
#include "optimizers/optimizer.h"

struct ftrl_args {
    struct optimizer_common common;
    double learning_rate_power, initial_accumulator_value;
    double l1_regularization_strength, l2_regularization_strength;
    double l2_shrinkage_regularization_strength, beta;
};
#define ARGS struct ftrl_args

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    FACTOR_FIELD(ARGS, learning_rate_power, "-0.5", -100, 0, "0: the learning rate stays"),
    FACTOR_FIELD(ARGS, initial_accumulator_value, "0.1", 0, 1e30, "n at the start"),
    FACTOR_FIELD(ARGS, l1_regularization_strength, "0.0", 0, 1e30, "makes parameters 0"),
    FACTOR_FIELD(ARGS, l2_regularization_strength, "0.0", 0, 1e30, "makes parameters small"),
    FACTOR_FIELD(ARGS, l2_shrinkage_regularization_strength, "0.0", 0, 1e30,
                 "a penalty on the gradient"),
    FACTOR_FIELD(ARGS, beta, "0.0", 0, 1e30, "of the paper"),
    {0}};
static const struct schema schema = {"Ftrl", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    (void)args;
    return 2;
}

static float slot_start(const void *args, size_t slot)
{
    return slot == 0 ? (float)((const ARGS *)args)->initial_accumulator_value : 0.0f;
}

/* n^p of every element, for the usual p a root. */
VECTORIZED static void powers(const float *n, size_t count, double p, float *result)
{
    for (size_t i = 0; p == 0.5 && i < count; i++)
        result[i] = sqrtf(n[i]);
    for (size_t i = 0; p != 0.5 && i < count; i++)
        result[i] = (float)dm_pow((double)n[i], p);
}

VECTORIZED static void update_block(const ARGS *a, const struct optimizer_step *s, size_t first,
                                    size_t count)
{
    enum { BLOCK = 256 };
    float before[BLOCK], after[BLOCK], rate = (float)s->learning_rate;
    float l1 = (float)a->l1_regularization_strength;
    float l2 = (float)(2.0 * a->l2_regularization_strength + a->beta / s->learning_rate);
    float shrinkage = (float)(2.0 * a->l2_shrinkage_regularization_strength);
    float *w = s->w + first, *n = s->slot[0] + first, *z = s->slot[1] + first;
    const float *g = s->g + first;
    powers(n, count, -a->learning_rate_power, before);
    for (size_t i = 0; i < count; i++)
        n[i] += g[i] * g[i];
    powers(n, count, -a->learning_rate_power, after);
    for (size_t i = 0; i < count; i++) {
        z[i] += g[i] + shrinkage * w[i] - (after[i] - before[i]) / rate * w[i];
        float clipped = z[i] > l1 ? l1 : z[i] < -l1 ? -l1 : z[i];
        w[i] = (clipped - z[i]) / (after[i] / rate + l2);
    }
}

static void update(const void *args, const struct optimizer_step *s)
{
    enum { BLOCK = 256 };
    for (size_t i = 0; i < s->n; i += BLOCK)
        update_block(args, s, i, s->n - i < BLOCK ? s->n - i : BLOCK);
}

const struct optimizer_type optimizer_ftrl = {
    .kind = {"Ftrl", &schema, sizeof(ARGS), &optimizer_ftrl},
    .slot_name = {"accumulator", "linear"},
    .slots = slots,
    .slot_start = slot_start,
    .update = update,
};
