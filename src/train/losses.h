/* Losses: one number a sample, and its gradient with respect to the model's output.
 *
 * A loss is a function of a row, the numbers along the last axis of an output (the class scores of
 * a sample, or of one pixel of it) and their target. A sample's loss is the mean over its rows,
 * times the sample's weight; a step's loss is the sum over its samples divided by their number,
 * weighted or not: Keras's sum_over_batch_size. Each loss is bound to one output of the model.
 *
 * Crossentropies are computed from logits where they can be: a softmax or sigmoid in front of them
 * is left out of the forward pass and folded into the loss, which keeps log(p) finite. Behind any
 * other layer they take its probabilities, clipped as Keras does. */
#ifndef CONVOY_TRAIN_LOSSES_H
#define CONVOY_TRAIN_LOSSES_H

#include "data/loader.h"
#include "model/model.h"

/* n samples of width numbers each, which are rows of `classes` numbers. Targets are labels, one a
 * row, or values, one a number; the other is NULL. */
struct loss_input {
    int n;
    size_t width, classes;
    const float *output;
    const int32_t *labels;
    const float *values;
    const float *weights; /* of the samples; NULL: all 1 */
    bool logits;          /* output is logits: the activation that the loss folds in is left out */
};

struct loss_row {
    size_t n;
    const float *x;
    const float *t; /* NULL: label is the target */
    int32_t label;
    bool logits;
};

/* Does Keras have it, as a loss and as a metric? Our files tell Keras of what it has. */
enum keras_has { KERAS_HAS, KERAS_HAS_LOSS, KERAS_HAS_NOT };

struct loss_type {
    struct kind kind;
    bool needs_labels; /* targets are class numbers */
    bool takes_labels; /* class numbers will do where the output has several classes */
    bool pointwise;    /* each number has its own part: a sample is taken as one row */
    enum keras_has keras;
    enum activation logits; /* what can be folded in, and the kind's arguments begin with struct
                               crossentropy_args; ACT_LINEAR: nothing */
    /* The loss of a row. d [n], if not NULL, is overwritten with its gradient. NaN stays NaN. */
    double (*row)(const void *args, const struct loss_row *row, float *d);
};

/* What the arguments of a loss begin with that is a crossentropy. */
struct crossentropy_args {
    bool from_logits; /* the model's own outputs are logits */
    double label_smoothing;
};

/* Keras's epsilon, where probabilities are clipped. */
#define LOSS_EPSILON 1e-7

/* Ends with NULL; made from losses.def. */
extern const struct kind *const loss_kinds[];
extern const struct alias loss_aliases[];
/* Keras's short names. */
#define LOSS_ALIASES                                                                               \
    {"mse", "mean_squared_error"}, {"mae", "mean_absolute_error"},                                 \
        {"mape", "mean_absolute_percentage_error"}, {"msle", "mean_squared_logarithmic_error"},    \
        {"bce", "binary_crossentropy"},                                                            \
    {                                                                                              \
        "kld", "kl_divergence"                                                                     \
    }

/* Returns the sum of the samples' weighted losses (added in sample order). dy [n, width], if not
 * NULL, is overwritten with the gradient of that sum. args are those of the type's kind. */
double loss_sum(const struct loss_type *type, const void *args, const struct loss_input *input,
                float *dy);

/* Second derivatives of a row's loss with respect to x, which must be logits where the type has
 * them: the Hessian times v into hv [n]. NULL: the type has none that help. */
typedef void (*loss_hessian)(const void *args, const struct loss_row *row, const float *v,
                             float *hv);
loss_hessian loss_hessian_of(const struct loss_type *type);

/* The Hessian of loss_sum's result times v [n, width] into hv; for types that have one. */
void loss_sum_hessian(const struct loss_type *type, const void *args,
                      const struct loss_input *input, const float *v, float *hv);

/* Is a sample's loss the mean of (output - value)^2? */
bool loss_is_squares(const struct loss_type *type);

/* How the targets of a set must be gathered for this loss, and whether the model fits: sets
 * model->output_is_logits. one_hot: class numbers are to be given as vectors. Errors: ST_USAGE that
 * names loss, output shape, activation and targets. */
enum status loss_fit(const struct variant *loss, struct model *model, const struct dataset *data,
                     bool one_hot, enum target_form *form);

#endif
