/* What a run has measured: one row an epoch, kept as the text of history.csv. */
#ifndef CONVOY_TRAIN_HISTORY_H
#define CONVOY_TRAIN_HISTORY_H

#include "train/metrics.h"

enum { HISTORY_MAX_VALUES = 2 * (1 + METRICS_MAX) };

struct history {
    size_t values;      /* columns: loss, metrics, then val_loss, val_metrics */
    size_t val_columns; /* how many of them are val_... */
    char name[HISTORY_MAX_VALUES][48];
    bool larger_is_better[HISTORY_MAX_VALUES];
    struct text csv;
};

struct history_row {
    int64_t epoch;             /* from 1 */
    int64_t step;              /* steps so far */
    int64_t samples;           /* of this epoch */
    double seconds;            /* of this epoch, validation included */
    double samples_per_second; /* of training alone */
    double learning_rate;
    double value[HISTORY_MAX_VALUES];
    char digest[DIGEST_SIZE];
};

/* Names the columns and writes the header line. */
void history_init(struct history *history, const struct metric *metrics, size_t count,
                  bool validation);
void history_add(struct history *history, const struct history_row *row);
/* Starts over from the text that a checkpoint carries. */
void history_restore(struct history *history, const char *csv);
void history_release(struct history *history);

#endif
