/* Notices overfitting: the validation loss grows while the training loss falls. */
#ifndef CONVOY_TRAIN_OVERFIT_H
#define CONVOY_TRAIN_OVERFIT_H

#include "train/history.h"

/* The rule: val_loss had its least OVERFIT_EPOCHS epochs ago or earlier, is by a twentieth above it
 * now, and the training loss is less than it was then. */
enum { OVERFIT_EPOCHS = 5 };

struct overfit {
    bool any, found;
    int64_t epoch;      /* of the least val_loss */
    double least, loss; /* that, and the training loss in its epoch */
};

/* An epoch's losses; true once, when the rule holds for the first time. */
bool overfit_see(struct overfit *overfit, int64_t epoch, double loss, double val_loss);

/* The same for a row of the history, with a warning; nothing where nothing is validated. */
void overfit_check(struct overfit *overfit, const struct history *history,
                   const struct history_row *row);

/* Sees the epochs that the history has already, and says nothing. */
void overfit_replay(struct overfit *overfit, const struct history *history);

#endif
