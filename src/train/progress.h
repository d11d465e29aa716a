/* What a person sees while a run trains: on a terminal a live line, else one line an epoch. Rank 0
 * only. */
#ifndef CONVOY_TRAIN_PROGRESS_H
#define CONVOY_TRAIN_PROGRESS_H

#include <stdbool.h>

#include "train/history.h"

enum progress_mode { PROGRESS_AUTO, PROGRESS_LIVE, PROGRESS_LINES, PROGRESS_QUIET };

struct progress {
    bool lines, live, colour;
    int terminal; /* file descriptor to ask for the width; -1: none */
    int64_t epochs;
    double learning_rate; /* of the last step; set by the caller of progress_step */
    double drawn;         /* when the live line was last drawn, seconds */
};

/* Finds out what there is to draw on; mpirun hands ranks a pseudo-terminal, so that its own
 * standard output is what counts. show: this process is rank 0. */
void progress_init(struct progress *progress, enum progress_mode mode, bool show, int64_t epochs);
void progress_release(struct progress *progress);

/* One step is done: fraction of the epoch, speed, running means. Draws at most ten times a second.
 */
void progress_step(struct progress *progress, int64_t epoch, double fraction,
                   double samples_per_second, double seconds_left, const struct history *history,
                   const double *values, size_t count);

/* An epoch is done; marked: its model is the best so far. */
void progress_epoch(struct progress *progress, const struct history *history,
                    const struct history_row *row, bool marked);

/* Takes the live line away before something else is printed. */
void progress_clear(void);

#endif
