/* The transforms of F(4x4,3x3), for the points 0, a, -a, b, -b and infinity: an image patch d
 * becomes B' d B, a kernel g becomes G g G', and the product m becomes A' m A; the gradient of an
 * output y becomes A y A', and that of a transformed kernel u becomes G' u G. Each is one pass of a
 * matrix over the columns and one over the rows.
 *
 * The matrices are those of Toom and Cook. With a = 3/4, b = 3/2 they round less than half as much
 * as with the usual 1 and 2, where numbers grow to 8 times their size and cancel again (B. Barabasz
 * et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural
 * Networks", 2020, has the theory). */
#ifndef CONVOY_KERNELS_NATIVE_TRANSFORM_H
#define CONVOY_KERNELS_NATIVE_TRANSFORM_H

#include "kernels/native/vec.h"

#define POINT_A 0.75f
#define POINT_B 1.5f
#define A_2 (POINT_A * POINT_A)
#define A_3 (POINT_A * POINT_A * POINT_A)
#define B_2 (POINT_B * POINT_B)
#define B_3 (POINT_B * POINT_B * POINT_B)
/* 1 / the product of a point's distances from the others */
#define SHARE_0 (1.0f / (A_2 * B_2))
#define SHARE_A (1.0f / (2.0f * A_2 * (A_2 - B_2)))
#define SHARE_B (1.0f / (2.0f * B_2 * (B_2 - A_2)))

INLINE vec vec_scale(float a, vec b)
{
    return vec_mul(vec_set(a), b);
}

/* o = B' d, six to six; elements are stride apart in d. */
INLINE void transform_input(const vec *d, int stride, vec o[6])
{
    vec d0 = d[0], d1 = d[stride], d2 = d[2 * stride], d3 = d[3 * stride], d4 = d[4 * stride],
        d5 = d[5 * stride];
    vec even = vec_fma(-B_2, d2, d4), odd = vec_fma(-B_2, d1, d3);
    vec far_even = vec_fma(-A_2, d2, d4), far_odd = vec_fma(-A_2, d1, d3);
    o[0] = vec_fma(A_2 * B_2, d0, vec_fma(-(A_2 + B_2), d2, d4));
    o[1] = vec_fma(POINT_A, odd, even);
    o[2] = vec_fma(-POINT_A, odd, even);
    o[3] = vec_fma(POINT_B, far_odd, far_even);
    o[4] = vec_fma(-POINT_B, far_odd, far_even);
    o[5] = vec_fma(A_2 * B_2, d1, vec_fma(-(A_2 + B_2), d3, d5));
}

/* o = A' m, six to four. */
INLINE void transform_output(const vec *m, int stride, vec o[4])
{
    vec m1 = m[stride], m2 = m[2 * stride], m3 = m[3 * stride], m4 = m[4 * stride];
    vec sum = vec_add(m1, m2), difference = vec_sub(m1, m2);
    vec far_sum = vec_add(m3, m4), far_difference = vec_sub(m3, m4);
    o[0] = vec_add(vec_add(m[0], sum), far_sum);
    o[1] = vec_fma(POINT_B, far_difference, vec_scale(POINT_A, difference));
    o[2] = vec_fma(B_2, far_sum, vec_scale(A_2, sum));
    o[3] = vec_fma(B_3, far_difference, vec_fma(A_3, difference, m[5 * stride]));
}

/* o = A y, four to six. */
INLINE void transform_gradient(const vec *y, int stride, vec o[6])
{
    vec y0 = y[0], y1 = y[stride], y2 = y[2 * stride], y3 = y[3 * stride];
    vec even = vec_fma(A_2, y2, y0), odd = vec_fma(A_2, y3, y1);
    vec far_even = vec_fma(B_2, y2, y0), far_odd = vec_fma(B_2, y3, y1);
    o[0] = y0;
    o[1] = vec_fma(POINT_A, odd, even);
    o[2] = vec_fma(-POINT_A, odd, even);
    o[3] = vec_fma(POINT_B, far_odd, far_even);
    o[4] = vec_fma(-POINT_B, far_odd, far_even);
    o[5] = y3;
}

/* o = G g, three to six. */
INLINE void transform_kernel(const vec *g, int stride, vec o[6])
{
    vec g0 = g[0], g1 = g[stride], g2 = g[2 * stride];
    vec even = vec_fma(A_2, g2, g0), far_even = vec_fma(B_2, g2, g0);
    o[0] = vec_scale(SHARE_0, g0);
    o[1] = vec_scale(SHARE_A, vec_fma(POINT_A, g1, even));
    o[2] = vec_scale(SHARE_A, vec_fma(-POINT_A, g1, even));
    o[3] = vec_scale(SHARE_B, vec_fma(POINT_B, g1, far_even));
    o[4] = vec_scale(SHARE_B, vec_fma(-POINT_B, g1, far_even));
    o[5] = g2;
}

/* o = G' u, six to three. */
INLINE void transform_kernel_gradient(const vec *u, int stride, vec o[3])
{
    vec u1 = u[stride], u2 = u[2 * stride], u3 = u[3 * stride], u4 = u[4 * stride];
    vec sum = vec_scale(SHARE_A, vec_add(u1, u2)), far_sum = vec_scale(SHARE_B, vec_add(u3, u4));
    vec difference = vec_scale(SHARE_A, vec_sub(u1, u2));
    vec far_difference = vec_scale(SHARE_B, vec_sub(u3, u4));
    o[0] = vec_add(vec_fma(SHARE_0, u[0], sum), far_sum);
    o[1] = vec_fma(POINT_B, far_difference, vec_scale(POINT_A, difference));
    o[2] = vec_fma(B_2, far_sum, vec_fma(A_2, sum, u[5 * stride]));
}

#endif
