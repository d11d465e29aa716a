/* Elementary functions of our own: the C library's differ between versions and CPUs in the last
 * bit. Only additions, multiplications, divisions and bit moves in a fixed order; no FMA, so that
 * every compiler and CPU gives the same bits. Inline, so that loops over them vectorise. */
#ifndef CONVOY_KERNELS_VMATH_H
#define CONVOY_KERNELS_VMATH_H

#include <math.h>
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

/* e^r - 1 for |r| <= 0.35 by its Taylor polynomial of degree 7. */
static inline float vm_expm1_near_0(float r)
{
    float p = 1.98412698e-4f;
    p = p * r + 1.38888889e-3f;
    p = p * r + 8.33333333e-3f;
    p = p * r + 4.16666667e-2f;
    p = p * r + 1.66666667e-1f;
    p = p * r + 0.5f;
    return (p * r) * r + r;
}

/* e^x, relative error below 2e-7; 0 below -87.3 (no denormals), infinity above 88.7, NaN kept.
 * x = k ln2 + r with |r| <= ln2/2. */
static inline float vm_exp(float x)
{
    float clipped = x < -87.3f ? -87.3f : x;
    clipped = clipped > 88.8f ? 88.8f : clipped;
    float shifted = clipped * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: rounds to an integer */
    float k = shifted - 12582912.0f;
    float r = (clipped - k * 0.693359375f) - k * -2.12194440e-4f;
    float p = vm_expm1_near_0(r) + 1.0f;
    /* 2^k in two steps, so that 2^128 does not overflow before it must */
    int32_t whole = (int32_t)k;
    int32_t half = whole >> 1;
    float scale1 = vm_from_bits((uint32_t)(half + 127) << 23);
    float scale2 = vm_from_bits((uint32_t)(whole - half + 127) << 23);
    float y = (p * scale1) * scale2;
    return x < -87.3f ? 0.0f : (x != x ? x : y);
}

/* e^x - 1, relative error below 3e-7 */
static inline float vm_expm1(float x)
{
    float near = vm_expm1_near_0(x), far = vm_exp(x) - 1.0f;
    return x > -0.35f && x < 0.35f ? near : far;
}

/* log x for a positive x, not denormal or infinite; relative error below 2e-7.
 * x = 2^k m with m in [sqrt(1/2), sqrt(2)); log m = 2 atanh(s), s = (m - 1)/(m + 1). */
static inline float vm_log(float x)
{
    int32_t shifted = (int32_t)vm_bits(x) - 0x3f3504f3; /* the bits of sqrt(1/2) */
    float k = (float)(shifted >> 23);
    float m = vm_from_bits((uint32_t)(shifted & 0x007fffff) + 0x3f3504f3u);
    float s = (m - 1.0f) / (m + 1.0f), z = s * s;
    float p = 0.222222222f;
    p = p * z + 0.285714286f;
    p = p * z + 0.4f;
    p = p * z + 0.666666667f;
    return k * 0.693359375f + (2.0f * s + (s * z * p + k * -2.12194440e-4f));
}

/* log(1 + e^x) = max(x, 0) + log(1 + t), t = e^-|x|; log(1 + t) = 2 atanh(s), s = t/(2 + t) <= 1/3.
 * Relative error below 4e-7. */
static inline float vm_softplus(float x)
{
    float t = vm_exp(x > 0.0f ? -x : x);
    float s = t / (2.0f + t), z = s * s;
    float p = 0.117647059f;
    p = p * z + 0.133333333f;
    p = p * z + 0.153846154f;
    p = p * z + 0.181818182f;
    p = p * z + 0.222222222f;
    p = p * z + 0.285714286f;
    p = p * z + 0.4f;
    p = p * z + 0.666666667f;
    return (x > 0.0f ? x : 0.0f) + (2.0f * s + s * z * p);
}

/* The standard normal distribution function; density is e^(-x^2/2). Below 0 it is density R(|x|)
 * with R(a) = e^(a^2/2) erfc(a/sqrt(2))/2, above 0 it is 1 less that. R is a polynomial in
 * 1/(1 + 0.3 a), fitted for the least relative error (3.5e-9) on [0, 14]; with rounding 4e-7. */
static inline float vm_normal_cdf(float x, float density)
{
    float a = vm_from_bits(vm_bits(x) & 0x7fffffffu);
    float t = 1.0f / (1.0f + 0.3f * a);
    float p = -0.0206125318f;
    p = p * t + 0.112374221f;
    p = p * t - 0.228063987f;
    p = p * t + 0.191577167f;
    p = p * t - 0.0792437171f;
    p = p * t + 0.09605596f;
    p = p * t + 0.0784262002f;
    p = p * t + 0.110227196f;
    p = p * t + 0.119572856f;
    p = p * t + 0.119686633f;
    float tail = density * (p * t);
    return x < 0.0f ? tail : 1.0f - tail;
}

/* The quantile of the standard normal distribution for 2^-25 <= p <= 1 - 2^-25 (M. Wichura,
 * algorithm AS 241, PPND7, 1988, without its far tail); relative error below 1e-6. */
static inline float vm_normal_quantile(float p)
{
    float q = p - 0.5f, r = 0.180625f - q * q;
    float near = q *
                 (((59.109374720f * r + 159.29113202f) * r + 50.434271938f) * r + 3.3871327179f) /
                 (((67.187563600f * r + 78.757757664f) * r + 17.895169469f) * r + 1.0f);
    float root = sqrtf(-vm_log(q < 0.0f ? p : 1.0f - p)) - 1.6f;
    float far =
        (((0.17023821103f * root + 1.3067284816f) * root + 2.7568153900f) * root + 1.4234372777f) /
        ((0.12021132975f * root + 0.73700164250f) * root + 1.0f);
    far = q < 0.0f ? -far : far;
    return q >= -0.425f && q <= 0.425f ? near : far;
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
