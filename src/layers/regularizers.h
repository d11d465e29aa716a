/* Keras's weight regularizers: L1, L2, L1L2. The penalty is l1 sum|w| + l2 sum w^2. */
#ifndef CONVOY_LAYERS_REGULARIZERS_H
#define CONVOY_LAYERS_REGULARIZERS_H

#include "layers/layer.h"

extern const struct kind *const regularizer_kinds[];

struct penalty {
    double l1, l2; /* both 0: none */
};
struct penalty regularizer_penalty(const struct variant *regularizer);

#endif
