#include "kernels/blocks.h"

#include "base/vectorized.h"

VECTORIZED double block_squares(const float *x, size_t n)
{
    enum { SUMS = 8 };
    double sum[SUMS] = {0};
    size_t whole = n / SUMS * SUMS;
    for (size_t i = 0; i < whole; i += SUMS)
        for (size_t k = 0; k < SUMS; k++)
            sum[k] += (double)x[i + k] * (double)x[i + k];
    for (size_t k = 0; k < n - whole; k++)
        sum[k] += (double)x[whole + k] * (double)x[whole + k];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

double blocks_total(double *values, size_t count)
{
    for (size_t step = 1; step < count; step *= 2)
        for (size_t i = 0; i + step < count; i += 2 * step)
            values[i] += values[i + step];
    return values[0];
}

double blocks_squares(const float *x, size_t n)
{
    size_t left = BLOCK_ELEMENTS;
    if (n <= left)
        return block_squares(x, n);
    while (2 * left < n)
        left *= 2;
    return blocks_squares(x, left) + blocks_squares(x + left, n - left);
}
