/* Activation functions, and what their derivatives are computed from. */
#ifndef CONVOY_KERNELS_ACTIVATION_H
#define CONVOY_KERNELS_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

/* Keras's names. A derivative is computed from OUTPUT, what the function gave, or, where that does
 * not tell it, from INPUT. */
#define ACTIVATION_LIST(X)                                                                         \
    X(LINEAR, linear, OUTPUT)                                                                      \
    X(RELU, relu, OUTPUT)                                                                          \
    X(SIGMOID, sigmoid, OUTPUT)                                                                    \
    X(TANH, tanh, OUTPUT)                                                                          \
    X(SOFTMAX, softmax, OUTPUT)                                                                    \
    X(LOG_SOFTMAX, log_softmax, OUTPUT)                                                            \
    X(LEAKY_RELU, leaky_relu, OUTPUT)                                                              \
    X(RELU6, relu6, OUTPUT)                                                                        \
    X(ELU, elu, OUTPUT)                                                                            \
    X(SELU, selu, OUTPUT)                                                                          \
    X(GELU, gelu, INPUT)                                                                           \
    X(SILU, silu, INPUT)                                                                           \
    X(SWISH, swish, INPUT)                                                                         \
    X(MISH, mish, INPUT)                                                                           \
    X(SOFTPLUS, softplus, OUTPUT)                                                                  \
    X(SOFTSIGN, softsign, OUTPUT)                                                                  \
    X(HARD_SIGMOID, hard_sigmoid, OUTPUT)                                                          \
    X(HARD_SILU, hard_silu, INPUT)                                                                 \
    X(HARD_SWISH, hard_swish, INPUT)                                                               \
    X(EXPONENTIAL, exponential, OUTPUT)

enum activation {
#define X(symbol, name, from) ACT_##symbol,
    ACTIVATION_LIST(X)
#undef X
        ACT_COUNT
};

/* In the order of the enum, NULL-terminated. */
extern const char *const activation_names[];

/* Is the derivative computed from the function's input? */
bool activation_needs_input(enum activation act);

/* y[rows,width] = act(x); y may be x. softmax and log_softmax run over each row; the others are
 * element-wise. */
void activation_forward(enum activation act, size_t rows, size_t width, const float *x, float *y);

/* dy[rows,width] becomes the gradient before the activation; kept is the activation's output, or
 * its input where activation_needs_input. softmax: dy = y (dy - sum(y dy)). */
void activation_backward(enum activation act, size_t rows, size_t width, const float *kept,
                         float *dy);

#endif
