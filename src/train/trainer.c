#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "train/segmented.h"
#include "train/solve.h"

/* The reducer, and sums through shared memory where gradients go through it. */
static enum status open_reducer(struct trainer *trainer)
{
    struct session *session = trainer->session;
    const struct model *model = session->model;
    size_t batch = session_batch(session), rest = trainer->samples % batch;
    size_t *starts = mem_need(model->nodes, sizeof *starts);
    struct reduce_plan plan = {.n = model->trainable,
                               .starts = starts,
                               .layers = model_gradient_starts(model, starts),
                               .usual = session_microbatches(session, batch),
                               .last = session_microbatches(session, rest ? rest : batch),
                               .cuts = trainer->cuts};
    enum status status = reducer_init(&trainer->reducer, session->world, &plan);
    free(starts);
    if (status == ST_OK && trainer->reducer.window.shared)
        sums_share(&trainer->sums, plan.usual);
    return status;
}

enum status trainer_init(struct trainer *trainer, struct session *session)
{
    const struct experiment *e = session->experiment;
    *trainer = (struct trainer){
        .session = session, .rate = (double)NAN, .samples = session->train_samples.n};
    size_t batch = session_batch(session);
    trainer->steps = (trainer->samples + batch - 1) / batch;
    trainer->order = mem_need(trainer->samples, sizeof *trainer->order);
    trainer->shuffled = mem_need(trainer->samples, sizeof *trainer->shuffled);
    trainer->epoch_sum = mem_need(session->sums, sizeof *trainer->epoch_sum);
    sums_init(&trainer->sums, session->world, session->sums + session->model->stats);
    size_t microbatches = session_microbatches(session, batch);
    if ((size_t)session->world->size > microbatches)
        log_warn("%d ranks share the %zu microbatches of a step, so that %zu have nothing to do; "
                 "lower fit.microbatch_size (%lld) or raise fit.batch_size (%zu)",
                 session->world->size, microbatches, (size_t)session->world->size - microbatches,
                 (long long)e->fit.microbatch_size, batch);
    const struct update_spec spec = {&e->compile.optimizer, &e->compile.exclude_from_weight_decay};
    trainer->updater.optimizer = e->compile.optimizer.kind->impl;
    bool solves = trainer->updater.optimizer->solver != NULL;
    if (!solves)
        update_cuts(&spec, session->model, &trainer->cuts);
    TRY(open_reducer(trainer));
    TRY(segmented_open(trainer, &trainer->segmented));
    if (solves)
        return solve_open(trainer);
    return world_agree(session->world,
                       updater_init(&trainer->updater, &spec, session->model, &trainer->reducer));
}

void trainer_release(struct trainer *trainer)
{
    updater_release(&trainer->updater);
    solve_close(trainer);
    segmented_close(trainer->segmented);
    reducer_release(&trainer->reducer);
    sums_release(&trainer->sums);
    free((void *)(uintptr_t)trainer->cuts.at);
    free(trainer->order);
    free(trainer->shuffled);
    free(trainer->epoch_sum);
    *trainer = (struct trainer){0};
}

/* What batches of another size than the reference make of the learning rate. */
static double batch_factor(const struct session *session)
{
    const struct experiment *e = session->experiment;
    double batch = e->fit.batch_size == FIELD_NONE ? (double)session_batch(session)
                                                   : (double)e->fit.batch_size;
    double share = batch / (double)e->compile.reference_batch_size;
    if (e->compile.scale_with_batch == SCALE_NONE)
        return 1.0;
    return e->compile.scale_with_batch == SCALE_LINEAR ? share : sqrt(share);
}

double trainer_learning_rate(const struct trainer *trainer, int64_t step)
{
    const struct experiment *e = trainer->session->experiment;
    const struct optimizer_common *common = e->compile.optimizer.args;
    int64_t warmup = e->compile.warmup_steps, after = step < warmup ? 0 : step - warmup;
    double share = step < warmup ? (double)(step + 1) / (double)warmup : 1.0;
    if (trainer->solve)
        return solve_step_length(trainer->solve);
    if (!isnan(trainer->rate))
        return trainer->rate;
    return schedule_rate(&common->learning_rate, after) * batch_factor(trainer->session) * share;
}

void trainer_begin_epoch(struct trainer *trainer)
{
    const struct experiment *e = trainer->session->experiment;
    const uint32_t *ids = trainer->session->train_samples.ids;
    /* a second-order method on all samples compares losses of different epochs */
    if (!e->fit.shuffle || (trainer->solve && trainer->steps == 1)) {
        memcpy(trainer->order, ids, trainer->samples * sizeof *ids);
        return;
    }
    struct rng_key key = rng_key((uint64_t)e->seed, RNG_SHUFFLE, (uint64_t)trainer->epoch, 0, 0);
    rng_permutation(&key, trainer->shuffled, trainer->samples);
    for (size_t i = 0; i < trainer->samples; i++)
        trainer->order[i] = ids[trainer->shuffled[i]];
}

static void finished(void *context, size_t offset)
{
    struct trainer *trainer = context;
    profile_phase(trainer->profile, PHASE_ADDITION);
    reducer_finished(&trainer->reducer, offset);
    profile_phase(trainer->profile, PHASE_BACKWARD);
}

/* Samples first.. of the step, as the model is to see them. */
static enum status gather_training(struct trainer *trainer, const struct trainer_pass *pass,
                                   size_t first, size_t count)
{
    struct session *session = trainer->session;
    profile_phase(trainer->profile, PHASE_DATA);
    TRY(session_gather(session, session->train, true, pass->ids + first, count));
    if (session->experiment->data.augment.n == 0)
        return ST_OK;
    profile_phase(trainer->profile, PHASE_AUGMENT);
    struct augment_step step = {(uint64_t)trainer->epoch, pass->ids, pass->n};
    return augmenter_run(&session->augmenter, &step, first, count, session->x, session->y);
}

enum status trainer_gather(struct trainer *trainer, const struct trainer_pass *pass, size_t m,
                           struct model_batch *batch)
{
    struct session *session = trainer->session;
    size_t size = (size_t)session->experiment->fit.microbatch_size, first = m * size;
    size_t count = pass->n - first < size ? pass->n - first : size;
    *batch = (struct model_batch){.n = (int)count,
                                  .training = true,
                                  .same_params = m > trainer->sums.range.first,
                                  .step = (uint64_t)trainer->step,
                                  .ids = pass->ids + first,
                                  .x = session->x,
                                  .stats = sums_next(&trainer->sums) + session->sums};
    return gather_training(trainer, pass, first, count);
}

/* Forward, loss, backward. */
enum status trainer_gradient(struct trainer *trainer, const struct trainer_pass *pass, size_t m)
{
    struct session *session = trainer->session;
    struct model_batch batch;
    TRY(trainer_gather(trainer, pass, m, &batch));
    batch.finished = finished;
    batch.context = trainer;
    profile_phase(trainer->profile, PHASE_FORWARD);
    const float *out = model_forward(session->model, &batch);
    profile_phase(trainer->profile, PHASE_LOSS);
    session_score(session, batch.n, out, sums_next(&trainer->sums), session->dy);
    profile_phase(trainer->profile, PHASE_BACKWARD);
    model_backward(session->model, &batch, session->dy, reducer_next(&trainer->reducer), NULL);
    return ST_OK;
}

/* This rank's microbatches of a step. */
static enum status run_range(struct trainer *trainer, const struct trainer_pass *pass)
{
    size_t microbatches = session_microbatches(trainer->session, pass->n);
    enum status status = ST_OK;
    sums_begin(&trainer->sums, microbatches);
    if (pass->vector)
        reducer_begin(&trainer->reducer, microbatches);
    if (trainer->segmented)
        return segmented_run(trainer->segmented, pass);
    for (size_t m = trainer->sums.range.first; m < trainer->sums.range.end; m++) {
        status = pass->microbatch(trainer, pass, m);
        if (status != ST_OK)
            break;
        profile_phase(trainer->profile, PHASE_ADDITION);
        sums_push(&trainer->sums);
        if (pass->vector)
            reducer_push(&trainer->reducer);
    }
    return status;
}

static void update(struct trainer *trainer, size_t n)
{
    struct reducer *reducer = &trainer->reducer;
    float *params = trainer->session->model->params;
    const struct update_now now = {.learning_rate = trainer_learning_rate(trainer, trainer->step),
                                   .iteration = trainer->step + 1,
                                   .samples = n};
    profile_phase(trainer->profile, PHASE_UPDATE);
    updater_begin(&trainer->updater, &now);
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        profile_phase(trainer->profile, PHASE_UPDATE);
        updater_bucket(&trainer->updater, &now, b);
        profile_phase(trainer->profile, PHASE_EXCHANGE);
        reducer_share(reducer, b, params);
    }
    reducer_gather(reducer, params);
    profile_phase(trainer->profile, PHASE_UPDATE);
}

/* Adds the step's sums to the epoch's; returns the mean loss. */
static double account(struct trainer *trainer, const double *total, size_t n)
{
    double penalty = session_penalty(trainer->session);
    for (size_t i = 0; i < trainer->session->sums; i++)
        trainer->epoch_sum[i] += total[i];
    trainer->epoch_sum[0] += penalty * (double)n;
    return total[0] / (double)n + penalty;
}

/* Will the layers be watched in this step of the samples first.. up to n more? */
static void begin_watch(struct trainer *trainer, size_t first, size_t n)
{
    size_t batch = session_batch(trainer->session);
    const struct watch_moment moment = {.epoch = trainer->epoch + 1,
                                        .step = trainer->step + 1,
                                        .samples = n,
                                        .microbatches = session_microbatches(trainer->session, n),
                                        .last = (n == batch || first == 0) &&
                                                trainer->samples - first - n < batch};
    watcher_begin(trainer->watcher, &moment);
}

/* A rank that failed goes all the way, so that the others do not wait for it; then all fail with
 * its message. */
enum status trainer_run(struct trainer *trainer, const struct trainer_pass *pass,
                        struct signals *signals, const double **total)
{
    struct sums *sums = &trainer->sums;
    enum status status = run_range(trainer, pass);
    sums->flag[0] = status != ST_OK;
    sums->flag[1] = signals->stop;
    sums->flag[2] = signals->save;
    profile_phase(trainer->profile, PHASE_REDUCTION);
    if (pass->vector)
        reducer_total(&trainer->reducer);
    profile_phase(trainer->profile, PHASE_AGREEMENT);
    *total = sums_total(sums);
    signals->stop = sums->flag[1];
    signals->save = sums->flag[2];
    return sums->flag[0] ? world_agree(trainer->session->world, status) : ST_OK;
}

enum status trainer_step(struct trainer *trainer, struct signals *signals, bool check_finite,
                         double *loss)
{
    double start = MPI_Wtime();
    size_t first = (size_t)trainer->position;
    size_t n = session_batch(trainer->session);
    n = trainer->samples - first < n ? trainer->samples - first : n;
    profile_begin_step(trainer->profile);
    begin_watch(trainer, first, n);
    const double *total = NULL;
    struct trainer_pass pass = {
        .microbatch = trainer_gradient, .vector = true, .ids = trainer->order + first, .n = n};
    TRY(trainer->solve ? solve_step(trainer, &pass, signals, &total)
                       : trainer_run(trainer, &pass, signals, &total));
    FAIL_IF(check_finite && !isfinite(total[0]), ST_DIVERGED,
            "the loss is %g in epoch %lld, step %lld: training has diverged; try a smaller "
            "learning_rate",
            total[0] / (double)n, (long long)trainer->epoch + 1, (long long)trainer->step + 1);
    profile_phase(trainer->profile, PHASE_LOSS);
    *loss = account(trainer, total, n);
    watcher_reduced(trainer->watcher);
    if (!trainer->solve)
        update(trainer, n);
    model_update_stats(trainer->session->model, total + trainer->session->sums, (double)n);
    watcher_end(trainer->watcher);
    profile_end_step(trainer->profile);
    trainer->step++;
    trainer->position += (int64_t)n;
    trainer->step_seconds += MPI_Wtime() - start;
    trainer->steps_done++;
    return ST_OK;
}

void trainer_log_report(const struct trainer *trainer)
{
    const struct world *world = trainer->session->world;
    struct bucket_cost cost = reducer_cost(&trainer->reducer);
    double exposed = cost.exposed + trainer->sums.seconds;
    exposed += trainer->segmented ? segmented_seconds(trainer->segmented) : 0.0;
    double mine[] = {exposed, trainer->step_seconds, cost.bytes}, all[3];
    MPI_Reduce(mine, all, 3, MPI_DOUBLE, MPI_SUM, 0, world->comm);
    if (world->rank != 0 || world->size == 1 || trainer->steps_done == 0)
        return;
    log_info("communication: %.1f%% of the step exposed, %.2f MB a step", 100.0 * all[0] / all[1],
             all[2] / (double)world->size / (double)trainer->steps_done / 1e6);
}
