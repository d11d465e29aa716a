/* Gradients that share a buffer: where a layer's backward pass would only copy its gradient to its
 * inputs (Add, Flatten), their gradients lie in the same place. */
#ifndef CONVOY_MODEL_GRADIENTS_H
#define CONVOY_MODEL_GRADIENTS_H

#include "model/model.h"

/* place[i] becomes the node in whose buffer the gradient of node i's output lies: i, or a later
 * node. place has room for model->nodes numbers. */
void gradients_share(const struct model *model, int *place);

#endif
