/* Keras's initializers. */
#ifndef CONVOY_LAYERS_INITIALIZERS_H
#define CONVOY_LAYERS_INITIALIZERS_H

#include "layers/layer.h"

extern const struct kind *const initializer_kinds[];

/* Fills w[param->size]: element i depends on (seed, param->path, i) only. */
void initializer_fill(const struct param *param, uint64_t seed, float *w);

#endif
