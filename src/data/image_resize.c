/* Resizing by whole-number weights; the formulas are in image.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/image.h"

/* Along one axis, an output pixel is a sum of `count` input pixels from `first` on, with weights
 * that add up to `total`. */
struct span {
    size_t first, count;
    uint64_t *weight;
};
struct axis {
    uint64_t total;
    struct span *span; /* of every output pixel */
    uint64_t *weights;
};

static void add(struct span *span, size_t pixel, uint64_t weight)
{
    if (weight == 0)
        return;
    if (span->count == 0)
        span->first = pixel;
    span->weight[pixel - span->first] += weight; /* a repeated border comes twice */
    span->count = pixel - span->first + 1;
}

static void nearest(size_t n, size_t m, size_t i, struct span *span)
{
    add(span, (2 * i + 1) * m / (2 * n), 1);
}

/* In units of 1/(2n) the centre is at (2i+1)m, and input pixel j at (2j+1)n. */
static void bilinear(size_t n, size_t m, size_t i, struct span *span)
{
    int64_t unit = 2 * (int64_t)n, from_first = (int64_t)((2 * i + 1) * m) - (int64_t)n;
    int64_t left = from_first < 0 ? -1 : from_first / unit, rest = from_first - left * unit;
    add(span, left < 0 ? 0 : (size_t)left, (uint64_t)(unit - rest));
    add(span, left + 1 < (int64_t)m ? (size_t)(left + 1) : m - 1, (uint64_t)rest);
}

/* In units of 1/n, input pixel j is [jn, (j+1)n), the output pixel [im, (i+1)m). */
static void area(size_t n, size_t m, size_t i, struct span *span)
{
    for (size_t j = i * m / n; j * n < (i + 1) * m; j++) {
        size_t begin = j * n > i * m ? j * n : i * m;
        size_t end = (j + 1) * n < (i + 1) * m ? (j + 1) * n : (i + 1) * m;
        add(span, j, end - begin);
    }
}

static void axis_release(struct axis *axis)
{
    free(axis->span);
    free(axis->weights);
}

/* n output pixels from m. */
static enum status axis_init(struct axis *axis, enum image_interpolation interpolation, size_t n,
                             size_t m)
{
    static void (*const spans[])(size_t, size_t, size_t,
                                 struct span *) = {[INTERPOLATE_NEAREST] = nearest,
                                                   [INTERPOLATE_BILINEAR] = bilinear,
                                                   [INTERPOLATE_AREA] = area};
    const uint64_t totals[] = {[INTERPOLATE_NEAREST] = 1,
                               [INTERPOLATE_BILINEAR] = 2 * (uint64_t)n,
                               [INTERPOLATE_AREA] = m};
    size_t most = interpolation == INTERPOLATE_AREA ? m / n + 2 : 2;
    axis->total = totals[interpolation];
    axis->span = calloc(n, sizeof *axis->span);
    axis->weights = calloc(n * most, sizeof *axis->weights);
    FAIL_IF(!axis->span || !axis->weights, ST_DATA, "not enough memory to resize %zu to %zu", m, n);
    for (size_t i = 0; i < n; i++) {
        axis->span[i].weight = axis->weights + i * most;
        spans[interpolation](n, m, i, &axis->span[i]);
    }
    return ST_OK;
}

/* One input row to sums of the output's width. Below 2^24 * 255 each, so that 2^24 rows of them,
 * weighted, fit 64 bits. */
static void sum_row(const unsigned char *in, size_t channels, const struct axis *across,
                    size_t width, uint64_t *out)
{
    for (size_t x = 0; x < width; x++)
        for (size_t c = 0; c < channels; c++) {
            const struct span *span = &across->span[x];
            const unsigned char *p = in + span->first * channels + c;
            uint64_t sum = 0;
            for (size_t k = 0; k < span->count; k++)
                sum += span->weight[k] * p[k * channels];
            *out++ = sum;
        }
}

static void resize(const unsigned char *in, size_t stride, size_t channels, const struct axis *down,
                   const struct axis *across, size_t height, size_t width, uint64_t *room,
                   unsigned char *out)
{
    size_t row = width * channels;
    uint64_t *line = room, *sum = room + row, total = down->total * across->total;
    for (size_t y = 0; y < height; y++, out += row) {
        const struct span *span = &down->span[y];
        memset(sum, 0, row * sizeof *sum);
        for (size_t k = 0; k < span->count; k++) {
            sum_row(in + (span->first + k) * stride, channels, across, width, line);
            for (size_t i = 0; i < row; i++)
                sum[i] += span->weight[k] * line[i];
        }
        for (size_t i = 0; i < row; i++)
            out[i] = (unsigned char)((2 * sum[i] + total) / (2 * total));
    }
}

enum status image_resize(const char *path, const unsigned char *in, size_t in_height,
                         size_t in_width, size_t stride, size_t channels,
                         enum image_interpolation interpolation, size_t height, size_t width,
                         unsigned char *out)
{
    if (in_height == height && in_width == width) {
        for (size_t y = 0; y < height; y++)
            memcpy(out + y * width * channels, in + y * stride, width * channels);
        return ST_OK;
    }
    struct axis down = {0}, across = {0};
    uint64_t *room = calloc(2 * width * channels, sizeof *room);
    enum status status =
        room ? ST_OK : status_fail(ST_DATA, "%s: not enough memory to resize it", path);
    if (status == ST_OK)
        status = axis_init(&down, interpolation, height, in_height);
    if (status == ST_OK)
        status = axis_init(&across, interpolation, width, in_width);
    if (status == ST_OK)
        resize(in, stride, channels, &down, &across, height, width, room, out);
    axis_release(&down);
    axis_release(&across);
    free(room);
    return status;
}
