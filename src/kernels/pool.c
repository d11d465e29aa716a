#include "kernels/pool.h"

#include <string.h>

/* The part of an output pixel's window that lies inside the image. */
struct window {
    int r0, r1, c0, c1; /* input rows and columns, ends excluded */
};

static struct window window_at(const struct pool2d *g, int i, int j)
{
    struct window v = {i * g->sh - g->pt, 0, j * g->sw - g->pl, 0};
    v.r1 = v.r0 + g->kh < g->h ? v.r0 + g->kh : g->h;
    v.c1 = v.c0 + g->kw < g->w ? v.c0 + g->kw : g->w;
    v.r0 = v.r0 > 0 ? v.r0 : 0;
    v.c0 = v.c0 > 0 ? v.c0 : 0;
    return v;
}

static size_t pixel(const struct pool2d *g, int n, int r, int c)
{
    return (((size_t)n * (size_t)g->h + (size_t)r) * (size_t)g->w + (size_t)c) * (size_t)g->c;
}

static void maximum(const struct pool2d *g, struct window v, int n, const float *x, float *y)
{
    size_t channels = (size_t)g->c;
    memcpy(y, x + pixel(g, n, v.r0, v.c0), channels * sizeof *y);
    for (int r = v.r0; r < v.r1; r++)
        for (int c = v.c0; c < v.c1; c++) {
            const float *p = x + pixel(g, n, r, c);
            for (size_t k = 0; k < channels; k++) /* NaN in the window stays NaN */
                y[k] = y[k] >= p[k] || y[k] != y[k] ? y[k] : p[k];
        }
}

static void average(const struct pool2d *g, struct window v, int n, const float *x, float *y)
{
    size_t channels = (size_t)g->c;
    memset(y, 0, channels * sizeof *y);
    for (int r = v.r0; r < v.r1; r++)
        for (int c = v.c0; c < v.c1; c++) {
            const float *p = x + pixel(g, n, r, c);
            for (size_t k = 0; k < channels; k++)
                y[k] += p[k];
        }
    float scale = 1.0f / (float)((v.r1 - v.r0) * (v.c1 - v.c0));
    for (size_t k = 0; k < channels; k++)
        y[k] *= scale;
}

void pool2d_forward(const struct pool2d *g, const float *x, float *y)
{
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->oh; i++)
            for (int j = 0; j < g->ow; j++, y += g->c) {
                if (g->average)
                    average(g, window_at(g, i, j), n, x, y);
                else
                    maximum(g, window_at(g, i, j), n, x, y);
            }
}

/* Where channel k has its maximum. */
static size_t maximum_at(const struct pool2d *g, struct window v, int n, const float *x, size_t k)
{
    size_t best = pixel(g, n, v.r0, v.c0) + k;
    for (int r = v.r0; r < v.r1; r++)
        for (int c = v.c0; c < v.c1; c++) {
            size_t at = pixel(g, n, r, c) + k;
            best = x[best] >= x[at] || x[best] != x[best] ? best : at;
        }
    return best;
}

static void maximum_backward(const struct pool2d *g, struct window v, int n, const float *x,
                             const float *dy, float *dx)
{
    for (size_t k = 0; k < (size_t)g->c; k++)
        dx[maximum_at(g, v, n, x, k)] += dy[k];
}

void pool2d_maximum_tangent(const struct pool2d *g, const float *x, const float *rx, float *ry)
{
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->oh; i++)
            for (int j = 0; j < g->ow; j++, ry += g->c)
                for (size_t k = 0; k < (size_t)g->c; k++)
                    ry[k] = rx[maximum_at(g, window_at(g, i, j), n, x, k)];
}

static void average_backward(const struct pool2d *g, struct window v, int n, const float *dy,
                             float *dx)
{
    float scale = 1.0f / (float)((v.r1 - v.r0) * (v.c1 - v.c0));
    for (int r = v.r0; r < v.r1; r++)
        for (int c = v.c0; c < v.c1; c++) {
            float *p = dx + pixel(g, n, r, c);
            for (size_t k = 0; k < (size_t)g->c; k++)
                p[k] += dy[k] * scale;
        }
}

void pool2d_backward(const struct pool2d *g, const float *x, const float *dy, float *dx)
{
    memset(dx, 0, pixel(g, g->n, 0, 0) * sizeof *dx);
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->oh; i++)
            for (int j = 0; j < g->ow; j++, dy += g->c) {
                if (g->average)
                    average_backward(g, window_at(g, i, j), n, dy, dx);
                else
                    maximum_backward(g, window_at(g, i, j), n, x, dy, dx);
            }
}
