/* Adam's update, for the optimizers that are Adam in part. */
#ifndef CONVOY_OPTIMIZERS_ADAM_H
#define CONVOY_OPTIMIZERS_ADAM_H

#include "optimizers/optimizer.h"

struct adam_betas {
    double beta_1, beta_2, epsilon;
};

/* Slots 0 and 1 are the mean and the mean square. */
void adam_update(const struct adam_betas *betas, const struct optimizer_step *step);

/* The schema's fields of the betas, which are member betas_ of the argument struct. */
#define ADAM_BETAS_FIELDS(type_, betas_, key_1_, key_2_)                                           \
    {.key = key_1_,                                                                                \
     .type = FIELD_FLOAT,                                                                          \
     .offset = offsetof(type_, betas_.beta_1),                                                     \
     .fallback = "0.9",                                                                            \
     .min = 0,                                                                                     \
     .max = 0.999999,                                                                              \
     .help = "decay of the mean"},                                                                 \
        {.key = key_2_,                                                                            \
         .type = FIELD_FLOAT,                                                                      \
         .offset = offsetof(type_, betas_.beta_2),                                                 \
         .fallback = "0.999",                                                                      \
         .min = 0,                                                                                 \
         .max = 0.99999999,                                                                        \
         .help = "decay of the mean square"},                                                      \
    {                                                                                              \
        .key = "epsilon", .type = FIELD_FLOAT, .offset = offsetof(type_, betas_.epsilon),          \
        .fallback = "1e-7", .min = 1e-16, .max = 1, .help = "keeps the divisor away from 0"        \
    }

#endif
