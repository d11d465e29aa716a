#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "layers/regularizers.h"

static void start_slots(struct trainer *trainer, const void *args)
{
    size_t own = reducer_own(&trainer->reducer);
    for (size_t s = 0; s < trainer->slots; s++) {
        float start = trainer->optimizer->slot_start ? trainer->optimizer->slot_start(args, s) : 0;
        for (size_t i = 0; i < own; i++)
            trainer->slot[s][i] = start;
    }
}

/* The reducer, and sums through shared memory where gradients go through it. */
static enum status open_reducer(struct trainer *trainer)
{
    struct session *session = trainer->session;
    const struct model *model = session->model;
    size_t batch = (size_t)session->experiment->fit.batch_size, rest = trainer->samples % batch;
    batch = batch < trainer->samples ? batch : trainer->samples;
    size_t *starts = mem_need(model->nodes, sizeof *starts);
    struct reduce_plan plan = {.n = model->trainable,
                               .starts = starts,
                               .layers = model_gradient_starts(model, starts),
                               .usual = session_microbatches(session, batch),
                               .last = session_microbatches(session, rest ? rest : batch)};
    enum status status = reducer_init(&trainer->reducer, session->world, &plan);
    free(starts);
    if (status == ST_OK && trainer->reducer.window.shared)
        sums_share(&trainer->sums, plan.usual);
    return status;
}

static enum status allocate_slots(struct trainer *trainer)
{
    const void *args = trainer->session->experiment->compile.optimizer.args;
    trainer->slots = trainer->optimizer->slots(args);
    for (size_t s = 0; s < trainer->slots; s++) {
        void *memory = NULL;
        TRY(mem_alloc(&memory, reducer_own(&trainer->reducer) * sizeof(float), "optimizer state"));
        trainer->slot[s] = memory;
    }
    start_slots(trainer, args);
    return ST_OK;
}

enum status trainer_init(struct trainer *trainer, struct session *session)
{
    const struct experiment *e = session->experiment;
    *trainer = (struct trainer){.session = session,
                                .optimizer = e->compile.optimizer.kind->impl,
                                .samples = session->train_samples.n};
    size_t batch = (size_t)e->fit.batch_size;
    trainer->steps = (trainer->samples + batch - 1) / batch;
    trainer->order = mem_need(trainer->samples, sizeof *trainer->order);
    trainer->shuffled = mem_need(trainer->samples, sizeof *trainer->shuffled);
    trainer->epoch_sum = mem_need(session->sums, sizeof *trainer->epoch_sum);
    sums_init(&trainer->sums, session->world, session->sums + session->model->stats);
    size_t microbatches = session_microbatches(session, batch);
    if ((size_t)session->world->size > microbatches)
        log_warn("%d ranks share the %zu microbatches of a step, so that %zu have nothing to do; "
                 "lower fit.microbatch_size (%lld) or raise fit.batch_size (%lld)",
                 session->world->size, microbatches, (size_t)session->world->size - microbatches,
                 (long long)e->fit.microbatch_size, (long long)e->fit.batch_size);
    TRY(open_reducer(trainer));
    return world_agree(session->world, allocate_slots(trainer));
}

void trainer_release(struct trainer *trainer)
{
    reducer_release(&trainer->reducer);
    sums_release(&trainer->sums);
    for (size_t s = 0; s < trainer->slots; s++)
        free(trainer->slot[s]);
    free(trainer->order);
    free(trainer->shuffled);
    free(trainer->epoch_sum);
    *trainer = (struct trainer){0};
}

void trainer_begin_epoch(struct trainer *trainer)
{
    const struct experiment *e = trainer->session->experiment;
    const uint32_t *ids = trainer->session->train_samples.ids;
    if (!e->fit.shuffle) {
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

/* Microbatch m of the step whose n samples are ids: forward, loss, backward. */
static enum status run_microbatch(struct trainer *trainer, const uint32_t *ids, size_t n, size_t m)
{
    struct session *session = trainer->session;
    size_t size = (size_t)session->experiment->fit.microbatch_size, first = m * size;
    size_t count = n - first < size ? n - first : size;
    double *sums = sums_next(&trainer->sums);
    profile_phase(trainer->profile, PHASE_DATA);
    TRY(session_gather(session, session->train, true, ids + first, count));
    struct model_batch batch = {.n = (int)count,
                                .training = true,
                                .same_params = m > trainer->sums.range.first,
                                .step = (uint64_t)trainer->step,
                                .ids = ids + first,
                                .x = session->x,
                                .stats = sums + session->sums,
                                .finished = finished,
                                .context = trainer};
    profile_phase(trainer->profile, PHASE_FORWARD);
    const float *out = model_forward(session->model, &batch);
    profile_phase(trainer->profile, PHASE_LOSS);
    session_score(session, (int)count, out, sums, session->dy);
    profile_phase(trainer->profile, PHASE_BACKWARD);
    model_backward(session->model, &batch, session->dy, reducer_next(&trainer->reducer), NULL);
    return ST_OK;
}

/* This rank's microbatches of a step of n samples. */
static enum status run_range(struct trainer *trainer, const uint32_t *ids, size_t n)
{
    size_t microbatches = session_microbatches(trainer->session, n);
    enum status status = ST_OK;
    sums_begin(&trainer->sums, microbatches);
    reducer_begin(&trainer->reducer, microbatches);
    for (size_t m = trainer->sums.range.first; m < trainer->sums.range.end; m++) {
        status = run_microbatch(trainer, ids, n, m);
        if (status != ST_OK)
            break;
        profile_phase(trainer->profile, PHASE_ADDITION);
        sums_push(&trainer->sums);
        reducer_push(&trainer->reducer);
    }
    return status;
}

/* g += l1 sign(w) + 2 l2 w where a piece meets a regularized parameter. */
static void add_penalty_gradient(const struct model *model, struct slice piece, float *g)
{
    size_t count = model_param_count(model);
    for (size_t p = 0; p < count; p++) {
        const struct param *param = model_param(model, p, NULL);
        struct penalty penalty = regularizer_penalty(param->regularizer);
        if (!param->trainable || (penalty.l1 == 0.0 && penalty.l2 == 0.0))
            continue;
        size_t first = param->offset > piece.first ? param->offset : piece.first;
        size_t end = param->offset + param->size;
        end = end < piece.first + piece.size ? end : piece.first + piece.size;
        float l1 = (float)penalty.l1, l2 = (float)(2.0 * penalty.l2);
        for (size_t i = first; i < end; i++) {
            float w = model->params[i];
            g[i - piece.first] += l1 * (float)((w > 0.0f) - (w < 0.0f)) + l2 * w;
        }
    }
}

/* The own piece of a bucket, of which total is the gradient's sum over n samples. */
static void update_piece(struct trainer *trainer, const struct reduce_bucket *bucket, size_t n)
{
    const struct experiment *e = trainer->session->experiment;
    const struct optimizer_common *common = e->compile.optimizer.args;
    struct model *model = trainer->session->model;
    float share = (float)(1.0 / (double)n), *g = bucket->total;
    for (size_t i = 0; i < bucket->own.size; i++)
        g[i] *= share;
    add_penalty_gradient(model, bucket->own, g);
    struct optimizer_step step = {.learning_rate = common->learning_rate,
                                  .iteration = trainer->step + 1,
                                  .n = bucket->own.size,
                                  .w = model->params + bucket->own.first,
                                  .g = g};
    for (size_t s = 0; s < trainer->slots; s++)
        step.slot[s] = trainer->slot[s] + bucket->place;
    trainer->optimizer->update(e->compile.optimizer.args, &step);
}

static void update(struct trainer *trainer, size_t n)
{
    struct reducer *reducer = &trainer->reducer;
    float *params = trainer->session->model->params;
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        profile_phase(trainer->profile, PHASE_UPDATE);
        update_piece(trainer, &reducer->bucket[b], n);
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

/* What all ranks have come to in a step: the sums of n samples, and the signals. A rank that failed
 * goes all the way, so that the others do not wait for it; then all fail with its message. */
static enum status agree(struct trainer *trainer, enum status status, struct signals *signals,
                         const double **total)
{
    struct sums *sums = &trainer->sums;
    sums->flag[0] = status != ST_OK;
    sums->flag[1] = signals->stop;
    sums->flag[2] = signals->save;
    profile_phase(trainer->profile, PHASE_REDUCTION);
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
    size_t n = (size_t)trainer->session->experiment->fit.batch_size;
    n = trainer->samples - first < n ? trainer->samples - first : n;
    profile_begin_step(trainer->profile);
    const double *total = NULL;
    TRY(agree(trainer, run_range(trainer, trainer->order + first, n), signals, &total));
    FAIL_IF(check_finite && !isfinite(total[0]), ST_DIVERGED,
            "the loss is %g in epoch %lld, step %lld: training has diverged; try a smaller "
            "learning_rate",
            total[0] / (double)n, (long long)trainer->epoch + 1, (long long)trainer->step + 1);
    profile_phase(trainer->profile, PHASE_LOSS);
    *loss = account(trainer, total, n);
    update(trainer, n);
    model_update_stats(trainer->session->model, total + trainer->session->sums, (double)n);
    profile_end_step(trainer->profile);
    trainer->step++;
    trainer->position += (int64_t)n;
    trainer->step_seconds += MPI_Wtime() - start;
    trainer->steps_done++;
    return ST_OK;
}

struct comm_report trainer_report(const struct trainer *trainer)
{
    struct comm_report report = reducer_report(&trainer->reducer);
    report.seconds_exposed += trainer->sums.seconds;
    report.seconds_total += trainer->sums.seconds;
    return report;
}

void trainer_log_report(const struct trainer *trainer)
{
    const struct world *world = trainer->session->world;
    struct comm_report report = trainer_report(trainer);
    double mine[] = {report.seconds_exposed, trainer->step_seconds, report.bytes}, all[3];
    MPI_Reduce(mine, all, 3, MPI_DOUBLE, MPI_SUM, 0, world->comm);
    if (world->rank != 0 || world->size == 1 || trainer->steps_done == 0)
        return;
    log_info("communication: %.1f%% of the step exposed, %.2f MB a step", 100.0 * all[0] / all[1],
             all[2] / (double)world->size / (double)trainer->steps_done / 1e6);
}
