#include "kernels/native/winograd.h"

#include "kernels/native/tile.h"
#include "kernels/native/transform.h"

enum { SIDE = 6, POINTS = SIDE * SIDE, OUT = 4, KERNEL = 3 };

/* One direction: forward, or the data gradient (an image of dy convolved with the kernel turned
 * round). */
struct winograd {
    int in_h, in_w, channels;
    int out_h, out_w, filters;
    int pt, pl;
    bool turned;
    ptrdiff_t channel_step, filter_step; /* in the plain kernel */
    int across, tiles;                   /* tiles of a row, and of all samples */
    int together;                        /* tiles that are transformed at once */
    ptrdiff_t in_point, out_point;       /* floats from one point's numbers to the next's */
};

static int up(int a, int b)
{
    return (a + b - 1) / b;
}

/* As many tiles as the cache holds with their transforms; a multiple of all tile sizes of
 * NATIVE(row). 16 floats between the points keep them off the same cache sets. */
static void plan_tiles(struct winograd *w, int n)
{
    enum { UNIT = 14, MOST = 84, FLOATS = 2048 };
    int fits = FLOATS / (w->channels + w->filters) / UNIT * UNIT;
    w->together = fits < UNIT ? UNIT : fits < MOST ? fits : MOST;
    w->across = up(w->out_w, OUT);
    w->tiles = n * up(w->out_h, OUT) * w->across;
    w->in_point = (ptrdiff_t)w->together * w->channels + 16;
    w->out_point = (ptrdiff_t)w->together * w->filters + 16;
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
    return 9.0 * g->oh * g->ow * g->c * up(g->f, 16);
}

static double winograd_cost(const struct conv2d *g)
{
    double tiles = (double)up(g->oh, OUT) * up(g->ow, OUT);
    return tiles * (36.0 * g->c * up(g->f, 16) + 400.0 * up(g->c, 16) + 300.0 * up(g->f, 16));
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
    for (int f = 0, width; f < w->filters; f += width) {
        width = block_width(w->filters - f);
        int lanes = block_lanes(width);
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

/* ---- Tiles ---- */

/* Where a tile lies: its sample, and the output pixel at its corner. */
struct place {
    int n, i, j;
};

static struct place place_of(const struct winograd *w, int tile)
{
    int down = up(w->out_h, OUT), row = tile / w->across;
    return (struct place){row / down, row % down * OUT, tile % w->across * OUT};
}

/* One vector of channels of a patch of an image: where its corner is, and how far it is to the next
 * row and the next pixel. */
struct patch {
    const float *corner;
    ptrdiff_t line, step;
};

/* The patch of side x side pixels from (i,j) on, in the image or, where it goes beyond the edges, a
 * copy with zeros in room. */
INLINE struct patch patch_at(const float *image, int h, int w, int c, int i, int j, const int side,
                             bool whole, struct part part, float *room)
{
    const float *corner = image + ((ptrdiff_t)i * w + j) * c;
    ptrdiff_t line = (ptrdiff_t)w * c;
    if (i >= 0 && j >= 0 && i + side <= h && j + side <= w)
        return (struct patch){corner, line, c};
    for (int r = 0; r < side; r++)
        for (int s = 0; s < side; s++) {
            bool inside = i + r >= 0 && i + r < h && j + s >= 0 && j + s < w;
            const float *from = corner + r * line + (ptrdiff_t)s * c;
            vec_store(room + (r * side + s) * LANES,
                      inside ? vec_fetch(from, whole, part) : vec_set(0.0f));
        }
    return (struct patch){room, (ptrdiff_t)side * LANES, LANES};
}

/* Column s of a patch. */
INLINE void load_column(const struct patch *patch, int s, const int side, bool whole,
                        struct part part, vec *column)
{
    const float *from = patch->corner + s * patch->step;
    UNROLL for (int r = 0; r < side; r++) column[r] =
        vec_fetch(from + r * patch->line, whole, part);
}

/* A patch through both passes of a transform to 36 points. */
#define TO_POINTS(transform, side, patch, to, point)                                               \
    do {                                                                                           \
        vec columns[SIDE * (side)], column[side], row[SIDE];                                       \
        UNROLL for (int j = 0; j < (side); j++)                                                    \
        {                                                                                          \
            load_column(patch, j, side, whole, part, column);                                      \
            transform(column, 1, row);                                                             \
            UNROLL for (int i = 0; i < SIDE; i++) columns[i * (side) + j] = row[i];                \
        }                                                                                          \
        UNROLL for (int i = 0; i < SIDE; i++)                                                      \
        {                                                                                          \
            transform(columns + i * (side), 1, row);                                               \
            UNROLL for (int j = 0; j < SIDE; j++)                                                  \
                vec_put((to) + (i * SIDE + j) * (point), row[j], whole, part);                     \
        }                                                                                          \
    } while (0)

INLINE void input_vector(const struct winograd *w, const float *image, struct place at, bool whole,
                         struct part part, float *to)
{
    float room[POINTS * LANES];
    struct patch patch = patch_at(image, w->in_h, w->in_w, w->channels, at.i - w->pt, at.j - w->pl,
                                  SIDE, whole, part, room);
    TO_POINTS(transform_input, SIDE, &patch, to, w->in_point);
}

INLINE void gradient_vector(const struct winograd *w, const float *image, struct place at,
                            bool whole, struct part part, float *to)
{
    float room[OUT * OUT * LANES];
    struct patch patch =
        patch_at(image, w->out_h, w->out_w, w->filters, at.i, at.j, OUT, whole, part, room);
    TO_POINTS(transform_gradient, OUT, &patch, to, w->out_point);
}

/* The 36 points of a tile to its 4x4 pixels, as far as they lie inside the image. */
INLINE void output_vector(const struct winograd *w, const float *from, struct place at,
                          const float *bias, bool relu, bool whole, struct part part, float *image)
{
    vec points[SIDE], columns[OUT * SIDE], row[OUT];
    vec start = bias ? vec_fetch(bias, whole, part) : vec_set(0.0f);
    UNROLL for (int j = 0; j < SIDE; j++)
    {
        UNROLL for (int i = 0; i < SIDE; i++) points[i] =
            vec_fetch(from + (i * SIDE + j) * w->out_point, whole, part);
        transform_output(points, 1, row);
        UNROLL for (int i = 0; i < OUT; i++) columns[i * SIDE + j] = row[i];
    }
    UNROLL for (int i = 0; i < OUT; i++)
    {
        if (at.i + i >= w->out_h)
            break;
        float *to = image + ((ptrdiff_t)(at.i + i) * w->out_w + at.j) * w->filters;
        transform_output(columns + i * SIDE, 1, row);
        UNROLL for (int j = 0; j < OUT; j++)
        {
            vec y = vec_add(row[j], start);
            if (at.j + j < w->out_w)
                vec_put(to + (ptrdiff_t)j * w->filters, relu ? vec_relu(y) : y, whole, part);
        }
    }
}

/* All channels of a tile, a vector at a time: call uses c (the channel), whole and part. */
#define EACH_VECTOR(channels, call)                                                                \
    do {                                                                                           \
        int c = 0;                                                                                 \
        struct part part = part_of((channels) % LANES);                                            \
        for (const bool whole = true; c + LANES <= (channels); c += LANES)                         \
            call;                                                                                  \
        for (const bool whole = false; c < (channels); c += LANES)                                 \
            call;                                                                                  \
    } while (0)

static void input_tiles(const struct winograd *w, const float *in, int first, int count, float *to)
{
    for (int t = 0; t < count; t++, to += w->channels) {
        struct place at = place_of(w, first + t);
        const float *image = in + (ptrdiff_t)at.n * w->in_h * w->in_w * w->channels;
        EACH_VECTOR(w->channels, input_vector(w, image + c, at, whole, part, to + c));
    }
}

static void gradient_tiles(const struct winograd *w, const float *dy, int first, int count,
                           float *to)
{
    for (int t = 0; t < count; t++, to += w->filters) {
        struct place at = place_of(w, first + t);
        const float *image = dy + (ptrdiff_t)at.n * w->out_h * w->out_w * w->filters;
        EACH_VECTOR(w->filters, gradient_vector(w, image + c, at, whole, part, to + c));
    }
}

static void output_tiles(const struct winograd *w, const float *from, int first, int count,
                         const float *bias, bool relu, float *out)
{
    for (int t = 0; t < count; t++, from += w->filters) {
        struct place at = place_of(w, first + t);
        float *image = out + (ptrdiff_t)at.n * w->out_h * w->out_w * w->filters;
        EACH_VECTOR(w->filters, output_vector(w, from + c, at, bias ? bias + c : NULL, relu, whole,
                                              part, image + c));
    }
}

/* ---- Passes ---- */

size_t NATIVE(winograd_scratch)(const struct conv2d *g)
{
    struct winograd f = plan(g, true), b = plan(g, false);
    ptrdiff_t forward = f.in_point + f.out_point, backward = b.in_point + b.out_point;
    return POINTS * (size_t)((forward > backward ? forward : backward) + (ptrdiff_t)g->c * g->f);
}

/* The matrix product of each point: [count, channels] times [channels, filters]. */
static void multiply(const struct winograd *w, const float *in, const float *packed, int count,
                     float *out)
{
    static const ptrdiff_t no_offset = 0;
    for (int f = 0, width; f < w->filters; f += width) {
        width = block_width(w->filters - f);
        int lanes = block_lanes(width);
        for (int k = 0; k < POINTS; k++, packed += (ptrdiff_t)w->channels * lanes) {
            struct row row = {.x = in + k * w->in_point,
                              .xs = w->channels,
                              .offset = &no_offset,
                              .taps = 1,
                              .channels = w->channels,
                              .w = packed,
                              .ws = lanes,
                              .y = out + k * w->out_point + f,
                              .ys = w->filters,
                              .width = width};
            NATIVE(row)(&row, count);
        }
    }
}

static int next_count(const struct winograd *w, int first)
{
    return w->tiles - first < w->together ? w->tiles - first : w->together;
}

static void run(const struct winograd *w, const float *in, const float *packed, const float *bias,
                bool relu, float *out, float *scratch)
{
    float *points = scratch, *products = scratch + POINTS * w->in_point;
    for (int first = 0, count; first < w->tiles; first += count) {
        count = next_count(w, first);
        input_tiles(w, in, first, count, points);
        multiply(w, points, packed, count, products);
        output_tiles(w, products, first, count, bias, relu, out);
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

/* sums[36][channels][filters] += the tiles' outer products, or = for the first ones. */
static void add_products(const struct winograd *w, const float *in, const float *gradient,
                         int count, bool resume, float *sums)
{
    for (int k = 0; k < POINTS; k++)
        for (int f = 0, width; f < w->filters; f += width) {
            width = block_width(w->filters - f);
            struct outer outer = {.x = in + k * w->in_point,
                                  .xs = w->channels,
                                  .y = gradient + k * w->out_point + f,
                                  .ys = w->filters,
                                  .rows = 1,
                                  .pixels = count,
                                  .resume = resume,
                                  .w = sums + (ptrdiff_t)k * w->channels * w->filters + f,
                                  .ws = w->filters,
                                  .width = width};
            NATIVE(outer)(&outer, w->channels);
        }
}

/* One vector of filters of one channel: 36 sums, matrix apart, to the 9 taps, matrix apart too. */
INLINE void finish_vector(const float *sums, ptrdiff_t matrix, bool whole, struct part part,
                          float *dw)
{
    vec points[POINTS], columns[KERNEL * SIDE], row[KERNEL];
    for (int k = 0; k < POINTS; k++)
        points[k] = vec_fetch(sums + k * matrix, whole, part);
    for (int j = 0; j < SIDE; j++) {
        transform_kernel_gradient(points + j, SIDE, row);
        for (int i = 0; i < KERNEL; i++)
            columns[i * SIDE + j] = row[i];
    }
    for (int i = 0; i < KERNEL; i++) {
        transform_kernel_gradient(columns + i * SIDE, 1, row);
        for (int j = 0; j < KERNEL; j++)
            vec_put(dw + (i * KERNEL + j) * matrix, row[j], whole, part);
    }
}

void NATIVE(winograd_backward_weights)(const struct conv2d *g, const float *x, const float *dy,
                                       float *dw, float *scratch)
{
    struct winograd w = plan(g, true);
    float *points = scratch, *gradient = points + POINTS * w.in_point;
    float *sums = gradient + POINTS * w.out_point;
    for (int first = 0, count; first < w.tiles; first += count) {
        count = next_count(&w, first);
        input_tiles(&w, x, first, count, points);
        gradient_tiles(&w, dy, first, count, gradient);
        add_products(&w, points, gradient, count, first > 0, sums);
    }
    ptrdiff_t matrix = (ptrdiff_t)w.channels * w.filters;
    for (int channel = 0; channel < w.channels; channel++, sums += w.filters, dw += w.filters)
        EACH_VECTOR(w.filters, finish_vector(sums + c, matrix, whole, part, dw + c));
}
