/* The reference backend: the formulas as loops. Every sum is serial, in the order of its indices,
 * so it is exact across CPUs too. */
#include <string.h>

#include "kernels/depthwise.h"
#include "kernels/kernels.h"
#include "kernels/pool.h"

/* The pixels (input offset, output offset, kernel offset) that touch each other, in one order. */
typedef void (*visit)(const struct conv2d *g, size_t x, size_t y, size_t w, void *data);

static void each_tap(const struct conv2d *g, visit touch, void *data)
{
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->oh; i++)
            for (int j = 0; j < g->ow; j++)
                for (int r = 0; r < g->kh; r++)
                    for (int s = 0; s < g->kw; s++) {
                        int row = i * g->sh - g->pt + r * g->dh;
                        int column = j * g->sw - g->pl + s * g->dw;
                        if (row < 0 || row >= g->h || column < 0 || column >= g->w)
                            continue;
                        size_t x = ((size_t)n * (size_t)g->h + (size_t)row) * (size_t)g->w;
                        size_t y = ((size_t)n * (size_t)g->oh + (size_t)i) * (size_t)g->ow;
                        size_t w = (size_t)(r * g->kw + s) * (size_t)g->c;
                        touch(g, (x + (size_t)column) * (size_t)g->c,
                              (y + (size_t)j) * (size_t)g->f, w * (size_t)g->f, data);
                    }
}

struct buffers {
    const float *x, *y, *w; /* read */
    float *out;             /* added to */
};

static void touch_forward(const struct conv2d *g, size_t x, size_t y, size_t w, void *data)
{
    struct buffers *b = data;
    for (int c = 0; c < g->c; c++)
        for (int f = 0; f < g->f; f++)
            b->out[y + (size_t)f] += b->x[x + (size_t)c] * b->w[w + (size_t)(c * g->f + f)];
}

static void touch_data(const struct conv2d *g, size_t x, size_t y, size_t w, void *data)
{
    struct buffers *b = data;
    for (int c = 0; c < g->c; c++)
        for (int f = 0; f < g->f; f++)
            b->out[x + (size_t)c] += b->y[y + (size_t)f] * b->w[w + (size_t)(c * g->f + f)];
}

static void touch_weights(const struct conv2d *g, size_t x, size_t y, size_t w, void *data)
{
    struct buffers *b = data;
    for (int c = 0; c < g->c; c++)
        for (int f = 0; f < g->f; f++)
            b->out[w + (size_t)(c * g->f + f)] += b->x[x + (size_t)c] * b->y[y + (size_t)f];
}

static void conv2d_forward(const struct conv2d *g, const float *x, const float *w, const float *b,
                           bool relu, float *y, float *scratch)
{
    (void)scratch;
    size_t pixels = (size_t)g->n * (size_t)g->oh * (size_t)g->ow, f = (size_t)g->f;
    memset(y, 0, pixels * f * sizeof *y);
    each_tap(g, touch_forward, &(struct buffers){.x = x, .w = w, .out = y});
    kernels_finish(pixels, f, b, relu, y);
}

static void conv2d_backward_data(const struct conv2d *g, const float *dy, const float *w, float *dx,
                                 float *scratch)
{
    (void)scratch;
    memset(dx, 0, (size_t)g->n * (size_t)g->h * (size_t)g->w * (size_t)g->c * sizeof *dx);
    each_tap(g, touch_data, &(struct buffers){.y = dy, .w = w, .out = dx});
}

static void conv2d_backward_weights(const struct conv2d *g, const float *x, const float *dy,
                                    float *dw, float *scratch)
{
    (void)scratch;
    memset(dw, 0, (size_t)(g->kh * g->kw) * (size_t)g->c * (size_t)g->f * sizeof *dw);
    each_tap(g, touch_weights, &(struct buffers){.x = x, .y = dy, .out = dw});
}

static size_t conv2d_scratch(const struct conv2d *g)
{
    (void)g;
    return 0;
}

static void dense_forward(const struct dense *g, const float *x, const float *w, const float *b,
                          bool relu, float *y)
{
    for (ptrdiff_t n = 0; n < g->n; n++)
        for (ptrdiff_t j = 0; j < g->out; j++) {
            float sum = 0.0f;
            for (ptrdiff_t i = 0; i < g->in; i++)
                sum += x[n * g->in + i] * w[i * g->out + j];
            y[n * g->out + j] = sum;
        }
    kernels_finish((size_t)g->n, (size_t)g->out, b, relu, y);
}

static void dense_backward_data(const struct dense *g, const float *dy, const float *w, float *dx,
                                float *scratch)
{
    (void)scratch;
    for (ptrdiff_t n = 0; n < g->n; n++)
        for (ptrdiff_t i = 0; i < g->in; i++) {
            float sum = 0.0f;
            for (ptrdiff_t j = 0; j < g->out; j++)
                sum += dy[n * g->out + j] * w[i * g->out + j];
            dx[n * g->in + i] = sum;
        }
}

static void dense_backward_weights(const struct dense *g, const float *x, const float *dy,
                                   float *dw)
{
    memset(dw, 0, (size_t)g->in * (size_t)g->out * sizeof *dw);
    for (ptrdiff_t n = 0; n < g->n; n++)
        for (ptrdiff_t i = 0; i < g->in; i++)
            for (ptrdiff_t j = 0; j < g->out; j++)
                dw[i * g->out + j] += x[n * g->in + i] * dy[n * g->out + j];
}

const struct kernels kernels_reference = {
    .name = "reference",
    .exact_across_cpus = true,
    .conv2d_forward = conv2d_forward,
    .conv2d_backward_data = conv2d_backward_data,
    .conv2d_backward_weights = conv2d_backward_weights,
    .conv2d_scratch = conv2d_scratch,
    .depthwise_forward = depthwise_forward,
    .depthwise_backward_data = depthwise_backward_data,
    .depthwise_backward_weights = depthwise_backward_weights,
    .dense_forward = dense_forward,
    .dense_backward_data = dense_backward_data,
    .dense_backward_weights = dense_backward_weights,
    .pool2d_forward = pool2d_forward,
    .pool2d_backward = pool2d_backward,
};
