/* Pooling over windows that neither overlap nor leave the image, vectors of channels at a time; the
 * others go the plain way. */
#include "kernels/pool.h"

#include <string.h>

#include "kernels/native/native.h"

static bool is_tiled(const struct pool2d *g)
{
    return g->sh >= g->kh && g->sw >= g->kw && !g->pt && !g->pl &&
           (g->oh - 1) * g->sh + g->kh <= g->h && (g->ow - 1) * g->sw + g->kw <= g->w;
}

/* One vector of channels of one window, whose first pixel is x; line is an image row's length. */
INLINE vec window_maximum(const struct pool2d *g, ptrdiff_t line, const float *x, bool whole,
                          struct part part, vec *which)
{
    vec max = vec_fetch(x, whole, part);
    *which = vec_set(0.0f);
    float t = 0.0f;
    for (int r = 0; r < g->kh; r++)
        for (int s = 0; s < g->kw; s++, t += 1.0f)
            max = vec_larger(max, vec_fetch(x + r * line + s * g->c, whole, part), t, which);
    return max;
}

INLINE vec window_sum(const struct pool2d *g, ptrdiff_t line, const float *x, bool whole,
                      struct part part)
{
    vec sum = vec_set(0.0f);
    for (int r = 0; r < g->kh; r++)
        for (int s = 0; s < g->kw; s++)
            sum = vec_add(sum, vec_fetch(x + r * line + s * g->c, whole, part));
    return sum;
}

INLINE void forward_vector(const struct pool2d *g, ptrdiff_t line, const float *x, float *y,
                           bool whole, struct part part)
{
    vec which = vec_set(0.0f);
    if (g->average)
        vec_put(
            y, vec_mul(window_sum(g, line, x, whole, part), vec_set(1.0f / (float)(g->kh * g->kw))),
            whole, part);
    else
        vec_put(y, window_maximum(g, line, x, whole, part, &which), whole, part);
}

INLINE void backward_vector(const struct pool2d *g, ptrdiff_t line, const float *x, const float *dy,
                            float *dx, bool whole, struct part part)
{
    vec which = vec_set(0.0f), gradient = vec_fetch(dy, whole, part);
    float t = 0.0f;
    if (g->average)
        gradient = vec_mul(gradient, vec_set(1.0f / (float)(g->kh * g->kw)));
    else
        window_maximum(g, line, x, whole, part, &which);
    for (int r = 0; r < g->kh; r++)
        for (int s = 0; s < g->kw; s++, t += 1.0f)
            vec_put(dx + r * line + s * g->c, g->average ? gradient : vec_where(which, t, gradient),
                    whole, part);
}

/* Input and output offsets of every window, for one of the two functions above. */
#define EACH_WINDOW(call_whole, call_part)                                                         \
    do {                                                                                           \
        ptrdiff_t line = (ptrdiff_t)g->w * g->c;                                                   \
        int whole = g->c / LANES * LANES;                                                          \
        struct part part = part_of(g->c - whole);                                                  \
        for (int n = 0; n < g->n; n++)                                                             \
            for (int i = 0; i < g->oh; i++)                                                        \
                for (int j = 0; j < g->ow; j++) {                                                  \
                    ptrdiff_t in =                                                                 \
                        ((ptrdiff_t)n * g->h + i * g->sh) * line + (ptrdiff_t)j * g->sw * g->c;    \
                    ptrdiff_t out = (((ptrdiff_t)n * g->oh + i) * g->ow + j) * g->c;               \
                    for (int c = 0; c < whole; c += LANES, in += LANES, out += LANES)              \
                        call_whole;                                                                \
                    if (whole < g->c)                                                              \
                        call_part;                                                                 \
                }                                                                                  \
    } while (0)

void NATIVE(pool2d_forward)(const struct pool2d *g, const float *x, float *y)
{
    if (!is_tiled(g)) {
        pool2d_forward(g, x, y);
        return;
    }
    EACH_WINDOW(forward_vector(g, line, x + in, y + out, true, part),
                forward_vector(g, line, x + in, y + out, false, part));
}

void NATIVE(pool2d_backward)(const struct pool2d *g, const float *x, const float *dy, float *dx)
{
    if (!is_tiled(g)) {
        pool2d_backward(g, x, dy, dx);
        return;
    }
    if (g->oh * g->kh != g->h || g->ow * g->kw != g->w)
        memset(dx, 0, (size_t)g->n * (size_t)g->h * (size_t)g->w * (size_t)g->c * sizeof *dx);
    EACH_WINDOW(backward_vector(g, line, x + in, dy + out, dx + in, true, part),
                backward_vector(g, line, x + in, dy + out, dx + in, false, part));
}
