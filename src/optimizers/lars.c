/* LARS (Y. You, I. Gitman and B. Ginsburg 2017, algorithm 1): with beta the weight decay,
 * rate = trust_coefficient |w| / (|g| + beta |w| + epsilon), v = momentum v + lr rate (g + beta w),
 * w -= v. Where a norm is 0, and for the parameters that are excluded, the rate is 1. */
#include <math.h>

#include "base/vectorized.h"
#include "optimizers/optimizer.h"

struct lars_args {
    struct optimizer_common common;
    double momentum, trust_coefficient, epsilon;
    struct string_list exclude;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.01"),
    FACTOR_FIELD(struct lars_args, momentum, "0.9", 0, 1, "part of the last step that is kept"),
    FACTOR_FIELD(struct lars_args, trust_coefficient, "0.001", 0, 1e3,
                 "how far a step may go, in parts of |w|"),
    FACTOR_FIELD(struct lars_args, epsilon, "0.0", 0, 1, "keeps the divisor away from 0"),
    WEIGHT_DECAY_FIELD("0.0", false),
    {.key = "exclude_from_layer_adaptation",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct lars_args, exclude),
     .fallback = "[]",
     .help = "parts of the paths of parameters whose rate is 1 (bias, gamma, beta)"},
    {0}};
static const struct schema schema = {"LARS", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    (void)args;
    return 1;
}

/* It is in the gradient here, and not decoupled. */
static double weight_decay(const void *args, const struct param *param)
{
    (void)args;
    (void)param;
    return 0.0;
}

VECTORIZED static void move(const struct optimizer_step *s, float rate, float momentum, float beta)
{
    float *v = s->slot[0];
    for (size_t i = 0; i < s->n; i++) {
        v[i] = momentum * v[i] + rate * (s->g[i] + beta * s->w[i]);
        s->w[i] -= v[i];
    }
}

static void update(const void *args, const struct optimizer_step *s)
{
    const struct lars_args *a = args;
    double beta = a->common.weight_decay, rate = 1.0;
    if (s->w_norm > 0.0 && s->g_norm > 0.0 && !optimizer_names(&a->exclude, s->param))
        rate = a->trust_coefficient * s->w_norm / (s->g_norm + beta * s->w_norm + a->epsilon);
    move(s, (float)(s->learning_rate * rate), (float)a->momentum, (float)beta);
}

const struct optimizer_type optimizer_lars = {
    .kind = {"LARS", &schema, sizeof(struct lars_args), &optimizer_lars},
    .slot_name = {"momentum"},
    .slots = slots,
    .update = update,
    .ours = true,
    .norms = true,
    .weight_decay = weight_decay,
};
