/* Nadam (T. Dozat 2016): Adam with Nesterov's momentum. With u_t = b1 (1 - 0.96^t / 2) and U_t the
 * product of u_1 to u_t: m and v as in Adam,
 * w -= lr (u_(t+1) m / (1 - U_(t+1)) + (1 - u_t) g / (1 - U_t)) / (sqrt(v / (1-b2^t)) + epsilon).
 */
#include <math.h>

#include "base/vectorized.h"
#include "kernels/vmath.h"
#include "optimizers/adam.h"

struct nadam_args {
    struct optimizer_common common;
    struct adam_betas betas;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    ADAM_BETAS_FIELDS(struct nadam_args, betas, "beta_1", "beta_2"),
    {0}};
static const struct schema schema = {"Nadam", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    (void)args;
    return 2;
}

/* u_t / b1 */
static double factor(int64_t t)
{
    return 1.0 - 0.5 * dm_power(0.96, t);
}

/* U_t. Beyond some 900 the factors are 1 in double, so that no state is needed. */
static double product(double beta_1, int64_t t)
{
    enum { ALL = 1000 };
    double result = dm_power(beta_1, t);
    for (int64_t i = 1; i <= t && i <= ALL; i++)
        result *= factor(i);
    return result;
}

VECTORIZED static void update(const void *args, const struct optimizer_step *s)
{
    const struct adam_betas *a = &((const struct nadam_args *)args)->betas;
    int64_t t = s->iteration;
    double done = product(a->beta_1, t), next = a->beta_1 * factor(t + 1);
    float by_mean = (float)(s->learning_rate * next / (1.0 - done * next));
    float by_g = (float)(s->learning_rate * (1.0 - a->beta_1 * factor(t)) / (1.0 - done));
    float by_square = (float)(1.0 / (1.0 - dm_power(a->beta_2, t)));
    float rest1 = (float)(1.0 - a->beta_1), rest2 = (float)(1.0 - a->beta_2);
    float epsilon = (float)a->epsilon;
    float *m = s->slot[0], *v = s->slot[1];
    for (size_t i = 0; i < s->n; i++) {
        float g = s->g[i];
        m[i] += (g - m[i]) * rest1;
        v[i] += (g * g - v[i]) * rest2;
        s->w[i] -= (by_mean * m[i] + by_g * g) / (sqrtf(v[i] * by_square) + epsilon);
    }
}

const struct optimizer_type optimizer_nadam = {
    .kind = {"Nadam", &schema, sizeof(struct nadam_args), &optimizer_nadam},
    .slot_name = {"momentum", "velocity"},
    .slots = slots,
    .update = update,
};
