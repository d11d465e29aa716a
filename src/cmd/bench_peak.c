/* What one core can do at most: fused multiply-adds that never leave the registers, and additions
 * that always come from memory. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cmd/bench.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* A function that does rounds of CHAINS multiply-adds of vectors and returns a number of them all.
 * Two units that take four cycles each need eight chains to be busy. The values go to 1. */
enum { CHAINS = 12 };
#define PEAK_LOOP(name, attribute, vector, splat, fma_, add, first)                                \
    attribute static float name(long rounds)                                                       \
    {                                                                                              \
        const vector half = splat(0.5f);                                                           \
        vector a = splat(2), b = splat(3), c = splat(4), d = splat(5), e = splat(6), f = splat(7); \
        vector g = splat(8), h = splat(9), i = splat(1), j = splat(0), k = splat(-1),              \
               l = splat(-2);                                                                      \
        for (long r = 0; r < rounds; r++) {                                                        \
            a = fma_(a, half, half), b = fma_(b, half, half), c = fma_(c, half, half);             \
            d = fma_(d, half, half), e = fma_(e, half, half), f = fma_(f, half, half);             \
            g = fma_(g, half, half), h = fma_(h, half, half), i = fma_(i, half, half);             \
            j = fma_(j, half, half), k = fma_(k, half, half), l = fma_(l, half, half);             \
        }                                                                                          \
        a = add(add(add(a, b), add(c, d)), add(add(e, f), add(g, h)));                             \
        return first(add(a, add(add(i, j), add(k, l))));                                           \
    }

#if defined(__x86_64__)
PEAK_LOOP(peak_avx512, __attribute__((target("avx512f"))), __m512, _mm512_set1_ps, _mm512_fmadd_ps,
          _mm512_add_ps, _mm512_cvtss_f32)
PEAK_LOOP(peak_avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_set1_ps, _mm256_fmadd_ps,
          _mm256_add_ps, _mm256_cvtss_f32)
#elif defined(__aarch64__)
#define NEON_FMA(x, y, z) vfmaq_f32(z, x, y)
#define NEON_FIRST(x) vgetq_lane_f32(x, 0)
PEAK_LOOP(peak_neon, , float32x4_t, vdupq_n_f32, NEON_FMA, vaddq_f32, NEON_FIRST)
#endif
#define SCALAR(x) (x)
#define SCALAR_ADD(x, y) ((x) + (y))
PEAK_LOOP(peak_scalar, , float, SCALAR, fmaf, SCALAR_ADD, SCALAR)

struct peak {
    float (*run)(long rounds);
    int lanes;
};

static struct peak widest(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (struct peak){peak_avx512, 16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct peak){peak_avx2, 8};
#elif defined(__aarch64__)
    return (struct peak){peak_neon, 4};
#endif
    return (struct peak){peak_scalar, 1};
}

double bench_peak_gflops(void)
{
    enum { TRIES = 50, ROUNDS = 1000000 };
    struct peak peak = widest();
    volatile float sink = 0.0f;
    int64_t best = INT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        int64_t begin = clock_ns();
        sink = sink + peak.run(ROUNDS);
        int64_t taken = clock_ns() - begin;
        best = taken < best ? taken : best;
    }
    return 2.0 * CHAINS * peak.lanes * ROUNDS / (double)best;
}

enum status bench_memory_gbytes(double *out)
{
    enum { TRIES = 5 };
    const size_t n = (size_t)1 << 23; /* 64 MiB each */
    void *memory = NULL;
    int64_t best = INT64_MAX;
    TRY(mem_alloc(&memory, 3 * n * sizeof(double), "memory bandwidth"));
    double *a = memory, *b = a + n, *c = b + n;
    for (size_t i = 0; i < 3 * n; i++) /* so that every page is there */
        a[i] = 1.0;
    for (int t = 0; t < TRIES; t++) {
        int64_t begin = clock_ns();
        for (size_t i = 0; i < n; i++)
            a[i] = b[i] + c[i];
        int64_t taken = clock_ns() - begin;
        best = taken < best ? taken : best;
        b[t] = a[n - 1]; /* what was computed is used */
    }
    free(memory);
    *out = 3.0 * (double)n * sizeof(double) / (double)best;
    return ST_OK;
}
