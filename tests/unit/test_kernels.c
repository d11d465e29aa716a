/* Backends against the reference on random geometries; scratch, NaN. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "kernel_cases.h"
#include "test.h"

/* Of the largest element; sums of up to 4,000 products in two different orders. */
#define TOLERANCE 3e-6
/* The transforms of F(4x4,3x3) multiply rounding errors by up to ten. */
#define WINOGRAD_TOLERANCE 2e-5

/* <dy, conv(x, w)> = <dx, x> = <dw, w>: backward is the transpose of forward. */
static void check_transpose(const struct conv2d *g, const struct conv2d_data *d, const char *name)
{
    double forward = dot(d->gradient, d->out, d->y);
    double size = sqrt(dot(d->gradient, d->gradient, d->y) * dot(d->out, d->out, d->y)) + 1.0;
    double data = dot(d->dx, d->in, d->x), weights = dot(d->dw, d->weights, d->w);
    if (!(fabs(forward - data) <= TOLERANCE * size && fabs(forward - weights) <= TOLERANCE * size))
        test_fail("%s: %.9g, %.9g, %.9g", conv2d_text(g, "not transposed", name), forward, data,
                  weights);
}

static void check_conv2d(const struct conv2d *g)
{
    struct pool pool = {0};
    struct conv2d_data d = {.x = (size_t)(g->n * g->h * g->w * g->c),
                            .y = (size_t)(g->n * g->oh * g->ow * g->f),
                            .w = (size_t)(g->kh * g->kw * g->c * g->f)};
    d.in = filled(&pool, d.x);
    d.weights = filled(&pool, d.w);
    d.gradient = filled(&pool, d.y);
    d.bias = draw(0, 1) ? filled(&pool, (size_t)g->f) : NULL;
    d.relu = d.bias && draw(0, 1);
    struct conv2d_data want = d;
    run_conv2d(&kernels_reference, g, &want, &pool);
    if (!d.bias)
        check_transpose(g, &want, "reference");
    for (size_t k = 0; kernels_all()[k]; k++) {
        const char *name = kernels_all()[k]->name;
        bool winograd = g->kh == 3 && g->kw == 3 && kernels_all()[k]->isa;
        double tolerance = winograd ? WINOGRAD_TOLERANCE : TOLERANCE;
        run_conv2d(kernels_all()[k], g, &d, &pool);
        expect_near(conv2d_text(g, "forward", name), d.out, want.out, d.y, tolerance, 0.1);
        expect_near(conv2d_text(g, "data", name), d.dx, want.dx, d.x, tolerance, 0.1);
        expect_near(conv2d_text(g, "weights", name), d.dw, want.dw, d.w, tolerance, 0.1);
    }
    pool_release(&pool);
}

static void convolutions(void)
{
    for (int i = 0; i < 600; i++) {
        struct conv2d g = draw_conv2d();
        check_conv2d(&g);
    }
}

/* A NaN in the input reaches the outputs whose window it is in, and no others. */
static void convolutions_keep_nan(void)
{
    struct conv2d g = {.n = 1,
                       .h = 5,
                       .w = 5,
                       .c = 2,
                       .oh = 3,
                       .ow = 3,
                       .f = 17, /* with fewer, native sums neighbouring pixels as one */
                       .kh = 3,
                       .kw = 3,
                       .sh = 1,
                       .sw = 1,
                       .dh = 1,
                       .dw = 1};
    for (size_t k = 0; kernels_all()[k]; k++) {
        struct pool pool = {0};
        struct conv2d_data d = {.x = 50, .y = 153, .w = 306};
        d.in = filled(&pool, d.x);
        d.weights = filled(&pool, d.w);
        d.gradient = filled(&pool, d.y);
        d.in[0] = NAN; /* pixel (0,0) is in the window of output (0,0) only */
        run_conv2d(kernels_all()[k], &g, &d, &pool);
        for (size_t i = 0; i < d.y; i++)
            CU_ASSERT_EQUAL(isnan(d.out[i]) != 0, i < 17);
        d.in[0] = 0.0f;
        d.weights[0] = INFINITY;
        run_conv2d(kernels_all()[k], &g, &d, &pool);
        CU_ASSERT(isnan(d.out[0])); /* 0 times infinity: no short way around zeros */
        pool_release(&pool);
    }
}

/* ---- Pooling ---- */

static struct pool2d draw_pool2d(void)
{
    struct pool2d g = {.n = draw(1, 3),
                       .c = draw(1, 9),
                       .kh = draw(1, 4),
                       .kw = draw(1, 4),
                       .sh = draw(1, 4),
                       .sw = draw(1, 4),
                       .average = draw(0, 1)};
    bool same = draw(0, 1);
    g.h = same ? draw(1, 9) : g.kh + draw(0, 6);
    g.w = same ? draw(1, 9) : g.kw + draw(0, 6);
    g.oh = window_out(g.h, g.kh, g.sh, same);
    g.ow = window_out(g.w, g.kw, g.sw, same);
    int rows = (g.oh - 1) * g.sh + g.kh - g.h, columns = (g.ow - 1) * g.sw + g.kw - g.w;
    g.pt = same && rows > 0 ? rows / 2 : 0;
    g.pl = same && columns > 0 ? columns / 2 : 0;
    return g;
}

/* The formula for one output; adds its gradient to dx in double. */
static double pool_one(const struct pool2d *g, const float *x, int n, int i, int j, int c,
                       double dy, double *dx)
{
    size_t inside[16] = {0}, count = 0, best = 0;
    double sum = 0.0;
    for (int r = 0; r < g->kh; r++)
        for (int s = 0; s < g->kw; s++) {
            int row = i * g->sh - g->pt + r, column = j * g->sw - g->pl + s;
            if (row < 0 || row >= g->h || column < 0 || column >= g->w)
                continue;
            inside[count] = (size_t)(((n * g->h + row) * g->w + column) * g->c + c);
            best = x[inside[count]] > x[inside[best]] ? count : best;
            sum += (double)x[inside[count++]];
        }
    for (size_t k = 0; k < count; k++)
        dx[inside[k]] += g->average ? dy / (double)count : k == best ? dy : 0.0;
    return g->average ? sum / (double)count : (double)x[inside[best]];
}

static void check_pool2d(const struct kernels *k, const struct pool2d *g)
{
    struct pool pool = {0};
    size_t inputs = (size_t)(g->n * g->h * g->w * g->c);
    size_t outputs = (size_t)(g->n * g->oh * g->ow * g->c), at = 0;
    float *x = filled(&pool, inputs), *dy = filled(&pool, outputs);
    float *y = dirty(&pool, outputs), *dx = dirty(&pool, inputs);
    double *exact = pool_alloc(&pool, inputs * sizeof *exact);
    for (size_t i = 0; i < inputs && draw(0, 1); i++)
        x[i] = (float)(int)(3.0f * x[i]); /* ties */
    k->pool2d_forward(g, x, y);
    k->pool2d_backward(g, x, dy, dx);
    double worst = 0.0;
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->oh; i++)
            for (int j = 0; j < g->ow; j++)
                for (int c = 0; c < g->c; c++, at++) {
                    double want = pool_one(g, x, n, i, j, c, (double)dy[at], exact);
                    worst = fmax(worst, fabs(want - (double)y[at]));
                }
    for (size_t i = 0; i < inputs; i++)
        worst = fmax(worst, fabs(exact[i] - (double)dx[i]));
    bool finite = isfinite(dot(y, y, outputs)) && isfinite(dot(dx, dx, inputs));
    if (!(worst <= 2e-6) || !finite || !guarded(y, outputs) || !guarded(dx, inputs))
        test_fail("%s pooling on %s: error %.2g; n %d, %dx%dx%d to %dx%d, window %dx%d, strides "
                  "%d %d, padding %d %d",
                  g->average ? "average" : "maximum", k->name, worst, g->n, g->h, g->w, g->c, g->oh,
                  g->ow, g->kh, g->kw, g->sh, g->sw, g->pt, g->pl);
    pool_release(&pool);
}

static void poolings(void)
{
    for (int i = 0; i < 400; i++) {
        struct pool2d g = draw_pool2d();
        for (size_t k = 0; kernels_all()[k]; k++)
            check_pool2d(kernels_all()[k], &g);
    }
}

static void poolings_keep_nan(void)
{
    for (size_t k = 0; kernels_all()[k]; k++)
        for (int average = 0; average < 2; average++)
            for (size_t place = 0; place < 4; place++) {
                struct pool2d g = {.n = 1,
                                   .h = 2,
                                   .w = 2,
                                   .c = 1,
                                   .oh = 1,
                                   .ow = 1,
                                   .kh = 2,
                                   .kw = 2,
                                   .sh = 2,
                                   .sw = 2,
                                   .average = average};
                float x[4] = {1.0f, -INFINITY, 3.0f, 2.0f}, y = 0.0f;
                x[place] = NAN;
                kernels_all()[k]->pool2d_forward(&g, x, &y);
                CU_ASSERT(isnan(y));
                float low[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
                kernels_all()[k]->pool2d_forward(&g, low, &y);
                CU_ASSERT(isinf(y) && y < 0.0f);
            }
}

/* ---- Dense ---- */

/* The formulas in double. */
static void exact_dense(const struct dense *g, const struct dense_data *d, struct dense_data *want,
                        struct pool *pool)
{
    want->out = pool_alloc(pool, d->y * sizeof(float));
    want->dx = pool_alloc(pool, d->x * sizeof(float));
    want->dw = pool_alloc(pool, d->w * sizeof(float));
    for (int n = 0; n < g->n; n++)
        for (int j = 0; j < g->out; j++) {
            double sum = d->bias ? (double)d->bias[j] : 0.0;
            for (int i = 0; i < g->in; i++)
                sum += (double)d->in[n * g->in + i] * (double)d->weights[i * g->out + j];
            want->out[n * g->out + j] = d->bias && sum < 0.0 ? 0.0f : (float)sum;
        }
    for (int i = 0; i < g->in; i++) {
        for (int n = 0; n < g->n; n++) {
            double sum = 0.0;
            for (int j = 0; j < g->out; j++)
                sum += (double)d->gradient[n * g->out + j] * (double)d->weights[i * g->out + j];
            want->dx[n * g->in + i] = (float)sum;
        }
        for (int j = 0; j < g->out; j++) {
            double sum = 0.0;
            for (int n = 0; n < g->n; n++)
                sum += (double)d->in[n * g->in + i] * (double)d->gradient[n * g->out + j];
            want->dw[i * g->out + j] = (float)sum;
        }
    }
}

static void dense(void)
{
    for (int i = 0; i < 400; i++) {
        struct pool pool = {0};
        struct dense g;
        struct dense_data d = draw_dense(&g, &pool), want = d;
        exact_dense(&g, &d, &want, &pool);
        for (size_t k = 0; kernels_all()[k]; k++) {
            const struct kernels *kernels = kernels_all()[k];
            run_dense(kernels, &g, &d, &pool);
            expect_near(dense_text(&g, "forward", kernels), d.out, want.out, d.y, TOLERANCE, 0.1);
            expect_near(dense_text(&g, "data", kernels), d.dx, want.dx, d.x, TOLERANCE, 0.1);
            expect_near(dense_text(&g, "weights", kernels), d.dw, want.dw, d.w, TOLERANCE, 0.1);
        }
        pool_release(&pool);
    }
}

static void rows(void)
{
    for (int i = 0; i < 50; i++) {
        struct pool pool = {0};
        size_t n = (size_t)draw(1, 300), width = (size_t)draw(1, 40);
        float *y = filled(&pool, n * width), *b = filled(&pool, width), *db = dirty(&pool, width);
        kernels_sum_rows(n, width, y, db);
        for (size_t f = 0; f < width; f++) {
            double sum = 0.0;
            for (size_t r = 0; r < n; r++)
                sum += (double)y[r * width + f];
            CU_ASSERT_DOUBLE_EQUAL((double)db[f], sum, 2e-7 * (double)n);
        }
        float first = y[0], last = y[n * width - 1];
        bool relu = draw(0, 1);
        kernels_finish(n, width, b, relu, y);
        first += b[0], last += b[width - 1];
        CU_ASSERT(y[0] == (relu && first < 0.0f ? 0.0f : first));
        CU_ASSERT(y[n * width - 1] == (relu && last < 0.0f ? 0.0f : last));
        CU_ASSERT(guarded(db, width));
        pool_release(&pool);
    }
}

const struct test tests_kernels[] = {{"convolutions", convolutions},
                                     {"convolutions_keep_nan", convolutions_keep_nan},
                                     {"poolings", poolings},
                                     {"poolings_keep_nan", poolings_keep_nan},
                                     {"dense", dense},
                                     {"rows", rows},
                                     {0}};

TEST_MAIN(tests_kernels)
