/* What LayerNormalization and GroupNormalization share: the arguments and the passes. */
#ifndef CONVOY_LAYERS_GROUPNORM_H
#define CONVOY_LAYERS_GROUPNORM_H

#include "kernels/groupnorm.h"
#include "layers/fields.h"

/* The argument structs of these layers begin with it. */
struct groupnorm_args {
    struct layer_common common;
    double epsilon;
    bool center, scale;
    struct variant beta_initializer, gamma_initializer;
    struct variant beta_regularizer, gamma_regularizer;
    struct variant beta_constraint, gamma_constraint;
};

#define FIELDS_GROUPNORM                                                                           \
    {.key = "epsilon",                                                                             \
     .type = FIELD_FLOAT,                                                                          \
     .offset = offsetof(struct groupnorm_args, epsilon),                                           \
     .fallback = "0.001",                                                                          \
     .min = 1e-12,                                                                                 \
     .max = 1e3,                                                                                   \
     .help = "added to the variance"},                                                             \
        FIELD_FLAG(struct groupnorm_args, center, "true", "learn beta"),                           \
        FIELD_FLAG(struct groupnorm_args, scale, "true", "learn gamma"),                           \
        FIELD_INITIALIZER(struct groupnorm_args, beta_initializer, "zeros"),                       \
        FIELD_INITIALIZER(struct groupnorm_args, gamma_initializer, "ones"),                       \
        FIELD_REGULARIZER(struct groupnorm_args, beta_regularizer),                                \
        FIELD_REGULARIZER(struct groupnorm_args, gamma_regularizer),                               \
        FIELD_CONSTRAINT(struct groupnorm_args, beta_constraint),                                  \
        FIELD_CONSTRAINT(struct groupnorm_args, gamma_constraint)

/* The rest of infer, once it is known how many samples there are in one, and what is normalized;
 * gamma and beta have the shape. */
void groupnorm_infer(struct layer *layer, struct pool *pool, struct groupnorm of_one,
                     const struct shape *parameter);

void groupnorm_layer_forward(const struct layer *layer, const struct pass *p);
void groupnorm_layer_backward(const struct layer *layer, const struct pass *p);

#endif
