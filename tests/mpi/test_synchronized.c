/* Training steps of models with synchronized layers against Keras (tests/golden, area
 * synchronized), whose batch is one piece and ours is several microbatches, on any number of ranks
 * and by every way of exchange, with the same bits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "test.h"
#include "train/trainer.h"
#include "worlds.h"

enum { STEPS = 3, CLASSES = 10, SAMPLES = 8, FEATURES = 128 };

/* Of the loss; and of a parameter, of its largest number: test_golden_models.c has 3e-6 of the norm
 * of all for models of one microbatch. */
#define LOSS_TOLERANCE 1e-6
#define TOLERANCE 5e-6

struct result {
    double loss[STEPS];
    char digest[DIGEST_SIZE];
};

/* A table of the batches that generator.py makes, for samples of so many numbers. */
static void write_batches(const char *path, size_t features)
{
    float x[SAMPLES * FEATURES];
    int32_t labels[SAMPLES];
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (int step = 0; step < STEPS; step++) {
        generator_batch(step, SAMPLES, features, CLASSES, x, labels);
        for (size_t s = 0; s < SAMPLES; s++) {
            for (size_t i = 0; i < features; i++)
                fprintf(file, "%.9g,", (double)x[s * features + i]);
            fprintf(file, "%d\n", (int)labels[s]);
        }
    }
    fclose(file);
}

/* Reads the experiment of a case; the table is beside it. */
static struct experiment *load(const struct golden_case *c, const char *table, int microbatch)
{
    struct experiment *experiment = NULL;
    struct text text = {0};
    text_add(&text,
             "name: golden\n"
             "data: {train: {format: csv, file: \"%s\", label: \"-1\", header: false}}\n"
             "model: %s\n"
             "compile: {loss: %s, optimizer: {SGD: {learning_rate: 0.01, momentum: 0.9}}}\n"
             "fit: {batch_size: %d, microbatch_size: %d, epochs: 1, shuffle: false}\n",
             table, c->model, c->loss, SAMPLES, microbatch);
    CU_ASSERT_EQUAL(experiment_parse(c->name, text.data, &experiment), ST_OK);
    text_release(&text);
    return experiment;
}

static void do_steps(struct trainer *trainer, struct result *result)
{
    struct model *model = trainer->session->model;
    struct signals signals = {0};
    for (size_t p = 0; p < model_param_count(model); p++) {
        const struct param *param = model_param(model, p, NULL);
        generator_parameter(param, model->params + param->offset);
    }
    trainer_begin_epoch(trainer);
    for (int step = 0; step < STEPS; step++)
        CU_ASSERT_EQUAL(trainer_step(trainer, &signals, true, &result->loss[step]), ST_OK);
    model_digest(model, model->params, result->digest);
}

/* Trains; compares with Keras. */
static void run(const struct golden_case *c, struct world *world, const char *table, int microbatch,
                struct result *result)
{
    struct experiment *experiment = load(c, table, microbatch);
    struct session session;
    struct trainer trainer;
    const struct golden_array *losses = golden_need(c, "losses");
    float loss[STEPS] = {0};
    CU_ASSERT_EQUAL(session_open(&session, experiment, world), ST_OK);
    CU_ASSERT_EQUAL(trainer_init(&trainer, &session), ST_OK);
    CU_ASSERT_PTR_NOT_NULL(trainer.segmented);
    do_steps(&trainer, result);
    for (int step = 0; step < STEPS; step++)
        loss[step] = (float)result->loss[step];
    expect_near(c->name, loss, losses->v, STEPS, LOSS_TOLERANCE, 0.1);
    expect_parameters(c, "after", session.model, session.model->params, TOLERANCE);
    trainer_release(&trainer);
    session_close(&session);
    experiment_free(experiment);
}

/* Microbatches that divide the batch, that do not, and one for each sample. */
static void check_case(const struct golden_case *c, struct world *world, const char *table)
{
    static const int sizes[] = {4, 3, 1};
    struct world one = world_alone(world);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct result many = {0}, single = {0};
        run(c, world, table, sizes[i], &many);
        run(c, &one, table, sizes[i], &single);
        CU_ASSERT_STRING_EQUAL(many.digest, single.digest);
        CU_ASSERT_EQUAL(memcmp(many.loss, single.loss, sizeof many.loss), 0);
    }
    group_release(&one.group);
}

static void check_cases(const char *transport, const char *ranks_per_node)
{
    const struct golden *golden = golden_load();
    size_t found = 0;
    struct world world;
    world_by(&world, transport, ranks_per_node);
    for (size_t i = 0; i < golden->cases; i++) {
        const struct golden_case *c = &golden->at[i];
        if (strncmp(c->name, "models/synchronized", 19) != 0)
            continue;
        char table[512];
        snprintf(table, sizeof table, "%s/%zu.csv", test_folder(), i);
        if (world.rank == 0)
            write_batches(table, strstr(c->name, "chain") ? 6 * 5 * 2 : 6 * 6 * 3);
        MPI_Barrier(world.comm);
        check_case(c, &world, table);
        found++;
    }
    CU_ASSERT_EQUAL(found, 2);
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

const struct test tests_synchronized[] = {
    {"shared", test_shared}, {"messages", test_messages}, {"machines", test_machines}, {0}};
TEST_MAIN(tests_synchronized)
