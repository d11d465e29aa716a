#include "kernels/channels.h"

#include <string.h>

#include "base/vectorized.h"

enum { GROUP = 8 };
typedef float group_float __attribute__((vector_size(GROUP * 4), aligned(4), may_alias));
typedef double group_double __attribute__((vector_size(GROUP * 8), aligned(8), may_alias));

/* channels_sum for one group of channels, whose rows are stride apart. */
static inline __attribute__((always_inline)) void sum_group(size_t rows, size_t stride,
                                                            const float *a, const float *b,
                                                            const float *shift, double *sum,
                                                            double *product)
{
    group_double sums[2] = {{0}}, products[2] = {{0}};
    group_float away = *(const group_float *)shift;
    size_t r = 0;
    for (; r + 2 <= rows; r += 2)
        for (size_t k = 0; k < 2; k++, a += stride, b += stride) {
            group_double left = __builtin_convertvector(*(const group_float *)a, group_double);
            group_float right = *(const group_float *)b - away;
            sums[k] += left;
            products[k] += left * __builtin_convertvector(right, group_double);
        }
    if (r < rows) {
        group_double left = __builtin_convertvector(*(const group_float *)a, group_double);
        group_float right = *(const group_float *)b - away;
        sums[0] += left;
        products[0] += left * __builtin_convertvector(right, group_double);
    }
    *(group_double *)sum = sums[0] + sums[1];
    *(group_double *)product = products[0] + products[1];
}

/* The same for one channel. */
static inline __attribute__((always_inline)) void sum_one(size_t rows, size_t stride,
                                                          const float *a, const float *b,
                                                          float shift, double *sum, double *product)
{
    double sums[2] = {0}, products[2] = {0};
    for (size_t r = 0; r < rows; r++) {
        sums[r % 2] += (double)a[r * stride];
        products[r % 2] += (double)a[r * stride] * (double)(b[r * stride] - shift);
    }
    *sum = sums[0] + sums[1];
    *product = products[0] + products[1];
}

VECTORIZED void channels_sum(size_t rows, size_t channels, const float *a, const float *b,
                             const float *shift, double *sum, double *product)
{
    size_t c = 0;
    for (; c + GROUP <= channels; c += GROUP)
        sum_group(rows, channels, a + c, b + c, shift + c, sum + c, product + c);
    for (; c < channels; c++)
        sum_one(rows, channels, a + c, b + c, shift[c], sum + c, product + c);
}

VECTORIZED void channels_scale(size_t rows, size_t channels, const float *restrict x,
                               const float *restrict mean, const float *restrict scale,
                               const float *restrict offset, bool relu, float *restrict y)
{
    for (size_t r = 0; r < rows; r++, x += channels, y += channels)
        for (size_t c = 0; c < channels; c++) {
            float value = (x[c] - mean[c]) * scale[c] + offset[c];
            y[c] = relu && value < 0.0f ? 0.0f : value;
        }
}

VECTORIZED void channels_scale_back(size_t rows, size_t channels, const float *restrict dy,
                                    const float *restrict x, const float *restrict mean,
                                    const float *restrict scale, const float *restrict shift,
                                    const float *restrict slope, float *restrict dx)
{
    for (size_t r = 0; r < rows; r++, x += channels, dy += channels, dx += channels)
        for (size_t c = 0; c < channels; c++)
            dx[c] = scale[c] * ((dy[c] - shift[c]) - (x[c] - mean[c]) * slope[c]);
}
