#include "layers/depthwise.h"

struct depthwise depthwise_make(const struct kernels *kernels, const struct conv2d *g)
{
    struct depthwise d = {kernels, *g, g->f / g->c};
    d.geometry.c = g->f;
    return d;
}

static size_t inputs(const struct conv2d *g)
{
    return (size_t)g->n * (size_t)g->h * (size_t)g->w * (size_t)g->c;
}

size_t depthwise_scratch(const struct depthwise *d)
{
    return d->multiplier > 1 ? inputs(&d->geometry) : 0;
}

/* x, every channel m times; x itself where m is 1. */
static const float *copies(const struct depthwise *d, const struct conv2d *g, const float *x,
                           float *scratch)
{
    if (d->multiplier == 1)
        return x;
    size_t m = (size_t)d->multiplier, n = inputs(g) / m;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < m; j++)
            scratch[i * m + j] = x[i];
    return scratch;
}

void depthwise_run(const struct depthwise *d, int n, const float *x, const float *w, const float *b,
                   bool relu, float *y, float *scratch)
{
    struct conv2d g = d->geometry;
    g.n = n;
    d->kernels->depthwise_forward(&g, copies(d, &g, x, scratch), w, b, relu, y);
}

void depthwise_run_back(const struct depthwise *d, int n, const float *x, const float *dy,
                        const float *w, float *dw, float *dx, float *scratch)
{
    struct conv2d g = d->geometry;
    g.n = n;
    d->kernels->depthwise_backward_weights(&g, copies(d, &g, x, scratch), dy, dw);
    if (!dx)
        return;
    d->kernels->depthwise_backward_data(&g, dy, w, d->multiplier == 1 ? dx : scratch);
    size_t m = (size_t)d->multiplier;
    for (size_t i = 0; m > 1 && i < inputs(&g) / m; i++) {
        dx[i] = scratch[i * m];
        for (size_t j = 1; j < m; j++)
            dx[i] += scratch[i * m + j];
    }
}
