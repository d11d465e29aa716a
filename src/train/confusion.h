/* The confusion matrix: how often samples of a class were predicted as each. */
#ifndef CONVOY_TRAIN_CONFUSION_H
#define CONVOY_TRAIN_CONFUSION_H

#include "train/session.h"

enum { CONFUSION_MAX_CLASSES = 100 };

/* The number of classes between which the session's model chooses: outputs with class numbers or
 * vectors with one 1 as targets, or 2 for one output of 0..1 whose targets are classes 0 and 1. 0
 * where it does not classify, or has more than CONFUSION_MAX_CLASSES. After session_fit. */
size_t session_confusion(const struct session *session);

/* Adds the samples to counts[class * classes + prediction]. */
void confusion_add(const struct loss_input *input, size_t classes, double *counts);

/* As CSV: a header line, then a line a class. names may be NULL: numbers. */
void confusion_csv(const double *counts, size_t classes, char *const *names, struct text *out);
/* As a table for people, with the share of each class that was right. */
void confusion_table(const double *counts, size_t classes, char *const *names, struct text *out);

#endif
