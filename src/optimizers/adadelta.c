/* Adadelta (M. Zeiler 2012): a = rho a + (1-rho) g^2, d = sqrt(b + epsilon) / sqrt(a + epsilon) g,
 * b = rho b + (1-rho) d^2, w -= lr d. */
#include <math.h>

#include "base/vectorized.h"
#include "optimizers/optimizer.h"

struct adadelta_args {
    struct optimizer_common common;
    double rho, epsilon;
};

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    FACTOR_FIELD(struct adadelta_args, rho, "0.95", 0, 1, "decay of the mean squares"),
    FACTOR_FIELD(struct adadelta_args, epsilon, "1e-7", 1e-16, 1, "keeps the roots away from 0"),
    {0}};
static const struct schema schema = {"Adadelta", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    (void)args;
    return 2;
}

VECTORIZED static void update(const void *args, const struct optimizer_step *s)
{
    const struct adadelta_args *a = args;
    float rate = (float)s->learning_rate, rho = (float)a->rho, rest = (float)(1.0 - a->rho);
    float epsilon = (float)a->epsilon;
    float *gradient = s->slot[0], *delta = s->slot[1];
    for (size_t i = 0; i < s->n; i++) {
        float g = s->g[i];
        gradient[i] = rho * gradient[i] + rest * (g * g);
        float step = sqrtf(delta[i] + epsilon) * g / sqrtf(gradient[i] + epsilon);
        delta[i] = rho * delta[i] + rest * (step * step);
        s->w[i] -= rate * step;
    }
}

const struct optimizer_type optimizer_adadelta = {
    .kind = {"Adadelta", &schema, sizeof(struct adadelta_args), &optimizer_adadelta},
    .slot_name = {"accumulated_grad", "accumulated_delta_var"},
    .slots = slots,
    .update = update,
};
