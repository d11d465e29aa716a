/* Each function is a pair of loops: NAME_forward, and NAME_backward, which multiplies the gradient
 * by the derivative. Formulas: Keras 3, activations/activations.py. NaN must pass: a diverged run
 * must be seen. */
#include "kernels/activation.h"

#include <string.h>

#include "base/vectorized.h"
#include "kernels/vmath.h"

const char *const activation_names[] = {
#define X(symbol, name, from) #name,
    ACTIVATION_LIST(X)
#undef X
        NULL};

typedef void forward_loop(size_t rows, size_t width, const float *x, float *y);
typedef void backward_loop(size_t rows, size_t width, const float *restrict kept,
                           float *restrict dy);

/* FUNCTION of x = x[i]; DERIVATIVE of k, which is the output or the input. */
#define ELEMENTWISE(NAME, FUNCTION, DERIVATIVE)                                                    \
    VECTORIZED static void NAME##_forward(size_t rows, size_t width, const float *from, float *to) \
    {                                                                                              \
        for (size_t i = 0; i < rows * width; i++) {                                                \
            float x = from[i];                                                                     \
            to[i] = FUNCTION;                                                                      \
        }                                                                                          \
    }                                                                                              \
    VECTORIZED static void NAME##_backward(size_t rows, size_t width, const float *restrict kept,  \
                                           float *restrict dy)                                     \
    {                                                                                              \
        for (size_t i = 0; i < rows * width; i++) {                                                \
            float k = kept[i];                                                                     \
            dy[i] *= DERIVATIVE;                                                                   \
        }                                                                                          \
    }

#define SELU_SCALE 1.0507009873554805f
#define SELU_FLOOR 1.7580993408473766f /* scale times alpha */

static inline float clip(float x, float low, float high)
{
    float above = x < low ? low : x;
    return above > high ? high : above;
}

/* x + 3 clipped to 0..6, a sixth of it: the hard sigmoid */
static inline float sixth(float x)
{
    return clip(x + 3.0f, 0.0f, 6.0f) / 6.0f;
}

static inline float gelu(float x)
{
    return x * vm_normal_cdf(x, vm_exp(-0.5f * x * x));
}

/* Phi(x) + x phi(x) */
static inline float gelu_slope(float x)
{
    float density = vm_exp(-0.5f * x * x);
    return vm_normal_cdf(x, density) + x * density * 0.398942280f;
}

static inline float silu_slope(float x)
{
    float s = vm_sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

/* With n = e^x: tanh(log(1 + n)) = n(n + 2)/(n(n + 2) + 2), which is 1 for any x above 20. */
static inline float mish(float x)
{
    float n = vm_exp(x > 20.0f ? 20.0f : x), top = n * (n + 2.0f);
    return x * (top / (top + 2.0f));
}

static inline float mish_slope(float x)
{
    float n = vm_exp(x > 20.0f ? 20.0f : x), top = n * (n + 2.0f), all = top + 2.0f;
    return top / all + x * (4.0f * n * (n + 1.0f) / (all * all));
}

static inline float hard_silu_slope(float x)
{
    return x < -3.0f ? 0.0f : x > 3.0f ? 1.0f : (2.0f * x + 3.0f) / 6.0f;
}

ELEMENTWISE(sigmoid, vm_sigmoid(x), k *(1.0f - k))
ELEMENTWISE(tanh, vm_tanh(x), 1.0f - k * k)
ELEMENTWISE(leaky_relu, x < 0.0f ? 0.2f * x : x, (k > 0.0f ? 1.0f : 0.2f))
ELEMENTWISE(elu, x > 0.0f ? x : vm_expm1(x), (k > 0.0f ? 1.0f : k + 1.0f))
ELEMENTWISE(selu, x > 0.0f ? SELU_SCALE * x : SELU_FLOOR * vm_expm1(x),
            (k > 0.0f ? SELU_SCALE : k + SELU_FLOOR))
ELEMENTWISE(gelu, gelu(x), gelu_slope(k))
ELEMENTWISE(silu, x *vm_sigmoid(x), silu_slope(k))
ELEMENTWISE(mish, mish(x), mish_slope(k))
ELEMENTWISE(softplus, vm_softplus(x), -vm_expm1(-k))
ELEMENTWISE(softsign, x / (1.0f + (x < 0.0f ? -x : x)),
            (1.0f - (k < 0.0f ? -k : k)) * (1.0f - (k < 0.0f ? -k : k)))
ELEMENTWISE(hard_sigmoid, sixth(x), (k > 0.0f && k < 1.0f ? 1.0f / 6.0f : 0.0f))
ELEMENTWISE(hard_silu, x *sixth(x), hard_silu_slope(k))
ELEMENTWISE(exponential, vm_exp(x), k)
#define swish_forward silu_forward
#define swish_backward silu_backward
#define hard_swish_forward hard_silu_forward
#define hard_swish_backward hard_silu_backward

/* Where the derivative is 0 or 1 the gradient is chosen, not multiplied. */
VECTORIZED static void relu_forward(size_t rows, size_t width, const float *x, float *y)
{
    for (size_t i = 0; i < rows * width; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

VECTORIZED static void relu_backward(size_t rows, size_t width, const float *restrict y,
                                     float *restrict dy)
{
    for (size_t i = 0; i < rows * width; i++)
        dy[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

VECTORIZED static void relu6_forward(size_t rows, size_t width, const float *x, float *y)
{
    for (size_t i = 0; i < rows * width; i++)
        y[i] = clip(x[i], 0.0f, 6.0f);
}

VECTORIZED static void relu6_backward(size_t rows, size_t width, const float *restrict y,
                                      float *restrict dy)
{
    for (size_t i = 0; i < rows * width; i++)
        dy[i] = y[i] > 0.0f && y[i] < 6.0f ? dy[i] : 0.0f;
}

static void linear_forward(size_t rows, size_t width, const float *x, float *y)
{
    if (y != x)
        memcpy(y, x, rows * width * sizeof *y);
}

static void linear_backward(size_t rows, size_t width, const float *restrict y, float *restrict dy)
{
    (void)rows, (void)width, (void)y, (void)dy;
}

/* ---- Over rows ---- */

static float largest_of(size_t width, const float *x)
{
    float largest = x[0];
    for (size_t i = 1; i < width; i++)
        largest = x[i] > largest ? x[i] : largest;
    return largest;
}

VECTORIZED static void softmax_forward(size_t rows, size_t width, const float *x, float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        float largest = largest_of(width, x), sum = 0.0f;
        for (size_t i = 0; i < width; i++) {
            y[i] = vm_exp(x[i] - largest);
            sum += y[i];
        }
        for (size_t i = 0; i < width; i++)
            y[i] /= sum;
    }
}

VECTORIZED static void softmax_backward(size_t rows, size_t width, const float *restrict y,
                                        float *restrict dy)
{
    for (size_t r = 0; r < rows; r++, y += width, dy += width) {
        float dot = 0.0f;
        for (size_t i = 0; i < width; i++)
            dot += y[i] * dy[i];
        for (size_t i = 0; i < width; i++)
            dy[i] = y[i] * (dy[i] - dot);
    }
}

VECTORIZED static void log_softmax_forward(size_t rows, size_t width, const float *x, float *y)
{
    for (size_t r = 0; r < rows; r++, x += width, y += width) {
        float largest = largest_of(width, x), sum = 0.0f;
        for (size_t i = 0; i < width; i++)
            sum += vm_exp(x[i] - largest);
        float log_sum = (float)dm_log((double)sum);
        for (size_t i = 0; i < width; i++)
            y[i] = (x[i] - largest) - log_sum;
    }
}

VECTORIZED static void log_softmax_backward(size_t rows, size_t width, const float *restrict y,
                                            float *restrict dy)
{
    for (size_t r = 0; r < rows; r++, y += width, dy += width) {
        float sum = 0.0f;
        for (size_t i = 0; i < width; i++)
            sum += dy[i];
        for (size_t i = 0; i < width; i++)
            dy[i] -= vm_exp(y[i]) * sum;
    }
}

/* ---- The table ---- */

enum from { FROM_OUTPUT, FROM_INPUT };

static const struct {
    forward_loop *forward;
    backward_loop *backward;
    enum from from;
} functions[] = {
#define X(symbol, name, from) {name##_forward, name##_backward, FROM_##from},
    ACTIVATION_LIST(X)
#undef X
};

bool activation_needs_input(enum activation act)
{
    return functions[act].from == FROM_INPUT;
}

void activation_forward(enum activation act, size_t rows, size_t width, const float *x, float *y)
{
    functions[act].forward(rows, width, x, y);
}

void activation_backward(enum activation act, size_t rows, size_t width, const float *kept,
                         float *dy)
{
    functions[act].backward(rows, width, kept, dy);
}
