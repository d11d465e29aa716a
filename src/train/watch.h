/* What layers do while a run trains: gradients, updates, activations and weights of single steps,
 * layer by layer (convoy train --watch). The numbers are the same bits on any number of ranks, and
 * the run is the same with and without.
 *
 * Watched are the first step of a run and the last step with a whole batch of each epoch, or each
 * so-many-th step. The gradient is that of the mean loss, before penalties and clipping. The
 * activations are those of the training samples of the step, activation function included, but for
 * a softmax or sigmoid that is left to the loss. */
#ifndef CONVOY_TRAIN_WATCH_H
#define CONVOY_TRAIN_WATCH_H

#include "comm/reduce.h"
#include "comm/sums.h"
#include "model/model.h"

enum watch_what { WATCH_GRADIENTS = 1, WATCH_ACTIVATIONS = 2, WATCH_WEIGHTS = 4 };
enum watch_trouble { TROUBLE_VANISHING, TROUBLE_EXPLODING, TROUBLE_DEAD, TROUBLES };

/* Of a layer in a step; NAN: it has no such number. Norms are Euclidean, over all parameters of the
 * layer; largest are absolute values. */
struct watch_row {
    double gradient_norm, gradient_largest;
    double update_ratio; /* norm of the update by norm of the weights before it */
    double mean, deviation, least, most;
    double zeros; /* share of the outputs that are 0 */
    double dead;  /* share of the units (along the last axis) that are 0 for every sample and place;
                     only of layers that end with a ReLU */
    double weight_norm, weight_largest;
    bool trouble[TROUBLES];
};

struct watch_moment {
    int64_t epoch, step; /* from 1 */
    size_t samples, microbatches;
    bool last; /* whole batch of the epoch */
};

struct watcher {
    struct model_watch hook;
    unsigned what; /* enum watch_what; set by the owner, as is */
    long every;    /* steps; 0: one step an epoch */
    const struct world *world;
    struct model *model;
    const struct reducer *reducer;
    /* the step under way */
    bool due;
    struct watch_moment moment;
    struct model_watch *next; /* who watches the model otherwise */
    /* activations: three sums of each microbatch of this rank and of each layer, made by the tree;
     * the extremes, of minus x and x; what units were not 0 */
    struct sums sums;
    double *leaf, *extreme;
    size_t *seen; /* microbatches, of each layer */
    unsigned char *alive;
    size_t *first_unit; /* of each layer, and in all; no units where there is no ReLU */
    /* the own pieces of the gradient; on rank 0 all of it, and parameters before the update */
    float *mine, *gradient, *before;
    /* on rank 0: of the last step that was watched, and of all */
    struct watch_row *row;
    struct watch_moment measured; /* which one that is */
    bool (*said)[TROUBLES];       /* of each layer */
    struct text csv;
    int64_t steps; /* watched by this process */
};

/* Reads "gradients,activations,weights" or a part of it; 0 for anything else. */
unsigned watch_parse(const char *names);

/* Begins; what and every are set, the rest is 0. The reducer is that of the gradient. Collective.
 * Errors: ST_IO for memory. */
enum status watcher_open(struct watcher *watcher, struct model *model,
                         const struct reducer *reducer);
void watcher_release(struct watcher *watcher);

/* In this order in every step; NULL: nobody watches. Before the passes; when the gradient is summed
 * and the step goes on (collective); when the parameters are new. */
void watcher_begin(struct watcher *watcher, const struct watch_moment *moment);
void watcher_reduced(struct watcher *watcher);
void watcher_end(struct watcher *watcher);

/* Rank 0: takes over the rows up to so many steps from what an earlier part of the run has written;
 * false, and nothing, if it watched otherwise. */
bool watcher_continue(struct watcher *watcher, const char *csv, int64_t steps);

/* Rank 0, for the rows of a step: lines of CSV; warnings, once for each layer and trouble. */
void watch_report(struct watcher *watcher);
/* The header line of the CSV. */
void watch_header(const struct watcher *watcher, struct text *out);

/* The last step that was watched, as a table. Rank 0. */
void watch_table(const struct watcher *watcher, struct text *out);

#endif
