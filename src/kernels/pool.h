/* Pooling in plain loops over channels, which vectorise; every backend of today uses it. */
#ifndef CONVOY_KERNELS_POOL_H
#define CONVOY_KERNELS_POOL_H

#include "kernels/kernels.h"

void pool2d_forward(const struct pool2d *g, const float *x, float *y);
void pool2d_backward(const struct pool2d *g, const float *x, const float *dy, float *dx);

/* ry = rx where the window of x has its maximum. */
void pool2d_maximum_tangent(const struct pool2d *g, const float *x, const float *rx, float *ry);

#endif
