/* Keras's weight regularizers: L1, L2, L1L2, whose penalty is l1 sum|w| + l2 sum w^2, and
 * OrthogonalRegularizer, which takes a matrix as a whole. */
#ifndef CONVOY_LAYERS_REGULARIZERS_H
#define CONVOY_LAYERS_REGULARIZERS_H

#include "layers/layer.h"

extern const struct kind *const regularizer_kinds[];

struct penalty {
    double l1, l2; /* both 0: none */
};
struct penalty regularizer_penalty(const struct variant *regularizer);

/* What the impl of a kind that is not such a penalty points to: returns the penalty of a parameter
 * and adds its gradient to g, unless that is NULL. */
struct matrix_regularizer {
    double (*penalty)(const void *args, const struct param *param, const float *w, float *g);
};
extern const struct kind regularizer_orthogonal;

/* NULL where the parameter has none. */
const struct matrix_regularizer *regularizer_matrix(const struct param *param);

/* Does a layer's regularizer fit its parameter? Errors: ST_USAGE with the position. */
enum status regularizer_check(const struct layer *layer, const struct param *param);

#endif
