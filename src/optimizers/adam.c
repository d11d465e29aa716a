/* Adam (D. Kingma and J. Ba 2015, in the form of the paper's section 2 that Keras uses):
 * m += (1-b1)(g - m), v += (1-b2)(g^2 - v), w -= lr sqrt(1-b2^t)/(1-b1^t) m / (sqrt(v) + epsilon).
 * With amsgrad (S. Reddi et al. 2018) the largest v so far takes the place of v. AdamW (I.
 * Loshchilov and F. Hutter 2019) is Adam whose weight decay is on. */
#include "optimizers/adam.h"

#include <math.h>

#include "base/vectorized.h"
#include "kernels/vmath.h"

struct adam_args {
    struct optimizer_common common;
    struct adam_betas betas;
    bool amsgrad;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    ADAM_BETAS_FIELDS(struct adam_args, betas, "beta_1", "beta_2"),
    SWITCH_FIELD(struct adam_args, amsgrad, "false", "divide by the largest mean square so far"),
    {0}};
static const struct schema schema = {"Adam", fields, &optimizer_common_schema};

static const struct field decay_fields[] = {WEIGHT_DECAY_FIELD("0.004", false), {0}};
static const struct schema decay_schema = {"AdamW", decay_fields, &schema};

static size_t slots(const void *args)
{
    return ((const struct adam_args *)args)->amsgrad ? 3 : 2;
}

static float step_size(const struct adam_betas *betas, const struct optimizer_step *s)
{
    double correction = sqrt(1.0 - dm_power(betas->beta_2, s->iteration)) /
                        (1.0 - dm_power(betas->beta_1, s->iteration));
    return (float)(s->learning_rate * correction);
}

VECTORIZED void adam_update(const struct adam_betas *betas, const struct optimizer_step *s)
{
    float rate = step_size(betas, s);
    float rest1 = (float)(1.0 - betas->beta_1), rest2 = (float)(1.0 - betas->beta_2);
    float epsilon = (float)betas->epsilon;
    float *m = s->slot[0], *v = s->slot[1];
    for (size_t i = 0; i < s->n; i++) {
        float g = s->g[i];
        m[i] += (g - m[i]) * rest1;
        v[i] += (g * g - v[i]) * rest2;
        s->w[i] -= rate * m[i] / (sqrtf(v[i]) + epsilon);
    }
}

VECTORIZED static void amsgrad_update(const struct adam_betas *betas,
                                      const struct optimizer_step *s)
{
    float rate = step_size(betas, s);
    float rest1 = (float)(1.0 - betas->beta_1), rest2 = (float)(1.0 - betas->beta_2);
    float epsilon = (float)betas->epsilon;
    float *m = s->slot[0], *v = s->slot[1], *most = s->slot[2];
    for (size_t i = 0; i < s->n; i++) {
        float g = s->g[i];
        m[i] += (g - m[i]) * rest1;
        v[i] += (g * g - v[i]) * rest2;
        most[i] = most[i] > v[i] ? most[i] : v[i];
        s->w[i] -= rate * m[i] / (sqrtf(most[i]) + epsilon);
    }
}

static void update(const void *args, const struct optimizer_step *s)
{
    const struct adam_args *a = args;
    if (a->amsgrad)
        amsgrad_update(&a->betas, s);
    else
        adam_update(&a->betas, s);
}

#define ADAM(name_, schema_, symbol_)                                                              \
    const struct optimizer_type symbol_ = {                                                        \
        .kind = {name_, schema_, sizeof(struct adam_args), &symbol_},                              \
        .slot_name = {"momentum", "velocity", "velocity_hat"},                                     \
        .slots = slots,                                                                            \
        .update = update,                                                                          \
    };
ADAM("Adam", &schema, optimizer_adam)
ADAM("AdamW", &decay_schema, optimizer_adamw)
