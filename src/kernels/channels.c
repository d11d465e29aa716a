#include "kernels/channels.h"

#include <string.h>

#include "base/vectorized.h"

enum { BLOCK = 16 }; /* rows that are summed in float; an even number */

/* channels_sum for the L channels from c on; T is a float or a vector of L of them, D the same of
 * doubles, and WIDEN makes the one into the other. */
#define DEFINE_SUM(L, T, D, WIDEN)                                                                 \
    static inline __attribute__((always_inline)) void sum_##L(                                     \
        size_t rows, size_t channels, const struct channels_pair *pair, size_t c, double *sum,     \
        double *product)                                                                           \
    {                                                                                              \
        const float *a = pair->a + c, *b = pair->b + c;                                            \
        T a0 = *(const T *)(pair->a0 + c), b0 = *(const T *)(pair->b0 + c);                        \
        D sums = {0}, products = {0};                                                              \
        for (size_t done = 0; done < rows; done += BLOCK) {                                        \
            size_t count = rows - done < BLOCK ? rows - done : BLOCK;                              \
            T s[2] = {(T){0}, (T){0}}, p[2] = {(T){0}, (T){0}};                                    \
            for (size_t r = 0; r + 2 <= count; r += 2)                                             \
                for (size_t k = 0; k < 2; k++, a += channels, b += channels) {                     \
                    T left = *(const T *)a - a0;                                                   \
                    s[k] += left;                                                                  \
                    p[k] += left * (*(const T *)b - b0);                                           \
                }                                                                                  \
            if (count % 2) {                                                                       \
                T left = *(const T *)a - a0;                                                       \
                s[0] += left;                                                                      \
                p[0] += left * (*(const T *)b - b0);                                               \
            }                                                                                      \
            sums += WIDEN(s[0] + s[1], D);                                                         \
            products += WIDEN(p[0] + p[1], D);                                                     \
        }                                                                                          \
        *(D *)(sum + c) = sums;                                                                    \
        *(D *)(product + c) = products;                                                            \
    }

typedef float float_16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef double double_16 __attribute__((vector_size(128), aligned(8), may_alias));
typedef float float_4 __attribute__((vector_size(16), aligned(4), may_alias));
typedef double double_4 __attribute__((vector_size(32), aligned(8), may_alias));
#define CAST(value, type) (type)(value)

DEFINE_SUM(16, float_16, double_16, __builtin_convertvector)
DEFINE_SUM(4, float_4, double_4, __builtin_convertvector)
DEFINE_SUM(1, float, double, CAST)

VECTORIZED void channels_sum(size_t rows, size_t channels, const struct channels_pair *pair,
                             double *sum, double *product)
{
    size_t c = 0;
    for (; c + 16 <= channels; c += 16)
        sum_16(rows, channels, pair, c, sum, product);
    for (; c + 4 <= channels; c += 4)
        sum_4(rows, channels, pair, c, sum, product);
    for (; c < channels; c++)
        sum_1(rows, channels, pair, c, sum, product);
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
