/* src/data/augment: every augmentation against Keras's layer with the same draws
 * (tests/golden/make_data.py), independence of how a step is cut, distributions, what is refused.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/augment.h"
#include "golden.h"
#include "test.h"

enum { SEED = 5, EPOCH = 3, N = 4, HEIGHT = 7, WIDTH = 9, CHANNELS = 3, CLASSES = 3 };
enum { ELEMENTS = HEIGHT * WIDTH * CHANNELS };

/* ---- A set in memory ---- */

struct list_holder {
    struct variant_list list;
};
static const struct field list_fields[] = {{.key = "augment",
                                            .type = FIELD_VARIANTS,
                                            .offset = offsetof(struct list_holder, list),
                                            .kinds = augment_kinds},
                                           {0}};
static const struct schema list_schema = {"data", list_fields, NULL};

struct scene {
    struct pool pool;
    struct list_holder holder;
    struct dataset set;
    struct array_part x, y;
    struct scaling scaling;
    struct augmenter augmenter;
};

static enum status scene_open(struct scene *s, const char *list, size_t n, enum target_form form,
                              size_t standardized)
{
    static unsigned char bytes[64 * ELEMENTS];
    static int32_t labels[64];
    const struct golden_array *x = NULL;
    const struct golden *golden = golden_load();
    for (size_t i = 0; i < golden->cases; i++)
        if (strcmp(golden->at[i].name, "samples") == 0)
            x = golden_need(&golden->at[i], "x");
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    for (size_t i = 0; i < n * ELEMENTS; i++)
        bytes[i] = (unsigned char)x->v[i % x->size];
    for (size_t i = 0; i < n; i++)
        labels[i] = (const int32_t[]){0, 1, 2, 1}[i % 4];
    *s = (struct scene){.x = {.base = bytes, .file = "memory"},
                        .y = {.base = (const unsigned char *)labels, .file = "memory"},
                        .scaling = {.rescale = 1, .n = standardized}};
    s->set = (struct dataset){.n = n, .stored = n, .classes = CLASSES, .source = "memory"};
    s->set.x = (struct array){.dtype = DTYPE_U8,
                              .rank = 3,
                              .shape = {HEIGHT, WIDTH, CHANNELS},
                              .stride = ELEMENTS,
                              .parts = 1,
                              .part = &s->x};
    s->set.y = (struct array){.dtype = DTYPE_I32, .stride = 4, .parts = 1, .part = &s->y};
    s->set.y.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    const char *text = pool_printf(&s->pool, "augment: %s", list);
    TRY(schema_read_text(text, &list_schema, &s->holder, &s->pool));
    return augmenter_init(&s->augmenter, &s->holder.list, &s->set, &s->scaling, form, SEED);
}

static void scene_close(struct scene *s)
{
    augmenter_release(&s->augmenter);
    pool_release(&s->pool);
}

/* Samples first.. of one step of all n, in the order of ids. */
static void run(struct scene *s, const uint32_t *ids, size_t n, size_t first, size_t count,
                float *x, float *y)
{
    struct augment_step step = {EPOCH, ids, n};
    CU_ASSERT_EQUAL_FATAL(
        loader_gather(&s->set, &s->scaling, TARGET_ONE_HOT, ids + first, count, x, y), ST_OK);
    CU_ASSERT_EQUAL_FATAL(augmenter_run(&s->augmenter, &step, first, count, x, y), ST_OK);
}

static const uint32_t in_order[] = {0, 1, 2, 3};

/* ---- Against Keras ---- */

static void check_case(const struct golden_case *c)
{
    struct scene s;
    float x[N * ELEMENTS], y[N * CLASSES];
    const struct golden_array *images = golden_need(c, "y"), *targets = golden_find(c, "u");
    if (scene_open(&s, c->model, N, TARGET_ONE_HOT, 0) != ST_OK) {
        test_fail("%s: %s", c->name, status_message());
    } else {
        run(&s, in_order, N, 0, N, x, y);
        expect_near(c->name, x, images->v, N * ELEMENTS, 4e-6, 255);
        if (targets)
            expect_near(c->name, y, targets->v, N * CLASSES, 1e-6, 1);
    }
    scene_close(&s);
}

static void they_are_those_of_keras(void)
{
    const struct golden *golden = golden_load();
    size_t cases = 0;
    for (size_t i = 0; i < golden->cases; i++)
        if (strncmp(golden->at[i].name, "augment/", 8) == 0) {
            check_case(&golden->at[i]);
            cases++;
        }
    CU_ASSERT(cases > 35);
}

/* ---- What the promise needs ---- */

static const char everything[] =
    "[{RandomFlip: horizontal}, {RandomTranslation: {height_factor: 0.3, width_factor: 0.3}}, "
    "{RandomRotation: 0.2}, {RandomZoom: 0.3}, {RandomCrop: {padding: 2}}, {RandomContrast: 0.3}, "
    "{MixUp: 0.5}, {RandomBrightness: 0.1}, {RandomErasing: 0.5}, {CutMix: 1.0}]";

/* However a step is cut, and in whichever order its parts are made. */
static void a_step_may_be_cut(void)
{
    enum { MANY = 24 };
    static float whole[MANY * ELEMENTS], part[MANY * ELEMENTS];
    float whole_y[MANY * CLASSES], part_y[MANY * CLASSES];
    uint32_t ids[MANY];
    struct scene s;
    CU_ASSERT_EQUAL_FATAL(scene_open(&s, everything, MANY, TARGET_ONE_HOT, 0), ST_OK);
    for (uint32_t i = 0; i < MANY; i++)
        ids[i] = (7 * i + 3) % MANY;
    run(&s, ids, MANY, 0, MANY, whole, whole_y);
    for (size_t size = 1; size < MANY; size += 4)
        for (size_t end = MANY; end > 0;) {
            size_t first = end > size ? end - size : 0;
            run(&s, ids, MANY, first, end - first, part, part_y);
            CU_ASSERT_EQUAL(
                memcmp(part, whole + first * ELEMENTS, (end - first) * ELEMENTS * sizeof(float)),
                0);
            CU_ASSERT_EQUAL(
                memcmp(part_y, whole_y + first * CLASSES, (end - first) * CLASSES * sizeof(float)),
                0);
            end = first;
        }
    scene_close(&s);
}

static void a_step_of_one_is_not_mixed(void)
{
    struct scene s;
    float x[ELEMENTS], plain[ELEMENTS], y[CLASSES];
    CU_ASSERT_EQUAL_FATAL(scene_open(&s, "[{MixUp: 1.0}, {CutMix: 1.0}]", N, TARGET_ONE_HOT, 0),
                          ST_OK);
    run(&s, in_order + 2, 1, 0, 1, x, y);
    CU_ASSERT_EQUAL(loader_gather(&s.set, NULL, TARGET_VALUE, in_order + 2, 1, plain, NULL), ST_OK);
    CU_ASSERT_EQUAL(memcmp(x, plain, sizeof x), 0);
    CU_ASSERT(y[0] == 0.0f && y[1] == 0.0f && y[2] == 1.0f);
    scene_close(&s);
}

/* Another seed, epoch, sample or place in the list draws something else. */
static void draws_differ(void)
{
    struct rng_key keys[] = {rng_key(1, RNG_AUGMENT, 0, 0, 0), rng_key(2, RNG_AUGMENT, 0, 0, 0),
                             rng_key(1, RNG_AUGMENT, 1, 0, 0), rng_key(1, RNG_AUGMENT, 0, 1, 0),
                             rng_key(1, RNG_AUGMENT, 0, 0, 1)};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        for (size_t j = 0; j < i; j++)
            CU_ASSERT_NOT_EQUAL(rng_word(&keys[i], 0), rng_word(&keys[j], 0));
}

/* Mean 1/2 and variance 1 / (8 alpha + 4), within four deviations of what 20,000 draws have. */
static void beta_has_its_moments(void)
{
    enum { DRAWS = 20000 };
    const double alphas[] = {0.05, 0.2, 0.4, 1.0, 4.0};
    for (size_t k = 0; k < sizeof alphas / sizeof *alphas; k++) {
        double sum = 0.0, squares = 0.0, variance = 1.0 / (8.0 * alphas[k] + 4.0);
        for (uint32_t i = 0; i < DRAWS; i++) {
            struct rng_key key = rng_key(9, RNG_TEST, k, 0, i);
            double w = augment_beta(&key, 4, alphas[k]);
            CU_ASSERT(w >= 0.0 && w <= 1.0);
            sum += w - 0.5;
            squares += (w - 0.5) * (w - 0.5);
        }
        CU_ASSERT(fabs(sum / DRAWS) < 4.0 * sqrt(variance / DRAWS));
        CU_ASSERT(fabs(squares / DRAWS - variance) < 4.0 * variance * sqrt(2.0 / DRAWS));
    }
    struct rng_key key = rng_key(9, RNG_TEST, 0, 0, 0);
    double extreme = augment_beta(&key, 4, 1e-6);
    CU_ASSERT(extreme == 0.0 || extreme == 1.0 || (extreme > 0.0 && extreme < 1.0));
}

/* ---- What is refused ---- */

static void refuses(const char *list, enum target_form form, size_t standardized, bool image,
                    const char *part)
{
    struct scene s;
    enum status status = scene_open(&s, list, N, form, standardized);
    if (status == ST_OK && !image) {
        augmenter_release(&s.augmenter);
        s.set.x.rank = 1;
        status = augmenter_init(&s.augmenter, &s.holder.list, &s.set, &s.scaling, form, SEED);
    }
    CU_ASSERT_EQUAL(status, ST_USAGE);
    if (status != ST_OK && !strstr(status_message(), part))
        test_fail("found \"%s\", expected \"...%s...\"", status_message(), part);
    scene_close(&s);
}

static void what_does_not_suit_is_refused(void)
{
    refuses("[MixUp]", TARGET_LABEL, 0, true, "data.one_hot");
    refuses("[CutMix]", TARGET_LABEL, 0, true, "categorical_crossentropy");
    refuses("[{RandomFlip: sideways}]", TARGET_ONE_HOT, 0, true, "horizontal");
    refuses("[{RandomFlap: horizontal}]", TARGET_ONE_HOT, 0, true, "RandomFlip");
    refuses("[RandomFlip]", TARGET_ONE_HOT, 0, false, "needs images");
    refuses("[RandomCrop]", TARGET_ONE_HOT, 0, true, "without padding");
    refuses("[{RandomCrop: {height: 6, width: 9}}]", TARGET_ONE_HOT, 0, true, "6x9");
    refuses("[{RandomContrast: 0.5}]", TARGET_ONE_HOT, 3, true, "value_range");
    refuses("[{RandomBrightness: {factor: 0.5, value_range: 3}}]", TARGET_ONE_HOT, 0, true,
            "expected two");
    refuses("[RandomErasing]", TARGET_ONE_HOT, 3, true, "value_range");
    refuses("[{RandomErasing: {fill_value: [1, 2]}}]", TARGET_ONE_HOT, 0, true, "3 channels");
    refuses("[{RandomRotation: [0.1, 0.2, 0.3]}]", TARGET_ONE_HOT, 0, true, "one number or two");
    refuses("[{RandomZoom: -1}]", TARGET_ONE_HOT, 0, true, "height_factor");
}

const struct test tests_augment[] = {
    {"they are those of Keras", they_are_those_of_keras},
    {"a step may be cut", a_step_may_be_cut},
    {"a step of one is not mixed", a_step_of_one_is_not_mixed},
    {"draws differ", draws_differ},
    {"beta has its moments", beta_has_its_moments},
    {"what does not suit is refused", what_does_not_suit_is_refused},
    {0}};
TEST_MAIN(tests_augment)
