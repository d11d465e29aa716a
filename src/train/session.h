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
    size_t classes; /* of the set that was fitted; 0: its targets are no classes */
    size_t sums;    /* doubles that a sample's loss and metrics add to */
    enum target_form form;
    struct scaling scaling;
    /* sets that were opened */
    struct dataset *train, *validation;
    struct selection train_samples, validation_samples; /* n = 0: none */
    struct augmenter augmenter;                         /* of training samples */
    /* buffers of one microbatch */
    uint32_t *ids;
    float *x, *output, *dy, *weights;
    void *y;
    bool weighted;       /* the samples that were gathered last have weights */
    float *class_weight; /* of the training loss; NULL: none */
    size_t class_weights;
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
 * gets the mean loss (penalties included), then the metrics. confusion, if not NULL, gets the
 * session_confusion(session)^2 counts of (class, prediction). Collective. */
enum status session_evaluate(struct session *session, const struct selection *samples,
                             double *values, double *confusion);

/* The regularizers' penalty of the present parameters: blocks of 4,096, then the tree. */
double session_penalty(const struct session *session);

/* Gathers n samples of a set for the model: inputs, targets, weights; those of the classes count
 * when training. Errors: ST_DATA. Not collective. */
enum status session_gather(struct session *session, const struct dataset *data, bool training,
                           const uint32_t *ids, size_t n);

/* The n samples that were gathered last, for whom the model's output is out: sums[session->sums] is
 * overwritten with the loss and then what the metrics add up; dy, if not NULL, with the gradient.
 * Returns what the metrics saw, if there are any or dy is NULL. */
struct loss_input session_score(struct session *session, int n, const float *out, double *sums,
                                float *dy);

/* Of such totals over so many samples: the mean loss, then the metrics. */
void session_values(const struct session *session, const double *sums, double samples,
                    double *values);

/* The Hessian of that loss with respect to out, times v; overwrites hv. Only where there is one. */
bool session_has_hessian(const struct session *session);
void session_hessian(const struct session *session, int n, const float *out, const float *v,
                     float *hv);

/* Samples of a whole step, at most all training samples. */
size_t session_batch(const struct session *session);

/* How many microbatches n samples make. */
size_t session_microbatches(const struct session *session, size_t samples);

#endif
