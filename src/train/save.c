/* Checkpoints of a run: what is gathered to rank 0 and written, and the way back. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "formats/checkpoint.h"
#include "train/confusion.h"
#include "train/fit_state.h"
#include "train/solve.h"

/* The metrics that Keras has; v has room for METRICS_MAX. */
static struct variant_list keras_metrics(const struct variant_list *all, struct variant *v)
{
    struct variant_list list = {0, v};
    for (size_t i = 0; i < all->n; i++)
        if (metric_in_keras(&all->v[i]))
            v[list.n++] = all->v[i];
    return list;
}

static struct epoch_sums sums_of(const struct run *run)
{
    return (struct epoch_sums){run->session->sums, run->trainer.epoch_sum};
}

static const char *core_of(const struct session *session)
{
    return session->model->kernels->exact_across_cpus ? "any" : kernels_blas_core();
}

/* timed: with the seconds that this epoch has taken. A model's file goes without, so that equal
 * models are equal files. */
static void state_text(const struct run *run, bool timed, struct text *out)
{
    double seconds = run->epoch_seconds + (clock_seconds() - run->epoch_start);
    struct state state = {.epoch_seconds = timed ? seconds : 0.0,
                          .train_seconds = timed ? run->train_seconds : 0.0,
                          .stopped_early = run->stopped_early,
                          .rate = run->trainer.rate,
                          .backend = run->session->model->kernels->name,
                          .core = core_of(run->session)};
    struct epoch_sums sums = sums_of(run);
    state_write(&state, &sums, &run->callbacks, &run->session->scaling, out);
}

static enum status check_finite(const struct run *run)
{
    const struct model *model = run->session->model;
    size_t count = model_param_count(model);
    for (size_t p = 0; run->callbacks.terminate_on_nan && p < count; p++) {
        const struct param *param = model_param(model, p, NULL);
        for (size_t i = 0; i < param->size; i++)
            FAIL_IF(
                !isfinite(model->params[param->offset + i]), ST_DIVERGED,
                "%s[%zu] is %g after step %lld: training has diverged, nothing was saved; try a "
                "smaller learning_rate",
                param->path, i, (double)model->params[param->offset + i],
                (long long)run->trainer.step);
    }
    return ST_OK;
}

/* Rank 0: one file, with optimizer state and position where slots are given. */
static enum status write_file(struct run *run, const char *path, float *const *slots)
{
    const struct trainer *trainer = &run->trainer;
    struct model *model = run->session->model;
    const struct compile_spec *compile = &run->session->experiment->compile;
    struct variant known[METRICS_MAX];
    struct variant_list metrics = keras_metrics(&compile->metrics, known);
    struct checkpoint_training training = {&compile->loss, &compile->optimizer, &metrics};
    bool in_keras = run->session->loss->keras != KERAS_HAS_NOT;
    struct text state = {0};
    state_text(run, slots != NULL, &state);
    struct checkpoint checkpoint = {.version = CHECKPOINT_VERSION,
                                    .experiment = run->experiment.data,
                                    .seed = model->seed,
                                    .epoch = trainer->epoch,
                                    .step = trainer->step,
                                    .position = trainer->position,
                                    .params = model->params,
                                    .state = state.data};
    if (slots) {
        checkpoint.history = run->history.csv.data;
        checkpoint.optimizer = (char *)(uintptr_t)trainer->updater.optimizer->kind.name;
        checkpoint.slots = trainer->updater.slots;
        checkpoint.best = run->best;
        if (trainer->solve) {
            checkpoint.solver = solve_solver(trainer->solve)->state;
            checkpoint.solver_size = solve_solver(trainer->solve)->state_size;
            checkpoint.convergence = solve_convergence(trainer->solve)->data;
        }
        for (size_t s = 0; s < trainer->updater.slots; s++) {
            checkpoint.slot_name[s] = trainer->updater.slot_name[s];
            checkpoint.slot[s] = slots[s];
        }
    }
    enum status status = checkpoint_write(path, model, in_keras ? &training : NULL, &checkpoint);
    text_release(&state);
    return status;
}

/* All of each slot on rank 0; on the others NULL. */
static enum status collect_slots(const struct run *run, float **full)
{
    const struct trainer *trainer = &run->trainer;
    enum status status = ST_OK;
    for (size_t s = 0;
         s < trainer->updater.slots && status == ST_OK && run->session->world->rank == 0; s++) {
        void *memory = NULL;
        status = mem_alloc(&memory, trainer->reducer.n * sizeof(float), "optimizer state to save");
        full[s] = memory;
    }
    TRY(world_agree(run->session->world, status));
    for (size_t s = 0; s < trainer->updater.slots; s++)
        reducer_collect(&trainer->reducer, trainer->updater.slot[s], full[s]);
    return ST_OK;
}

static enum status write_text(struct run *run, const char *name, const struct text *text)
{
    return file_write_atomic(run_folder_file(&run->folder, name), text->data, text->length);
}

static enum status write_watch(struct run *run)
{
    const struct watcher *watcher = run->trainer.watcher;
    return watcher ? write_text(run, "watch.csv", &watcher->csv) : ST_OK;
}

enum status run_save(struct run *run)
{
    float *full[UPDATER_MAX_SLOTS] = {NULL};
    TRY(check_finite(run)); /* the same on every rank */
    enum status status = collect_slots(run, full);
    if (status == ST_OK && run->session->world->rank == 0) {
        const char *path = run_folder_checkpoint(&run->folder, run->trainer.step);
        rmdir(path); /* an empty folder in its place makes way */
        status = write_file(run, path, full);
        if (status == ST_OK)
            status = write_watch(run);
        if (status == ST_OK)
            run_folder_prune(&run->folder, (size_t)run->callbacks.keep);
    }
    for (size_t s = 0; s < UPDATER_MAX_SLOTS; s++)
        free(full[s]);
    run->saved_at = clock_seconds();
    return world_agree(run->session->world, status);
}

enum status run_save_model(struct run *run, const char *name)
{
    TRY(check_finite(run));
    enum status status = ST_OK;
    if (run->session->world->rank == 0)
        status = write_file(run, run_folder_file(&run->folder, name), NULL);
    return world_agree(run->session->world, status);
}

enum status run_save_texts(struct run *run)
{
    enum status status = ST_OK;
    if (run->session->world->rank == 0) {
        status = write_text(run, "experiment.yaml", &run->experiment);
        if (status == ST_OK)
            status = write_text(run, run->callbacks.history_name, &run->history.csv);
        if (status == ST_OK && run->trainer.solve)
            status = write_text(run, "solver.csv", solve_convergence(run->trainer.solve));
        if (status == ST_OK)
            status = write_watch(run);
    }
    return world_agree(run->session->world, status);
}

void run_keep_watch(struct run *run)
{
    if (run->session->world->rank != 0)
        return;
    struct text pending = {0};
    text_add(&pending, "%s", status_message());
    if (write_watch(run) != ST_OK) {
        log_warn("%s", status_message());
        status_fail(ST_DIVERGED, "%s", pending.data);
    }
    text_release(&pending);
}

enum status run_continue_watch(struct run *run)
{
    enum { LIMIT = 1 << 30 };
    unsigned char *bytes = NULL;
    size_t size = 0;
    enum status status = ST_OK;
    const char *path = NULL;
    if (run->session->world->rank == 0)
        path = run_folder_file(&run->folder, "watch.csv");
    if (path && file_exists(path))
        status = file_read(path, LIMIT, &bytes, &size);
    if (bytes) {
        struct text csv = {0};
        text_append(&csv, (const char *)bytes, size);
        if (!watcher_continue(run->trainer.watcher, csv.data, run->trainer.step))
            log_warn("%s: had other columns, begins anew", path);
        text_release(&csv);
    }
    free(bytes);
    return world_agree(run->session->world, status);
}

enum status run_save_confusion(struct run *run)
{
    struct session *session = run->session;
    const struct selection *samples = &session->validation_samples;
    size_t classes = session_confusion(session);
    if (samples->n == 0 || classes == 0)
        return ST_OK;
    double *counts = mem_need(classes * classes, sizeof *counts), values[1 + METRICS_MAX];
    struct text text = {0};
    enum status status = session_evaluate(session, samples, values, counts);
    if (status == ST_OK && session->world->rank == 0) {
        const struct dataset *set = samples->dataset;
        bool named = set->class_names && set->classes == classes;
        confusion_csv(counts, classes, named ? set->class_names : NULL, &text);
        status = write_text(run, "confusion.csv", &text);
    }
    text_release(&text);
    free(counts);
    return world_agree(session->world, status);
}

/* ---- the way back ---- */

static enum status check_experiment(const struct run *run, const char *path, const char *text)
{
    struct experiment *old = NULL;
    enum status status = experiment_parse(path, text, &old);
    FAIL_IF(status != ST_OK, ST_MODEL, "%s: its experiment cannot be read: %s", path,
            status_message());
    status = experiment_continues(old, run->session->experiment);
    experiment_free(old);
    return status;
}

static enum status check_slots(const struct run *run, const char *path,
                               const struct checkpoint *checkpoint)
{
    const struct trainer *trainer = &run->trainer;
    bool same = checkpoint->optimizer && checkpoint->slots == trainer->updater.slots &&
                strcmp(checkpoint->optimizer, trainer->updater.optimizer->kind.name) == 0;
    for (size_t s = 0; same && s < trainer->updater.slots; s++)
        same = strcmp(checkpoint->slot_name[s], trainer->updater.slot_name[s]) == 0;
    size_t solver = trainer->solve ? solve_solver(trainer->solve)->state_size : 0;
    same = same && checkpoint->solver_size == solver && (!solver || checkpoint->convergence);
    FAIL_IF(!same, ST_MODEL, "%s: holds no state of the optimizer %s", path,
            trainer->updater.optimizer->kind.name);
    FAIL_IF(checkpoint->position < 0 || (size_t)checkpoint->position > trainer->samples ||
                checkpoint->epoch < 0 || checkpoint->step < 0 || !checkpoint->history,
            ST_MODEL, "%s: its position (epoch %lld, step %lld, sample %lld) makes no sense", path,
            (long long)checkpoint->epoch, (long long)checkpoint->step,
            (long long)checkpoint->position);
    return ST_OK;
}

/* Rank 0: reads one file and checks that this run can go on from it. */
static enum status read_file(struct run *run, const char *path, struct checkpoint *checkpoint)
{
    TRY(checkpoint_read(path, run->session->model, checkpoint));
    enum status status = check_experiment(run, path, checkpoint->experiment);
    if (status == ST_OK)
        status = check_slots(run, path, checkpoint);
    if (status != ST_OK)
        checkpoint_release(checkpoint);
    return status;
}

/* Rank 0: the newest checkpoint that can be used. *found stays NULL where there is none at all. */
static enum status find_checkpoint(struct run *run, struct checkpoint *checkpoint,
                                   const char **found)
{
    int64_t *steps = NULL;
    size_t n = 0;
    TRY(run_folder_checkpoints(&run->folder, &steps, &n));
    enum status status = ST_OK;
    for (size_t i = 0; i < n; i++) {
        const char *path = run_folder_checkpoint(&run->folder, steps[i]);
        status = read_file(run, path, checkpoint);
        if (status == ST_OK)
            *found = path;
        if (status == ST_OK || status == ST_USAGE)
            break;
        log_warn("%s; %s", status_message(),
                 i + 1 < n ? "trying the one before" : "there is no older one");
    }
    free(steps);
    return status;
}

/* Sends a text of rank 0 to all; the copy belongs to pool. */
static char *share_text(const struct world *world, const char *text, struct pool *pool)
{
    size_t size = text ? strlen(text) + 1 : 0;
    world_broadcast(world, &size, sizeof size);
    char *copy = pool_alloc(pool, size + 1);
    if (size && world->rank == 0)
        memcpy(copy, text, size);
    world_broadcast(world, copy, size);
    return copy;
}

static void hand_out_solver(struct trainer *trainer, const struct checkpoint *checkpoint)
{
    const struct world *world = trainer->session->world;
    struct pool pool = {0};
    size_t size = solve_solver(trainer->solve)->state_size;
    double *state = pool_alloc(&pool, size * sizeof *state);
    if (world->rank == 0)
        memcpy(state, checkpoint->solver, size * sizeof *state);
    world_broadcast(world, state, size * sizeof *state);
    solve_restore(trainer, state, share_text(world, checkpoint->convergence, &pool));
    pool_release(&pool);
}

/* Everything a checkpoint holds, from rank 0 to where it belongs. */
static enum status hand_out(struct run *run, struct checkpoint *checkpoint, const char *path)
{
    struct trainer *trainer = &run->trainer;
    struct session *session = run->session;
    const struct world *world = session->world;
    struct pool pool = {0};
    int64_t place[4] = {checkpoint->epoch, checkpoint->step, checkpoint->position,
                        checkpoint->best != NULL};
    world_broadcast(world, place, sizeof place);
    trainer->epoch = place[0];
    trainer->step = place[1];
    trainer->position = place[2];
    if (world->rank == 0)
        memcpy(session->model->params, checkpoint->params, session->model->total * sizeof(float));
    world_broadcast(world, session->model->params, session->model->total * sizeof(float));
    for (size_t s = 0; s < trainer->updater.slots; s++)
        reducer_hand_out(&trainer->reducer, checkpoint->slot[s], trainer->updater.slot[s]);
    if (trainer->solve)
        hand_out_solver(trainer, checkpoint);
    if (run->best && place[3]) {
        if (world->rank == 0)
            memcpy(run->best, checkpoint->best, session->model->total * sizeof(float));
        world_broadcast(world, run->best, session->model->total * sizeof(float));
    }
    history_restore(&run->history, share_text(world, checkpoint->history, &pool));
    char *text = share_text(world, checkpoint->state, &pool);
    struct state state;
    struct epoch_sums sums = sums_of(run);
    enum status status =
        state_read(path ? path : "checkpoint", text, &pool, &state, &sums, &run->callbacks, NULL);
    if (status == ST_OK) {
        run->epoch_seconds = state.epoch_seconds;
        run->train_seconds = state.train_seconds;
        run->stopped_early = state.stopped_early;
        trainer->rate = state.rate;
        if (strcmp(state.core, core_of(session)) != 0)
            log_warn("the run was computed for CPU type %s and goes on for %s: exact: false, the "
                     "bits may differ from an undisturbed run's",
                     state.core, core_of(session));
    }
    pool_release(&pool);
    return world_agree(world, status);
}

enum status run_resume(struct run *run, bool *resumed)
{
    const struct world *world = run->session->world;
    struct checkpoint checkpoint = {0};
    const char *path = NULL;
    enum status status = ST_OK;
    if (world->rank == 0)
        status = find_checkpoint(run, &checkpoint, &path);
    TRY(world_agree(world, status));
    int found = path != NULL;
    world_broadcast(world, &found, sizeof found);
    *resumed = found;
    if (!found) {
        log_info("no checkpoint in %s yet; starting from the beginning",
                 run->folder.path ? run->folder.path : "");
        return ST_OK;
    }
    status = hand_out(run, &checkpoint, path);
    if (world->rank == 0)
        checkpoint_release(&checkpoint);
    if (status == ST_OK)
        log_info("resumed from %s: epoch %lld, step %lld, %d rank%s", path,
                 (long long)run->trainer.epoch + 1, (long long)run->trainer.step, world->size,
                 world->size == 1 ? "" : "s");
    return status;
}
