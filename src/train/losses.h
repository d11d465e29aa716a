/* Losses: one number a sample, and its gradient with respect to the model's output.
 *
 * Crossentropies are computed from logits: a softmax or sigmoid in front of them is left out of the
 * forward pass and folded into the loss, which keeps log(p) finite. */
#ifndef CONVOY_TRAIN_LOSSES_H
#define CONVOY_TRAIN_LOSSES_H

#include "data/loader.h"
#include "model/model.h"

/* n samples of width numbers each. Either target is labels (n) or values (n * width), by form. */
struct loss_input {
    int n;
    size_t width;
    const float *output;
    const int32_t *labels;
    const float *values;
};

struct loss_type {
    struct kind kind;
    bool needs_labels;      /* targets are class numbers */
    enum activation logits; /* what is folded in; ACT_LINEAR: the loss takes activated outputs */
    /* Returns the sum of the samples' losses (added in sample order). dy [n, width], if not NULL,
     * is overwritten with the gradient of that sum. */
    double (*compute)(const struct loss_input *input, float *dy);
};

extern const struct kind *const loss_kinds[];

/* How the targets of a set must be gathered for this loss, and whether the model fits: sets
 * model->output_is_logits. one_hot: class numbers are to be given as vectors. Errors: ST_USAGE that
 * names loss, output shape, activation and targets. */
enum status loss_fit(const struct variant *loss, struct model *model, const struct dataset *data,
                     bool one_hot, enum target_form *form);

#endif
