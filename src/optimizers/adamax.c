/* Adamax (D. Kingma and J. Ba 2015, section 7.1): m += (1-b1)(g - m), u = max(b2 u, |g|),
 * w -= lr / (1-b1^t) m / (u + epsilon). */
#include <math.h>

#include "base/vectorized.h"
#include "kernels/vmath.h"
#include "optimizers/adam.h"

struct adamax_args {
    struct optimizer_common common;
    struct adam_betas betas;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    ADAM_BETAS_FIELDS(struct adamax_args, betas, "beta_1", "beta_2"),
    {0}};
static const struct schema schema = {"Adamax", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    (void)args;
    return 2;
}

VECTORIZED static void update(const void *args, const struct optimizer_step *s)
{
    const struct adam_betas *a = &((const struct adamax_args *)args)->betas;
    float rate = (float)(s->learning_rate / (1.0 - dm_power(a->beta_1, s->iteration)));
    float rest = (float)(1.0 - a->beta_1), decay = (float)a->beta_2, epsilon = (float)a->epsilon;
    float *m = s->slot[0], *u = s->slot[1];
    for (size_t i = 0; i < s->n; i++) {
        float size = fabsf(s->g[i]), before = decay * u[i];
        m[i] += (s->g[i] - m[i]) * rest;
        u[i] = before > size ? before : size;
        s->w[i] -= rate * m[i] / (u[i] + epsilon);
    }
}

const struct optimizer_type optimizer_adamax = {
    .kind = {"Adamax", &schema, sizeof(struct adamax_args), &optimizer_adamax},
    .slot_name = {"momentum", "norm"},
    .slots = slots,
    .update = update,
};
