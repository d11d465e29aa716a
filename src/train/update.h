/* What happens to a rank's pieces of the parameters once the gradient is summed: penalties,
 * clipping, weight decay, the optimizer, moving averages, constraints; in the order of Keras. */
#ifndef CONVOY_TRAIN_UPDATE_H
#define CONVOY_TRAIN_UPDATE_H

#include "comm/reduce.h"
#include "model/model.h"
#include "optimizers/optimizer.h"

enum { UPDATER_MAX_SLOTS = OPTIMIZER_MAX_SLOTS + 1 };

/* What the experiment says about updates. */
struct update_spec {
    const struct variant *optimizer;
    const struct string_list *no_decay; /* parts of the paths of parameters without weight decay */
};

struct updater {
    struct update_spec spec;
    const struct optimizer_type *optimizer;
    const struct optimizer_common *common; /* the optimizer's arguments */
    struct model *model;
    struct reducer *reducer;
    size_t slots; /* the optimizer's, then the moving average where it is asked for */
    const char *slot_name[UPDATER_MAX_SLOTS];
    float *slot[UPDATER_MAX_SLOTS]; /* of this rank's pieces, one after the other */
    float *average;                 /* one of the slots, or NULL */
    /* what of each parameter is in the own pieces, in the order of these */
    struct stretch *span;
    size_t *bucket_spans; /* spans before each bucket, and in all */
    size_t params;        /* that are trained */
    size_t *first_block;  /* of each parameter, and in all: 4,096 elements each */
    double *squares;      /* two sums a block: of w and of g */
    double *norms;        /* two a parameter, where they are asked for */
    float *scratch;
};

/* Where the pieces of the parameters may begin for these updates; cuts->at is the caller's to free.
 * Not collective. */
void update_cuts(const struct update_spec *spec, const struct model *model, struct cuts *cuts);

/* State at its start. The reducer must have the cuts. Not collective. Errors: ST_IO. */
enum status updater_init(struct updater *updater, const struct update_spec *spec,
                         struct model *model, struct reducer *reducer);
void updater_release(struct updater *updater);

/* What differs from step to step. */
struct update_now {
    double learning_rate;
    int64_t iteration; /* from 1 */
    size_t samples;    /* of which the reducer's totals are sums */
};

/* One update of all buckets: updater_begin, then updater_bucket for each in order, after which the
 * model's parameters of its own piece are new. begin is collective. */
void updater_begin(struct updater *updater, const struct update_now *now);
void updater_bucket(struct updater *updater, const struct update_now *now, size_t bucket);

/* The moving averages of all trained parameters into params; only where they are asked for.
 * Collective. */
void updater_averages(const struct updater *updater, float *params);

#endif
