/* What the files of the native backend have of each other, for one instruction set. */
#ifndef CONVOY_KERNELS_NATIVE_NATIVE_H
#define CONVOY_KERNELS_NATIVE_NATIVE_H

#include "kernels/kernels.h"
#include "kernels/native/vec.h"

/* The functions of struct kernels of these names. */
const char *NATIVE(conv2d_algorithm)(const struct conv2d *g, enum conv_pass pass);
size_t NATIVE(conv2d_packed)(const struct conv2d *g);
void NATIVE(conv2d_pack)(const struct conv2d *g, const float *w, float *packed);
size_t NATIVE(conv2d_scratch)(const struct conv2d *g);
void NATIVE(conv2d_forward)(const struct conv2d *g, const float *x, const float *w, const float *b,
                            bool relu, float *y, float *scratch);
void NATIVE(conv2d_backward_data)(const struct conv2d *g, const float *dy, const float *w,
                                  float *dx, float *scratch);
void NATIVE(conv2d_backward_weights)(const struct conv2d *g, const float *x, const float *dy,
                                     float *dw, float *scratch);

void NATIVE(depthwise_forward)(const struct conv2d *g, const float *x, const float *w,
                               const float *b, bool relu, float *y);
void NATIVE(depthwise_backward_data)(const struct conv2d *g, const float *dy, const float *w,
                                     float *dx);
void NATIVE(depthwise_backward_weights)(const struct conv2d *g, const float *x, const float *dy,
                                        float *dw);

size_t NATIVE(dense_scratch)(const struct dense *g);
void NATIVE(dense_forward)(const struct dense *g, const float *x, const float *w, const float *b,
                           bool relu, float *y);
void NATIVE(dense_backward_data)(const struct dense *g, const float *dy, const float *w, float *dx,
                                 float *scratch);
void NATIVE(dense_backward_weights)(const struct dense *g, const float *x, const float *dy,
                                    float *dw);

void NATIVE(pool2d_forward)(const struct pool2d *g, const float *x, float *y);
void NATIVE(pool2d_backward)(const struct pool2d *g, const float *x, const float *dy, float *dx);

#endif
