/* Convolution of 3x3 kernels without strides by F(4x4,3x3) (A. Lavin and S. Gray, "Fast Algorithms
 * for Convolutional Neural Networks", 2016): tiles of 4x4 outputs are transformed to 36 numbers a
 * channel, in which the convolution is 36 matrix products. */
#ifndef CONVOY_KERNELS_NATIVE_WINOGRAD_H
#define CONVOY_KERNELS_NATIVE_WINOGRAD_H

#include "kernels/native/native.h"

/* Is this convolution done this way? Depends on the shape and the method only, not on the
 * processor or on the number of samples, because the bits depend on it. */
bool NATIVE(winograd_used)(const struct conv2d *g);

/* The functions of struct kernels, for such convolutions. */
size_t NATIVE(winograd_packed)(const struct conv2d *g);
void NATIVE(winograd_pack)(const struct conv2d *g, const float *w, float *packed);
size_t NATIVE(winograd_scratch)(const struct conv2d *g);
void NATIVE(winograd_forward)(const struct conv2d *g, const float *x, const float *w,
                              const float *b, bool relu, float *y, float *scratch);
void NATIVE(winograd_backward_data)(const struct conv2d *g, const float *dy, const float *w,
                                    float *dx, float *scratch);
void NATIVE(winograd_backward_weights)(const struct conv2d *g, const float *x, const float *dy,
                                       float *dw, float *scratch);

#endif
