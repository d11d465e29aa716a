/* One vector of floats for each instruction set that the native kernels are compiled for, and the
 * few operations on it that they need.
 *
 * NATIVE(name) is the symbol of this instruction set. vec_fma rounds once, whatever carries it
 * out, and lanes run across outputs: so the result of a kernel depends neither on the instruction
 * set nor on how many lanes it has. */
#ifndef CONVOY_KERNELS_NATIVE_VEC_H
#define CONVOY_KERNELS_NATIVE_VEC_H

#include <stdbool.h>
#include <stddef.h>

#define NATIVE_PASTE(name, isa) native_##name##_##isa
#define NATIVE_EXPAND(name, isa) NATIVE_PASTE(name, isa)
#define NATIVE(name) NATIVE_EXPAND(name, NATIVE_ISA)

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

/* Pixels that a tile of one and of two vectors holds, and the most sums of one vector: as many as
 * there are registers for. A
 * struct part is the first lanes of a vector: loads and stores of it touch no other memory. */
#if defined(__AVX512F__)

#include <immintrin.h>
enum { LANES = 16, PIXELS_1 = 16, PIXELS_2 = 14, SUMS_MOST = 28 };
typedef __m512 vec;
struct part {
    __mmask16 mask;
};

INLINE struct part part_of(int width)
{
    return (struct part){(__mmask16)((1u << width) - 1u)};
}
INLINE vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
INLINE void vec_store(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}
INLINE vec vec_load_part(const float *p, struct part part)
{
    return _mm512_maskz_loadu_ps(part.mask, p);
}
INLINE void vec_store_part(float *p, vec v, struct part part)
{
    _mm512_mask_storeu_ps(p, part.mask, v);
}
INLINE vec vec_set(float a)
{
    return _mm512_set1_ps(a);
}
/* a * b + sum */
INLINE vec vec_fma(float a, vec b, vec sum)
{
    return _mm512_fmadd_ps(_mm512_set1_ps(a), b, sum);
}
INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}
INLINE vec vec_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}
/* a where it is above 0, or NaN; else 0 */
INLINE vec vec_relu(vec a)
{
    return _mm512_max_ps(_mm512_setzero_ps(), a);
}
INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}
/* The larger of a running maximum and p, the maximum where they are equal, NaN if p is; the lanes
 * that took p get which = t. */
INLINE vec vec_larger(vec max, vec p, float t, vec *which)
{
    __mmask16 take =
        _mm512_cmp_ps_mask(p, max, _CMP_GT_OQ) | _mm512_cmp_ps_mask(p, p, _CMP_UNORD_Q);
    *which = _mm512_mask_mov_ps(*which, take, _mm512_set1_ps(t));
    return _mm512_mask_mov_ps(max, take, p);
}
/* a where which is t, else 0 */
INLINE vec vec_where(vec which, float t, vec a)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(which, _mm512_set1_ps(t), _CMP_EQ_OQ), a);
}

#elif defined(__AVX2__) && defined(__FMA__)

#include <immintrin.h>
enum { LANES = 8, PIXELS_1 = 12, PIXELS_2 = 6, SUMS_MOST = 12 };
typedef __m256 vec;
struct part {
    __m256i mask;
    int width;
};

INLINE struct part part_of(int width)
{
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return (struct part){_mm256_cmpgt_epi32(_mm256_set1_epi32(width), lane), width};
}
INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
INLINE void vec_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}
INLINE vec vec_load_part(const float *p, struct part part)
{
    return _mm256_maskload_ps(p, part.mask);
}
/* In pieces of 4, 2 and 1: some processors take a hundred cycles for a masked store. */
INLINE void vec_store_part(float *p, vec v, struct part part)
{
    if (part.width == LANES) {
        _mm256_storeu_ps(p, v);
        return;
    }
    __m128 rest = _mm256_castps256_ps128(v);
    if (part.width & 4) {
        _mm_storeu_ps(p, rest);
        rest = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (part.width & 2) {
        _mm_storel_pi((__m64 *)(void *)p, rest);
        rest = _mm_movehl_ps(rest, rest);
        p += 2;
    }
    if (part.width & 1)
        _mm_store_ss(p, rest);
}
INLINE vec vec_set(float a)
{
    return _mm256_set1_ps(a);
}
INLINE vec vec_fma(float a, vec b, vec sum)
{
    return _mm256_fmadd_ps(_mm256_set1_ps(a), b, sum);
}
INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}
INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}
INLINE vec vec_relu(vec a)
{
    return _mm256_max_ps(_mm256_setzero_ps(), a);
}
INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}
INLINE vec vec_larger(vec max, vec p, float t, vec *which)
{
    vec take = _mm256_or_ps(_mm256_cmp_ps(p, max, _CMP_GT_OQ), _mm256_cmp_ps(p, p, _CMP_UNORD_Q));
    *which = _mm256_blendv_ps(*which, _mm256_set1_ps(t), take);
    return _mm256_blendv_ps(max, p, take);
}
INLINE vec vec_where(vec which, float t, vec a)
{
    return _mm256_and_ps(_mm256_cmp_ps(which, _mm256_set1_ps(t), _CMP_EQ_OQ), a);
}

#elif defined(NATIVE_NEON)

#include <arm_neon.h>
enum { LANES = 4, PIXELS_1 = 16, PIXELS_2 = 14, SUMS_MOST = 28 };
typedef float32x4_t vec;
struct part {
    int width;
};

INLINE struct part part_of(int width)
{
    return (struct part){width};
}
INLINE vec vec_load(const float *p)
{
    return vld1q_f32(p);
}
INLINE void vec_store(float *p, vec v)
{
    vst1q_f32(p, v);
}
INLINE vec vec_load_part(const float *p, struct part part)
{
    float lane[LANES] = {0};
    for (int i = 0; i < part.width; i++)
        lane[i] = p[i];
    return vld1q_f32(lane);
}
INLINE void vec_store_part(float *p, vec v, struct part part)
{
    float lane[LANES];
    vst1q_f32(lane, v);
    for (int i = 0; i < part.width; i++)
        p[i] = lane[i];
}
INLINE vec vec_set(float a)
{
    return vdupq_n_f32(a);
}
INLINE vec vec_fma(float a, vec b, vec sum)
{
    return vfmaq_n_f32(sum, b, a);
}
INLINE vec vec_add(vec a, vec b)
{
    return vaddq_f32(a, b);
}
INLINE vec vec_sub(vec a, vec b)
{
    return vsubq_f32(a, b);
}
INLINE vec vec_relu(vec a)
{
    return vbslq_f32(vcltzq_f32(a), vdupq_n_f32(0.0f), a);
}
INLINE vec vec_mul(vec a, vec b)
{
    return vmulq_f32(a, b);
}
INLINE vec vec_larger(vec max, vec p, float t, vec *which)
{
    uint32x4_t take = vorrq_u32(vcgtq_f32(p, max), vmvnq_u32(vceqq_f32(p, p)));
    *which = vbslq_f32(take, vdupq_n_f32(t), *which);
    return vbslq_f32(take, p, max);
}
INLINE vec vec_where(vec which, float t, vec a)
{
    return vbslq_f32(vceqq_f32(which, vdupq_n_f32(t)), a, vdupq_n_f32(0.0f));
}

#else /* any processor: plain C, in which fmaf is exact whether there is an instruction or not */

#include <math.h>
enum { LANES = 4, PIXELS_1 = 4, PIXELS_2 = 4, SUMS_MOST = 4 };
typedef struct {
    float lane[LANES];
} vec;
struct part {
    int width;
};

INLINE struct part part_of(int width)
{
    return (struct part){width};
}
INLINE vec vec_load_part(const float *p, struct part part)
{
    vec v = {{0}};
    for (int i = 0; i < part.width; i++)
        v.lane[i] = p[i];
    return v;
}
INLINE void vec_store_part(float *p, vec v, struct part part)
{
    for (int i = 0; i < part.width; i++)
        p[i] = v.lane[i];
}
INLINE vec vec_load(const float *p)
{
    return vec_load_part(p, (struct part){LANES});
}
INLINE void vec_store(float *p, vec v)
{
    vec_store_part(p, v, (struct part){LANES});
}
INLINE vec vec_set(float a)
{
    vec v;
    for (int i = 0; i < LANES; i++)
        v.lane[i] = a;
    return v;
}
INLINE vec vec_fma(float a, vec b, vec sum)
{
    for (int i = 0; i < LANES; i++)
        sum.lane[i] = fmaf(a, b.lane[i], sum.lane[i]);
    return sum;
}
INLINE vec vec_add(vec a, vec b)
{
    for (int i = 0; i < LANES; i++)
        a.lane[i] += b.lane[i];
    return a;
}
INLINE vec vec_sub(vec a, vec b)
{
    for (int i = 0; i < LANES; i++)
        a.lane[i] -= b.lane[i];
    return a;
}
INLINE vec vec_relu(vec a)
{
    for (int i = 0; i < LANES; i++)
        a.lane[i] = a.lane[i] < 0.0f ? 0.0f : a.lane[i];
    return a;
}
INLINE vec vec_mul(vec a, vec b)
{
    for (int i = 0; i < LANES; i++)
        a.lane[i] *= b.lane[i];
    return a;
}
INLINE vec vec_larger(vec max, vec p, float t, vec *which)
{
    for (int i = 0; i < LANES; i++) {
        bool take = p.lane[i] > max.lane[i] || p.lane[i] != p.lane[i];
        which->lane[i] = take ? t : which->lane[i];
        max.lane[i] = take ? p.lane[i] : max.lane[i];
    }
    return max;
}
INLINE vec vec_where(vec which, float t, vec a)
{
    for (int i = 0; i < LANES; i++)
        a.lane[i] = which.lane[i] == t ? a.lane[i] : 0.0f;
    return a;
}

#endif

/* The lanes of a vector that hold something: all of them, or the first ones. whole is a constant
 * wherever speed matters. */
INLINE vec vec_fetch(const float *from, bool whole, struct part part)
{
    return whole ? vec_load(from) : vec_load_part(from, part);
}
INLINE void vec_put(float *to, vec v, bool whole, struct part part)
{
    if (whole)
        vec_store(to, v);
    else
        vec_store_part(to, v, part);
}

#endif
