/* Learning rates against Keras and PyTorch's formulas, ReduceLROnPlateau against Keras
 * (tests/golden), and what experiments may say of optimizers. */
#include <math.h>
#include <string.h>

#include "golden.h"
#include "test.h"
#include "train/callbacks.h"

static void check_case(const struct golden_case *c)
{
    struct pool pool = {0};
    struct variant optimizer =
        read_optimizer(pool_printf(&pool, "{SGD: {learning_rate: %s}}", c->schedule), &pool);
    const struct optimizer_common *common = optimizer.args;
    const struct golden_array *steps = golden_need(c, "steps"), *rates = golden_need(c, "rates");
    CU_ASSERT_EQUAL(optimizer_check(&optimizer), ST_OK);
    for (size_t i = 0; i < steps->size; i++) {
        double rate = schedule_rate(&common->learning_rate, (int64_t)steps->v[i]);
        double want = (double)rates->v[i];
        if (!(fabs(rate - want) <= 1e-7 * want + 1e-12))
            test_fail("%s: %.9g at step %g, expected %.9g", c->name, rate, (double)steps->v[i],
                      want);
    }
    pool_release(&pool);
}

static void test_rates(void)
{
    const struct golden *golden = golden_load();
    size_t found = 0;
    for (size_t i = 0; i < golden->cases; i++)
        if (golden->at[i].schedule) {
            check_case(&golden->at[i]);
            found++;
        }
    CU_ASSERT(found > 0);
}

/* At a restart the next period has begun, however far away. */
static void test_restarts(void)
{
    struct pool pool = {0};
    struct variant optimizer =
        read_optimizer("{SGD: {learning_rate: {CosineDecayRestarts: {initial_learning_rate: 0.5, "
                       "first_decay_steps: 3, m_mul: 0.5}}}}",
                       &pool);
    const struct variant *schedule =
        &((const struct optimizer_common *)optimizer.args)->learning_rate;
    double rate = 0.5;
    int64_t at = 0;
    for (int64_t period = 3; at < 1000000; at += period, period *= 2, rate *= 0.5)
        CU_ASSERT_EQUAL(schedule_rate(schedule, at), rate);
    pool_release(&pool);
}

/* ---- ReduceLROnPlateau ---- */

static void check_plateau(const struct golden_case *c)
{
    static const struct field fields[] = {
        {.key = "callbacks", .type = FIELD_VARIANTS, .kinds = callback_kinds}, {0}};
    static const struct schema schema = {"fit", fields, NULL};
    struct pool pool = {0};
    struct variant_list list = {0};
    struct history history;
    struct callbacks callbacks;
    const char *text = pool_printf(&pool, "{callbacks: [%s]}", c->callback);
    CU_ASSERT_EQUAL(schema_read_text(text, &schema, &list, &pool), ST_OK);
    history_init(&history, NULL, 0, true);
    CU_ASSERT_EQUAL_FATAL(callbacks_init(&callbacks, &list, &history), ST_OK);
    const struct golden_array *watched = golden_need(c, "watched"),
                              *rates = golden_need(c, "rates");
    double rate = 0.1;
    for (size_t i = 0; i < watched->size; i++) {
        double values[HISTORY_MAX_VALUES] = {0.0, (double)watched->v[i]},
               want = (double)rates->v[i];
        rate = callbacks_reduce(&callbacks, values, rate);
        if (!(fabs(rate - want) <= 2e-7 * want))
            test_fail("%s: %.9g after epoch %zu, expected %.9g", c->name, rate, i + 1, want);
    }
    history_release(&history);
    pool_release(&pool);
}

static void test_plateaus(void)
{
    const struct golden *golden = golden_load();
    size_t found = 0;
    for (size_t i = 0; i < golden->cases; i++)
        if (golden->at[i].callback) {
            check_plateau(&golden->at[i]);
            found++;
        }
    CU_ASSERT(found > 0);
}

static void check_error(const char *text, const char *message)
{
    struct pool pool = {0};
    struct variant optimizer = read_optimizer(text, &pool);
    CU_ASSERT_EQUAL(optimizer_check(&optimizer), ST_USAGE);
    if (!strstr(status_message(), message))
        test_fail("%s: \"%s\", expected \"%s\"", text, status_message(), message);
    pool_release(&pool);
}

static void test_errors(void)
{
    check_error("{SGD: {learning_rate: {PiecewiseConstantDecay: {boundaries: [3], values: [1]}}}}",
                "expected at least one of boundaries, and one more of values");
    check_error(
        "{SGD: {learning_rate: {PiecewiseConstantDecay: {boundaries: [3, 3], values: [1, 2, "
        "3]}}}}",
        "expected ascending boundaries");
    check_error("{Adam: {clipnorm: 1, clipvalue: 1}}", "found 2");
    check_error("{Adam: {gradient_accumulation_steps: 4}}", "multiply fit.batch_size by 4");
    check_error("{Adam: {ema_overwrite_frequency: 4}}", "expected use_ema: true");
}

const struct test tests_schedules[] = {{"rates", test_rates},
                                       {"restarts", test_restarts},
                                       {"plateaus", test_plateaus},
                                       {"errors", test_errors},
                                       {0}};
TEST_MAIN(tests_schedules)
