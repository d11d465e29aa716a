/* Elementary functions of our own: the C library's differ between versions and CPUs in the last
 * bit. Only additions, multiplications, divisions and bit moves in a fixed order; no FMA, so that
 * every compiler and CPU gives the same bits. Inline, so that loops over them vectorise. */
#ifndef CONVOY_KERNELS_VMATH_H
#define CONVOY_KERNELS_VMATH_H

#include <stdint.h>
#include <string.h>

static inline float vm_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t vm_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* e^x, relative error below 2e-7; 0 below -87.3 (no denormals), infinity above 88.7, NaN kept.
 * x = k ln2 + r with |r| <= ln2/2; e^r by its Taylor polynomial of degree 7. */
static inline float vm_exp(float x)
{
    float clipped = x < -87.3f ? -87.3f : x;
    clipped = clipped > 88.8f ? 88.8f : clipped;
    float shifted = clipped * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    float k = shifted - 12582912.0f;
    float r = (clipped - k * 0.693359375f) - k * -2.12194440e-4f;
    float p = 1.98412698e-4f;
    p = p * r + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    p = (p * r) * r + r + 1.0f;
    /* 2^k in two steps, so that 2^128 does not overflow before it must */
    int32_t whole = (int32_t)k;
    int32_t half = whole >> 1;
    float scale1 = vm_from_bits((uint32_t)(half + 127) << 23);
    float scale2 = vm_from_bits((uint32_t)(whole - half + 127) << 23);
    float y = (p * scale1) * scale2;
    return x < -87.3f ? 0.0f : (x != x ? x : y);
}

/* 1 / (1 + e^-x) */
static inline float vm_sigmoid(float x)
{
    return 1.0f / (1.0f + vm_exp(-x));
}

/* tanh x: the odd Taylor-like polynomial of S. Moshier's Cephes tanhf below 0.625 (its
 * coefficients), else 1 - 2/(e^2|x| + 1) with the sign put back. */
static inline float vm_tanh(float x)
{
    float a = vm_from_bits(vm_bits(x) & 0x7fffffffu);
    float z = a * a;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float small = p * z * a + a;
    float large = 1.0f - 2.0f / (vm_exp(2.0f * a) + 1.0f);
    float y = a < 0.625f ? small : large;
    return vm_from_bits(vm_bits(y) | (vm_bits(x) & 0x80000000u));
}

/* Double-precision versions for sums, losses and initialisation; error below 1e-14 relative.
 * dm_log: x > 0 (0 gives -infinity, negative NaN). */
double dm_exp(double x);
double dm_log(double x);
/* b^n for n >= 0 by repeated squaring. */
double dm_power(double b, int64_t n);
/* x^y for x >= 0; 0^0 is 1. The relative error grows with |y log x|, 1e-15 times that. */
double dm_pow(double x, double y);
/* cos(pi x); error below 1e-15. */
double dm_cos_pi(double x);
/* The quantile of the standard normal distribution for 0 < p < 1 (M. Wichura, algorithm AS 241,
 * PPND16, 1988); relative error about 1e-15. */
double dm_normal_quantile(double p);
/* |x| at most 10^5; absolute error below 1e-15. */
double dm_sin(double x);
double dm_cos(double x);

#endif
