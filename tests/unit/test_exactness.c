/* Exactness of the backends: the same bits at any address and from every instruction set, and a
 * microbatch's results depend on nothing but its samples and the parameters. */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "kernel_cases.h"
#include "test.h"

/* The same numbers at other addresses give the same bits. */
static void alignment(void)
{
    for (int i = 0; i < 60; i++) {
        struct conv2d g = draw_conv2d();
        for (size_t k = 0; kernels_all()[k]; k++) {
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
            run_conv2d(kernels_all()[k], &g, &d, &pool);
            run_conv2d(kernels_all()[k], &g, &moved, &pool);
            if (memcmp(d.out, moved.out, d.y * sizeof(float)) != 0 ||
                memcmp(d.dx, moved.dx, d.x * sizeof(float)) != 0 ||
                memcmp(d.dw, moved.dw, d.w * sizeof(float)) != 0)
                test_fail("%s",
                          conv2d_text(&g, "other bits at another address", kernels_all()[k]->name));
            pool_release(&pool);
        }
    }
}

static bool same_bits(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

/* The backends that promise it give the same bits on every instruction set that is here. */
static void instruction_sets(void)
{
    const struct kernels *const *all = kernels_all();
    for (int i = 0; i < 300; i++) {
        struct pool pool = {0};
        struct conv2d g = draw_conv2d();
        struct conv2d_data c = {.x = (size_t)(g.n * g.h * g.w * g.c),
                                .y = (size_t)(g.n * g.oh * g.ow * g.f),
                                .w = (size_t)(g.kh * g.kw * g.c * g.f),
                                .relu = draw(0, 1)};
        c.in = filled(&pool, c.x);
        c.weights = filled(&pool, c.w);
        c.gradient = filled(&pool, c.y);
        c.bias = filled(&pool, (size_t)g.f);
        struct dense h;
        struct dense_data d = draw_dense(&h, &pool);
        struct conv2d_data first_c = c;
        struct dense_data first_d = d;
        for (size_t k = 0; all[k]; k++) {
            bool first = k == 0;
            if (strcmp(all[k]->name, "native") != 0)
                continue;
            run_conv2d(all[k], &g, first ? &first_c : &c, &pool);
            run_dense(all[k], &h, first ? &first_d : &d, &pool);
            if (!first && !(same_bits(c.out, first_c.out, c.y) &&
                            same_bits(c.dx, first_c.dx, c.x) && same_bits(c.dw, first_c.dw, c.w)))
                test_fail("%s", conv2d_text(&g, "other bits than the first set", all[k]->isa));
            if (!first && !(same_bits(d.out, first_d.out, d.y) &&
                            same_bits(d.dx, first_d.dx, d.x) && same_bits(d.dw, first_d.dw, d.w)))
                test_fail("%s", dense_text(&h, "other bits than the first set", all[k]));
        }
        pool_release(&pool);
    }
}

static const char *const graphs[] = {
    "{input: [9, 9, 3], layers: [{Conv2D: {name: a, filters: 7, kernel_size: 3, padding: same, "
    "activation: tanh}}, {Conv2D: {name: b, filters: 7, kernel_size: 5, padding: same}}, "
    "{BatchNormalization: {name: c, inputs: [a], activation: relu}}, {Add: {name: d, inputs: "
    "[a, b, c, a]}}, {MaxPooling2D: {name: e}}, {ZeroPadding2D: {name: f}}, {Conv2D: {name: g, "
    "filters: 5, kernel_size: 1, strides: 2, activation: sigmoid}}, {AveragePooling2D: {name: h, "
    "pool_size: 3, strides: 1, padding: same}}, {Dropout: {name: i, rate: 0.25}}, {Flatten: "
    "{name: j}}, {Dense: {name: k, units: 11, activation: tanh}}, {Dense: {name: l, units: 4, "
    "activation: softmax}}]}",
    "{input: [9, 9, 3], layers: [{Conv2D: {name: a, filters: 6, kernel_size: 3, groups: 3, "
    "activation: tanh}}, {DepthwiseConv2D: {name: b, kernel_size: 3, padding: same}}, "
    "{GroupNormalization: {name: c, groups: 2}}, {SeparableConv2D: {name: d, filters: 5, "
    "kernel_size: 3, strides: 2, depth_multiplier: 3, activation: relu}}, {Conv2DTranspose: "
    "{name: e, filters: 3, kernel_size: 4, strides: 3, padding: same}}, {LayerNormalization: "
    "{name: f, axis: [2, 3]}}, {UnitNormalization: {name: g}}, {DepthwiseConv2D: {name: h, "
    "kernel_size: 2, strides: 2, depth_multiplier: 2, activation: relu}}, {Flatten: {name: i}}, "
    "{Dense: {name: j, units: 4, activation: softmax}}]}",
    NULL};

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

static struct model *build_graph(const char *graph, const struct kernels *kernels, int microbatch,
                                 float arena, struct pool *pool)
{
    golden_conv = CONV_WINOGRAD; /* where it can */
    struct model *model = build_model(graph, kernels, microbatch, NULL, pool);
    model_init(model);
    for (size_t i = 0; i < model->arena_size; i++)
        model->arena[i] = arena;
    return model;
}

/* A microbatch after others, in memory full of NaN, in a model made for larger ones: the same bits.
 */
static void check_microbatches(const char *graph)
{
    static struct results alone, later, wide;
    for (size_t k = 0; kernels_all()[k]; k++) {
        const struct kernels *kernels = kernels_all()[k];
        struct pool pool = {0};
        struct model *clean = build_graph(graph, kernels, SAMPLES, 0.0f, &pool);
        struct model *used = build_graph(graph, kernels, SAMPLES, NAN, &pool);
        struct model *wider = build_graph(graph, kernels, 2 * SAMPLES + 1, NAN, &pool);
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

static void microbatches_are_independent(void)
{
    for (size_t i = 0; graphs[i]; i++)
        check_microbatches(graphs[i]);
}

/* On the exact backends a sample's output does not depend on its company. */
static void check_samples(const char *graph, const struct kernels *kernels)
{
    struct pool pool = {0};
    struct model *model = build_graph(graph, kernels, 4, NAN, &pool);
    static float x[4 * INPUT];
    float together[4 * OUTPUT];
    for (uint32_t i = 0; i < 4 * INPUT; i++)
        x[i] = generator_number(9, i);
    struct model_batch batch = {.n = 4, .x = x};
    memcpy(together, model_forward(model, &batch), sizeof together);
    for (size_t s = 0; s < 4; s++) {
        struct model_batch one = {.n = 1, .x = x + s * INPUT};
        CU_ASSERT(same_bits(model_forward(model, &one), together + s * OUTPUT, OUTPUT));
    }
    model_free(model);
    pool_release(&pool);
}

static void samples_are_independent(void)
{
    for (size_t i = 0; graphs[i]; i++)
        for (size_t k = 0; kernels_all()[k]; k++)
            if (kernels_all()[k]->exact_across_cpus)
                check_samples(graphs[i], kernels_all()[k]);
}

const struct test tests_exactness[] = {
    {"alignment", alignment},
    {"instruction_sets", instruction_sets},
    {"microbatches_are_independent", microbatches_are_independent},
    {"samples_are_independent", samples_are_independent},
    {0}};

TEST_MAIN(tests_exactness)
