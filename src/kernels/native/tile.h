/* The two inner loops of all native kernels, compiled for every number of outputs that fits the
 * registers. Sums run in one order, a fused multiply-add a term; lanes run across outputs. */
#ifndef CONVOY_KERNELS_NATIVE_TILE_H
#define CONVOY_KERNELS_NATIVE_TILE_H

#include <stdbool.h>

#include "kernels/native/vec.h"

/* A row of sums over a list of taps. For pixel p and lane f < width:
 *   y[p*ys + f] = act(start[f] + sum over t < taps, c < channels of
 *                 x[p*xs + offset[t] + c] * w[(t*channels + c)*ws + f])
 * A convolution's output row, its data gradient's, or a matrix product's. */
struct row {
    const float *x;
    ptrdiff_t xs;
    const ptrdiff_t *offset;
    int taps, channels;
    const float *w;
    ptrdiff_t ws;
    const float *start; /* the bias; NULL: 0 */
    bool resume;        /* the sums start with what y holds */
    bool relu;
    float *y;
    ptrdiff_t ys;
    int width; /* at most 2*LANES; a multiple of LANES where it is more than LANES */
};
void NATIVE(row)(const struct row *row, int pixels);

/* The width of the next block where left lanes are still to do: 2*LANES, LANES or less. */
INLINE int block_width(int left)
{
    return left >= 2 * LANES ? 2 * LANES : left >= LANES ? LANES : left;
}

/* The lanes that a packed block of that width takes, and those of all blocks of so many filters. */
INLINE int block_lanes(int width)
{
    return width < LANES ? LANES : width;
}
INLINE size_t packed_lanes(int filters)
{
    return ((size_t)filters + LANES - 1) / LANES * LANES;
}

/* A sum of outer products. For c < count and lane f < width:
 *   w[c*ws + f] = (resume ? w[c*ws + f] : 0) + sum over r < rows, p < pixels of
 *                 x[r*xr + p*xs + c] * y[r*yr + p*ys + f] */
struct outer {
    const float *x;
    ptrdiff_t xs, xr;
    const float *y;
    ptrdiff_t ys, yr;
    int rows, pixels;
    bool resume;
    float *w;
    ptrdiff_t ws;
    int width; /* as in struct row */
};
void NATIVE(outer)(const struct outer *outer, int count);

/* The same for several lines of x at once, so that few columns keep enough sums under way: line l
 * begins at x + l*xl, its sums at w + l*count*ws. At most LINES_COLUMNS columns and LANES wide. */
enum { LINES_COLUMNS = 8 };
void NATIVE(outer_lines)(const struct outer *outer, int count, int lines, ptrdiff_t xl);

#endif
