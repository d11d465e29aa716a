/* One training step, and the state that steps change: parameters, optimizer slots, epoch sums. */
#ifndef CONVOY_TRAIN_TRAINER_H
#define CONVOY_TRAIN_TRAINER_H

#include "comm/reduce.h"
#include "train/profile.h"
#include "train/session.h"
#include "train/update.h"
#include "train/watch.h"

struct solve;
struct segmented;

struct trainer {
    struct session *session;
    struct solve *solve;     /* a second-order method; NULL: the optimizer updates slices */
    bool converged;          /* it says that there is nothing more to do */
    struct profile *profile; /* NULL: times are not measured; not owned */
    struct watcher *watcher; /* NULL: layers are not watched; not owned */
    struct reducer reducer;
    struct sums sums;
    struct cuts cuts; /* where pieces may begin */
    struct updater updater;
    struct segmented *segmented; /* of a model with synchronized layers; else NULL */
    double rate;                 /* the learning rate; NAN: what the experiment says */
    uint32_t *order;             /* this epoch's samples, in the order of use */
    uint32_t *shuffled;          /* positions, for making the order */
    size_t samples, steps;       /* an epoch's */
    double step_seconds;         /* spent in steps by this process */
    int64_t steps_done;          /* by this process */
    /* where we are */
    int64_t epoch;     /* epochs finished */
    int64_t step;      /* steps finished since the beginning */
    int64_t position;  /* samples of this epoch already used */
    double *epoch_sum; /* session->sums: of loss (penalties included) and metrics */
};

/* Plans and allocates for the session's training samples; optimizer state at its start. Warns where
 * there are more ranks than microbatches. Collective. */
enum status trainer_init(struct trainer *trainer, struct session *session);
void trainer_release(struct trainer *trainer);

/* The learning rate of a step (from 0): the schedule's, scaled with the batch, after the warm-up;
 * or trainer->rate. Not collective. */
double trainer_learning_rate(const struct trainer *trainer, int64_t step);

/* The order of the samples in the epoch that trainer->epoch says. Not collective. */
void trainer_begin_epoch(struct trainer *trainer);

/* What ranks tell each other in every step. */
struct signals {
    bool stop; /* somebody was asked to stop */
    bool save; /* it is time for a checkpoint */
};

/* One step: forward, backward, reduction, update. signals: in, this rank's wishes; out, those of
 * any rank. loss gets the step's mean loss, penalties included. Errors: the first failing rank's,
 * on all; ST_DIVERGED, before anything is changed, for a loss that is not finite if check_finite.
 * Collective. */
enum status trainer_step(struct trainer *trainer, struct signals *signals, bool check_finite,
                         double *loss);

/* ---- For solve.c and segmented.c ---- */

/* Microbatch number m of the step whose n samples are ids: its sums, and where the pass has a
 * vector that too (n floats, like a gradient). */
struct trainer_pass {
    enum status (*microbatch)(struct trainer *trainer, const struct trainer_pass *pass, size_t m);
    void *context;
    bool vector;
    const uint32_t *ids;
    size_t n;
};
enum status trainer_gradient(struct trainer *trainer, const struct trainer_pass *pass, size_t m);

/* Gathers microbatch number m into the session's buffers, and fills in a batch for the model. */
enum status trainer_gather(struct trainer *trainer, const struct trainer_pass *pass, size_t m,
                           struct model_batch *batch);

/* Runs this rank's microbatches, and adds up over all: the sums go to *total, the vector to the
 * reducer's pieces. Errors and signals: as for trainer_step. Collective. */
enum status trainer_run(struct trainer *trainer, const struct trainer_pass *pass,
                        struct signals *signals, const double **total);

/* ---- */

/* One line into the log on what communication has cost: gradients, parameters and sums. Nothing
 * where there is one rank. Collective. */
void trainer_log_report(const struct trainer *trainer);

#endif
