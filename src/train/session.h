/* Everything that training, evaluation and prediction have in common: the experiment, the data, the
 * model and the ranks. */
#ifndef CONVOY_TRAIN_SESSION_H
#define CONVOY_TRAIN_SESSION_H

#include "comm/sums.h"
#include "comm/world.h"
#include "train/experiment.h"
#include "train/metrics.h"

struct session {
    struct world *world;
    struct share share;
    struct data_env env;
    const struct experiment *experiment;
    struct model *model;
    const struct loss_type *loss;
    struct metric metric[METRICS_MAX];
    size_t metrics;
    enum target_form form;
    struct scaling scaling;
    /* sets that were opened */
    struct dataset *train, *validation;
    struct selection train_samples, validation_samples; /* n = 0: none */
    /* buffers of one microbatch */
    uint32_t *ids;
    float *x, *output, *dy;
    void *y;
};

/* Builds the model and opens the training and validation sets. Collective. */
enum status session_open(struct session *session, const struct experiment *experiment,
                         struct world *world);

/* Builds the model only, for a set that is opened later with session_fit. The scaling is taken over
 * from a checkpoint. Collective. */
enum status session_open_model(struct session *session, const struct experiment *experiment,
                               struct world *world);

/* Checks that a set fits model and loss, and chooses form and metrics. without_targets: only the
 * inputs' shape. Not collective. */
enum status session_fit(struct session *session, const struct dataset *data);
enum status session_fit_inputs(const struct session *session, const struct dataset *data);

void session_close(struct session *session);

/* Loss and metrics over a selection, distributed over the canonical tree of microbatches: values
 * gets the mean loss (penalties included), then the metrics. Collective. */
enum status session_evaluate(struct session *session, const struct selection *samples,
                             double *values);

/* The regularizers' penalty of the present parameters: blocks of 4,096, then the tree. */
double session_penalty(const struct session *session);

/* Loss of one gathered microbatch whose model output is out: adds up sums[0] the loss, sums[1..]
 * the metrics; dy, if not NULL, is overwritten with the gradient. */
void session_score(struct session *session, int n, const float *out, double *sums, float *dy);

/* How many microbatches n samples make. */
size_t session_microbatches(const struct session *session, size_t samples);

#endif
