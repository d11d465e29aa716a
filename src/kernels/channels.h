/* Passes over rows of channels (the last axis), a number for each channel. */
#ifndef CONVOY_KERNELS_CHANNELS_H
#define CONVOY_KERNELS_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>

/* sum[c] = sum over rows of a[r,c] - a0[c], and product[c] = sum of (a[r,c] - a0[c]) (b[r,c] -
 * b0[c]): in float over blocks of 16 rows (the even and the odd rows apart), the blocks in double.
 */
struct channels_pair {
    const float *a, *a0, *b, *b0;
};
void channels_sum(size_t rows, size_t channels, const struct channels_pair *pair, double *sum,
                  double *product);

/* y = (x - mean[c]) scale[c] + offset[c], then max(y, 0) if relu. */
void channels_scale(size_t rows, size_t channels, const float *x, const float *mean,
                    const float *scale, const float *offset, bool relu, float *y);

/* dx = scale[c] ((dy - shift[c]) - (x - mean[c]) slope[c]) */
void channels_scale_back(size_t rows, size_t channels, const float *dy, const float *x,
                         const float *mean, const float *scale, const float *shift,
                         const float *slope, float *dx);

#endif
