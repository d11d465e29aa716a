#include "kernels/native/scatter.h"

#include <string.h>

#include "kernels/native/tile.h"

static int up(int a, int b)
{
    return (a + b - 1) / b;
}

/* In multiply-adds of vectors of 16, with a guess at what adding to memory costs. The other way is
 * a sweep over the image, in which neighbouring pixels share a vector. */
bool NATIVE(scatter_used)(const struct conv2d *g)
{
    int group = 16 / g->c;
    if (g->dw != 1 || group < 2)
        return false;
    double scatter = (double)g->oh * g->ow * up(g->kw * g->c, 16) * (g->f + 6.0);
    double sweep = (double)g->h * g->w * g->f * (g->kw + group - 1) / group / (g->sh * g->sw);
    return 1.25 * scatter < sweep;
}

static size_t lanes_of(const struct conv2d *g)
{
    return packed_lanes(g->kw * g->c);
}

size_t NATIVE(scatter_packed)(const struct conv2d *g)
{
    return (size_t)g->kh * (size_t)g->f * lanes_of(g);
}

/* For each kernel row [blocks of lanes][filters][lanes of a block]. */
void NATIVE(scatter_pack)(const struct conv2d *g, const float *w, float *packed)
{
    int all = g->kw * g->c;
    for (int r = 0; r < g->kh; r++, w += all * g->f)
        for (int first = 0, width; first < all; first += width) {
            width = block_width(all - first);
            for (int f = 0; f < g->f; f++)
                for (int l = 0; l < block_lanes(width); l++)
                    *packed++ = l < width ? w[(first + l) * g->f + f] : 0.0f;
        }
}

/* The image that is added to: dx itself, or where padding is beyond its sides, one with margins. */
struct image {
    int left, width; /* pixels before column 0; of a row */
};

static struct image image_of(const struct conv2d *g)
{
    int end = (g->ow - 1) * g->sw + g->kw - g->pl, width = g->w > end ? g->w : end;
    return (struct image){g->pl, g->pl + width};
}

static size_t image_size(const struct conv2d *g)
{
    return (size_t)g->h * (size_t)image_of(g).width * (size_t)g->c;
}

size_t NATIVE(scatter_scratch)(const struct conv2d *g)
{
    return image_of(g).width > g->w ? image_size(g) : 0;
}

/* Kernel row r of the output pixels of column j, in all the rows where it meets the image. */
static void add_column(const struct conv2d *g, const float *dy, int r, int j, const float *packed,
                       float *to, ptrdiff_t line)
{
    static const ptrdiff_t no_offset = 0;
    int at = r * g->dh - g->pt, first = 0, end = g->oh;
    while (first < end && first * g->sh + at < 0)
        first++;
    while (end > first && (end - 1) * g->sh + at >= g->h)
        end--;
    struct row row = {.x = dy + ((ptrdiff_t)first * g->ow + j) * g->f,
                      .xs = (ptrdiff_t)g->ow * g->f,
                      .offset = &no_offset,
                      .taps = 1,
                      .channels = g->f,
                      .resume = true,
                      .ys = g->sh * line};
    to += (first * g->sh + at) * line + (ptrdiff_t)j * g->sw * g->c;
    for (int lane = 0, all = g->kw * g->c; lane < all; lane += row.width) {
        row.width = block_width(all - lane);
        row.ws = block_lanes(row.width);
        row.w = packed;
        row.y = to + lane;
        NATIVE(row)(&row, end - first);
        packed += g->f * row.ws;
    }
}

/* Columns whose windows do not overlap follow each other, so that no sum waits for the one before
 * to reach the cache. */
static void add_sample(const struct conv2d *g, const float *dy, const float *packed, float *to,
                       ptrdiff_t line)
{
    int apart = up(g->kw, g->sw);
    for (int r = 0; r < g->kh; r++, packed += (size_t)g->f * lanes_of(g))
        for (int start = 0; start < apart; start++)
            for (int j = start; j < g->ow; j += apart)
                add_column(g, dy, r, j, packed, to, line);
}

void NATIVE(scatter_run)(const struct conv2d *g, const float *dy, const float *packed, float *dx,
                         float *scratch)
{
    struct image image = image_of(g);
    ptrdiff_t line = (ptrdiff_t)image.width * g->c, own = (ptrdiff_t)g->w * g->c;
    float *to = image.width > g->w ? scratch : NULL;
    for (int n = 0; n < g->n; n++, dy += (ptrdiff_t)g->oh * g->ow * g->f, dx += g->h * own) {
        float *start = to ? to : dx;
        memset(start, 0, image_size(g) * sizeof *start);
        add_sample(g, dy, packed, start, line);
        for (int i = 0; to && i < g->h; i++)
            memcpy(dx + i * own, to + i * line + (ptrdiff_t)image.left * g->c,
                   (size_t)own * sizeof *dx);
    }
}
