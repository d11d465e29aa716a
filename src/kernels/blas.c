/* The blas backend: convolutions as im2col and one sgemm a microbatch (K. Chellapilla et al., "High
 * Performance Convolutional Neural Networks for Document Processing", 2006).
 *
 * The shapes handed to sgemm depend on the layer and on the microbatch only, and OpenBLAS runs on
 * one thread, so results are the same on any number of ranks of one CPU type. */
#include <cblas.h>
#include <string.h>

#include "kernels/depthwise.h"
#include "kernels/kernels.h"
#include "kernels/pool.h"

void kernels_blas_init(void)
{
    openblas_set_num_threads(1);
}

const char *kernels_blas_core(void)
{
    return openblas_get_corename();
}

const char *kernels_blas_version(void)
{
    return openblas_get_config();
}

/* C[m,n] = op(A)[m,k] op(B)[k,n], row-major and without gaps; op transposes where ta, tb. */
static void gemm(bool ta, bool tb, int m, int n, int k, const float *a, const float *b, float *c)
{
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, m, n,
                k, 1.0f, a, ta ? m : k, b, tb ? k : n, 0.0f, c, n);
}

/* A 1x1 convolution without strides and padding reads its input as the matrix it is. */
static bool is_plain(const struct conv2d *g)
{
    return g->kh == 1 && g->kw == 1 && g->sh == 1 && g->sw == 1 && g->pt == 0 && g->pl == 0 &&
           g->oh == g->h && g->ow == g->w;
}

static int pixels(const struct conv2d *g)
{
    return g->n * g->oh * g->ow;
}

static int taps(const struct conv2d *g)
{
    return g->kh * g->kw * g->c;
}

static size_t conv2d_scratch(const struct conv2d *g)
{
    return is_plain(g) ? 0 : (size_t)pixels(g) * (size_t)taps(g);
}

/* Where tap (r,s) of output pixel (i,j) reads in sample n: the offset of its first channel, or -1
 * outside the image. */
static ptrdiff_t source(const struct conv2d *g, int n, int i, int j, int r, int s)
{
    int row = i * g->sh - g->pt + r * g->dh, column = j * g->sw - g->pl + s * g->dw;
    if (row < 0 || row >= g->h || column < 0 || column >= g->w)
        return -1;
    return (((ptrdiff_t)n * g->h + row) * g->w + column) * g->c;
}

/* columns[n*oh*ow, kh*kw*c] from x. */
static void im2col(const struct conv2d *g, const float *x, float *columns)
{
    size_t channels = (size_t)g->c;
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->oh; i++)
            for (int j = 0; j < g->ow; j++)
                for (int r = 0; r < g->kh; r++)
                    for (int s = 0; s < g->kw; s++, columns += channels) {
                        ptrdiff_t from = source(g, n, i, j, r, s);
                        for (size_t c = 0; c < channels; c++)
                            columns[c] = from < 0 ? 0.0f : x[(size_t)from + c];
                    }
}

/* The transpose of im2col: adds every column back to the pixel that it came from. */
static void col2im(const struct conv2d *g, const float *columns, float *x)
{
    size_t channels = (size_t)g->c;
    memset(x, 0, (size_t)g->n * (size_t)g->h * (size_t)g->w * channels * sizeof *x);
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->oh; i++)
            for (int j = 0; j < g->ow; j++)
                for (int r = 0; r < g->kh; r++)
                    for (int s = 0; s < g->kw; s++, columns += channels) {
                        ptrdiff_t to = source(g, n, i, j, r, s);
                        for (size_t c = 0; to >= 0 && c < channels; c++)
                            x[(size_t)to + c] += columns[c];
                    }
}

static const float *columns_of(const struct conv2d *g, const float *x, float *scratch)
{
    if (is_plain(g))
        return x;
    im2col(g, x, scratch);
    return scratch;
}

static void conv2d_forward(const struct conv2d *g, const float *x, const float *w, const float *b,
                           bool relu, float *y, float *scratch)
{
    const float *columns = columns_of(g, x, scratch);
    gemm(false, false, pixels(g), g->f, taps(g), columns, w, y);
    kernels_finish((size_t)pixels(g), (size_t)g->f, b, relu, y);
}

static void conv2d_backward_data(const struct conv2d *g, const float *dy, const float *w, float *dx,
                                 float *scratch)
{
    float *columns = is_plain(g) ? dx : scratch;
    gemm(false, true, pixels(g), taps(g), g->f, dy, w, columns);
    if (!is_plain(g))
        col2im(g, columns, dx);
}

static void conv2d_backward_weights(const struct conv2d *g, const float *x, const float *dy,
                                    float *dw, float *scratch)
{
    const float *columns = columns_of(g, x, scratch);
    gemm(true, false, taps(g), g->f, pixels(g), columns, dy, dw);
}

static void dense_forward(const struct dense *g, const float *x, const float *w, const float *b,
                          bool relu, float *y)
{
    gemm(false, false, g->n, g->out, g->in, x, w, y);
    kernels_finish((size_t)g->n, (size_t)g->out, b, relu, y);
}

static void dense_backward_data(const struct dense *g, const float *dy, const float *w, float *dx,
                                float *scratch)
{
    (void)scratch;
    gemm(false, true, g->n, g->in, g->out, dy, w, dx);
}

static void dense_backward_weights(const struct dense *g, const float *x, const float *dy,
                                   float *dw)
{
    gemm(true, false, g->in, g->out, g->n, x, dy, dw);
}

const struct kernels kernels_blas = {
    .name = "blas",
    .exact_across_cpus = false,
    .conv2d_forward = conv2d_forward,
    .conv2d_backward_data = conv2d_backward_data,
    .conv2d_backward_weights = conv2d_backward_weights,
    .conv2d_scratch = conv2d_scratch,
    .depthwise_forward = depthwise_forward,
    .depthwise_backward_data = depthwise_backward_data,
    .depthwise_backward_weights = depthwise_backward_weights,
    .dense_forward = dense_forward,
    .dense_backward_data = dense_backward_data,
    .dense_backward_weights = dense_backward_weights,
    .pool2d_forward = pool2d_forward,
    .pool2d_backward = pool2d_backward,
};
