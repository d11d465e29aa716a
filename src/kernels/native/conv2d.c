/* Direct convolution: sweeps forward and for the data gradient, outer products for the weight
 * gradient, sample by sample. */
#include <string.h>

#include "kernels/native/sweep.h"
#include "kernels/native/tile.h"
#include "kernels/native/winograd.h"

/* A 1x1 convolution without strides and padding is a row of pixels, whatever its image's shape. */
static struct conv2d flattened(const struct conv2d *g)
{
    struct conv2d flat = *g;
    if (g->kh == 1 && g->kw == 1 && g->sh == 1 && g->sw == 1 && !g->pt && !g->pl && g->oh == g->h &&
        g->ow == g->w) {
        flat.w = flat.ow = g->n * g->h * g->w;
        flat.n = flat.h = flat.oh = 1;
    }
    return flat;
}

/* The margin that all sweeps of a direction need around their input. */
static struct margin margin_of(const struct conv2d *g, bool forward)
{
    struct margin margin = {0, 0};
    for (int p = 0; p < NATIVE(sweep_phases)(g, forward); p++) {
        struct sweep s = NATIVE(sweep_make)(g, forward, p);
        NATIVE(sweep_widen)(&s, &margin);
    }
    return margin;
}

static size_t image_room(const struct conv2d *g, bool forward)
{
    struct margin margin = margin_of(g, forward);
    if (!margin.left && !margin.right)
        return 0;
    size_t columns = (size_t)(margin.left + margin.right) + (size_t)(forward ? g->w : g->ow);
    return (size_t)(forward ? g->h : g->oh) * columns * (size_t)(forward ? g->c : g->f);
}

/* Floats that the offsets of a sweep's taps take. */
static size_t offset_room(const struct conv2d *g)
{
    size_t taps = (size_t)g->kh * (size_t)(g->kw + LANES * g->sw);
    return taps * sizeof(ptrdiff_t) / sizeof(float);
}

static size_t packed_size(const struct conv2d *g, bool forward)
{
    size_t size = 0;
    for (int p = 0; p < NATIVE(sweep_phases)(g, forward); p++) {
        struct sweep s = NATIVE(sweep_make)(g, forward, p);
        size += NATIVE(sweep_packed)(&s);
    }
    return size;
}

size_t NATIVE(conv2d_packed)(const struct conv2d *g)
{
    if (NATIVE(winograd_used)(g))
        return NATIVE(winograd_packed)(g);
    return packed_size(g, true) + packed_size(g, false);
}

void NATIVE(conv2d_pack)(const struct conv2d *g, const float *w, float *packed)
{
    if (NATIVE(winograd_used)(g)) {
        NATIVE(winograd_pack)(g, w, packed);
        return;
    }
    for (int forward = 1; forward >= 0; forward--)
        for (int p = 0; p < NATIVE(sweep_phases)(g, forward); p++) {
            struct sweep s = NATIVE(sweep_make)(g, forward, p);
            NATIVE(sweep_pack)(&s, w, packed);
            packed += NATIVE(sweep_packed)(&s);
        }
}

size_t NATIVE(conv2d_scratch)(const struct conv2d *g)
{
    if (NATIVE(winograd_used)(g))
        return NATIVE(winograd_scratch)(g);
    struct conv2d flat = flattened(g);
    size_t forward = image_room(&flat, true), backward = image_room(&flat, false);
    return offset_room(&flat) + (forward > backward ? forward : backward);
}

/* All samples through the sweeps of a direction. */
static void run(const struct conv2d *g, bool forward, const float *in, const float *packed,
                const float *bias, bool relu, float *out, float *scratch)
{
    int h = forward ? g->h : g->oh, w = forward ? g->w : g->ow, c = forward ? g->c : g->f;
    ptrdiff_t in_size = (ptrdiff_t)h * w * c;
    ptrdiff_t out_size = forward ? (ptrdiff_t)g->oh * g->ow * g->f : (ptrdiff_t)g->h * g->w * g->c;
    struct margin margin = margin_of(g, forward);
    ptrdiff_t *offsets = (ptrdiff_t *)(void *)scratch;
    float *room = scratch + offset_room(g);
    for (int n = 0; n < g->n; n++, in += in_size, out += out_size) {
        const float *image = NATIVE(sweep_image)(in, h, w, c, margin, room), *weights = packed;
        for (int p = 0; p < NATIVE(sweep_phases)(g, forward); p++) {
            struct sweep s = NATIVE(sweep_make)(g, forward, p);
            NATIVE(sweep_run)(&s, image, margin, weights, bias, relu, out, offsets);
            weights += NATIVE(sweep_packed)(&s);
        }
    }
}

void NATIVE(conv2d_forward)(const struct conv2d *g, const float *x, const float *w, const float *b,
                            bool relu, float *y, float *scratch)
{
    if (NATIVE(winograd_used)(g)) {
        NATIVE(winograd_forward)(g, x, w, b, relu, y, scratch);
        return;
    }
    struct conv2d flat = flattened(g);
    run(&flat, true, x, w, b, relu, y, scratch);
}

void NATIVE(conv2d_backward_data)(const struct conv2d *g, const float *dy, const float *w,
                                  float *dx, float *scratch)
{
    if (NATIVE(winograd_used)(g)) {
        NATIVE(winograd_backward_data)(g, dy, w, dx, scratch);
        return;
    }
    struct conv2d flat = flattened(g);
    run(&flat, false, dy, w + packed_size(g, true), NULL, false, dx, scratch);
}

/* The output rows whose kernel row r lies inside the image. */
static void rows_meeting(const struct conv2d *g, int r, int *first, int *end)
{
    int at = r * g->dh - g->pt;
    *first = 0;
    *end = g->oh;
    while (*first < *end && *first * g->sh + at < 0)
        ++*first;
    while (*end > *first && (*end - 1) * g->sh + at >= g->h)
        --*end;
}

/* Adds one sample's part of kernel row r, columns s to s + columns - 1 (next to each other in the
 * image), to dw. */
static void add_sample(const struct conv2d *g, const float *image, struct margin margin,
                       const float *dy, int r, int s, int columns, bool resume, float *dw)
{
    ptrdiff_t image_row = (ptrdiff_t)(margin.left + g->w + margin.right) * g->c;
    int first, end;
    rows_meeting(g, r, &first, &end);
    struct outer outer = {.x = image + (first * g->sh - g->pt + r * g->dh) * image_row +
                               (ptrdiff_t)(margin.left - g->pl + s * g->dw) * g->c,
                          .xs = (ptrdiff_t)g->sw * g->c,
                          .xr = g->sh * image_row,
                          .ys = g->f,
                          .yr = (ptrdiff_t)g->ow * g->f,
                          .rows = end - first,
                          .pixels = g->ow,
                          .resume = resume,
                          .ws = g->f};
    for (int f = 0; f < g->f; f += outer.width) {
        outer.width = block_width(g->f - f);
        outer.y = dy + (ptrdiff_t)first * outer.yr + f;
        outer.w = dw + (ptrdiff_t)(r * g->kw + s) * g->c * g->f + f;
        NATIVE(outer)(&outer, columns * g->c);
    }
}

void NATIVE(conv2d_backward_weights)(const struct conv2d *g, const float *x, const float *dy,
                                     float *dw, float *scratch)
{
    if (NATIVE(winograd_used)(g)) {
        NATIVE(winograd_backward_weights)(g, x, dy, dw, scratch);
        return;
    }
    struct conv2d flat = flattened(g);
    struct margin margin = margin_of(&flat, true);
    ptrdiff_t in_size = (ptrdiff_t)flat.h * flat.w * flat.c;
    ptrdiff_t out_size = (ptrdiff_t)flat.oh * flat.ow * flat.f;
    float *room = scratch + offset_room(&flat);
    int columns = flat.dw == 1 ? flat.kw : 1;
    for (int n = 0; n < flat.n; n++, x += in_size, dy += out_size) {
        const float *image = NATIVE(sweep_image)(x, flat.h, flat.w, flat.c, margin, room);
        for (int r = 0; r < flat.kh; r++)
            for (int s = 0; s < flat.kw; s += columns)
                add_sample(&flat, image, margin, dy, r, s, columns, n > 0, dw);
    }
}
