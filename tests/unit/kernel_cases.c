#include "kernel_cases.h"

#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "golden.h"

/* ---- Random numbers and buffers ---- */

static uint32_t drawn;

int draw(int low, int high)
{
    struct rng_key key = rng_key(3, RNG_TEST, 0, 0, 0);
    return low + (int)(rng_word(&key, drawn++) % (uint32_t)(high - low + 1));
}

float *filled(struct pool *pool, size_t n)
{
    float *v = pool_alloc(pool, (n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = generator_number(drawn, (uint32_t)i);
    drawn++;
    return v;
}

enum { GUARD = 8 };
#define GUARD_VALUE 12345.0f

float *dirty(struct pool *pool, size_t n)
{
    float *v = pool_alloc(pool, (n + GUARD) * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = NAN;
    for (size_t i = n; i < n + GUARD; i++)
        v[i] = GUARD_VALUE;
    return v;
}

bool guarded(const float *v, size_t n)
{
    for (size_t i = n; i < n + GUARD; i++)
        if (v[i] != GUARD_VALUE)
            return false;
    return true;
}

/* ---- Convolution ---- */

int window_out(int in, int reach, int stride, bool same)
{
    return same ? (in + stride - 1) / stride : (in - reach) / stride + 1;
}

struct conv2d draw_conv2d(void)
{
    static const int channels[] = {1, 2, 3, 4, 6, 7, 8, 16, 17};
    struct conv2d g = {.n = draw(1, 4),
                       .c = channels[draw(0, 8)],
                       .f = channels[draw(0, 8)],
                       .kh = draw(1, 5),
                       .kw = draw(1, 5),
                       .sh = draw(1, 3),
                       .sw = draw(1, 3),
                       .dh = draw(1, 3),
                       .dw = draw(1, 3)};
    if (draw(0, 2) == 0) { /* as Winograd's method wants it */
        g.kh = g.kw = 3;
        g.sh = g.sw = g.dh = g.dw = 1;
        g.method = (enum conv_method)draw(CONV_AUTO, CONV_WINOGRAD);
    }
    if (g.method == CONV_AUTO && draw(0, 3) == 0)
        g.kh = g.kw = 1; /* backends take a short way there */
    int high = (g.kh - 1) * g.dh + 1, wide = (g.kw - 1) * g.dw + 1;
    bool same = draw(0, 1);
    g.h = same ? draw(1, 10) : high + draw(0, 6);
    g.w = same ? draw(1, 10) : wide + draw(0, 6);
    g.oh = window_out(g.h, high, g.sh, same);
    g.ow = window_out(g.w, wide, g.sw, same);
    int rows = (g.oh - 1) * g.sh + high - g.h, columns = (g.ow - 1) * g.sw + wide - g.w;
    g.pt = same && rows > 0 ? rows / 2 : 0;
    g.pl = same && columns > 0 ? columns / 2 : 0;
    return g;
}

const char *conv2d_text(const struct conv2d *g, const char *what, const char *backend)
{
    static char text[240];
    snprintf(text, sizeof text,
             "%s on %s: n %d, %dx%dx%d to %dx%dx%d, kernel %dx%d, strides %d %d, dilation %d %d, "
             "padding %d %d",
             what, backend, g->n, g->h, g->w, g->c, g->oh, g->ow, g->f, g->kh, g->kw, g->sh, g->sw,
             g->dh, g->dw, g->pt, g->pl);
    return text;
}

void run_conv2d(const struct kernels *k, const struct conv2d *g, struct conv2d_data *d,
                struct pool *pool)
{
    size_t scratch_size = k->conv2d_scratch(g);
    float *scratch = dirty(pool, scratch_size);
    d->out = dirty(pool, d->y);
    d->dx = dirty(pool, d->x);
    d->dw = dirty(pool, d->w);
    size_t packed_size = k->conv2d_packed ? k->conv2d_packed(g) : 0;
    float *packed = dirty(pool, packed_size);
    if (k->conv2d_pack)
        k->conv2d_pack(g, d->weights, packed);
    const float *w = k->conv2d_pack ? packed : d->weights;
    k->conv2d_forward(g, d->in, w, d->bias, d->relu, d->out, scratch);
    k->conv2d_backward_data(g, d->gradient, w, d->dx, scratch);
    k->conv2d_backward_weights(g, d->in, d->gradient, d->dw, scratch);
    if (!guarded(scratch, scratch_size) || !guarded(d->out, d->y) || !guarded(d->dx, d->x) ||
        !guarded(d->dw, d->w) || !guarded(packed, packed_size))
        test_fail("%s", conv2d_text(g, "written behind a buffer's end", k->name));
}

/* ---- Dense ---- */

const char *dense_text(const struct dense *g, const char *what, const struct kernels *k)
{
    static char text[160];
    snprintf(text, sizeof text, "dense %s on %s %s: n %d, in %d, out %d", what, k->name,
             k->isa ? k->isa : "", g->n, g->in, g->out);
    return text;
}

struct dense_data draw_dense(struct dense *g, struct pool *pool)
{
    *g = (struct dense){draw(1, 40), draw(1, 200), draw(1, 70)};
    if (draw(0, 4) == 0) /* vectors: backends take other ways there */
        *(draw(0, 1) ? &g->n : &g->out) = 1;
    struct dense_data d = {
        .x = (size_t)(g->n * g->in), .y = (size_t)(g->n * g->out), .w = (size_t)(g->in * g->out)};
    d.in = filled(pool, d.x);
    d.weights = filled(pool, d.w);
    d.gradient = filled(pool, d.y);
    d.bias = draw(0, 1) ? filled(pool, (size_t)g->out) : NULL;
    return d;
}

void run_dense(const struct kernels *k, const struct dense *g, struct dense_data *d,
               struct pool *pool)
{
    size_t scratch_size = k->dense_scratch ? k->dense_scratch(g) : 0;
    float *scratch = dirty(pool, scratch_size);
    d->out = dirty(pool, d->y);
    d->dx = dirty(pool, d->x);
    d->dw = dirty(pool, d->w);
    k->dense_forward(g, d->in, d->weights, d->bias, d->bias != NULL, d->out);
    k->dense_backward_data(g, d->gradient, d->weights, d->dx, scratch);
    k->dense_backward_weights(g, d->in, d->gradient, d->dw);
    if (!guarded(scratch, scratch_size) || !guarded(d->out, d->y) || !guarded(d->dx, d->x) ||
        !guarded(d->dw, d->w))
        test_fail("%s", dense_text(g, "written behind a buffer's end", k));
}

double dot(const float *a, const float *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}
