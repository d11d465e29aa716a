/* Direct convolution: sweeps forward and for the data gradient, outer products for the weight
 * gradient, sample by sample. */
#include "kernels/native/scatter.h"
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
    if (!forward && NATIVE(scatter_used)(g))
        return NATIVE(scatter_packed)(g);
    for (int p = 0; p < NATIVE(sweep_phases)(g, forward); p++) {
        struct sweep s = NATIVE(sweep_make)(g, forward, p);
        size += NATIVE(sweep_packed)(&s);
    }
    return size;
}

const char *NATIVE(conv2d_algorithm)(const struct conv2d *g, enum conv_pass pass)
{
    if (NATIVE(winograd_used)(g))
        return "winograd";
    return pass == PASS_INPUT && NATIVE(scatter_used)(g) ? "scatter" : "direct";
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
    for (int forward = 1; forward >= 0; forward--) {
        if (!forward && NATIVE(scatter_used)(g)) {
            NATIVE(scatter_pack)(g, w, packed);
            return;
        }
        for (int p = 0; p < NATIVE(sweep_phases)(g, forward); p++) {
            struct sweep s = NATIVE(sweep_make)(g, forward, p);
            NATIVE(sweep_pack)(&s, w, packed);
            packed += NATIVE(sweep_packed)(&s);
        }
    }
}

size_t NATIVE(conv2d_scratch)(const struct conv2d *g)
{
    if (NATIVE(winograd_used)(g))
        return NATIVE(winograd_scratch)(g);
    struct conv2d flat = flattened(g);
    size_t forward = image_room(&flat, true);
    size_t backward =
        NATIVE(scatter_used)(g) ? NATIVE(scatter_scratch)(g) : image_room(&flat, false);
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
    const float *packed = w + packed_size(g, true);
    if (NATIVE(scatter_used)(g))
        NATIVE(scatter_run)(g, dy, packed, dx, scratch);
    else
        run(&flat, false, dy, packed, NULL, false, dx, scratch);
}

/* Output rows first to end - 1. */
struct rows {
    int first, end;
};

/* The output rows for which kernel row r lies inside the image. */
static struct rows rows_meeting(const struct conv2d *g, int r)
{
    int at = r * g->dh - g->pt;
    struct rows rows = {0, g->oh};
    while (rows.first < rows.end && rows.first * g->sh + at < 0)
        rows.first++;
    while (rows.end > rows.first && (rows.end - 1) * g->sh + at >= g->h)
        rows.end--;
    return rows;
}

static struct rows common(struct rows a, struct rows b)
{
    struct rows rows = {a.first > b.first ? a.first : b.first, a.end < b.end ? a.end : b.end};
    rows.end = rows.end > rows.first ? rows.end : rows.first;
    return rows;
}

/* One sample, as the weight gradient sees it. */
struct sample {
    const float *image, *dy;
    struct margin margin;
    float *dw;
};

/* The sums of some output rows for kernel row r, from column s on; y and w are left to the caller.
 */
static struct outer outer_of(const struct conv2d *g, const struct sample *sample, struct rows rows,
                             int r, int s)
{
    ptrdiff_t image_row = (ptrdiff_t)(sample->margin.left + g->w + sample->margin.right) * g->c;
    return (struct outer){.x = sample->image +
                               (rows.first * g->sh - g->pt + r * g->dh) * image_row +
                               (ptrdiff_t)(sample->margin.left - g->pl + s * g->dw) * g->c,
                          .xs = (ptrdiff_t)g->sw * g->c,
                          .xr = g->sh * image_row,
                          .ys = g->f,
                          .yr = (ptrdiff_t)g->ow * g->f,
                          .rows = rows.end - rows.first,
                          .pixels = g->ow,
                          .ws = g->f};
}

/* Adds the part of some output rows: for each kernel row, columns that are next to each other in
 * the image at once. */
static void add_rows(const struct conv2d *g, const struct sample *sample, struct rows rows,
                     bool resume)
{
    int columns = g->dw == 1 ? g->kw : 1;
    for (int r = 0; r < g->kh; r++)
        for (int s = 0; s < g->kw; s += columns) {
            struct rows here = common(rows, rows_meeting(g, r));
            struct outer outer = outer_of(g, sample, here, r, s);
            outer.resume = resume;
            for (int f = 0; f < g->f; f += outer.width) {
                outer.width = block_width(g->f - f);
                outer.y = sample->dy + (ptrdiff_t)here.first * outer.yr + f;
                outer.w = sample->dw + (ptrdiff_t)(r * g->kw + s) * g->c * g->f + f;
                NATIVE(outer)(&outer, columns * g->c);
            }
        }
}

/* Adds the part of output rows for which all kernel rows are inside, several kernel rows at once.
 */
static void add_lines(const struct conv2d *g, const struct sample *sample, struct rows rows)
{
    ptrdiff_t image_row = (ptrdiff_t)(sample->margin.left + g->w + sample->margin.right) * g->c;
    struct outer outer = outer_of(g, sample, rows, 0, 0);
    outer.resume = true;
    for (int f = 0; f < g->f; f += outer.width) {
        outer.width = g->f - f < LANES ? g->f - f : LANES;
        outer.y = sample->dy + (ptrdiff_t)rows.first * outer.yr + f;
        outer.w = sample->dw + f;
        NATIVE(outer_lines)(&outer, g->kw * g->c, g->kh, g->dh * image_row);
    }
}

static void add_sample(const struct conv2d *g, const struct sample *sample, bool resume)
{
    struct rows all = {0, g->oh}, inside = common(rows_meeting(g, 0), rows_meeting(g, g->kh - 1));
    bool few = g->kh > 1 && g->dw == 1 && g->kw * g->c <= LINES_COLUMNS;
    if (!few || inside.first == inside.end) {
        add_rows(g, sample, all, resume);
        return;
    }
    add_rows(g, sample, (struct rows){0, inside.first}, resume);
    add_lines(g, sample, inside);
    add_rows(g, sample, (struct rows){inside.end, g->oh}, true);
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
    for (int n = 0; n < flat.n; n++, x += in_size, dy += out_size) {
        const float *image = NATIVE(sweep_image)(x, flat.h, flat.w, flat.c, margin, room);
        add_sample(&flat, &(struct sample){image, dy, margin, dw}, n > 0);
    }
}
