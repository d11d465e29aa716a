/* Adam (D. Kingma and J. Ba 2015, in the form of the paper's section 2 that Keras uses):
 * m += (1-b1)(g - m), v += (1-b2)(g^2 - v), w -= lr sqrt(1-b2^t)/(1-b1^t) m / (sqrt(v) + epsilon).
 */
#include <math.h>

#include "base/vectorized.h"
#include "kernels/vmath.h"
#include "optimizers/optimizer.h"

struct adam_args {
    struct optimizer_common common;
    double beta_1, beta_2, epsilon;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    FACTOR_FIELD(struct adam_args, beta_1, "0.9", 0, 0.999999, "decay of the mean"),
    FACTOR_FIELD(struct adam_args, beta_2, "0.999", 0, 0.99999999, "decay of the mean square"),
    FACTOR_FIELD(struct adam_args, epsilon, "1e-7", 1e-16, 1, "keeps the divisor away from 0"),
    {0}};
static const struct schema schema = {"Adam", fields, NULL};

static size_t slots(const void *args)
{
    (void)args;
    return 2;
}

VECTORIZED static void update(const void *args, const struct optimizer_step *s)
{
    const struct adam_args *a = args;
    double correction =
        sqrt(1.0 - dm_power(a->beta_2, s->iteration)) / (1.0 - dm_power(a->beta_1, s->iteration));
    float rate = (float)(s->learning_rate * correction);
    float rest1 = (float)(1.0 - a->beta_1), rest2 = (float)(1.0 - a->beta_2);
    float epsilon = (float)a->epsilon;
    float *m = s->slot[0], *v = s->slot[1];
    for (size_t i = 0; i < s->n; i++) {
        float g = s->g[i];
        m[i] += (g - m[i]) * rest1;
        v[i] += (g * g - v[i]) * rest2;
        s->w[i] -= rate * m[i] / (sqrtf(v[i]) + epsilon);
    }
}

const struct optimizer_type optimizer_adam = {
    .kind = {"Adam", &schema, sizeof(struct adam_args), &optimizer_adam},
    .slot_name = {"momentum", "velocity"},
    .slots = slots,
    .update = update,
};
