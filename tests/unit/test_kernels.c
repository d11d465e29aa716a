/* Backends against the reference on random geometries; scratch, alignment, NaN; and that a
 * microbatch's results depend on nothing but its samples and the parameters. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "golden.h"
#include "test.h"

/* Of the largest element; sums of up to 4,000 products in two different orders. */
#define TOLERANCE 3e-6

/* ---- Random numbers and buffers ---- */

static uint32_t drawn;

static int draw(int low, int high)
{
    struct rng_key key = rng_key(3, RNG_TEST, 0, 0, 0);
    return low + (int)(rng_word(&key, drawn++) % (uint32_t)(high - low + 1));
}

static float *filled(struct pool *pool, size_t n)
{
    float *v = pool_alloc(pool, (n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = generator_number(drawn, (uint32_t)i);
    drawn++;
    return v;
}

/* A buffer whose old numbers must not matter: NaN; with a guard behind it. */
enum { GUARD = 8 };
#define GUARD_VALUE 12345.0f

static float *dirty(struct pool *pool, size_t n)
{
    float *v = pool_alloc(pool, (n + GUARD) * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = NAN;
    for (size_t i = n; i < n + GUARD; i++)
        v[i] = GUARD_VALUE;
    return v;
}

static bool guarded(const float *v, size_t n)
{
    for (size_t i = n; i < n + GUARD; i++)
        if (v[i] != GUARD_VALUE)
            return false;
    return true;
}

/* ---- Convolution ---- */

static int window_out(int in, int reach, int stride, bool same)
{
    return same ? (in + stride - 1) / stride : (in - reach) / stride + 1;
}

static struct conv2d draw_conv2d(void)
{
    static const int channels[] = {1, 2, 3, 4, 6, 7, 8, 16, 17};
    struct conv2d g = {.n = draw(1, 4),
                       .c = channels[draw(0, 8)],
                       .f = channels[draw(0, 8)],
                       .kh = draw(1, 5),
                       .kw = draw(1, 5),
                       .sh = draw(1, 3),
                       .sw = draw(1, 3),
                       .dh = draw(1, 3),
                       .dw = draw(1, 3)};
    if (draw(0, 3) == 0)
        g.kh = g.kw = 1; /* backends take a short way there */
    int high = (g.kh - 1) * g.dh + 1, wide = (g.kw - 1) * g.dw + 1;
    bool same = draw(0, 1);
    g.h = same ? draw(1, 10) : high + draw(0, 6);
    g.w = same ? draw(1, 10) : wide + draw(0, 6);
    g.oh = window_out(g.h, high, g.sh, same);
    g.ow = window_out(g.w, wide, g.sw, same);
    int rows = (g.oh - 1) * g.sh + high - g.h, columns = (g.ow - 1) * g.sw + wide - g.w;
    g.pt = same && rows > 0 ? rows / 2 : 0;
    g.pl = same && columns > 0 ? columns / 2 : 0;
    return g;
}

static const char *conv2d_text(const struct conv2d *g, const char *what, const char *backend)
{
    static char text[240];
    snprintf(text, sizeof text,
             "%s on %s: n %d, %dx%dx%d to %dx%dx%d, kernel %dx%d, strides %d %d, dilation %d %d, "
             "padding %d %d",
             what, backend, g->n, g->h, g->w, g->c, g->oh, g->ow, g->f, g->kh, g->kw, g->sh, g->sw,
             g->dh, g->dw, g->pt, g->pl);
    return text;
}

struct conv2d_data {
    size_t x, y, w;                        /* sizes */
    float *in, *weights, *bias, *gradient; /* read */
    float *out, *dx, *dw;                  /* results */
};

static void run_conv2d(const struct kernels *k, const struct conv2d *g, struct conv2d_data *d,
                       struct pool *pool)
{
    size_t scratch_size = k->conv2d_scratch(g);
    float *scratch = dirty(pool, scratch_size);
    d->out = dirty(pool, d->y);
    d->dx = dirty(pool, d->x);
    d->dw = dirty(pool, d->w);
    k->conv2d_forward(g, d->in, d->weights, d->bias, d->out, scratch);
    k->conv2d_backward_data(g, d->gradient, d->weights, d->dx, scratch);
    k->conv2d_backward_weights(g, d->in, d->gradient, d->dw, scratch);
    if (!guarded(scratch, scratch_size) || !guarded(d->out, d->y) || !guarded(d->dx, d->x) ||
        !guarded(d->dw, d->w))
        test_fail("%s", conv2d_text(g, "written behind a buffer's end", k->name));
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

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
    struct conv2d_data want = d;
    run_conv2d(&kernels_reference, g, &want, &pool);
    if (!d.bias)
        check_transpose(g, &want, "reference");
    for (size_t k = 0; kernels_all[k]; k++) {
        const char *name = kernels_all[k]->name;
        run_conv2d(kernels_all[k], g, &d, &pool);
        expect_near(conv2d_text(g, "forward", name), d.out, want.out, d.y, TOLERANCE, 0.1);
        expect_near(conv2d_text(g, "data", name), d.dx, want.dx, d.x, TOLERANCE, 0.1);
        expect_near(conv2d_text(g, "weights", name), d.dw, want.dw, d.w, TOLERANCE, 0.1);
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
                       .f = 3,
                       .kh = 3,
                       .kw = 3,
                       .sh = 1,
                       .sw = 1,
                       .dh = 1,
                       .dw = 1};
    for (size_t k = 0; kernels_all[k]; k++) {
        struct pool pool = {0};
        struct conv2d_data d = {.x = 50, .y = 27, .w = 54};
        d.in = filled(&pool, d.x);
        d.weights = filled(&pool, d.w);
        d.gradient = filled(&pool, d.y);
        d.in[0] = NAN; /* pixel (0,0) is in the window of output (0,0) only */
        run_conv2d(kernels_all[k], &g, &d, &pool);
        for (size_t i = 0; i < d.y; i++)
            CU_ASSERT_EQUAL(isnan(d.out[i]) != 0, i < 3);
        d.in[0] = 0.0f;
        d.weights[0] = INFINITY;
        run_conv2d(kernels_all[k], &g, &d, &pool);
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
        for (size_t k = 0; kernels_all[k]; k++)
            check_pool2d(kernels_all[k], &g);
    }
}

static void poolings_keep_nan(void)
{
    for (size_t k = 0; kernels_all[k]; k++)
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
                kernels_all[k]->pool2d_forward(&g, x, &y);
                CU_ASSERT(isnan(y));
                float low[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
                kernels_all[k]->pool2d_forward(&g, low, &y);
                CU_ASSERT(isinf(y) && y < 0.0f);
            }
}

/* ---- Products and rows ---- */

struct product {
    bool ta, tb;
    int m, n, k, lda, ldb, ldc;
    float beta;
};

static struct product draw_product(void)
{
    static const float betas[] = {0.0f, 1.0f, -0.5f};
    struct product p = {.ta = draw(0, 1),
                        .tb = draw(0, 1),
                        .m = draw(1, 40),
                        .n = draw(1, 40),
                        .k = draw(1, 70),
                        .beta = betas[draw(0, 2)]};
    if (draw(0, 4) == 0) /* vectors: backends take other ways there */
        *(draw(0, 1) ? &p.m : &p.n) = 1;
    p.lda = (p.ta ? p.m : p.k) + draw(0, 3);
    p.ldb = (p.tb ? p.k : p.n) + draw(0, 3);
    p.ldc = p.n + draw(0, 3);
    return p;
}

/* C as the formula has it; what lies between the rows stays. */
static void exact_product(const struct product *p, const float *a, const float *b, const float *old,
                          float *c)
{
    memcpy(c, old, (size_t)(p->m * p->ldc) * sizeof *c);
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++) {
            double sum = p->beta == 0.0f ? 0.0 : (double)p->beta * (double)old[i * p->ldc + j];
            for (int l = 0; l < p->k; l++)
                sum += (double)a[p->ta ? l * p->lda + i : i * p->lda + l] *
                       (double)b[p->tb ? j * p->ldb + l : l * p->ldb + j];
            c[i * p->ldc + j] = (float)sum;
        }
}

static void products(void)
{
    for (int i = 0; i < 600; i++) {
        struct pool pool = {0};
        struct product p = draw_product();
        size_t size = (size_t)(p.m * p.ldc);
        float *a = filled(&pool, (size_t)((p.ta ? p.k : p.m) * p.lda));
        float *b = filled(&pool, (size_t)((p.tb ? p.n : p.k) * p.ldb));
        float *old = p.beta == 0.0f ? dirty(&pool, size) : filled(&pool, size);
        float *want = pool_alloc(&pool, size * sizeof *want), *c = dirty(&pool, size);
        exact_product(&p, a, b, old, want);
        for (size_t k = 0; kernels_all[k]; k++) {
            char what[160];
            snprintf(what, sizeof what, "gemm on %s: %d %d, m %d, n %d, k %d, ld %d %d %d, beta %g",
                     kernels_all[k]->name, p.ta, p.tb, p.m, p.n, p.k, p.lda, p.ldb, p.ldc,
                     (double)p.beta);
            memcpy(c, old, size * sizeof *c);
            kernels_all[k]->gemm(p.ta, p.tb, p.m, p.n, p.k, a, p.lda, b, p.ldb, p.beta, c, p.ldc);
            expect_near(what, c, want, size, TOLERANCE, 0.1);
            CU_ASSERT(guarded(c, size));
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
        kernels_add_bias(n, width, b, y);
        CU_ASSERT(y[0] == first + b[0] && y[n * width - 1] == last + b[width - 1]);
        CU_ASSERT(guarded(db, width));
        pool_release(&pool);
    }
}

/* ---- Exactness ---- */

/* The same numbers at other addresses give the same bits. */
static void alignment(void)
{
    for (int i = 0; i < 60; i++) {
        struct conv2d g = draw_conv2d();
        for (size_t k = 0; kernels_all[k]; k++) {
            struct pool pool = {0};
            struct conv2d_data d = {.x = (size_t)(g.n * g.h * g.w * g.c),
                                    .y = (size_t)(g.n * g.oh * g.ow * g.f),
                                    .w = (size_t)(g.kh * g.kw * g.c * g.f)};
            d.in = filled(&pool, d.x);
            d.weights = filled(&pool, d.w);
            d.gradient = filled(&pool, d.y);
            d.bias = filled(&pool, (size_t)g.f);
            struct conv2d_data moved = d;
            moved.in = filled(&pool, d.x + 3) + 3;
            moved.weights = filled(&pool, d.w + 1) + 1;
            moved.gradient = filled(&pool, d.y + 2) + 2;
            memcpy(moved.in, d.in, d.x * sizeof(float));
            memcpy(moved.weights, d.weights, d.w * sizeof(float));
            memcpy(moved.gradient, d.gradient, d.y * sizeof(float));
            run_conv2d(kernels_all[k], &g, &d, &pool);
            run_conv2d(kernels_all[k], &g, &moved, &pool);
            if (memcmp(d.out, moved.out, d.y * sizeof(float)) != 0 ||
                memcmp(d.dx, moved.dx, d.x * sizeof(float)) != 0 ||
                memcmp(d.dw, moved.dw, d.w * sizeof(float)) != 0)
                test_fail("%s",
                          conv2d_text(&g, "other bits at another address", kernels_all[k]->name));
            pool_release(&pool);
        }
    }
}

#define GRAPH                                                                                      \
    "{input: [9, 9, 3], layers: [{Conv2D: {name: a, filters: 7, kernel_size: 3, padding: same, "   \
    "activation: tanh}}, {Conv2D: {name: b, filters: 7, kernel_size: 5, padding: same}}, "         \
    "{BatchNormalization: {name: c, inputs: [a], activation: relu}}, {Add: {name: d, inputs: "     \
    "[a, b, c, a]}}, {MaxPooling2D: {name: e}}, {ZeroPadding2D: {name: f}}, {Conv2D: {name: g, "   \
    "filters: 5, kernel_size: 1, strides: 2, activation: sigmoid}}, {AveragePooling2D: {name: h, " \
    "pool_size: 3, strides: 1, padding: same}}, {Dropout: {name: i, rate: 0.25}}, {Flatten: "      \
    "{name: j}}, {Dense: {name: k, units: 11, activation: tanh}}, {Dense: {name: l, units: 4, "    \
    "activation: softmax}}]}"

enum { SAMPLES = 3, INPUT = 9 * 9 * 3, OUTPUT = 4 };

/* All that a microbatch yields. */
struct results {
    float y[SAMPLES * OUTPUT], dx[SAMPLES * INPUT], gradient[8192];
    double stats[64];
};

/* Runs microbatch number which, with its results at an offset of some floats from where they lie.
 */
static void run_microbatch(struct model *model, uint32_t which, struct results *out)
{
    static float x[SAMPLES * INPUT], dy[SAMPLES * OUTPUT];
    const uint32_t ids[SAMPLES] = {7 * which, 7 * which + 3, 7 * which + 1};
    for (uint32_t i = 0; i < SAMPLES * INPUT; i++)
        x[i] = generator_number(which, i);
    for (uint32_t i = 0; i < SAMPLES * OUTPUT; i++)
        dy[i] = generator_number(which + 1000, i);
    CU_ASSERT_FATAL(model->trainable <= 8192 && model->stats <= 64);
    memset(out, 0, sizeof *out);
    struct model_batch batch = {
        .n = SAMPLES, .training = true, .step = 5, .ids = ids, .x = x, .stats = out->stats};
    memcpy(out->y, model_forward(model, &batch), sizeof out->y);
    model_backward(model, &batch, dy, out->gradient, out->dx);
}

static struct model *graph(const struct kernels *kernels, int microbatch, float arena,
                           struct pool *pool)
{
    struct model *model = build_model(GRAPH, kernels, microbatch, NULL, pool);
    model_init(model);
    for (size_t i = 0; i < model->arena_size; i++)
        model->arena[i] = arena;
    return model;
}

/* A microbatch after others, in memory full of NaN, in a model made for larger ones: the same bits.
 */
static void microbatches_are_independent(void)
{
    static struct results alone, later, wide;
    for (size_t k = 0; kernels_all[k]; k++) {
        struct pool pool = {0};
        struct model *clean = graph(kernels_all[k], SAMPLES, 0.0f, &pool);
        struct model *used = graph(kernels_all[k], SAMPLES, NAN, &pool);
        struct model *wider = graph(kernels_all[k], 2 * SAMPLES + 1, NAN, &pool);
        run_microbatch(clean, 1, &alone);
        CU_ASSERT(isfinite(dot(alone.gradient, alone.gradient, clean->trainable)));
        CU_ASSERT(dot(alone.gradient, alone.gradient, clean->trainable) > 0.0);
        run_microbatch(used, 2, &later);
        CU_ASSERT(memcmp(alone.gradient, later.gradient, sizeof alone.gradient) != 0);
        run_microbatch(used, 1, &later);
        CU_ASSERT(memcmp(&alone, &later, sizeof alone) == 0);
        run_microbatch(wider, 1, &wide);
        CU_ASSERT(memcmp(&alone, &wide, sizeof alone) == 0);
        model_free(clean);
        model_free(used);
        model_free(wider);
        pool_release(&pool);
    }
}

/* On the reference backend a sample's output does not depend on its company. */
static void samples_are_independent(void)
{
    struct pool pool = {0};
    struct model *model = graph(&kernels_reference, 4, NAN, &pool);
    static float x[4 * INPUT];
    float together[4 * OUTPUT];
    for (uint32_t i = 0; i < 4 * INPUT; i++)
        x[i] = generator_number(9, i);
    struct model_batch batch = {.n = 4, .x = x};
    memcpy(together, model_forward(model, &batch), sizeof together);
    for (size_t s = 0; s < 4; s++) {
        struct model_batch one = {.n = 1, .x = x + s * INPUT};
        CU_ASSERT(memcmp(model_forward(model, &one), together + s * OUTPUT,
                         OUTPUT * sizeof *together) == 0);
    }
    model_free(model);
    pool_release(&pool);
}

const struct test tests_kernels[] = {{"convolutions", convolutions},
                                     {"convolutions_keep_nan", convolutions_keep_nan},
                                     {"poolings", poolings},
                                     {"poolings_keep_nan", poolings_keep_nan},
                                     {"products", products},
                                     {"rows", rows},
                                     {"alignment", alignment},
                                     {"microbatches_are_independent", microbatches_are_independent},
                                     {"samples_are_independent", samples_are_independent},
                                     {0}};

TEST_MAIN(tests_kernels)
