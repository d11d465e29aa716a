/* SGD, with momentum: v = m v - lr g, w += v; Nesterov's form: w += m v - lr g (I. Sutskever et al.
 * 2013; Keras's formulas). */
#include "base/vectorized.h"
#include "optimizers/optimizer.h"

struct sgd_args {
    struct optimizer_common common;
    double momentum;
    bool nesterov;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.01"),
    FACTOR_FIELD(struct sgd_args, momentum, "0.0", 0, 1, "part of the last step that is kept"),
    {.key = "nesterov",
     .type = FIELD_BOOL,
     .offset = offsetof(struct sgd_args, nesterov),
     .fallback = "false",
     .help = "look ahead"},
    {0}};
static const struct schema schema = {"SGD", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    return ((const struct sgd_args *)args)->momentum > 0.0 ? 1 : 0;
}

VECTORIZED static void update(const void *args, const struct optimizer_step *s)
{
    const struct sgd_args *a = args;
    float rate = (float)s->learning_rate, momentum = (float)a->momentum;
    float *w = s->w, *velocity = s->slot[0];
    if (!velocity) {
        for (size_t i = 0; i < s->n; i++)
            w[i] -= rate * s->g[i];
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        float step = rate * s->g[i];
        velocity[i] = momentum * velocity[i] - step;
        w[i] += a->nesterov ? momentum * velocity[i] - step : velocity[i];
    }
}

const struct optimizer_type optimizer_sgd = {
    .kind = {"SGD", &schema, sizeof(struct sgd_args), &optimizer_sgd},
    .slot_name = {"momentum"},
    .slots = slots,
    .update = update,
};
