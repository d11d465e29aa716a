/* Layers that pass their numbers on unchanged: forward and backward are copies. */
#ifndef CONVOY_LAYERS_IDENTITY_H
#define CONVOY_LAYERS_IDENTITY_H

#include "layers/layer.h"

void identity_forward(const struct layer *layer, const struct pass *p);
void identity_backward(const struct layer *layer, const struct pass *p);

#endif
