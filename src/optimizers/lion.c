/* Lion (X. Chen et al. 2023): w -= lr sign(b1 m + (1-b1) g), m = b2 m + (1-b2) g. */
#include "base/vectorized.h"
#include "optimizers/optimizer.h"

struct lion_args {
    struct optimizer_common common;
    double beta_1, beta_2;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    FACTOR_FIELD(struct lion_args, beta_1, "0.9", 1e-9, 1, "the mean's part of the direction"),
    FACTOR_FIELD(struct lion_args, beta_2, "0.99", 0, 1, "decay of the mean"),
    {0}};
static const struct schema schema = {"Lion", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    (void)args;
    return 1;
}

VECTORIZED static void update(const void *args, const struct optimizer_step *s)
{
    const struct lion_args *a = args;
    float rate = (float)s->learning_rate;
    float beta1 = (float)a->beta_1, rest1 = (float)(1.0 - a->beta_1);
    float beta2 = (float)a->beta_2, rest2 = (float)(1.0 - a->beta_2);
    float *m = s->slot[0];
    for (size_t i = 0; i < s->n; i++) {
        float g = s->g[i], d = m[i] * beta1 + g * rest1;
        s->w[i] -= rate * (float)((d > 0.0f) - (d < 0.0f));
        m[i] = m[i] * beta2 + g * rest2;
    }
}

const struct optimizer_type optimizer_lion = {
    .kind = {"Lion", &schema, sizeof(struct lion_args), &optimizer_lion},
    .slot_name = {"momentum"},
    .slots = slots,
    .update = update,
};
