/* Dense layers as matrix products in which the kernel is read where it lies: lanes run across the
 * outputs forward and for the weight gradient, across the samples for the data gradient. */
#include "kernels/native/native.h"
#include "kernels/native/tile.h"

/* Inputs of one pass over the kernel: so many of its rows stay in the cache for all samples. A
 * multiple of all tile sizes. */
enum { CHUNK = 168 };

static const ptrdiff_t no_offset = 0;

static int at_most(int left, int most)
{
    return left < most ? left : most;
}

size_t NATIVE(dense_scratch)(const struct dense *g)
{
    return (size_t)(g->out + CHUNK) * 2 * LANES;
}

void NATIVE(dense_forward)(const struct dense *g, const float *x, const float *w, const float *b,
                           bool relu, float *y)
{
    for (int k = 0, inputs; k < g->in; k += inputs) {
        inputs = at_most(g->in - k, CHUNK);
        struct row row = {.xs = g->in,
                          .x = x + k,
                          .offset = &no_offset,
                          .taps = 1,
                          .channels = inputs,
                          .ws = g->out,
                          .resume = k > 0,
                          .relu = relu && k + inputs == g->in,
                          .ys = g->out};
        for (int f = 0; f < g->out; f += row.width) {
            row.width = block_width(g->out - f);
            row.w = w + (ptrdiff_t)k * g->out + f;
            row.start = b ? b + f : NULL;
            row.y = y + f;
            NATIVE(row)(&row, g->n);
        }
    }
}

/* to[column*lanes + row] = from[row*width + column], lanes from rows on are 0. */
static void transpose_in(const float *from, int rows, int width, int lanes, float *to)
{
    for (int c = 0; c < width; c++)
        for (int r = 0; r < lanes; r++)
            to[(ptrdiff_t)c * lanes + r] = r < rows ? from[(ptrdiff_t)r * width + c] : 0.0f;
}

/* to[row*stride + column] = from[column*lanes + row] */
static void transpose_out(const float *from, int lanes, int rows, int columns, ptrdiff_t stride,
                          float *to)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            to[r * stride + c] = from[(ptrdiff_t)c * lanes + r];
}

/* For the samples of one block: gradient[out][lanes] times the kernel, some inputs at a time. */
static void backward_block(const struct dense *g, const float *dy, int samples, int lanes,
                           const float *w, float *dx, float *scratch)
{
    float *gradient = scratch, *result = scratch + (ptrdiff_t)g->out * lanes;
    transpose_in(dy, samples, g->out, lanes, gradient);
    struct row row = {.xs = g->out,
                      .offset = &no_offset,
                      .taps = 1,
                      .channels = g->out,
                      .w = gradient,
                      .ws = lanes,
                      .y = result,
                      .ys = lanes,
                      .width = lanes};
    for (int i = 0, inputs; i < g->in; i += inputs) {
        inputs = at_most(g->in - i, CHUNK);
        row.x = w + (ptrdiff_t)i * g->out;
        NATIVE(row)(&row, inputs);
        transpose_out(result, lanes, samples, inputs, g->in, dx + i);
    }
}

void NATIVE(dense_backward_data)(const struct dense *g, const float *dy, const float *w, float *dx,
                                 float *scratch)
{
    for (int n = 0, samples; n < g->n; n += samples) {
        samples = block_width(g->n - n);
        backward_block(g, dy + (ptrdiff_t)n * g->out, samples, block_lanes(samples), w,
                       dx + (ptrdiff_t)n * g->in, scratch);
    }
}

void NATIVE(dense_backward_weights)(const struct dense *g, const float *x, const float *dy,
                                    float *dw)
{
    struct outer outer = {.xs = g->in, .ys = g->out, .rows = 1, .pixels = g->n, .ws = g->out};
    for (int i = 0, inputs; i < g->in; i += inputs) {
        inputs = at_most(g->in - i, CHUNK);
        outer.x = x + i;
        for (int f = 0; f < g->out; f += outer.width) {
            outer.width = block_width(g->out - f);
            outer.y = dy + f;
            outer.w = dw + (ptrdiff_t)i * g->out + f;
            NATIVE(outer)(&outer, inputs);
        }
    }
}
