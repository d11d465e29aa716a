/* What happens between steps and epochs, with Keras's names: EarlyStopping, ModelCheckpoint,
 * ReduceLROnPlateau, SwapEMAWeights, CSVLogger, TerminateOnNaN; and StopAt, which in Keras one
 * writes oneself. Every decision is made from numbers that are the same on every rank, so every
 * rank makes it for itself. */
#ifndef CONVOY_TRAIN_CALLBACKS_H
#define CONVOY_TRAIN_CALLBACKS_H

#include "optimizers/optimizer.h"
#include "train/history.h"

extern const struct kind *const callback_kinds[]; /* ends with NULL */

struct early_stopping_args {
    char *monitor;
    double min_delta;
    int64_t patience;
    int mode; /* enum mode */
    bool restore_best_weights;
    int64_t start_from_epoch;
};

struct stop_at_args {
    char *monitor;
    double value;
    int mode; /* enum mode */
};

struct model_checkpoint_args {
    char *monitor;
    int mode;
    bool save_best_only;
    struct variant save_freq; /* epochs, steps or seconds */
    int64_t keep;
};

struct reduce_lr_args {
    char *monitor;
    double factor;
    int64_t patience;
    int mode; /* enum mode */
    double min_delta;
    int64_t cooldown;
    double min_lr;
};

struct swap_ema_args {
    bool swap_on_epoch;
};

/* A number to watch and the best that it has been. */
struct watch {
    size_t column; /* in the history's values */
    bool larger_is_better;
    double min_delta;
    bool any; /* is there a best yet? */
    double best;
};

/* Remembers value if it is better than the best by min_delta; says whether it was. NaN never is. */
bool watch_improved(struct watch *watch, double value);

enum save_unit { SAVE_EPOCHS, SAVE_STEPS, SAVE_SECONDS };

struct callbacks {
    /* EarlyStopping; early is NULL where it is not asked for */
    const struct early_stopping_args *early;
    struct watch early_watch;
    int64_t wait, best_epoch; /* epochs since the best, and which it was (from 1) */
    /* StopAt; NULL where it is not asked for */
    const struct stop_at_args *stop_at;
    struct watch stop_watch; /* best is not used */
    /* ModelCheckpoint; its defaults hold where it is not asked for */
    bool save_best;
    struct watch save_watch;
    enum save_unit save_unit;
    double save_every;
    int64_t keep;
    /* ReduceLROnPlateau; NULL where it is not asked for */
    const struct reduce_lr_args *plateau;
    struct watch plateau_watch;
    int64_t plateau_wait, plateau_cooldown; /* epochs since the best; still to be passed over */
    /* SwapEMAWeights; NULL where it is not asked for */
    const struct swap_ema_args *swap;
    /* CSVLogger, TerminateOnNaN */
    const char *history_name;
    bool terminate_on_nan;
};

/* Fills in from the experiment's list. Errors: ST_USAGE (a callback twice, an unknown monitor with
 * the known ones named, val_... without validation data). */
enum status callbacks_init(struct callbacks *callbacks, const struct variant_list *list,
                           const struct history *history);

/* The name of history.csv: the CSVLogger's, if there is one. */
const char *callbacks_history_name(const struct variant_list *list);

/* Do they go together with the optimizer's arguments? Errors: ST_USAGE with the position. */
enum status callbacks_check(const struct variant_list *list,
                            const struct optimizer_common *optimizer);

/* After an epoch: the learning rate that ReduceLROnPlateau makes of the present one. */
double callbacks_reduce(struct callbacks *callbacks, const double *values, double rate);

/* After an epoch (from 1): has EarlyStopping seen a new best (*improved), should training stop? */
bool callbacks_early_stop(struct callbacks *callbacks, int64_t epoch, const double *values,
                          bool *improved);
/* Has EarlyStopping waited for its patience? */
bool callbacks_waited(const struct callbacks *callbacks);

/* After an epoch: is the number that StopAt watches as good as it wants it? */
bool callbacks_reached(const struct callbacks *callbacks, const double *values);

#endif
