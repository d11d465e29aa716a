/* What fit.c and save.c share: a run under way. */
#ifndef CONVOY_TRAIN_FIT_STATE_H
#define CONVOY_TRAIN_FIT_STATE_H

#include "train/callbacks.h"
#include "train/fit.h"
#include "train/overfit.h"
#include "train/state.h"
#include "train/trainer.h"

struct run {
    struct session *session;
    struct trainer trainer;
    struct callbacks callbacks;
    struct history history;
    struct overfit overfit;
    struct run_folder folder; /* rank 0 only */
    struct progress progress;
    struct text experiment;  /* the resolved experiment */
    struct text transferred; /* what was taken from another model */
    float *best;             /* parameters that EarlyStopping would restore; NULL: not asked for */
    float *aside;            /* parameters while their averages are in the model; or NULL */
    bool stopped_early;
    double epoch_seconds, train_seconds; /* of this epoch, before the present process's part */
    double epoch_start;                  /* when this process's part began */
    double saved_at;                     /* when the last checkpoint was written */
};

/* Writes a checkpoint of the present state, and prunes old ones. Collective. Errors: ST_IO;
 * ST_DIVERGED, with nothing written, for parameters that are not finite. */
enum status run_save(struct run *run);

/* Writes the model alone: best.h5, model.h5. Collective; rank 0 writes. */
enum status run_save_model(struct run *run, const char *name);

/* Writes history.csv, experiment.yaml and, where layers are watched, watch.csv. Collective; rank 0
 * writes. */
enum status run_save_texts(struct run *run);

/* Writes confusion.csv: what the model that the run ends with makes of the validation samples,
 * where it classifies and there are any. Collective; rank 0 writes. */
enum status run_save_confusion(struct run *run);

/* After a divergence: watch.csv with the last steps, which tell most. Only a warning where it
 * cannot be written; the pending error stays. Not collective. */
void run_keep_watch(struct run *run);

/* Takes over what watch.csv has up to the present step. Collective. */
enum status run_continue_watch(struct run *run);

/* Continues from the newest usable checkpoint of the folder, if there is one: all ranks get
 * parameters, slots, position, callbacks; *resumed says whether. Falls back to older ones with a
 * warning. Collective. Errors: ST_MODEL when there are checkpoints and none can be used; ST_USAGE
 * when they are of another experiment. */
enum status run_resume(struct run *run, bool *resumed);

#endif
