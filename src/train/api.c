/* include/convoy.h over the rest of the program. */
#include <convoy.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/signals.h"
#include "data/guard.h"
#include "formats/checkpoint.h"
#include "train/fit.h"
#include "train/loaded.h"

struct convoy_experiment {
    struct experiment *experiment;
};

struct convoy_model {
    struct loaded loaded;
};

static struct world world;
static bool running;

const char *convoy_version(void)
{
    return CONVOY_VERSION;
}

const char *convoy_error(void)
{
    return status_message();
}

convoy_status convoy_init(int *argc, char ***argv)
{
    (void)argc; /* MPI's own convention; Open MPI takes nothing from them */
    (void)argv;
    if (running)
        return CONVOY_OK;
    enum status status = world_init(&world);
    running = status == ST_OK;
    if (!running)
        world_finish(&world);
    kernels_blas_init();
    data_guard_maps();
    return (convoy_status)status;
}

void convoy_finalize(void)
{
    if (running)
        world_finish(&world);
    running = false;
}

int convoy_rank(void)
{
    return world.rank;
}

int convoy_ranks(void)
{
    return world.size;
}

void convoy_catch_signals(void)
{
    signals_watch();
}

static enum status need_init(void)
{
    FAIL_IF(!running, ST_USAGE, "%s", "convoy_init has not been called");
    return ST_OK;
}

/* Wraps what a rank has read, if every rank has. */
static convoy_status give_experiment(enum status status, struct experiment *experiment,
                                     convoy_experiment **out)
{
    status = world_agree(&world, status);
    if (status != ST_OK) {
        experiment_free(experiment);
        return (convoy_status)status;
    }
    *out = mem_need(1, sizeof **out);
    (*out)->experiment = experiment;
    return CONVOY_OK;
}

convoy_status convoy_experiment_load_with(const char *path, char *const *changes, size_t count,
                                          convoy_experiment **out)
{
    struct experiment *experiment = NULL;
    *out = NULL;
    if (need_init() != ST_OK)
        return CONVOY_USAGE;
    enum status status = experiment_load(path, changes, count, &experiment);
    return give_experiment(status, experiment, out);
}

convoy_status convoy_experiment_load(const char *path, convoy_experiment **out)
{
    return convoy_experiment_load_with(path, NULL, 0, out);
}

convoy_status convoy_experiment_parse(const char *name, const char *text, convoy_experiment **out)
{
    struct experiment *experiment = NULL;
    *out = NULL;
    if (need_init() != ST_OK)
        return CONVOY_USAGE;
    enum status status = experiment_parse(name, text, &experiment);
    return give_experiment(status, experiment, out);
}

char *convoy_experiment_text(const convoy_experiment *experiment)
{
    struct text text = {0};
    experiment_write(experiment->experiment, &text);
    return text.data;
}

void convoy_experiment_free(convoy_experiment *experiment)
{
    if (experiment)
        experiment_free(experiment->experiment);
    free(experiment);
}

static enum status train(const struct experiment *experiment, const char *folder,
                         convoy_train_mode mode)
{
    static const enum run_start starts[] = {RUN_FRESH, RUN_RESUME, RUN_OVERWRITE};
    struct session session = {0};
    struct fit_result result;
    struct fit_options options = {
        .folder = folder, .start = starts[mode], .progress = PROGRESS_QUIET};
    enum status status = session_open(&session, experiment, &world);
    if (status == ST_OK)
        status = fit(&session, &options, &result);
    session_close(&session);
    return status;
}

convoy_status convoy_train(const convoy_experiment *experiment, const char *folder,
                           convoy_train_mode mode, convoy_model **model)
{
    if (model)
        *model = NULL;
    enum status status = need_init();
    if (status == ST_OK)
        status = train(experiment->experiment, folder, mode);
    if (status != ST_OK || !model)
        return (convoy_status)status;
    return convoy_model_load(folder, model);
}

convoy_status convoy_model_load(const char *path, convoy_model **out)
{
    *out = NULL;
    if (need_init() != ST_OK)
        return CONVOY_USAGE;
    convoy_model *model = mem_need(1, sizeof *model);
    enum status status = load_model(path, &world, &model->loaded);
    if (status != ST_OK) {
        convoy_model_free(model);
        return (convoy_status)status;
    }
    *out = model;
    return CONVOY_OK;
}

convoy_status convoy_model_save(const convoy_model *model, const char *path)
{
    /* the file that was loaded is the model already, byte for byte, checksum and all */
    enum { LIMIT = 2000000000 };
    unsigned char *bytes = NULL;
    size_t size = 0;
    enum status status = ST_OK;
    if (world.rank == 0) {
        status = file_read(model->loaded.path, LIMIT, &bytes, &size);
        if (status == ST_OK)
            status = file_write_atomic(path, bytes, size);
        free(bytes);
    }
    return (convoy_status)world_agree(&world, status);
}

void convoy_model_free(convoy_model *model)
{
    if (model)
        load_release(&model->loaded);
    free(model);
}

size_t convoy_model_inputs(const convoy_model *model)
{
    return shape_size(&model->loaded.session.model->input);
}

size_t convoy_model_outputs(const convoy_model *model)
{
    return shape_size(&model->loaded.session.model->output);
}

void convoy_model_digest(const convoy_model *model, char digest[33])
{
    memcpy(digest, model->loaded.digest, DIGEST_SIZE);
}

/* The caller's floats seen as a data set, so that they are scaled as in training. */
static struct dataset set_of(const struct model *model, const float *x, size_t n,
                             struct array_part *part)
{
    size_t size = shape_size(&model->input);
    *part = (struct array_part){.base = (const unsigned char *)x, .file = "memory"};
    struct array array = {.dtype = DTYPE_F32,
                          .rank = model->input.rank,
                          .stride = size * sizeof *x,
                          .parts = 1,
                          .part = part};
    for (int i = 0; i < model->input.rank; i++)
        array.shape[i] = (size_t)model->input.dim[i];
    return (struct dataset){.n = n, .stored = n, .x = array, .source = "memory"};
}

convoy_status convoy_model_predict(convoy_model *model, const float *x, size_t n, float *y)
{
    const struct model *network = model->loaded.session.model;
    struct array_part part;
    struct dataset set = set_of(network, x, n, &part);
    size_t width = shape_size(&network->output), size = (size_t)network->microbatch;
    for (size_t first = 0; first < n; first += size) {
        size_t count = n - first < size ? n - first : size;
        const float *out = NULL;
        enum status status = load_predict(&model->loaded, &set, first, count, &out);
        if (status != ST_OK)
            return (convoy_status)status;
        memcpy(y + first * width, out, count * width * sizeof *y);
    }
    return CONVOY_OK;
}

convoy_status convoy_model_evaluate(convoy_model *model, const char *set, convoy_scores *out)
{
    struct loaded *loaded = &model->loaded;
    struct evaluation evaluation;
    char *words[] = {(char *)(uintptr_t)set};
    *out = (convoy_scores){0};
    enum status status = load_evaluate(loaded, words, 1, &evaluation);
    if (status != ST_OK)
        return (convoy_status)status;
    out->samples = evaluation.samples;
    out->count = 1 + loaded->session.metrics;
    for (size_t i = 0; i < out->count; i++) {
        out->name[i] = i ? loaded->session.metric[i - 1].name : "loss";
        out->value[i] = evaluation.value[i];
    }
    return CONVOY_OK;
}
