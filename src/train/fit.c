#include "train/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/signals.h"
#include "kernels/isa.h"
#include "train/fit_state.h"
#include "train/solve.h"
#include "train/transfer.h"

static enum status open_folder(struct run *run, const struct fit_options *options)
{
    enum status status = ST_OK;
    if (run->session->world->rank == 0) {
        status = run_folder_open(&run->folder, options->folder, options->start);
        if (status == ST_OK)
            status = log_open(run_folder_file(&run->folder, "log.txt"));
    }
    return world_agree(run->session->world, status);
}

static void note_machine(const struct run *run)
{
    const struct world *world = run->session->world;
    const struct kernels *kernels = run->session->model->kernels;
    log_note("%d ranks on %d machines, backend %s%s%s%s%s", world->size, world->nodes,
             kernels->name, kernels->isa ? ", instruction set " : "",
             kernels->isa ? kernels->isa : "",
             kernels->exact_across_cpus ? "" : ", exact on CPU type ",
             kernels->exact_across_cpus ? "" : kernels_blas_core());
    if (world->rank == 0 && kernels->isa && strcmp(kernels->isa, isa_names[ISA_generic]) == 0 &&
        !getenv("CONVOY_ISA"))
        log_warn(
            "this processor has no AVX2 and FMA: the native kernels are plain C here, and slow; "
            "'backend: blas' is faster (with other last bits)");
}

static void log_lines(const struct text *lines)
{
    for (const char *at = lines->data; at && *at; at += strcspn(at, "\n") + 1)
        log_info("%.*s", (int)strcspn(at, "\n"), at);
}

static enum status prepare(struct run *run, const struct fit_options *options)
{
    struct session *session = run->session;
    const struct experiment *e = session->experiment;
    const struct optimizer_type *optimizer = e->compile.optimizer.kind->impl;
    FAIL_IF(options->watcher && optimizer->solver, ST_USAGE,
            "--watch: %s evaluates several gradients a step; solver.csv has its numbers",
            optimizer->kind.name);
    experiment_write(e, &run->experiment);
    TRY(world_same(session->world, run->experiment.data, run->experiment.length, "the experiment"));
    history_init(&run->history, session->metric, session->metrics,
                 session->validation_samples.n > 0);
    enum status status = callbacks_init(&run->callbacks, &e->fit.callbacks, &run->history);
    TRY(world_agree(session->world, status));
    model_init(session->model);
    bool resume = options->start == RUN_RESUME, resumed = false;
    if (!resume) /* before an old run is overwritten */
        TRY(transfer_weights(session, &run->transferred));
    TRY(open_folder(run, options));
    TRY(trainer_init(&run->trainer, session));
    if (run->callbacks.early && run->callbacks.early->restore_best_weights) {
        void *memory = NULL;
        status = mem_alloc(&memory, session->model->total * sizeof(float), "the best weights");
        run->best = memory;
        TRY(world_agree(session->world, status));
    }
    if (run->trainer.updater.average) {
        void *memory = NULL;
        status = mem_alloc(&memory, session->model->trainable * sizeof(float), "averages");
        run->aside = memory;
        TRY(world_agree(session->world, status));
    }
    progress_init(&run->progress, options->progress, session->world->rank == 0, e->fit.epochs);
    log_set_before(progress_clear);
    note_machine(run);
    if (options->watcher) {
        run->trainer.watcher = options->watcher;
        TRY(watcher_open(options->watcher, session->model, &run->trainer.reducer));
    }
    if (resume)
        TRY(run_resume(run, &resumed));
    if (resumed)
        overfit_replay(&run->overfit, &run->history);
    if (resumed && options->watcher)
        TRY(run_continue_watch(run));
    if (resume && !resumed)
        TRY(transfer_weights(session, &run->transferred));
    log_lines(&run->transferred);
    return run_save_texts(run);
}

static bool save_is_due(const struct run *run)
{
    const struct callbacks *c = &run->callbacks;
    if (c->save_unit == SAVE_STEPS)
        return (run->trainer.step + 1) % (int64_t)c->save_every == 0;
    return c->save_unit == SAVE_SECONDS && run->session->world->rank == 0 &&
           clock_seconds() - run->saved_at >= c->save_every;
}

static void show_step(struct run *run, double train_start)
{
    const struct trainer *t = &run->trainer;
    double values[1 + METRICS_MAX], used = (double)t->position;
    session_values(run->session, t->epoch_sum, used, values);
    double taken = run->train_seconds + (clock_seconds() - train_start);
    double speed = used / (taken > 0.0 ? taken : 1e-9);
    double epochs_left = (double)(run->session->experiment->fit.epochs - t->epoch);
    run->progress.learning_rate = trainer_learning_rate(t, t->step - 1);
    progress_step(&run->progress, t->epoch + 1, used / (double)t->samples, speed,
                  (epochs_left * (double)t->samples - used) / speed, &run->history, values,
                  1 + run->session->metrics);
}

/* The rest of the epoch's steps. Ends with ST_STOPPED, after a checkpoint, when asked to. */
static enum status run_steps(struct run *run)
{
    struct trainer *trainer = &run->trainer;
    double start = clock_seconds();
    while ((size_t)trainer->position < trainer->samples) {
        double loss = 0.0;
        struct signals signals = {.stop = signals_stop_wanted(), .save = save_is_due(run)};
        TRY(trainer_step(trainer, &signals, run->callbacks.terminate_on_nan, &loss));
        show_step(run, start);
        if (!signals.stop && !signals.save)
            continue;
        run->train_seconds += clock_seconds() - start;
        start = clock_seconds();
        profile_phase(trainer->profile, PHASE_FILES);
        TRY(run_save(run));
        profile_phase(trainer->profile, PHASE_OTHER);
        FAIL_IF(signals.stop, ST_STOPPED,
                "stopped after step %lld with a checkpoint; run again with --resume to go on",
                (long long)trainer->step);
    }
    run->train_seconds += clock_seconds() - start;
    return ST_OK;
}

/* The averages take the place of the trained parameters, where wanted; and these come back.
 * Collective. */
static void swap_in(struct run *run, bool wanted)
{
    struct model *model = run->session->model;
    if (!wanted)
        return;
    memcpy(run->aside, model->params, model->trainable * sizeof(float));
    updater_averages(&run->trainer.updater, model->params);
}

static void swap_out(struct run *run, bool wanted)
{
    struct model *model = run->session->model;
    if (wanted)
        memcpy(model->params, run->aside, model->trainable * sizeof(float));
}

static enum status validate(struct run *run, struct history_row *row)
{
    struct session *session = run->session;
    double *values = row->value + 1 + session->metrics;
    if (run->history.val_columns == 0)
        return ST_OK;
    profile_phase(run->trainer.profile, PHASE_VALIDATION);
    swap_in(run, run->callbacks.swap);
    enum status status = session_evaluate(session, &session->validation_samples, values, NULL);
    swap_out(run, run->callbacks.swap);
    TRY(status);
    profile_phase(run->trainer.profile, PHASE_OTHER);
    FAIL_IF(run->callbacks.terminate_on_nan && !isfinite(values[0]), ST_DIVERGED,
            "val_loss is %g in epoch %lld: training has diverged; try a smaller learning_rate",
            values[0], (long long)row->epoch);
    return ST_OK;
}

static struct history_row row_of(const struct run *run)
{
    const struct trainer *trainer = &run->trainer;
    struct history_row row = {.epoch = trainer->epoch + 1,
                              .step = trainer->step,
                              .samples = (int64_t)trainer->samples,
                              .learning_rate = trainer_learning_rate(trainer, trainer->step - 1)};
    double taken = run->train_seconds > 0.0 ? run->train_seconds : 1e-9;
    row.samples_per_second = (double)trainer->samples / taken;
    session_values(run->session, trainer->epoch_sum, (double)trainer->samples, row.value);
    return row;
}

/* What ReduceLROnPlateau makes of the epoch's numbers. */
static void reduce_rate(struct run *run, const struct history_row *row)
{
    double rate = callbacks_reduce(&run->callbacks, row->value, row->learning_rate);
    if (rate == row->learning_rate)
        return;
    run->trainer.rate = rate;
    log_note("epoch %lld: learning rate %g from here on", (long long)row->epoch, rate);
}

/* The parameters of the best epoch, in memory and in best.h5. */
static enum status keep_best(struct run *run, bool improved, bool best)
{
    struct model *model = run->session->model;
    bool averages = run->callbacks.swap && run->callbacks.swap->swap_on_epoch;
    enum status status = ST_OK;
    swap_in(run, averages && (improved || best));
    if (improved && run->best)
        memcpy(run->best, model->params, model->total * sizeof(float));
    if (best)
        status = run_save_model(run, "best.h5");
    swap_out(run, averages && (improved || best));
    return status;
}

/* What the callbacks make of the epoch's numbers. */
static enum status end_epoch(struct run *run, struct history_row *row)
{
    struct callbacks *c = &run->callbacks;
    struct trainer *trainer = &run->trainer;
    bool improved = false,
         best = c->save_best && watch_improved(&c->save_watch, row->value[c->save_watch.column]);
    bool waited = callbacks_early_stop(c, row->epoch, row->value, &improved);
    run->stopped_early = waited || callbacks_reached(c, row->value) || trainer->converged;
    reduce_rate(run, row);
    history_add(&run->history, row);
    progress_epoch(&run->progress, &run->history, row, best || improved);
    if (!run->stopped_early) /* else something is done about it */
        overfit_check(&run->overfit, &run->history, row);
    if (callbacks_reached(c, row->value))
        log_info("StopAt: %s has reached %g in epoch %lld", c->stop_at->monitor, c->stop_at->value,
                 (long long)row->epoch);
    trainer->epoch++;
    trainer->position = 0;
    memset(trainer->epoch_sum, 0, run->session->sums * sizeof *trainer->epoch_sum);
    run->epoch_seconds = run->train_seconds = 0.0;
    run->epoch_start = clock_seconds();
    bool last = run->stopped_early || trainer->epoch >= run->session->experiment->fit.epochs;
    profile_phase(trainer->profile, PHASE_FILES);
    TRY(keep_best(run, improved, best));
    if (last || (c->save_unit == SAVE_EPOCHS && trainer->epoch % (int64_t)c->save_every == 0))
        TRY(run_save(run));
    TRY(run_save_texts(run));
    profile_phase(trainer->profile, PHASE_OTHER);
    return ST_OK;
}

static enum status run_epoch(struct run *run, struct history_row *row)
{
    trainer_begin_epoch(&run->trainer);
    TRY(run_steps(run));
    *row = row_of(run);
    TRY(validate(run, row));
    row->seconds = run->epoch_seconds + (clock_seconds() - run->epoch_start);
    model_digest(run->session->model, run->session->model->params, row->digest);
    return end_epoch(run, row);
}

static enum status run_epochs(struct run *run, struct fit_result *result)
{
    int64_t epochs = run->session->experiment->fit.epochs;
    struct model *model = run->session->model;
    if (run->trainer.epoch >= epochs || run->stopped_early)
        log_info("this run is finished: %lld epochs%s", (long long)run->trainer.epoch,
                 run->stopped_early ? ", stopped early" : "");
    run->saved_at = run->epoch_start = clock_seconds();
    while (run->trainer.epoch < epochs && !run->stopped_early) {
        struct history_row row;
        TRY(run_epoch(run, &row));
        memcpy(result->value, row.value, sizeof row.value);
        result->values = run->history.values;
    }
    if (run->stopped_early && callbacks_waited(&run->callbacks))
        log_info("early stopping: %s was best in epoch %lld",
                 run->history.name[run->callbacks.early_watch.column],
                 (long long)run->callbacks.best_epoch);
    if (run->best && run->callbacks.early_watch.any)
        memcpy(model->params, run->best, model->total * sizeof(float));
    else if (run->trainer.updater.average && run->trainer.step > 0)
        updater_averages(&run->trainer.updater, model->params);
    profile_phase(run->trainer.profile, PHASE_VALIDATION);
    TRY(run_save_confusion(run));
    profile_phase(run->trainer.profile, PHASE_FILES);
    TRY(run_save_model(run, "model.h5"));
    profile_phase(run->trainer.profile, PHASE_OTHER);
    trainer_log_report(&run->trainer);
    model_digest(model, model->params, result->digest);
    memcpy(result->name, run->history.name, sizeof result->name);
    result->epochs = run->trainer.epoch;
    result->steps = run->trainer.step;
    result->stopped_early = run->stopped_early;
    return ST_OK;
}

/* What was measured until now becomes the profile of the run. Collective. */
static enum status end_profile(struct run *run)
{
    const struct world *world = run->session->world;
    profile_sum(run->trainer.profile);
    return profile_write_trace(run->trainer.profile, world,
                               world->rank == 0 ? run_folder_file(&run->folder, "trace.json")
                                                : NULL);
}

/* Runs the epochs with the profile that was asked for. A run that was stopped has one as well. */
static enum status run_measured(struct run *run, const struct fit_options *options,
                                struct fit_result *result)
{
    if (!options->profile)
        return run_epochs(run, result);
    profile_init(options->profile, run->session->model, &run->trainer.reducer, true);
    run->trainer.profile = options->profile;
    enum status status = run_epochs(run, result);
    if (status == ST_OK || status == ST_STOPPED)
        TRY(end_profile(run));
    return status;
}

static void release(struct run *run)
{
    progress_release(&run->progress);
    log_set_before(NULL);
    trainer_release(&run->trainer);
    history_release(&run->history);
    text_release(&run->experiment);
    text_release(&run->transferred);
    run_folder_close(&run->folder);
    free(run->best);
    free(run->aside);
}

enum status fit(struct session *session, const struct fit_options *options,
                struct fit_result *result)
{
    struct run run = {.session = session};
    *result = (struct fit_result){0};
    enum status status = prepare(&run, options);
    if (status == ST_OK)
        status = run_measured(&run, options, result);
    progress_clear();
    if (status == ST_DIVERGED)
        run_keep_watch(&run);
    if (status != ST_OK && session->world->rank == 0)
        log_note("ended: %s", status_message());
    release(&run);
    log_open(NULL);
    return status;
}
