#include "kernels/native/winograd.h"

#include "kernels/native/tile.h"
#include "kernels/native/transform.h"
#include "kernels/native/winograd_plan.h"

/* As many tiles as the cache holds with their transforms; a multiple of the tiles of a product. 16
 * floats between the points keep them off the same cache sets. */
static void plan_tiles(struct winograd *w, int n)
{
    enum { UNIT = PIXELS_1 / PIXELS_2 * PIXELS_2, MOST = 6 * UNIT, FLOATS = 2048 };
    int fits = FLOATS / (w->channels + w->filters) / UNIT * UNIT;
    w->together = fits < UNIT ? UNIT : fits < MOST ? fits : MOST;
    w->across = winograd_up(w->out_w, OUT);
    w->down = winograd_up(w->out_h, OUT);
    w->tiles = n * w->down * w->across;
    w->point = (ptrdiff_t)w->together * LANES + 16;
    w->vector = POINTS * w->point;
}

static struct winograd plan(const struct conv2d *g, bool forward)
{
    struct winograd w = {.in_h = g->h,
                         .in_w = g->w,
                         .channels = g->c,
                         .out_h = g->oh,
                         .out_w = g->ow,
                         .filters = g->f,
                         .pt = g->pt,
                         .pl = g->pl,
                         .channel_step = g->f,
                         .filter_step = 1};
    if (!forward)
        w = (struct winograd){.in_h = g->oh,
                              .in_w = g->ow,
                              .channels = g->f,
                              .out_h = g->h,
                              .out_w = g->w,
                              .filters = g->c,
                              .pt = KERNEL - 1 - g->pt,
                              .pl = KERNEL - 1 - g->pl,
                              .turned = true,
                              .channel_step = 1,
                              .filter_step = g->f};
    plan_tiles(&w, g->n);
    return w;
}

/* Multiply-adds in vectors of 16 for one sample, with the transforms' cost in the same unit. */
static double direct_cost(const struct conv2d *g)
{
    return 9.0 * g->oh * g->ow * g->c * winograd_up(g->f, 16);
}

static double winograd_cost(const struct conv2d *g)
{
    double tiles = (double)winograd_up(g->oh, OUT) * winograd_up(g->ow, OUT);
    return tiles * (36.0 * g->c * winograd_up(g->f, 16) + 400.0 * winograd_up(g->c, 16) +
                    300.0 * winograd_up(g->f, 16));
}

bool NATIVE(winograd_used)(const struct conv2d *g)
{
    bool can = g->kh == KERNEL && g->kw == KERNEL && g->sh == 1 && g->sw == 1 && g->dh == 1 &&
               g->dw == 1 && g->pt < KERNEL && g->pl < KERNEL;
    if (!can || g->method == CONV_DIRECT)
        return false;
    return g->method == CONV_WINOGRAD || winograd_cost(g) < 0.9 * direct_cost(g);
}

/* ---- Kernels ---- */

static size_t packed_size(const struct winograd *w)
{
    return POINTS * (size_t)w->channels * packed_lanes(w->filters);
}

size_t NATIVE(winograd_packed)(const struct conv2d *g)
{
    struct winograd forward = plan(g, true), backward = plan(g, false);
    return packed_size(&forward) + packed_size(&backward);
}

/* Tap (i,j) of channel c for the lanes from filter f on. */
static vec kernel_lanes(const struct winograd *w, const float *kernel, int i, int j, int c, int f)
{
    int tap = w->turned ? (KERNEL - 1 - i) * KERNEL + KERNEL - 1 - j : i * KERNEL + j;
    const float *from = kernel + (ptrdiff_t)tap * w->channels * w->filters + c * w->channel_step +
                        f * w->filter_step;
    if (w->filter_step == 1 && f + LANES <= w->filters)
        return vec_load(from);
    float lane[LANES] = {0};
    for (int l = 0; l < LANES && f + l < w->filters; l++)
        lane[l] = from[l * w->filter_step];
    return vec_load(lane);
}

/* One vector of filters of one channel: to its place in each point's matrix, point apart. */
static void pack_vector(const struct winograd *w, const float *kernel, int c, int f,
                        ptrdiff_t point, float *to)
{
    vec g[KERNEL * KERNEL], columns[SIDE * KERNEL], row[SIDE];
    for (int i = 0; i < KERNEL; i++)
        for (int j = 0; j < KERNEL; j++)
            g[i * KERNEL + j] = kernel_lanes(w, kernel, i, j, c, f);
    for (int j = 0; j < KERNEL; j++) {
        transform_kernel(g + j, KERNEL, row);
        for (int i = 0; i < SIDE; i++)
            columns[i * KERNEL + j] = row[i];
    }
    for (int i = 0; i < SIDE; i++) {
        transform_kernel(columns + i * KERNEL, 1, row);
        for (int j = 0; j < SIDE; j++)
            vec_store(to + (i * SIDE + j) * point, row[j]);
    }
}

/* Blocks of filters, in each the points, in each the channels: [36][channels][lanes]. */
static float *pack(const struct winograd *w, const float *kernel, float *to)
{
    for (int f = 0, lanes; f < w->filters; f += lanes) {
        lanes = w->filters - f > LANES ? 2 * LANES : LANES;
        ptrdiff_t point = (ptrdiff_t)w->channels * lanes;
        for (int c = 0; c < w->channels; c++)
            for (int l = 0; l < lanes; l += LANES)
                pack_vector(w, kernel, c, f + l, point, to + c * lanes + l);
        to += POINTS * point;
    }
    return to;
}

void NATIVE(winograd_pack)(const struct conv2d *g, const float *w, float *packed)
{
    struct winograd forward = plan(g, true), backward = plan(g, false);
    packed = pack(&forward, w, packed);
    pack(&backward, w, packed);
}

/* ---- Passes ---- */

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t NATIVE(winograd_scratch)(const struct conv2d *g)
{
    struct winograd f = plan(g, true), b = plan(g, false);
    size_t forward = winograd_room(&f, g->c) + winograd_room(&f, g->f);
    size_t backward = winograd_room(&b, g->c) + winograd_room(&b, g->f);
    return most(forward + POINTS * (size_t)g->c * packed_lanes(g->f), backward);
}

static int next_count(const struct winograd *w, int first)
{
    return w->tiles - first < w->together ? w->tiles - first : w->together;
}

static void run(const struct winograd *w, const float *in, const float *packed, const float *bias,
                bool relu, float *out, float *scratch)
{
    float *products = scratch + (winograd_in_place(w) ? 0 : winograd_room(w, w->channels));
    for (int first = 0, count; first < w->tiles; first += count) {
        count = next_count(w, first);
        NATIVE(winograd_input)(w, in, first, count, scratch);
        NATIVE(winograd_products)(w, scratch, packed, count, products);
        NATIVE(winograd_output)(w, products, first, count, bias, relu, out);
    }
}

void NATIVE(winograd_forward)(const struct conv2d *g, const float *x, const float *w,
                              const float *b, bool relu, float *y, float *scratch)
{
    struct winograd forward = plan(g, true);
    run(&forward, x, w, b, relu, y, scratch);
}

void NATIVE(winograd_backward_data)(const struct conv2d *g, const float *dy, const float *w,
                                    float *dx, float *scratch)
{
    struct winograd forward = plan(g, true), backward = plan(g, false);
    run(&backward, dy, w + packed_size(&forward), NULL, false, dx, scratch);
}

/* One vector of filters of one channel: 36 sums, matrix apart, to the 9 taps, tap apart. */
INLINE void finish_vector(const float *sums, ptrdiff_t matrix, struct part part, ptrdiff_t tap,
                          float *dw)
{
    vec points[POINTS], columns[KERNEL * SIDE], row[KERNEL];
    for (int k = 0; k < POINTS; k++)
        points[k] = vec_load(sums + k * matrix);
    for (int j = 0; j < SIDE; j++) {
        transform_kernel_gradient(points + j, SIDE, row);
        for (int i = 0; i < KERNEL; i++)
            columns[i * SIDE + j] = row[i];
    }
    for (int i = 0; i < KERNEL; i++) {
        transform_kernel_gradient(columns + i * SIDE, 1, row);
        for (int j = 0; j < KERNEL; j++)
            vec_store_part(dw + (i * KERNEL + j) * tap, row[j], part);
    }
}

void NATIVE(winograd_backward_weights)(const struct conv2d *g, const float *x, const float *dy,
                                       float *dw, float *scratch)
{
    struct winograd w = plan(g, true);
    float *gradient = scratch + winograd_room(&w, w.channels);
    float *sums = gradient + winograd_room(&w, w.filters);
    for (int first = 0, count; first < w.tiles; first += count) {
        count = next_count(&w, first);
        NATIVE(winograd_input)(&w, x, first, count, scratch);
        NATIVE(winograd_gradient)(&w, dy, first, count, gradient);
        NATIVE(winograd_outer)(&w, scratch, gradient, count, first > 0, sums);
    }
    ptrdiff_t lanes = (ptrdiff_t)packed_lanes(w.filters), matrix = w.channels * lanes;
    for (int c = 0; c < w.channels; c++, sums += lanes, dw += w.filters)
        for (int f = 0; f < w.filters; f += LANES)
            finish_vector(sums + f, matrix, part_of(w.filters - f < LANES ? w.filters - f : LANES),
                          (ptrdiff_t)w.channels * w.filters, dw + f);
}
