#include "optimizers/vectors.h"

#include <math.h>

#include "base/vectorized.h"

enum { BLOCK = 4096, SUMS = 8 };

VECTORIZED static double block_dot(size_t n, const double *a, const double *b)
{
    double sum[SUMS] = {0};
    size_t whole = n / SUMS * SUMS;
    for (size_t i = 0; i < whole; i += SUMS)
        for (size_t k = 0; k < SUMS; k++)
            sum[k] += a[i + k] * b[i + k];
    for (size_t k = 0; k < n - whole; k++)
        sum[k] += a[whole + k] * b[whole + k];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* The left part of a node is the largest power of two of blocks that leaves something. */
double vector_dot(size_t n, const double *a, const double *b)
{
    size_t left = BLOCK;
    if (n <= BLOCK)
        return block_dot(n, a, b);
    while (2 * left < n)
        left *= 2;
    return vector_dot(left, a, b) + vector_dot(n - left, a + left, b + left);
}

double vector_largest(size_t n, const double *a)
{
    double largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        double size = fabs(a[i]);
        if (size > largest || isnan(size))
            largest = size;
        if (isnan(size))
            break;
    }
    return largest;
}

VECTORIZED void vector_add(size_t n, double factor, const double *a, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += factor * a[i];
}

VECTORIZED void vector_combine(size_t n, const double *a, double factor, const double *b, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + factor * b[i];
}

VECTORIZED void vector_scale(size_t n, double factor, const double *a, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = factor * a[i];
}
