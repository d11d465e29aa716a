/* Normalization of groups of channels, each sample by itself: GroupNormalization, and
 * LayerNormalization as one group of one pixel. */
#ifndef CONVOY_KERNELS_GROUPNORM_H
#define CONVOY_KERNELS_GROUPNORM_H

#include <stdbool.h>
#include <stddef.h>

/* x[samples, pixels, groups * width]; mean and variance of a sample's group are over its pixels and
 * its width channels. */
struct groupnorm {
    size_t samples, pixels, groups, width;
    double epsilon;
};

/* Floats kept from forward to backward, and of working memory, which must be aligned for double. */
size_t groupnorm_saved(const struct groupnorm *g);
size_t groupnorm_scratch(const struct groupnorm *g);

/* y = gamma (x - mean)/sqrt(variance + epsilon) + beta, then max(y, 0) if relu. gamma and beta
 * [groups * width] may be NULL: 1 and 0. */
void groupnorm_forward(const struct groupnorm *g, const float *x, const float *gamma,
                       const float *beta, bool relu, float *y, float *saved, float *scratch);

/* The gradients; dgamma, dbeta, dx may be NULL. Sums over samples are serial, in double. */
void groupnorm_backward(const struct groupnorm *g, const float *x, const float *dy,
                        const float *gamma, const float *saved, float *dgamma, float *dbeta,
                        float *dx, float *scratch);

#endif
