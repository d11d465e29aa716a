/* The passes of a microbatch in parts, for models with layers that need totals over the batch
 * before they can go on (layer->shared): all microbatches are run up to such a layer and measured,
 * then go on from it with batch->total, the sum of what was measured; and likewise back.
 *
 * Between its parts a microbatch's buffers are kept: model->arena is set to a place of its own for
 * model->scratch floats before each of these calls. The parts together do what model_forward and
 * model_backward do. */
#ifndef CONVOY_MODEL_RANGE_H
#define CONVOY_MODEL_RANGE_H

#include "model/model.h"

/* The first node from number first on that needs totals; model->nodes: there is none. */
size_t model_next_shared(const struct model *model, size_t first);

/* Nodes first up to end - 1 forward. Only the first may need totals. */
void model_forward_range(struct model *model, const struct model_batch *batch, size_t first,
                         size_t end);
/* What model_forward returns, when all nodes have run. */
const float *model_output(const struct model *model);

/* The gradient of the loss sum, for the last node; then nodes end - 1 down to first backward. Only
 * the first of them, end - 1, may need totals. */
void model_backward_begin(struct model *model, const struct model_batch *batch, const float *dy);
void model_backward_range(struct model *model, const struct model_batch *batch, size_t first,
                          size_t end, float *gradient, float *dx);

/* What the microbatch adds to the totals of node i: sums gets layer.shared numbers. Forward, when
 * the nodes before it have run; backward, when those behind it have. */
void model_measure(struct model *model, const struct model_batch *batch, size_t i, double *sums);
void model_measure_back(struct model *model, const struct model_batch *batch, size_t i,
                        float *gradient, double *sums);

#endif
