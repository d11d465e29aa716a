/* Source: Keras 3, initializers/random_initializers.py (formulas); X. Glorot and Y. Bengio 2010;
 * K. He et al. 2015; Y. LeCun et al. 1998. */
#include "layers/initializers.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

#include "base/rng.h"
#include "kernels/vmath.h"

enum form { FORM_CONSTANT, FORM_UNIFORM, FORM_NORMAL, FORM_TRUNCATED };
enum fan { FAN_NONE, FAN_IN, FAN_AVERAGE };

/* What an initializer's name means. */
struct meaning {
    enum form form;
    enum fan fan;
    double scale; /* of the variance scale/fan, or the constant */
};

struct constant_args {
    double value;
};
struct uniform_args {
    double minval, maxval;
};
struct normal_args {
    double mean, stddev;
};

#define FLOAT_FIELD(struct_name, name_, default_)                                                  \
    {                                                                                              \
        .key = #name_, .type = FIELD_FLOAT, .offset = offsetof(struct struct_name, name_),         \
        .fallback = default_                                                                       \
    }

static const struct field constant_fields[] = {{.key = "value",
                                                .type = FIELD_FLOAT,
                                                .offset = offsetof(struct constant_args, value),
                                                .fallback = "0.0",
                                                .bare = true},
                                               {0}};
static const struct field uniform_fields[] = {
    FLOAT_FIELD(uniform_args, minval, "-0.05"), FLOAT_FIELD(uniform_args, maxval, "0.05"), {0}};
static const struct field normal_fields[] = {FLOAT_FIELD(normal_args, mean, "0.0"),
                                             {.key = "stddev",
                                              .type = FIELD_FLOAT,
                                              .offset = offsetof(struct normal_args, stddev),
                                              .fallback = "0.05",
                                              .min = 0,
                                              .max = 1e30},
                                             {0}};
static const struct schema constant_schema = {"constant", constant_fields, NULL};
static const struct schema uniform_schema = {"random_uniform", uniform_fields, NULL};
static const struct schema normal_schema = {"random_normal", normal_fields, NULL};

#define MEANING(form, fan, scale)                                                                  \
    &(const struct meaning)                                                                        \
    {                                                                                              \
        form, fan, scale                                                                           \
    }
#define SCALED(name_, form, fan, scale)                                                            \
    &(const struct kind)                                                                           \
    {                                                                                              \
        .name = name_, .impl = MEANING(form, fan, scale)                                           \
    }

const struct kind *const initializer_kinds[] = {
    SCALED("zeros", FORM_CONSTANT, FAN_NONE, 0.0),
    SCALED("ones", FORM_CONSTANT, FAN_NONE, 1.0),
    &(const struct kind){"constant", &constant_schema, sizeof(struct constant_args),
                         MEANING(FORM_CONSTANT, FAN_NONE, 0.0)},
    SCALED("glorot_uniform", FORM_UNIFORM, FAN_AVERAGE, 1.0),
    SCALED("glorot_normal", FORM_TRUNCATED, FAN_AVERAGE, 1.0),
    SCALED("he_uniform", FORM_UNIFORM, FAN_IN, 2.0),
    SCALED("he_normal", FORM_TRUNCATED, FAN_IN, 2.0),
    SCALED("lecun_uniform", FORM_UNIFORM, FAN_IN, 1.0),
    SCALED("lecun_normal", FORM_TRUNCATED, FAN_IN, 1.0),
    &(const struct kind){"random_uniform", &uniform_schema, sizeof(struct uniform_args),
                         MEANING(FORM_UNIFORM, FAN_NONE, 0.0)},
    &(const struct kind){"random_normal", &normal_schema, sizeof(struct normal_args),
                         MEANING(FORM_NORMAL, FAN_NONE, 0.0)},
    NULL};

/* The distribution to draw from: location and spread of a unit draw. */
struct distribution {
    enum form form;
    double location, spread;
};

static struct distribution distribution_of(const struct param *param)
{
    const struct kind *kind = param->initializer->kind;
    const struct meaning *meaning = kind->impl;
    struct distribution d = {meaning->form, 0.0, 0.0};
    if (meaning->fan == FAN_NONE && kind->schema) {
        if (meaning->form == FORM_CONSTANT) {
            d.location = ((const struct constant_args *)param->initializer->args)->value;
        } else if (meaning->form == FORM_UNIFORM) {
            const struct uniform_args *a = param->initializer->args;
            d.location = a->minval;
            d.spread = a->maxval - a->minval;
        } else {
            const struct normal_args *a = param->initializer->args;
            d.location = a->mean;
            d.spread = a->stddev;
        }
        return d;
    }
    if (meaning->form == FORM_CONSTANT) {
        d.location = meaning->scale;
        return d;
    }
    double fan = meaning->fan == FAN_IN ? (double)param->fan_in
                                        : 0.5 * (double)(param->fan_in + param->fan_out);
    double variance = meaning->scale / (fan > 1.0 ? fan : 1.0);
    if (meaning->form == FORM_UNIFORM) {
        d.location = -sqrt(3.0 * variance);
        d.spread = -2.0 * d.location;
    } else { /* the standard deviation of a normal cut at +-2 is 0.8796... of the uncut one */
        d.spread = sqrt(variance) / 0.87962566103423978;
    }
    return d;
}

static float draw(const struct distribution *d, uint32_t word)
{
    /* the middle of one of 2^24 equal cells: never 0, never 1 */
    double u = ((double)(word >> 8) + 0.5) * 0x1p-24;
    switch (d->form) {
    case FORM_CONSTANT:
        return (float)d->location;
    case FORM_UNIFORM:
        return (float)(d->location + u * d->spread);
    case FORM_NORMAL:
        return (float)(d->location + d->spread * dm_normal_quantile(u));
    case FORM_TRUNCATED: /* u between the normal distribution's values at -2 and 2 */
        return (float)(d->spread *
                       dm_normal_quantile(0.02275013194817921 + u * 0.9544997361036416));
    }
    return 0.0f;
}

void initializer_fill(const struct param *param, uint64_t seed, float *w)
{
    struct distribution d = distribution_of(param);
    uint64_t name = XXH64(param->path, strlen(param->path), 0);
    struct rng_key key = rng_key(seed, RNG_INIT, name, 0, 0);
    uint32_t words[4];
    for (size_t i = 0; i < param->size; i++) {
        if (i % 4 == 0)
            rng_block(&key, (uint32_t)(i / 4), words);
        w[i] = draw(&d, words[i % 4]);
    }
}
