/* Adagrad (J. Duchi et al. 2011): a += g^2, w -= lr g / sqrt(a + epsilon). */
#include <math.h>

#include "base/vectorized.h"
#include "optimizers/optimizer.h"

struct adagrad_args {
    struct optimizer_common common;
    double initial_accumulator_value, epsilon;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    FACTOR_FIELD(struct adagrad_args, initial_accumulator_value, "0.1", 0, 1e30, "a at the start"),
    FACTOR_FIELD(struct adagrad_args, epsilon, "1e-7", 1e-16, 1, "keeps the root away from 0"),
    {0}};
static const struct schema schema = {"Adagrad", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    (void)args;
    return 1;
}

static float slot_start(const void *args, size_t slot)
{
    (void)slot;
    return (float)((const struct adagrad_args *)args)->initial_accumulator_value;
}

VECTORIZED static void update(const void *args, const struct optimizer_step *s)
{
    const struct adagrad_args *a = args;
    float rate = (float)s->learning_rate, epsilon = (float)a->epsilon;
    float *sum = s->slot[0];
    for (size_t i = 0; i < s->n; i++) {
        sum[i] += s->g[i] * s->g[i];
        s->w[i] -= rate * s->g[i] / sqrtf(sum[i] + epsilon);
    }
}

const struct optimizer_type optimizer_adagrad = {
    .kind = {"Adagrad", &schema, sizeof(struct adagrad_args), &optimizer_adagrad},
    .slot_name = {"accumulator"},
    .slots = slots,
    .slot_start = slot_start,
    .update = update,
};
