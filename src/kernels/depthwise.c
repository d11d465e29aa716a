#include "kernels/depthwise.h"

#include <string.h>

#include "base/vectorized.h"

VECTORIZED static void add_products(size_t n, const float *restrict a, const float *restrict b,
                                    float *restrict sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += a[i] * b[i];
}

/* What is read, and what products are added to. */
struct buffers {
    const float *x, *y, *w;
    float *out;
};

/* The pixels and taps that touch each other, in one order: out is where the pointer that is NULL
 * would be read. */
static void touch(const struct conv2d *g, const struct buffers *b, size_t x, size_t y, size_t w)
{
    size_t c = (size_t)g->c;
    if (!b->y)
        add_products(c, b->x + x * c, b->w + w * c, b->out + y * c);
    else if (!b->x)
        add_products(c, b->y + y * c, b->w + w * c, b->out + x * c);
    else
        add_products(c, b->x + x * c, b->y + y * c, b->out + w * c);
}

static void each_tap(const struct conv2d *g, const struct buffers *b)
{
    size_t y = 0;
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->oh; i++)
            for (int j = 0; j < g->ow; j++, y++)
                for (int t = 0; t < g->kh * g->kw; t++) {
                    int row = i * g->sh - g->pt + t / g->kw * g->dh;
                    int column = j * g->sw - g->pl + t % g->kw * g->dw;
                    if (row < 0 || row >= g->h || column < 0 || column >= g->w)
                        continue;
                    size_t line = (size_t)n * (size_t)g->h + (size_t)row;
                    touch(g, b, line * (size_t)g->w + (size_t)column, y, (size_t)t);
                }
}

void depthwise_forward(const struct conv2d *g, const float *x, const float *w, const float *b,
                       bool relu, float *y)
{
    size_t pixels = (size_t)g->n * (size_t)g->oh * (size_t)g->ow, c = (size_t)g->c;
    memset(y, 0, pixels * c * sizeof *y);
    each_tap(g, &(struct buffers){.x = x, .w = w, .out = y});
    kernels_finish(pixels, c, b, relu, y);
}

void depthwise_backward_data(const struct conv2d *g, const float *dy, const float *w, float *dx)
{
    memset(dx, 0, (size_t)g->n * (size_t)g->h * (size_t)g->w * (size_t)g->c * sizeof *dx);
    each_tap(g, &(struct buffers){.y = dy, .w = w, .out = dx});
}

void depthwise_backward_weights(const struct conv2d *g, const float *x, const float *dy, float *dw)
{
    memset(dw, 0, (size_t)g->kh * (size_t)g->kw * (size_t)g->c * sizeof *dw);
    each_tap(g, &(struct buffers){.x = x, .y = dy, .out = dw});
}
