/* Initializers: Keras's bounds, means and deviations by fan, and what they may depend on. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden.h"
#include "layers/initializers.h"
#include "test.h"

enum { FAN_IN = 300, FAN_OUT = 500, DRAWN = FAN_IN * FAN_OUT };

/* What the draws of a distribution with mean 0 look like. */
enum shape_of { UNIFORM, NORMAL, TRUNCATED };
static const struct {
    double within;  /* part of the draws within one standard deviation of the mean */
    double largest; /* in standard deviations; 0: none */
} shapes[] = {[UNIFORM] = {0.57735, 1.7320508},
              [NORMAL] = {0.68269, 0.0},
              [TRUNCATED] = {0.65074, 2.2737}}; /* cut at two deviations of the uncut normal */

struct moments {
    double mean, deviation, within, largest;
};

static struct moments measure(const float *w, size_t n)
{
    struct moments m = {0.0, 0.0, 0.0, 0.0};
    for (size_t i = 0; i < n; i++)
        m.mean += (double)w[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        m.deviation += pow((double)w[i] - m.mean, 2.0) / (double)n;
    m.deviation = sqrt(m.deviation);
    for (size_t i = 0; i < n; i++) {
        double distance = fabs((double)w[i] - m.mean);
        m.within += (distance < m.deviation) / (double)n;
        m.largest = fmax(m.largest, distance);
    }
    return m;
}

static struct model *initialized(const char *format, const char *initializer, struct pool *pool)
{
    struct model *model =
        build_model(pool_printf(pool, format, initializer), kernels_all()[0], 1, NULL, pool);
    model_init(model);
    return model;
}

static const float *param_of(const struct model *model, const char *path)
{
    for (size_t i = 0; i < model_param_count(model); i++)
        if (strcmp(model_param(model, i, NULL)->path, path) == 0)
            return model->params + model_param(model, i, NULL)->offset;
    test_fail("there is no parameter '%s'", path);
    CU_FAIL_FATAL("no parameter");
    return NULL;
}

#define DENSE "{input: [300], layers: [{Dense: {name: d, units: 500, kernel_initializer: %s}}]}"
#define CONV2D                                                                                     \
    "{input: [9, 9, 12], layers: [{Conv2D: {name: d, filters: 20, kernel_size: 5, "                \
    "kernel_initializer: %s}}]}" /* fans of 300 and 500 too, by the field of 25 */

/* Bounds of five standard errors of each moment. */
static void check_drawn(const char *format, const char *initializer, enum shape_of shape,
                        double mean, double deviation, size_t n)
{
    struct pool pool = {0};
    struct model *model = initialized(format, initializer, &pool);
    struct moments m = measure(param_of(model, "d/kernel"), n);
    double root = sqrt((double)n), largest = shapes[shape].largest * deviation;
    bool right = fabs(m.mean - mean) < 5.0 * deviation / root &&
                 fabs(m.deviation / deviation - 1.0) < 5.0 / root &&
                 fabs(m.within - shapes[shape].within) < 5.0 * 0.5 / root;
    if (largest > 0.0) /* the bound is kept, up to the mean's error, and nearly reached */
        right = right && m.largest < largest * (1.0 + 5.0 / root) && m.largest > 0.97 * largest;
    else
        right = right && m.largest > 3.0 * deviation;
    if (!right)
        test_fail("%s: mean %.3g, deviation %.6g, %.4f within it, largest %.6g; expected %.3g, "
                  "%.6g, %.4f, %.6g",
                  initializer, m.mean, m.deviation, m.within, m.largest, mean, deviation,
                  shapes[shape].within, largest);
    model_free(model);
    pool_release(&pool);
}

static void distributions(void)
{
    static const struct {
        const char *name;
        enum shape_of shape;
        double scale;
        bool average; /* the variance is scale over the mean of the fans, else over the fan in */
    } all[] = {
        {"glorot_uniform", UNIFORM, 1.0, true}, {"glorot_normal", TRUNCATED, 1.0, true},
        {"he_uniform", UNIFORM, 2.0, false},    {"he_normal", TRUNCATED, 2.0, false},
        {"lecun_uniform", UNIFORM, 1.0, false}, {"lecun_normal", TRUNCATED, 1.0, false},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double fan = all[i].average ? (FAN_IN + FAN_OUT) / 2.0 : FAN_IN;
        check_drawn(DENSE, all[i].name, all[i].shape, 0.0, sqrt(all[i].scale / fan), DRAWN);
        check_drawn(CONV2D, all[i].name, all[i].shape, 0.0, sqrt(all[i].scale / fan),
                    (size_t)25 * 12 * 20);
    }
    double width = 1.0 / sqrt(12.0);
    check_drawn(DENSE, "random_uniform", UNIFORM, 0.0, 0.1 * width, DRAWN);
    check_drawn(DENSE, "{random_uniform: {minval: 1.0, maxval: 3.0}}", UNIFORM, 2.0, 2.0 * width,
                DRAWN);
    check_drawn(DENSE, "random_normal", NORMAL, 0.0, 0.05, DRAWN);
    check_drawn(DENSE, "{random_normal: {mean: 2.0, stddev: 0.5}}", NORMAL, 2.0, 0.5, DRAWN);
}

static void constants(void)
{
    static const struct {
        const char *text;
        float value;
    } all[] = {{"zeros", 0.0f},
               {"ones", 1.0f},
               {"{constant: 0.25}", 0.25f},
               {"{constant: {value: -3}}", -3.0f}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct pool pool = {0};
        struct model *model = initialized(DENSE, all[i].text, &pool);
        const float *w = param_of(model, "d/kernel");
        for (size_t k = 0; k < DRAWN; k++)
            CU_ASSERT_EQUAL(w[k], all[i].value);
        model_free(model);
        pool_release(&pool);
    }
}

/* Without initializers in the experiment: Keras's. */
static void defaults(void)
{
    static const struct {
        const char *path;
        float value;
    } all[] = {{"c/bias", 0.0f},        {"b/gamma", 1.0f},           {"b/beta", 0.0f},
               {"b/moving_mean", 0.0f}, {"b/moving_variance", 1.0f}, {"d/bias", 0.0f}};
    struct pool pool = {0};
    struct model *model = initialized("{input: [5, 5, 3], layers: [{Conv2D: {filters: 20, "
                                      "kernel_size: 3, name: c}}, {BatchNormalization: {name: b}}, "
                                      "{Dense: {units: 20, name: %s}}]}",
                                      "d", &pool);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const float *w = param_of(model, all[i].path);
        for (size_t k = 0; k < 20; k++)
            CU_ASSERT_EQUAL(w[k], all[i].value);
    }
    double limit = sqrt(6.0 / (20 + 20)); /* glorot_uniform */
    struct moments m = measure(param_of(model, "d/kernel"), 400);
    CU_ASSERT(m.largest < 1.2 * limit && m.deviation > 0.5 * limit);
    model_free(model);
    pool_release(&pool);
}

/* An element depends on the seed, the parameter's path and its number, and on nothing else. */
static void dependence(void)
{
    struct variant he = {.kind = NULL};
    for (size_t i = 0; initializer_kinds[i]; i++)
        if (strcmp(initializer_kinds[i]->name, "he_normal") == 0)
            he.kind = initializer_kinds[i];
    CU_ASSERT_PTR_NOT_NULL_FATAL(he.kind);
    char path[] = "a/kernel", other_path[] = "b/kernel";
    struct param param = {.initializer = &he, .fan_in = 5, .fan_out = 5, .path = path, .size = 103};
    float all[103], part[103], other[103];
    initializer_fill(&param, 7, all);
    param.size = 50;
    initializer_fill(&param, 7, part);
    CU_ASSERT(memcmp(all, part, 50 * sizeof *all) == 0);
    initializer_fill(&param, 8, other);
    CU_ASSERT(memcmp(all, other, 50 * sizeof *all) != 0);
    param.path = other_path;
    initializer_fill(&param, 7, other);
    CU_ASSERT(memcmp(all, other, 50 * sizeof *all) != 0);
}

const struct test tests_initializers[] = {{"distributions", distributions},
                                          {"constants", constants},
                                          {"defaults", defaults},
                                          {"dependence", dependence},
                                          {0}};

TEST_MAIN(tests_initializers)
