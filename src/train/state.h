/* The training state of a checkpoint that is neither parameters nor slots, as JSON: epoch sums,
 * what the callbacks remember, the data's scaling, on what it was computed. */
#ifndef CONVOY_TRAIN_STATE_H
#define CONVOY_TRAIN_STATE_H

#include "train/callbacks.h"
#include "train/trainer.h"

struct state {
    double epoch_seconds, train_seconds; /* of the epoch under way */
    bool stopped_early;                  /* a callback has ended the run */
    double rate;                         /* of the trainer */
    const char *backend, *core;          /* "blas", "SkylakeX" */
};

/* Sums over the epoch under way, as many as the loss and the metrics take. */
struct epoch_sums {
    size_t n;
    double *v;
};

void state_write(const struct state *state, const struct epoch_sums *sums,
                 const struct callbacks *callbacks, const struct scaling *scaling,
                 struct text *out);

/* Reads it back; name is the checkpoint's, for messages. sums, scaling and callbacks may be NULL.
 * Errors: ST_MODEL. Strings are kept in pool. */
enum status state_read(const char *name, const char *text, struct pool *pool, struct state *state,
                       const struct epoch_sums *sums, struct callbacks *callbacks,
                       struct scaling *scaling);

#endif
