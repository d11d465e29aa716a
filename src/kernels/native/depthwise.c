/* Depthwise convolution: lanes run across channels, a fused multiply-add a term. Forward and the
 * data gradient are sweeps; the weight gradient keeps the sums of some taps of a kernel row in
 * registers while it goes over the images of a sample. */
#include "kernels/native/native.h"
#include "kernels/native/sweep.h"

/* a * b + sum, lane by lane */
INLINE vec multiply_add(vec a, vec b, vec sum)
{
#if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, sum);
#elif defined(__AVX2__) && defined(__FMA__)
    return _mm256_fmadd_ps(a, b, sum);
#else
    for (int i = 0; i < LANES; i++)
        sum.lane[i] = fmaf(a.lane[i], b.lane[i], sum.lane[i]);
    return sum;
#endif
}

/* Numbers first to end - 1. */
struct range {
    int first, end;
};

/* The taps for which at + t*distance lies in 0..in-1. */
static struct range inside(int at, int taps, int distance, int in)
{
    struct range range = {0, taps};
    while (range.first < range.end && at + range.first * distance < 0)
        range.first++;
    while (range.end > range.first && at + (range.end - 1) * distance >= in)
        range.end--;
    return range;
}

/* The outputs (of count) all of whose taps are inside: those without a margin to look at. */
static struct range interior(int count, int step, int offset, int reach, int in)
{
    struct range range = {0, count};
    while (range.first < count && range.first * step + offset < 0)
        range.first++;
    while (range.end > range.first && (range.end - 1) * step + offset + reach >= in)
        range.end--;
    return range;
}

/* ---- Sweeps ---- */

enum { TILE = LANES > 4 ? 8 : 4 };

/* Some pixels of an output row, one vector of channels: for pixel p
 * y[p*ys] = act(bias + sum over rows r, columns u of x[r*xr + u*xu + p*xs] * w[r*wr + u*wu]). */
struct line {
    const float *x, *w, *bias;
    ptrdiff_t xr, xu, xs, wr, wu, ys;
    struct range rows, columns;
    bool relu, whole;
    struct part part;
};

INLINE void tile(const struct line *l, const float *x, float *y, int pixels)
{
    vec sum[TILE], start = l->bias ? vec_fetch(l->bias, l->whole, l->part) : vec_set(0.0f);
    UNROLL for (int p = 0; p < pixels; p++) sum[p] = start;
    for (int r = l->rows.first; r < l->rows.end; r++)
        for (int u = l->columns.first; u < l->columns.end; u++) {
            const float *from = x + r * l->xr + u * l->xu;
            vec w = vec_fetch(l->w + r * l->wr + u * l->wu, l->whole, l->part);
            UNROLL for (int p = 0; p < pixels; p++) sum[p] =
                multiply_add(vec_fetch(from + p * l->xs, l->whole, l->part), w, sum[p]);
        }
    UNROLL for (int p = 0; p < pixels; p++)
        vec_put(y + p * l->ys, l->relu ? vec_relu(sum[p]) : sum[p], l->whole, l->part);
}

/* Pixels first to end - 1, whose taps are all inside, in tiles; the last tile is moved back over
 * the one before, and what it computes again is the same. */
INLINE void tiles(const struct line *l, struct range pixels, float *y)
{
    int count = pixels.end - pixels.first;
    for (int done = 0, at; done < count && count >= TILE; done += TILE) {
        at = pixels.first + (done + TILE > count ? count - TILE : done);
        tile(l, l->x + at * l->xs, y + at * l->ys, TILE);
    }
    for (int done = 0; done < count && count < TILE; done++)
        tile(l, l->x + (pixels.first + done) * l->xs, y + (pixels.first + done) * l->ys, 1);
}

/* One output row of one vector of channels. */
INLINE void row(const struct sweep_axis *axis, struct line *l, float *y)
{
    struct range all = {0, axis->taps};
    struct range middle = interior(axis->count, axis->step, axis->offset,
                                   (axis->taps - 1) * axis->distance, axis->in);
    for (int j = 0; j < axis->count; j++) {
        if (j == middle.first && middle.end > middle.first) {
            l->columns = all;
            tiles(l, middle, y);
            j = middle.end - 1;
            continue;
        }
        l->columns = inside(j * axis->step + axis->offset, axis->taps, axis->distance, axis->in);
        tile(l, l->x + j * l->xs, y + j * l->ys, 1);
    }
}

/* Everything but the channels: x, w, bias and y are those of channel 0. */
INLINE void channels(const struct sweep_axis *axis, const struct line *l, int count, float *y)
{
    struct line now = *l;
    now.whole = true;
    int c = 0;
    for (; c + LANES <= count; c += LANES) {
        now.x = l->x + c, now.w = l->w + c, now.bias = l->bias ? l->bias + c : NULL;
        row(axis, &now, y + c);
    }
    if (c == count)
        return;
    now.whole = false;
    now.part = part_of(count - c);
    now.x = l->x + c, now.w = l->w + c, now.bias = l->bias ? l->bias + c : NULL;
    row(axis, &now, y + c);
}

/* A sweep over one sample. */
static void sweep(const struct sweep *s, int filters, const float *x, const float *w,
                  const float *bias, bool relu, float *y)
{
    ptrdiff_t c = filters, in_row = s->w.in * c;
    struct line l = {.w = w + (s->h.kernel * s->kw + s->w.kernel) * c,
                     .bias = bias,
                     .xr = s->h.distance * in_row,
                     .xu = s->w.distance * c,
                     .xs = s->w.step * c,
                     .wr = s->h.turn * s->kw * c,
                     .wu = s->w.turn * c,
                     .ys = s->w.every * s->out_pixel,
                     .relu = relu};
    for (int i = 0; i < s->h.count; i++) {
        int top = i * s->h.step + s->h.offset;
        l.rows = inside(top, s->h.taps, s->h.distance, s->h.in);
        l.x = x + top * in_row + s->w.offset * c;
        channels(&s->w, &l, filters,
                 y + (s->h.first + i * s->h.every) * s->out_row + s->w.first * s->out_pixel);
    }
}

static void run(const struct conv2d *g, bool forward, const float *in, const float *w,
                const float *bias, bool relu, float *out)
{
    ptrdiff_t x = (ptrdiff_t)g->h * g->w * g->c, y = (ptrdiff_t)g->oh * g->ow * g->c;
    for (int p = 0; p < NATIVE(sweep_phases)(g, forward); p++) {
        struct sweep s = NATIVE(sweep_make)(g, forward, p);
        for (ptrdiff_t n = 0; n < g->n; n++)
            sweep(&s, g->c, in + n * (forward ? x : y), w, bias, relu, out + n * (forward ? y : x));
    }
}

void NATIVE(depthwise_forward)(const struct conv2d *g, const float *x, const float *w,
                               const float *b, bool relu, float *y)
{
    run(g, true, x, w, b, relu, y);
}

void NATIVE(depthwise_backward_data)(const struct conv2d *g, const float *dy, const float *w,
                                     float *dx)
{
    run(g, false, dy, w, NULL, false, dx);
}

/* ---- Weights ---- */

/* Taps u of a kernel row, one or two vectors of channels, all output rows that the kernel row
 * meets: w[u*c] += sum over rows i, pixels j of x[i*xr + j*xs + u*xu] * y[i*yr + j*c]. */
enum { TAPS = 4 };
struct product {
    const float *x, *y;
    float *w;
    ptrdiff_t xr, xs, xu, yr, c;
    struct range rows;
    int pixels, step, offset, distance, in; /* column j*step + offset + u*distance of in */
    bool resume, whole;
    struct part part;
};

INLINE void add_pixel(const struct product *p, const float *x, const float *y, int taps,
                      int vectors, vec sum[TAPS][2])
{
    UNROLL for (int v = 0; v < vectors; v++)
    {
        vec gradient = vec_fetch(y + v * LANES, p->whole, p->part);
        UNROLL for (int u = 0; u < taps; u++) sum[u][v] = multiply_add(
            vec_fetch(x + u * p->xu + v * LANES, p->whole, p->part), gradient, sum[u][v]);
    }
}

/* The same where some taps are outside. */
INLINE void add_edge(const struct product *p, int j, const float *x, const float *y, int taps,
                     int vectors, vec sum[TAPS][2])
{
    UNROLL for (int u = 0; u < taps; u++)
    {
        int column = j * p->step + p->offset + u * p->distance;
        if (column >= 0 && column < p->in)
            UNROLL for (int v = 0; v < vectors; v++) sum[u][v] =
                multiply_add(vec_fetch(x + u * p->xu + v * LANES, p->whole, p->part),
                             vec_fetch(y + v * LANES, p->whole, p->part), sum[u][v]);
    }
}

INLINE void products(const struct product *p, int taps, int vectors)
{
    vec sum[TAPS][2];
    UNROLL for (int u = 0; u < taps; u++) UNROLL for (int v = 0; v < vectors; v++) sum[u][v] =
        p->resume ? vec_fetch(p->w + u * p->c + v * LANES, p->whole, p->part) : vec_set(0.0f);
    struct range middle = interior(p->pixels, p->step, p->offset, (taps - 1) * p->distance, p->in);
    for (int i = p->rows.first; i < p->rows.end; i++) {
        const float *x = p->x + i * p->xr, *y = p->y + i * p->yr;
        for (int j = 0; j < middle.first; j++)
            add_edge(p, j, x + j * p->xs, y + j * p->c, taps, vectors, sum);
        for (int j = middle.first; j < middle.end; j++)
            add_pixel(p, x + j * p->xs, y + j * p->c, taps, vectors, sum);
        for (int j = middle.end; j < p->pixels; j++)
            add_edge(p, j, x + j * p->xs, y + j * p->c, taps, vectors, sum);
    }
    UNROLL for (int u = 0; u < taps; u++) UNROLL for (int v = 0; v < vectors; v++)
        vec_put(p->w + u * p->c + v * LANES, sum[u][v], p->whole, p->part);
}

INLINE void products_of_taps(const struct product *p, int taps, int vectors)
{
    if (taps == 1)
        products(p, 1, vectors);
    else if (taps == 2)
        products(p, 2, vectors);
    else if (taps == 3)
        products(p, 3, vectors);
    else
        products(p, TAPS, vectors);
}

/* All channels; x, y and w are those of channel 0. */
static void products_of_channels(const struct product *p, int taps)
{
    struct product now = *p;
    int c = 0, vectors;
    now.whole = true;
    for (; c + LANES <= p->c; c += vectors * LANES) {
        now.x = p->x + c, now.y = p->y + c, now.w = p->w + c;
        vectors = c + 2 * LANES <= p->c ? 2 : 1;
        if (vectors == 2)
            products_of_taps(&now, taps, 2);
        else
            products_of_taps(&now, taps, 1);
    }
    if (c == p->c)
        return;
    now.whole = false;
    now.part = part_of((int)p->c - c);
    now.x = p->x + c, now.y = p->y + c, now.w = p->w + c;
    products_of_taps(&now, taps, 1);
}

/* One kernel row r, one sample. */
static void add_kernel_row(const struct conv2d *g, int r, const float *x, const float *dy,
                           float *dw, bool resume)
{
    ptrdiff_t c = g->c, in_row = g->w * c;
    int top = r * g->dh - g->pt, taps;
    struct product p = {.xr = g->sh * in_row,
                        .xs = g->sw * c,
                        .xu = g->dw * c,
                        .yr = g->ow * c,
                        .y = dy,
                        .c = c,
                        .rows = interior(g->oh, g->sh, top, 0, g->h),
                        .pixels = g->ow,
                        .step = g->sw,
                        .distance = g->dw,
                        .in = g->w,
                        .resume = resume};
    for (int s = 0; s < g->kw; s += taps) {
        taps = g->kw - s < TAPS ? g->kw - s : TAPS;
        p.offset = s * g->dw - g->pl;
        p.x = x + top * in_row + p.offset * c;
        p.w = dw + (r * g->kw + s) * c;
        products_of_channels(&p, taps);
    }
}

void NATIVE(depthwise_backward_weights)(const struct conv2d *g, const float *x, const float *dy,
                                        float *dw)
{
    ptrdiff_t in_size = (ptrdiff_t)g->h * g->w * g->c, out_size = (ptrdiff_t)g->oh * g->ow * g->c;
    for (int n = 0; n < g->n; n++, x += in_size, dy += out_size)
        for (int r = 0; r < g->kh; r++)
            add_kernel_row(g, r, x, dy, dw, n > 0);
}
