/* Layers that pass their numbers on unchanged: forward and backward are copies, or
 * the model leaves them out (passes_input, copies_gradient). */
#ifndef CONVOY_LAYERS_IDENTITY_H
#define CONVOY_LAYERS_IDENTITY_H

#include "layers/layer.h"

enum status identity_infer(struct layer *layer, struct pool *pool);
void identity_forward(const struct layer *layer, const struct pass *p);
void identity_backward(const struct layer *layer, const struct pass *p);

#endif
