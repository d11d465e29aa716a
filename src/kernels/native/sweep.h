/* A convolution's forward pass and its data gradient are the same thing, a sweep: every output
 * pixel is a sum over a rectangle of taps of its input image. The data gradient of a strided
 * convolution is one sweep for each phase of the stride, with the taps that meet that phase. */
#ifndef CONVOY_KERNELS_NATIVE_SWEEP_H
#define CONVOY_KERNELS_NATIVE_SWEEP_H

#include "kernels/native/native.h"

/* One axis: output i (of count, standing at first + i*every in the output image) reads, for
 * t < taps, input i*step + offset + t*distance with the kernel's row or column kernel + t*turn. */
struct sweep_axis {
    int first, every, count;
    int step, taps, offset, distance;
    int kernel, turn;
    int in; /* the input's extent: what lies outside is zero */
};

struct sweep {
    struct sweep_axis h, w;
    int channels, filters;               /* summed over, written */
    ptrdiff_t channel_step, filter_step; /* in the plain kernel, whose taps are tap_step apart */
    ptrdiff_t tap_step;
    int kw;                       /* kernel columns */
    ptrdiff_t out_row, out_pixel; /* strides of the output image */
    /* Neighbouring pixels that are summed as one pixel with more filters, so that few filters fill
     * the lanes; the taps of the group are the union of its pixels' taps. */
    int group, group_taps;
};

/* Phases of the forward pass (one) and of the data gradient, and the sweep of each. */
int NATIVE(sweep_phases)(const struct conv2d *g, bool forward);
struct sweep NATIVE(sweep_make)(const struct conv2d *g, bool forward, int phase);

/* Floats of the packed kernel of a sweep, and the packing: blocks of filters, then taps, then
 * channels, then lanes. */
size_t NATIVE(sweep_packed)(const struct sweep *s);
void NATIVE(sweep_pack)(const struct sweep *s, const float *w, float *packed);

/* An input image with zeros left and right, for all the sweeps over it. */
struct margin {
    int left, right;
};
void NATIVE(sweep_widen)(const struct sweep *s, struct margin *margin);

/* Runs a sweep of one image whose rows have the margin; offsets is room for all taps. */
void NATIVE(sweep_run)(const struct sweep *s, const float *image, struct margin margin,
                       const float *packed, const float *bias, bool relu, float *out,
                       ptrdiff_t *offsets);

/* A sample of height h with rows of w pixels of c channels, with the margin: itself where there is
 * none, else a copy in room. */
const float *NATIVE(sweep_image)(const float *sample, int h, int w, int c, struct margin margin,
                                 float *room);

#endif
