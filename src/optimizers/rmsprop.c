/* RMSprop (T. Hinton, lecture 6e, 2012; Keras's formulas): v = rho v + (1 - rho) g^2; centered also
 * m = rho m + (1 - rho) g; step = lr g / sqrt(v - m^2 + epsilon); with momentum b = mu b + step. */
#include <math.h>

#include "base/vectorized.h"
#include "optimizers/optimizer.h"

struct rmsprop_args {
    struct optimizer_common common;
    double rho, momentum, epsilon;
    bool centered;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    FACTOR_FIELD(struct rmsprop_args, rho, "0.9", 0, 1, "decay of the mean square"),
    FACTOR_FIELD(struct rmsprop_args, momentum, "0.0", 0, 1, "part of the last step that is kept"),
    FACTOR_FIELD(struct rmsprop_args, epsilon, "1e-7", 1e-16, 1, "keeps the root away from 0"),
    {.key = "centered",
     .type = FIELD_BOOL,
     .offset = offsetof(struct rmsprop_args, centered),
     .fallback = "false",
     .help = "divide by the variance, not by the mean square"},
    {0}};
static const struct schema schema = {"RMSprop", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    (void)args;
    return 3;
}

VECTORIZED static void update(const void *args, const struct optimizer_step *s)
{
    const struct rmsprop_args *a = args;
    float rate = (float)s->learning_rate, rho = (float)a->rho, rest = 1.0f - (float)a->rho;
    float epsilon = (float)a->epsilon, mu = (float)a->momentum;
    float *velocity = s->slot[0], *momentum = s->slot[1], *average = s->slot[2];
    for (size_t i = 0; i < s->n; i++) {
        float g = s->g[i];
        velocity[i] = rho * velocity[i] + rest * (g * g);
        float square = velocity[i];
        if (a->centered) {
            average[i] = rho * average[i] + rest * g;
            square -= average[i] * average[i];
        }
        float step = rate * g / sqrtf(square + epsilon);
        momentum[i] = mu * momentum[i] + step;
        s->w[i] -= momentum[i];
    }
}

const struct optimizer_type optimizer_rmsprop = {
    .kind = {"RMSprop", &schema, sizeof(struct rmsprop_args), &optimizer_rmsprop},
    .slot_name = {"velocity", "momentum", "average_gradient"},
    .slots = slots,
    .update = update,
};
