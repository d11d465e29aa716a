/* Depthwise convolution: every backend against the formula on random geometries, and the same bits
 * from every instruction set and at any address. */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "kernel_cases.h"
#include "test.h"

/* Of the largest element; sums of up to 400 products in two different orders. */
#define TOLERANCE 2e-6

static struct conv2d draw_depthwise(void)
{
    static const int channels[] = {1, 3, 8, 15, 16, 17, 24, 33, 40, 50};
    struct conv2d g = draw_conv2d();
    g.c = g.f = channels[draw(0, 9)];
    if (draw(0, 4) == 0) { /* rows of several tiles */
        int more = draw(8, 30);
        g.w += more * g.sw;
        g.ow += more;
    }
    return g;
}

static struct conv2d_data draw_data(const struct conv2d *g, struct pool *pool)
{
    struct conv2d_data d = {.x = (size_t)(g->n * g->h * g->w * g->c),
                            .y = (size_t)(g->n * g->oh * g->ow * g->c),
                            .w = (size_t)(g->kh * g->kw * g->c)};
    d.in = filled(pool, d.x);
    d.weights = filled(pool, d.w);
    d.gradient = filled(pool, d.y);
    d.bias = draw(0, 1) ? filled(pool, (size_t)g->c) : NULL;
    d.relu = draw(0, 1);
    return d;
}

static void run(const struct kernels *k, const struct conv2d *g, struct conv2d_data *d,
                struct pool *pool)
{
    d->out = dirty(pool, d->y);
    d->dx = dirty(pool, d->x);
    d->dw = dirty(pool, d->w);
    k->depthwise_forward(g, d->in, d->weights, d->bias, d->relu, d->out);
    k->depthwise_backward_data(g, d->gradient, d->weights, d->dx);
    k->depthwise_backward_weights(g, d->in, d->gradient, d->dw);
    if (!guarded(d->out, d->y) || !guarded(d->dx, d->x) || !guarded(d->dw, d->w))
        test_fail("%s", conv2d_text(g, "depthwise wrote behind a buffer's end", k->name));
}

/* Sums in double. */
struct sums {
    double *y, *dx, *dw;
};

static void add_pixel(const struct conv2d *g, const struct conv2d_data *d, struct sums *s, int n,
                      int i, int j)
{
    for (int t = 0; t < g->kh * g->kw * g->c; t++) {
        int c = t % g->c, tap = t / g->c;
        int row = i * g->sh - g->pt + tap / g->kw * g->dh;
        int column = j * g->sw - g->pl + tap % g->kw * g->dw;
        if (row < 0 || row >= g->h || column < 0 || column >= g->w)
            continue;
        int x = ((n * g->h + row) * g->w + column) * g->c + c;
        int y = ((n * g->oh + i) * g->ow + j) * g->c + c;
        s->y[y] += (double)d->in[x] * (double)d->weights[t];
        s->dx[x] += (double)d->gradient[y] * (double)d->weights[t];
        s->dw[t] += (double)d->gradient[y] * (double)d->in[x];
    }
}

static float *rounded(const double *v, size_t n, struct pool *pool)
{
    float *result = dirty(pool, n);
    for (size_t i = 0; i < n; i++)
        result[i] = (float)v[i];
    return result;
}

static struct conv2d_data formula(const struct conv2d *g, const struct conv2d_data *d,
                                  struct pool *pool)
{
    struct sums s = {pool_alloc(pool, d->y * sizeof(double)),
                     pool_alloc(pool, d->x * sizeof(double)),
                     pool_alloc(pool, d->w * sizeof(double))};
    for (size_t i = 0; i < d->y && d->bias; i++)
        s.y[i] = (double)d->bias[i % (size_t)g->c];
    for (int n = 0; n < g->n; n++)
        for (int i = 0; i < g->oh; i++)
            for (int j = 0; j < g->ow; j++)
                add_pixel(g, d, &s, n, i, j);
    for (size_t i = 0; i < d->y && d->relu; i++)
        s.y[i] = fmax(s.y[i], 0.0);
    struct conv2d_data want = *d;
    want.out = rounded(s.y, d->y, pool);
    want.dx = rounded(s.dx, d->x, pool);
    want.dw = rounded(s.dw, d->w, pool);
    return want;
}

static void by_formula(void)
{
    for (int i = 0; i < 400; i++) {
        struct pool pool = {0};
        struct conv2d g = draw_depthwise();
        struct conv2d_data d = draw_data(&g, &pool), want = formula(&g, &d, &pool);
        for (size_t k = 0; kernels_all()[k]; k++) {
            const char *name = kernels_all()[k]->name;
            run(kernels_all()[k], &g, &d, &pool);
            expect_near(conv2d_text(&g, "depthwise forward", name), d.out, want.out, d.y, TOLERANCE,
                        0.1);
            expect_near(conv2d_text(&g, "depthwise data", name), d.dx, want.dx, d.x, TOLERANCE,
                        0.1);
            expect_near(conv2d_text(&g, "depthwise weights", name), d.dw, want.dw, d.w, TOLERANCE,
                        0.1);
        }
        pool_release(&pool);
    }
}

static float *moved(const float *v, size_t n, size_t by, struct pool *pool)
{
    float *copy = filled(pool, n + by);
    return memcpy(copy + by, v, n * sizeof *v);
}

static bool same_results(const struct conv2d_data *a, const struct conv2d_data *b)
{
    return memcmp(a->out, b->out, a->y * sizeof(float)) == 0 &&
           memcmp(a->dx, b->dx, a->x * sizeof(float)) == 0 &&
           memcmp(a->dw, b->dw, a->w * sizeof(float)) == 0;
}

static void same_bits(void)
{
    const struct kernels *const *all = kernels_all();
    for (int i = 0; i < 400; i++) {
        struct pool pool = {0};
        struct conv2d g = draw_depthwise();
        struct conv2d_data first = draw_data(&g, &pool), d = first;
        d.in = moved(first.in, d.x, 3, &pool);
        d.weights = moved(first.weights, d.w, 1, &pool);
        d.gradient = moved(first.gradient, d.y, 2, &pool);
        run(all[0], &g, &first, &pool);
        for (size_t k = 0; all[k]; k++) {
            if (strcmp(all[k]->name, all[0]->name) != 0)
                continue;
            run(all[k], &g, &d, &pool);
            if (!same_results(&first, &d))
                test_fail("%s", conv2d_text(&g, "depthwise: other bits", all[k]->isa));
        }
        pool_release(&pool);
    }
}

/* A NaN reaches the outputs of its channel whose window it is in, and no others. */
static void keeps_nan(void)
{
    enum { CHANNELS = 19 };
    const struct conv2d g = {.n = 1,
                             .h = 3,
                             .w = 12,
                             .c = CHANNELS,
                             .oh = 1,
                             .ow = 10,
                             .f = CHANNELS,
                             .kh = 3,
                             .kw = 3,
                             .sh = 1,
                             .sw = 1,
                             .dh = 1,
                             .dw = 1};
    for (size_t k = 0; kernels_all()[k]; k++)
        for (size_t channel = 0; channel < CHANNELS; channel += 17) {
            struct pool pool = {0};
            struct conv2d_data d = draw_data(&g, &pool);
            d.in[4 * CHANNELS + channel] = NAN; /* column 4: in the windows of 2, 3, 4 */
            run(kernels_all()[k], &g, &d, &pool);
            for (size_t i = 0; i < d.y; i++) {
                size_t column = i / CHANNELS;
                CU_ASSERT_EQUAL(isnan(d.out[i]) != 0,
                                i % CHANNELS == channel && column >= 2 && column <= 4);
            }
            pool_release(&pool);
        }
}

const struct test tests_depthwise[] = {
    {"by_formula", by_formula}, {"same_bits", same_bits}, {"keeps_nan", keeps_nan}, {0}};

TEST_MAIN(tests_depthwise)
