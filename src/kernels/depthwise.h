/* Depthwise convolution in plain loops over channels, which vectorise; the backends that have
 * nothing faster use it. */
#ifndef CONVOY_KERNELS_DEPTHWISE_H
#define CONVOY_KERNELS_DEPTHWISE_H

#include "kernels/kernels.h"

void depthwise_forward(const struct conv2d *g, const float *x, const float *w, const float *b,
                       bool relu, float *y);
void depthwise_backward_data(const struct conv2d *g, const float *dy, const float *w, float *dx);
void depthwise_backward_weights(const struct conv2d *g, const float *x, const float *dy, float *dw);

#endif
