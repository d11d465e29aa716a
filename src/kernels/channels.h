/* Passes over rows of channels (the last axis), a number for each channel. */
#ifndef CONVOY_KERNELS_CHANNELS_H
#define CONVOY_KERNELS_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>

/* sum[c] = sum over rows of a[r,c] and product[c] = sum of a[r,c] (b[r,c] - shift[c]), the
 * difference in float, the rest in double. Two sums each, of the even and the odd rows, added at
 * the end. */
void channels_sum(size_t rows, size_t channels, const float *a, const float *b, const float *shift,
                  double *sum, double *product);

/* y = (x - mean[c]) scale[c] + offset[c], then max(y, 0) if relu. */
void channels_scale(size_t rows, size_t channels, const float *x, const float *mean,
                    const float *scale, const float *offset, bool relu, float *y);

/* dx = scale[c] ((dy - shift[c]) - (x - mean[c]) slope[c]) */
void channels_scale_back(size_t rows, size_t channels, const float *dy, const float *x,
                         const float *mean, const float *scale, const float *shift,
                         const float *slope, float *dx);

#endif
