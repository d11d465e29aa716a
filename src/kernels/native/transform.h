/* The transforms of F(4x4,3x3), for the points 0, 1, -1, 2, -2 and infinity: an image patch d
 * becomes B' d B, a kernel g becomes G g G', and the product m becomes A' m A; the gradient of an
 * output y becomes A y A', and that of a transformed kernel u becomes G' u G. Each is one pass of a
 * matrix over the columns and one over the rows. */
#ifndef CONVOY_KERNELS_NATIVE_TRANSFORM_H
#define CONVOY_KERNELS_NATIVE_TRANSFORM_H

#include "kernels/native/vec.h"

/* o = B' d, six to six; elements are stride apart in d. */
INLINE void transform_input(const vec *d, int stride, vec o[6])
{
    vec d0 = d[0], d1 = d[stride], d2 = d[2 * stride], d3 = d[3 * stride], d4 = d[4 * stride],
        d5 = d[5 * stride];
    vec even = vec_fma(-4.0f, d2, d4), odd = vec_fma(-4.0f, d1, d3);
    vec far = vec_sub(d4, d2), twice = vec_sub(d3, d1);
    o[0] = vec_fma(4.0f, d0, vec_fma(-5.0f, d2, d4));
    o[1] = vec_add(even, odd);
    o[2] = vec_sub(even, odd);
    o[3] = vec_fma(2.0f, twice, far);
    o[4] = vec_fma(-2.0f, twice, far);
    o[5] = vec_fma(4.0f, d1, vec_fma(-5.0f, d3, d5));
}

/* o = A' m, six to four. */
INLINE void transform_output(const vec *m, int stride, vec o[4])
{
    vec m1 = m[stride], m2 = m[2 * stride], m3 = m[3 * stride], m4 = m[4 * stride];
    vec sum = vec_add(m1, m2), difference = vec_sub(m1, m2);
    vec far_sum = vec_add(m3, m4), far_difference = vec_sub(m3, m4);
    o[0] = vec_add(vec_add(m[0], sum), far_sum);
    o[1] = vec_fma(2.0f, far_difference, difference);
    o[2] = vec_fma(4.0f, far_sum, sum);
    o[3] = vec_add(vec_fma(8.0f, far_difference, difference), m[5 * stride]);
}

/* o = A y, four to six. */
INLINE void transform_gradient(const vec *y, int stride, vec o[6])
{
    vec y0 = y[0], y1 = y[stride], y2 = y[2 * stride], y3 = y[3 * stride];
    vec even = vec_add(y0, y2), odd = vec_add(y1, y3);
    vec far_even = vec_fma(4.0f, y2, y0), half_odd = vec_fma(4.0f, y3, y1);
    o[0] = y0;
    o[1] = vec_add(even, odd);
    o[2] = vec_sub(even, odd);
    o[3] = vec_fma(2.0f, half_odd, far_even);
    o[4] = vec_fma(-2.0f, half_odd, far_even);
    o[5] = y3;
}

INLINE vec vec_scale(float a, vec b)
{
    return vec_mul(vec_set(a), b);
}

/* o = G g, three to six. */
INLINE void transform_kernel(const vec *g, int stride, vec o[6])
{
    vec g0 = g[0], g1 = g[stride], g2 = g[2 * stride];
    vec outer = vec_add(g0, g2), far_outer = vec_fma(4.0f, g2, g0);
    o[0] = vec_scale(1.0f / 4.0f, g0);
    o[1] = vec_scale(-1.0f / 6.0f, vec_add(outer, g1));
    o[2] = vec_scale(-1.0f / 6.0f, vec_sub(outer, g1));
    o[3] = vec_scale(1.0f / 24.0f, vec_fma(2.0f, g1, far_outer));
    o[4] = vec_scale(1.0f / 24.0f, vec_fma(-2.0f, g1, far_outer));
    o[5] = g2;
}

/* o = G' u, six to three. */
INLINE void transform_kernel_gradient(const vec *u, int stride, vec o[3])
{
    vec u1 = u[stride], u2 = u[2 * stride], u3 = u[3 * stride], u4 = u[4 * stride];
    vec sum = vec_add(u1, u2), difference = vec_sub(u2, u1);
    vec far_sum = vec_add(u3, u4), far_difference = vec_sub(u3, u4);
    o[0] = vec_fma(1.0f / 4.0f, u[0], vec_fma(-1.0f / 6.0f, sum, vec_scale(1.0f / 24.0f, far_sum)));
    o[1] = vec_fma(1.0f / 6.0f, difference, vec_scale(1.0f / 12.0f, far_difference));
    o[2] = vec_add(vec_scale(1.0f / 6.0f, vec_sub(far_sum, sum)), u[5 * stride]);
}

#endif
