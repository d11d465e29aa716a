/* Training from beginning to end: epochs, validation, callbacks, checkpoints, resuming. */
#ifndef CONVOY_TRAIN_FIT_H
#define CONVOY_TRAIN_FIT_H

#include "train/profile.h"
#include "train/progress.h"
#include "train/run_folder.h"
#include "train/session.h"
#include "train/watch.h"

struct fit_options {
    const char *folder; /* of the run */
    enum run_start start;
    enum progress_mode progress;
    /* NULL: not asked for. Else filled in by fit with the times of all ranks, and the folder gets
     * trace.json; the caller releases it, before the session is closed. */
    struct profile *profile;
    /* NULL: layers are not watched. Else what and every are set, and the folder gets watch.csv; the
     * caller releases it. */
    struct watcher *watcher;
};

struct fit_result {
    char digest[DIGEST_SIZE];
    int64_t epochs, steps; /* in all */
    bool stopped_early;
    size_t values; /* of the last epoch, as in history.csv */
    char name[HISTORY_MAX_VALUES][48];
    double value[HISTORY_MAX_VALUES];
};

/* Trains the session's model as its experiment says. Ends with the final model in session->model
 * and in the folder's model.h5. Errors: ST_STOPPED after a signal, with a checkpoint written;
 * ST_DIVERGED; ST_IO; ST_USAGE. Collective; the same status on all ranks. */
enum status fit(struct session *session, const struct fit_options *options,
                struct fit_result *result);

#endif
