#include "kernels/native/sweep.h"

#include <string.h>

#include "kernels/native/tile.h"

/* ---- What is swept ---- */

static int gcd(int a, int b)
{
    return b ? gcd(b, a % b) : a;
}

/* Output i*stride - pad + t*dilation. */
static struct sweep_axis forward_axis(int in, int out, int taps, int stride, int dilation, int pad)
{
    return (struct sweep_axis){.every = 1,
                               .count = out,
                               .step = stride,
                               .taps = taps,
                               .offset = -pad,
                               .distance = dilation,
                               .turn = 1,
                               .in = in};
}

/* Input pixels phase, phase + stride, ... get output (phase + pad - k*dilation)/stride + i through
 * kernel row k, for the k that divide; from the last one down, so that the output's ascends. */
static struct sweep_axis backward_axis(int in, int out, int taps, int stride, int dilation, int pad,
                                       int phase)
{
    int turn = stride / gcd(stride, dilation), last = -1, count = 0;
    for (int k = 0; k < taps; k++)
        if ((phase + pad - k * dilation) % stride == 0) {
            last = k;
            count++;
        }
    return (struct sweep_axis){.first = phase,
                               .every = stride,
                               .count = in > phase ? (in - phase + stride - 1) / stride : 0,
                               .step = 1,
                               .taps = count,
                               .offset = count ? (phase + pad - last * dilation) / stride : 0,
                               .distance = turn * dilation / stride,
                               .kernel = last,
                               .turn = -turn,
                               .in = out};
}

/* The vectors that a group of so many pixels costs for each of its taps. */
static int group_cost(const struct sweep *s, int group)
{
    return (s->w.taps + (group - 1) * s->w.step) * ((group * s->filters + LANES - 1) / LANES);
}

static void choose_group(struct sweep *s)
{
    s->group = 1;
    for (int group = 2; group * s->filters <= LANES && s->w.distance == 1 && s->w.taps; group++)
        if (group_cost(s, group) * s->group < group_cost(s, s->group) * group)
            s->group = group;
    s->group_taps = s->w.taps + (s->group - 1) * s->w.step;
}

int NATIVE(sweep_phases)(const struct conv2d *g, bool forward)
{
    return forward ? 1 : g->sh * g->sw;
}

struct sweep NATIVE(sweep_make)(const struct conv2d *g, bool forward, int phase)
{
    struct sweep s = {.tap_step = (ptrdiff_t)g->c * g->f, .kw = g->kw};
    if (forward) {
        s.h = forward_axis(g->h, g->oh, g->kh, g->sh, g->dh, g->pt);
        s.w = forward_axis(g->w, g->ow, g->kw, g->sw, g->dw, g->pl);
        s.channels = g->c, s.channel_step = g->f;
        s.filters = g->f, s.filter_step = 1;
        s.out_row = (ptrdiff_t)g->ow * g->f;
    } else {
        s.h = backward_axis(g->h, g->oh, g->kh, g->sh, g->dh, g->pt, phase / g->sw);
        s.w = backward_axis(g->w, g->ow, g->kw, g->sw, g->dw, g->pl, phase % g->sw);
        s.channels = g->f, s.channel_step = 1;
        s.filters = g->c, s.filter_step = g->f;
        s.out_row = (ptrdiff_t)g->w * g->c;
    }
    s.out_pixel = s.filters;
    s.group = 1, s.group_taps = s.w.taps;
    if (s.w.every == 1) /* the pixels of a group must be neighbours */
        choose_group(&s);
    return s;
}

/* ---- Packing ---- */

size_t NATIVE(sweep_packed)(const struct sweep *s)
{
    return (size_t)s->h.taps * (size_t)s->group_taps * (size_t)s->channels *
           packed_lanes(s->group * s->filters);
}

/* The weight of lane f of the group for tap (r,u) and channel c: 0 where the lane's pixel does not
 * have the tap. */
static float weight(const struct sweep *s, const float *w, int r, int u, int c, int f)
{
    int column = u - f / s->filters * s->w.step;
    if (column < 0 || column >= s->w.taps)
        return 0.0f;
    int tap = (s->h.kernel + r * s->h.turn) * s->kw + s->w.kernel + column * s->w.turn;
    return w[tap * s->tap_step + c * s->channel_step + f % s->filters * s->filter_step];
}

/* One block of lanes from first on. */
static float *pack_block(const struct sweep *s, const float *w, int first, int width, float *to)
{
    int lanes = block_lanes(width);
    for (int r = 0; r < s->h.taps; r++)
        for (int u = 0; u < s->group_taps; u++)
            for (int c = 0; c < s->channels; c++, to += lanes)
                for (int f = 0; f < lanes; f++)
                    to[f] = f < width ? weight(s, w, r, u, c, first + f) : 0.0f;
    return to;
}

void NATIVE(sweep_pack)(const struct sweep *s, const float *w, float *packed)
{
    int lanes = s->group * s->filters;
    for (int first = 0, width; first < lanes; first += width) {
        width = block_width(lanes - first);
        packed = pack_block(s, w, first, width, packed);
    }
}

/* ---- Running ---- */

void NATIVE(sweep_widen)(const struct sweep *s, struct margin *margin)
{
    if (!s->h.taps || !s->w.taps || !s->w.count)
        return;
    int groups = (s->w.count + s->group - 1) / s->group;
    int last = (groups - 1) * s->group * s->w.step + s->w.offset;
    int right = last + (s->group_taps - 1) * s->w.distance - (s->w.in - 1);
    margin->left = -s->w.offset > margin->left ? -s->w.offset : margin->left;
    margin->right = right > margin->right ? right : margin->right;
}

const float *NATIVE(sweep_image)(const float *sample, int h, int w, int c, struct margin margin,
                                 float *room)
{
    if (!margin.left && !margin.right)
        return sample;
    size_t left = (size_t)margin.left * (size_t)c, right = (size_t)margin.right * (size_t)c;
    size_t width = (size_t)w * (size_t)c;
    float *to = room;
    for (int i = 0; i < h; i++, sample += width, to += left + width + right) {
        memset(to, 0, left * sizeof *to);
        memcpy(to + left, sample, width * sizeof *to);
        memset(to + left + width, 0, right * sizeof *to);
    }
    return room;
}

/* The kernel rows first..end that lie inside the image for output row i. */
static void rows_inside(const struct sweep_axis *axis, int i, int *first, int *end)
{
    int at = i * axis->step + axis->offset;
    *first = 0;
    *end = axis->taps;
    while (*first < *end && at + *first * axis->distance < 0)
        ++*first;
    while (*end > *first && at + (*end - 1) * axis->distance >= axis->in)
        --*end;
}

/* The output rows of one block of lanes; last: the lanes of the last, shorter group that are in
 * this block. */
struct block {
    int first, width; /* lanes */
    const float *packed;
    int row_weights; /* floats of the packed kernel for one kernel row */
};

/* The taps of a kernel row that lie next to each other in the image are one tap of more channels.
 */
static int taps_of_row(const struct sweep *s)
{
    return s->w.distance == 1 ? 1 : s->group_taps;
}

/* Lanes of this block that belong to the first pixels of a group. */
static int lanes_of(const struct sweep *s, const struct block *b, int pixels)
{
    int lanes = pixels * s->filters - b->first;
    return lanes < 0 ? 0 : lanes < b->width ? lanes : b->width;
}

static void run_row(const struct sweep *s, const struct block *b, struct row *row)
{
    int whole = s->w.count / s->group, rest = s->w.count % s->group;
    row->width = b->width;
    NATIVE(row)(row, whole);
    row->width = lanes_of(s, b, rest);
    if (row->width) {
        row->x += whole * row->xs;
        row->y += whole * row->ys;
        NATIVE(row)(row, 1);
    }
}

static void run_block(const struct sweep *s, const struct block *b, const float *image,
                      ptrdiff_t image_row, const float *start, bool relu, float *out,
                      const ptrdiff_t *offsets)
{
    int lanes = block_lanes(b->width), taps = taps_of_row(s);
    for (int i = 0; i < s->h.count; i++) {
        int first, end;
        rows_inside(&s->h, i, &first, &end);
        struct row row = {.x = image + (i * s->h.step + s->h.offset) * image_row,
                          .xs = (ptrdiff_t)s->group * s->w.step * s->channels,
                          .offset = offsets + first * taps,
                          .taps = (end - first) * taps,
                          .channels = s->channels * s->group_taps / (taps ? taps : 1),
                          .w = b->packed + (ptrdiff_t)first * b->row_weights,
                          .ws = lanes,
                          .start = start,
                          .relu = relu,
                          .y = out + (s->h.first + i * s->h.every) * s->out_row + b->first,
                          .ys = s->group * s->w.every * s->out_pixel};
        run_row(s, b, &row);
    }
}

/* The bias of a group's lanes from first on. */
static const float *group_bias(const struct sweep *s, const float *bias, int first,
                               float room[2 * LANES])
{
    if (!bias || s->group == 1)
        return bias ? bias + first : NULL;
    for (int f = 0; f < s->group * s->filters; f++)
        room[f] = bias[f % s->filters];
    return room + first;
}

void NATIVE(sweep_run)(const struct sweep *s, const float *image, struct margin margin,
                       const float *packed, const float *bias, bool relu, float *out,
                       ptrdiff_t *offsets)
{
    ptrdiff_t image_row = (ptrdiff_t)(margin.left + s->w.in + margin.right) * s->channels;
    int taps = taps_of_row(s);
    for (int r = 0; r < s->h.taps; r++)
        for (int u = 0; u < taps; u++)
            offsets[r * taps + u] =
                r * s->h.distance * image_row + (ptrdiff_t)u * s->w.distance * s->channels;
    image += (ptrdiff_t)(margin.left + s->w.offset) * s->channels;
    out += s->w.first * s->out_pixel;
    int lanes = s->group * s->filters;
    for (int first = 0, width; first < lanes; first += width) {
        float room[2 * LANES];
        width = block_width(lanes - first);
        struct block b = {first, width, packed, s->group_taps * s->channels * block_lanes(width)};
        run_block(s, &b, image, image_row, group_bias(s, bias, first, room), relu, out, offsets);
        packed += (size_t)s->h.taps * (size_t)b.row_weights;
    }
}
