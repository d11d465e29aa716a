#include "kernels/activation.h"

#include "base/vectorized.h"
#include "kernels/vmath.h"

const char *const activation_names[] = {"linear", "relu", "sigmoid", "tanh", "softmax", NULL};

static void softmax_row(size_t width, float *y)
{
    float largest = y[0], sum = 0.0f;
    for (size_t i = 1; i < width; i++)
        largest = y[i] > largest ? y[i] : largest;
    for (size_t i = 0; i < width; i++) {
        y[i] = vm_exp(y[i] - largest);
        sum += y[i];
    }
    for (size_t i = 0; i < width; i++)
        y[i] /= sum;
}

VECTORIZED void activation_forward(enum activation act, size_t rows, size_t width, float *y)
{
    size_t n = rows * width;
    switch (act) {
    case ACT_LINEAR:
        break;
    case ACT_RELU: /* NaN stays NaN: a diverged run must be seen */
        for (size_t i = 0; i < n; i++)
            y[i] = y[i] < 0.0f ? 0.0f : y[i];
        break;
    case ACT_SIGMOID:
        for (size_t i = 0; i < n; i++)
            y[i] = vm_sigmoid(y[i]);
        break;
    case ACT_TANH:
        for (size_t i = 0; i < n; i++)
            y[i] = vm_tanh(y[i]);
        break;
    case ACT_SOFTMAX:
        for (size_t r = 0; r < rows; r++)
            softmax_row(width, y + r * width);
        break;
    }
}

static void softmax_row_backward(size_t width, const float *y, float *dy)
{
    float dot = 0.0f;
    for (size_t i = 0; i < width; i++)
        dot += y[i] * dy[i];
    for (size_t i = 0; i < width; i++)
        dy[i] = y[i] * (dy[i] - dot);
}

VECTORIZED void activation_backward(enum activation act, size_t rows, size_t width, const float *y,
                                    float *dy)
{
    size_t n = rows * width;
    switch (act) {
    case ACT_LINEAR:
        break;
    case ACT_RELU:
        for (size_t i = 0; i < n; i++)
            dy[i] = y[i] > 0.0f ? dy[i] : 0.0f;
        break;
    case ACT_SIGMOID:
        for (size_t i = 0; i < n; i++)
            dy[i] *= y[i] * (1.0f - y[i]);
        break;
    case ACT_TANH:
        for (size_t i = 0; i < n; i++)
            dy[i] *= 1.0f - y[i] * y[i];
        break;
    case ACT_SOFTMAX:
        for (size_t r = 0; r < rows; r++)
            softmax_row_backward(width, y + r * width, dy + r * width);
        break;
    }
}
