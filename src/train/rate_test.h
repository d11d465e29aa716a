/* The learning rate range test (L. Smith 2017, section 3.3): a short run whose learning rate grows
 * from step to step shows which rates train. */
#ifndef CONVOY_TRAIN_RATE_TEST_H
#define CONVOY_TRAIN_RATE_TEST_H

#include "train/session.h"

#define RATE_LOWEST 1e-7
#define RATE_HIGHEST 10.0

struct rate_test {
    size_t steps;                 /* as wanted; then as many as were done */
    bool diverged;                /* it ended before the last */
    double *rate, *loss, *smooth; /* of each step */
    size_t steepest;              /* the step at whose rate the loss falls most; 0: at none */
};

/* Trains the session's model, from its beginning, with rates from RATE_LOWEST to RATE_HIGHEST,
 * until the smoothed loss is four times its least or no number. Errors: those of trainer_step.
 * Collective; the same result on all ranks. */
enum status rate_test_run(struct session *session, size_t steps, struct rate_test *test);
void rate_test_release(struct rate_test *test);

/* Appends a table of at most so many rows and the suggestion; the whole as CSV. Not
 * collective. */
void rate_test_table(const struct rate_test *test, size_t rows, struct text *out);
void rate_test_csv(const struct rate_test *test, struct text *out);

#endif
