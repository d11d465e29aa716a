/* Weights from another model's file: what is taken, what is not, and why. keras_file.h5 was made by
 * tests/golden/keras_file.py. */
#include <string.h>

#include "formats/weights.h"
#include "nets.h"
#include "test.h"

static const char net[] = "input: [6, 6, 1]\n"
                          "layers:\n"
                          "  - Conv2D: {name: c1, filters: 2, kernel_size: 3, padding: same}\n"
                          "  - BatchNormalization: {name: b1}\n"
                          "  - Flatten\n"
                          "  - Dense: {name: old_head, units: 4}\n"
                          "  - Dense: {name: new_head, units: 3}\n";

enum { C1, B1, FLAT, OLD_HEAD, NEW_HEAD, NODES };

static void from_keras(void)
{
    struct pool pool = {0};
    struct model *model = net_build(&pool, net);
    struct weights_report report;
    const bool all[NODES] = {true, true, true, true, true};
    CU_ASSERT_EQUAL_FATAL(
        weights_read(test_source("tests/unit/keras_file.h5"), model, all, &report), ST_OK);
    CU_ASSERT_TRUE(report.match[C1].taken);
    CU_ASSERT_TRUE(report.match[B1].taken);
    CU_ASSERT_FALSE(report.match[OLD_HEAD].taken);
    CU_ASSERT_STRING_EQUAL(report.match[OLD_HEAD].why, "kernel is (72, 3) there and (72, 4) here");
    CU_ASSERT_STRING_EQUAL(report.match[NEW_HEAD].why, "is not in the file");
    CU_ASSERT_EQUAL(report.unused.n, 0);
    const struct param *kernel = &model->node[C1].layer.param[0];
    const float *w = model->params + kernel->offset;
    CU_ASSERT_EQUAL(w[0], -0.0119069908f);
    CU_ASSERT_EQUAL(w[kernel->size - 1], -0.322821707f);
    CU_ASSERT_EQUAL(model->params[model->node[B1].layer.param[3].offset], 1.0f);
    weights_release(&report);
    model_free(model);
    pool_release(&pool);
}

static void only_what_is_wanted(void)
{
    struct pool pool = {0};
    struct model *model = net_build(&pool, net);
    struct weights_report report;
    const bool second[NODES] = {[B1] = true};
    float before = model->params[model->node[C1].layer.param[0].offset];
    CU_ASSERT_EQUAL_FATAL(
        weights_read(test_source("tests/unit/keras_file.h5"), model, second, &report), ST_OK);
    CU_ASSERT_FALSE(report.match[C1].taken);
    CU_ASSERT_TRUE(report.match[B1].taken);
    CU_ASSERT_EQUAL(model->params[model->node[C1].layer.param[0].offset], before);
    weights_release(&report);
    model_free(model);
    pool_release(&pool);
}

static void patterns(void)
{
    static char *names[] = {"c*", "head_?"};
    const struct string_list list = {2, names};
    CU_ASSERT_TRUE(model_name_matches(&list, "conv2d"));
    CU_ASSERT_TRUE(model_name_matches(&list, "head_1"));
    CU_ASSERT_FALSE(model_name_matches(&list, "head"));
    struct pool pool = {0};
    struct model *model = net_build(&pool, net);
    CU_ASSERT_EQUAL(model_check_patterns(model, "model.freeze", &list), ST_USAGE);
    CU_ASSERT_STRING_EQUAL(status_message(), "model.freeze: 'head_?' is no layer of the model");
    model_free(model);
    pool_release(&pool);
}

const struct test tests_weights[] = {{"from_keras", from_keras},
                                     {"only_what_is_wanted", only_what_is_wanted},
                                     {"patterns", patterns},
                                     {0}};
TEST_MAIN(tests_weights)
