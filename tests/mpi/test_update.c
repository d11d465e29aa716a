/* Updates of whole models by their owners' pieces, against Keras (tests/golden, updates/...), on
 * any number of ranks and by every way of exchange, with the same bits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "test.h"
#include "train/update.h"
#include "worlds.h"

enum { STEPS = 4, MICROBATCHES = 4 };

struct run {
    const struct golden_case *c;
    struct pool pool;
    struct model *model;
    struct variant optimizer;
    struct string_list no_decay;
    struct cuts cuts;
    struct reducer reducer;
    struct updater updater;
    uint32_t *seed; /* of each parameter's gradient */
};

static const char *path_of(const struct run *run, const char *prefix, const struct param *param)
{
    return pool_printf((struct pool *)(uintptr_t)&run->pool, "%s/%s", prefix, param->path);
}

static void open_run(struct run *run, const struct golden_case *c, const struct world *world)
{
    const struct kernels *kernels = NULL;
    *run = (struct run){.c = c};
    CU_ASSERT_EQUAL(kernels_find("native", &kernels), ST_OK);
    run->model = build_model(c->model, kernels, 2, NULL, &run->pool);
    run->optimizer = read_optimizer(c->optimizer, &run->pool);
    run->no_decay.v = pool_alloc(&run->pool, sizeof(char *));
    if (c->exclude)
        run->no_decay.v[run->no_decay.n++] = pool_strdup(&run->pool, c->exclude);
    struct update_spec spec = {&run->optimizer, &run->no_decay};
    size_t starts[8];
    CU_ASSERT_EQUAL(optimizer_check(&run->optimizer), ST_OK);
    update_cuts(&spec, run->model, &run->cuts);
    struct reduce_plan plan = {.n = run->model->trainable,
                               .starts = starts,
                               .layers = model_gradient_starts(run->model, starts),
                               .usual = MICROBATCHES,
                               .last = MICROBATCHES,
                               .cuts = run->cuts};
    CU_ASSERT_EQUAL(reducer_init(&run->reducer, world, &plan), ST_OK);
    CU_ASSERT_EQUAL(updater_init(&run->updater, &spec, run->model, &run->reducer), ST_OK);
    run->seed = pool_alloc(&run->pool, model_param_count(run->model) * sizeof *run->seed);
    for (size_t p = 0; p < model_param_count(run->model); p++) {
        const struct param *param = model_param(run->model, p, NULL);
        generator_parameter(param, run->model->params + param->offset);
        run->seed[p] = generator_seed(path_of(run, "g", param));
    }
}

static void close_run(struct run *run)
{
    updater_release(&run->updater);
    reducer_release(&run->reducer);
    free((void *)(uintptr_t)run->cuts.at);
    model_free(run->model);
    pool_release(&run->pool);
}

/* A microbatch has its share of the gradient of a step. */
static void fill(const struct run *run, int step, float *g)
{
    for (size_t p = 0; p < model_param_count(run->model); p++) {
        const struct param *param = model_param(run->model, p, NULL);
        for (size_t i = 0; i < param->size; i++)
            g[param->offset + i] =
                generator_number(run->seed[p], (uint32_t)((size_t)step * param->size + i));
    }
}

static void do_step(struct run *run, int step)
{
    struct reducer *reducer = &run->reducer;
    const struct optimizer_common *common = run->optimizer.args;
    reducer_begin(reducer, MICROBATCHES);
    for (size_t m = reducer->range.first; m < reducer->range.end; m++) {
        fill(run, step, reducer_next(reducer));
        reducer_push(reducer);
    }
    reducer_total(reducer);
    const struct update_now now = {.learning_rate = schedule_rate(&common->learning_rate, step),
                                   .iteration = step + 1,
                                   .samples = MICROBATCHES};
    updater_begin(&run->updater, &now);
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        updater_bucket(&run->updater, &now, b);
        reducer_share(reducer, b, run->model->params);
    }
    reducer_gather(reducer, run->model->params);
}

/* On several ranks, too, the parameters have the bits that they have on one. */
static void check_bits(const struct run *run, const struct run *alone)
{
    size_t bytes = run->model->trainable * sizeof(float);
    if (memcmp(run->model->params, alone->model->params, bytes) != 0)
        test_fail("%s: other bits than on one rank", run->c->name);
}

static void check_case(const struct golden_case *c, const struct world *world,
                       const struct world *one)
{
    struct run run, alone;
    open_run(&run, c, world);
    open_run(&alone, c, one);
    for (int step = 0; step < STEPS; step++) {
        do_step(&run, step);
        do_step(&alone, step);
    }
    expect_parameters(c, "after", run.model, run.model->params, 1e-6);
    check_bits(&run, &alone);
    if (run.updater.average) {
        updater_averages(&run.updater, run.model->params);
        expect_parameters(c, "average", run.model, run.model->params, 1e-6);
    }
    close_run(&alone);
    close_run(&run);
}

static void check_cases(const char *transport, const char *ranks_per_node)
{
    const struct golden *golden = golden_load();
    size_t found = 0;
    struct world world;
    world_by(&world, transport, ranks_per_node);
    struct world one = world_alone(&world);
    for (size_t i = 0; i < golden->cases; i++)
        if (strncmp(golden->at[i].name, "updates/", 8) == 0) {
            check_case(&golden->at[i], &world, &one);
            found++;
        }
    CU_ASSERT(found > 0);
    group_release(&one.group);
    world_finish(&world);
}

static void test_shared(void)
{
    check_cases("auto", "0");
}

static void test_messages(void)
{
    check_cases("mpi", "0");
}

static void test_machines(void)
{
    check_cases("shm", "2");
}

const struct test tests_update[] = {
    {"shared", test_shared}, {"messages", test_messages}, {"machines", test_machines}, {0}};
TEST_MAIN(tests_update)
