/* How F(4x4,3x3) goes over an image, for the three files that do it: tiles of 4x4 outputs, some of
 * them together, become 36 points a channel; the points are multiplied; and they become pixels. */
#ifndef CONVOY_KERNELS_NATIVE_WINOGRAD_PLAN_H
#define CONVOY_KERNELS_NATIVE_WINOGRAD_PLAN_H

#include "kernels/native/native.h"

enum { SIDE = 6, POINTS = SIDE * SIDE, OUT = 4, KERNEL = 3 };

/* One direction: forward, or the data gradient (an image of dy convolved with the kernel turned
 * round).
 *
 * Transformed tiles lie in memory as [vectors of channels][36 points][together tiles][LANES], where
 * point is the distance between points: so a tile's number is a fixed distance from the next
 * tile's, and a group of tiles stays in the innermost cache. */
struct winograd {
    int in_h, in_w, channels;
    int out_h, out_w, filters;
    int pt, pl;
    bool turned;
    ptrdiff_t channel_step, filter_step; /* in the plain kernel */
    int across, down, tiles;             /* tiles of a row, of a column, of all samples */
    int together;                        /* tiles that are transformed at once */
    ptrdiff_t point, vector;             /* floats to the next point, to the next vector */
};

INLINE int winograd_up(int a, int b)
{
    return (a + b - 1) / b;
}

/* Floats that the transformed tiles of so many channels take. */
INLINE size_t winograd_room(const struct winograd *w, int channels)
{
    return (size_t)winograd_up(channels, LANES) * (size_t)w->vector;
}

/* Tiles first to first + count - 1 of an image of channels to points, of a gradient of filters
 * likewise, and products of filters to the pixels of out. */
void NATIVE(winograd_input)(const struct winograd *w, const float *in, int first, int count,
                            float *to);
void NATIVE(winograd_gradient)(const struct winograd *w, const float *dy, int first, int count,
                               float *to);
void NATIVE(winograd_output)(const struct winograd *w, const float *from, int first, int count,
                             const float *bias, bool relu, float *out);

/* Each point's matrix product: out[filters] = in[channels] times packed, for count tiles. out may
 * be in where winograd_in_place says so. */
void NATIVE(winograd_products)(const struct winograd *w, const float *in, const float *packed,
                               int count, float *out);
INLINE bool winograd_in_place(const struct winograd *w)
{
    return w->filters <= 2 * LANES && w->filters <= w->channels;
}

/* sums[36][channels][filters] += each point's outer products of count tiles, or = for the first
 * ones. */
void NATIVE(winograd_outer)(const struct winograd *w, const float *in, const float *gradient,
                            int count, bool resume, float *sums);

#endif
