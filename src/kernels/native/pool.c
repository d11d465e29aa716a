/* Pooling over windows that neither overlap nor leave the image, vectors of channels at a time; the
 * others go the plain way. */
#include "kernels/pool.h"

#include <string.h>

#include "kernels/native/native.h"

#if defined(__clang__)
#define UNROLL_2 _Pragma("clang loop unroll_count(2)")
#else
#define UNROLL_2 _Pragma("GCC unroll 2")
#endif

static bool is_tiled(const struct pool2d *g)
{
    return g->sh >= g->kh && g->sw >= g->kw && !g->pt && !g->pl &&
           (g->oh - 1) * g->sh + g->kh <= g->h && (g->ow - 1) * g->sw + g->kw <= g->w;
}

/* One vector of channels of one window: kh x kw pixels, step apart in a row, rows line apart. */
struct window {
    int kh, kw;
    ptrdiff_t line, step;
    bool average, whole;
    struct part part;
};

INLINE vec window_maximum(const struct window *v, const float *x, vec *which)
{
    vec max = vec_fetch(x, v->whole, v->part);
    *which = vec_set(0.0f);
    float t = 0.0f;
    UNROLL_2 for (int r = 0; r < v->kh; r++) UNROLL_2 for (int s = 0; s < v->kw; s++, t += 1.0f)
    {
        vec p = vec_fetch(x + r * v->line + s * v->step, v->whole, v->part);
        max = vec_larger(max, p, t, which);
    }
    return max;
}

INLINE vec window_average(const struct window *v, const float *x)
{
    vec sum = vec_set(0.0f);
    UNROLL_2 for (int r = 0; r < v->kh; r++) UNROLL_2 for (int s = 0; s < v->kw; s++) sum =
        vec_add(sum, vec_fetch(x + r * v->line + s * v->step, v->whole, v->part));
    return vec_mul(sum, vec_set(1.0f / (float)(v->kh * v->kw)));
}

INLINE void forward_vector(const struct window *v, const float *x, float *y)
{
    vec which;
    vec_put(y, v->average ? window_average(v, x) : window_maximum(v, x, &which), v->whole, v->part);
}

INLINE void backward_vector(const struct window *v, const float *x, const float *dy, float *dx)
{
    vec which = vec_set(0.0f), gradient = vec_fetch(dy, v->whole, v->part);
    float t = 0.0f;
    if (v->average)
        gradient = vec_mul(gradient, vec_set(1.0f / (float)(v->kh * v->kw)));
    else
        window_maximum(v, x, &which);
    UNROLL_2 for (int r = 0; r < v->kh; r++) UNROLL_2 for (int s = 0; s < v->kw; s++, t += 1.0f)
        vec_put(dx + r * v->line + s * v->step,
                v->average ? gradient : vec_where(which, t, gradient), v->whole, v->part);
}

/* One window's channels; dy NULL: forward, into out, else backward, into out. */
INLINE void run_window(struct window *v, int channels, const float *x, const float *dy, float *out)
{
    v->whole = true;
    int c = 0;
    for (; c + LANES <= channels; c += LANES)
        if (dy)
            backward_vector(v, x + c, dy + c, out + c);
        else
            forward_vector(v, x + c, out + c);
    if (c == channels)
        return;
    v->whole = false;
    if (dy)
        backward_vector(v, x + c, dy + c, out + c);
    else
        forward_vector(v, x + c, out + c);
}

/* All windows. kh, kw and average are constants at some of the places that this is called from. */
INLINE void run(const struct pool2d *g, const int kh, const int kw, const bool average,
                const float *x, const float *dy, float *out)
{
    struct window v = {.kh = kh,
                       .kw = kw,
                       .line = (ptrdiff_t)g->w * g->c,
                       .step = g->c,
                       .average = average,
                       .part = part_of(g->c % LANES)};
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->oh; i++) {
            ptrdiff_t in = ((ptrdiff_t)n * g->h + i * g->sh) * v.line;
            ptrdiff_t pooled = ((ptrdiff_t)n * g->oh + i) * g->ow * g->c;
            for (int j = 0; j < g->ow; j++, in += g->sw * v.step, pooled += g->c)
                if (dy)
                    run_window(&v, g->c, x + in, dy + pooled, out + in);
                else
                    run_window(&v, g->c, x + in, NULL, out + pooled);
        }
}

INLINE void run_sizes(const struct pool2d *g, const float *x, const float *dy, float *out)
{
    if (g->kh == 2 && g->kw == 2 && !g->average)
        run(g, 2, 2, false, x, dy, out);
    else
        run(g, g->kh, g->kw, g->average, x, dy, out);
}

void NATIVE(pool2d_forward)(const struct pool2d *g, const float *x, float *y)
{
    if (is_tiled(g))
        run_sizes(g, x, NULL, y);
    else
        pool2d_forward(g, x, y);
}

void NATIVE(pool2d_backward)(const struct pool2d *g, const float *x, const float *dy, float *dx)
{
    if (!is_tiled(g)) {
        pool2d_backward(g, x, dy, dx);
        return;
    }
    if (g->oh * g->kh != g->h || g->ow * g->kw != g->w)
        memset(dx, 0, (size_t)g->n * (size_t)g->h * (size_t)g->w * (size_t)g->c * sizeof *dx);
    run_sizes(g, x, dy, dx);
}
