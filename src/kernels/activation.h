/* Activation functions whose derivative can be had from their own output, applied in place. */
#ifndef CONVOY_KERNELS_ACTIVATION_H
#define CONVOY_KERNELS_ACTIVATION_H

#include <stddef.h>

enum activation { ACT_LINEAR, ACT_RELU, ACT_SIGMOID, ACT_TANH, ACT_SOFTMAX };

/* Keras's names in the order of the enum, NULL-terminated. */
extern const char *const activation_names[];

/* y[rows,width] = act(y). softmax runs over each row; the others are element-wise. */
void activation_forward(enum activation act, size_t rows, size_t width, float *y);

/* dy[rows,width] becomes the gradient before the activation; y is the activation's output.
 * softmax: dy = y (dy - sum(y dy)). */
void activation_backward(enum activation act, size_t rows, size_t width, const float *y, float *dy);

#endif
