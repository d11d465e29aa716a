/* Keras's weight constraints: what is done to a parameter after every update. */
#ifndef CONVOY_LAYERS_CONSTRAINTS_H
#define CONVOY_LAYERS_CONSTRAINTS_H

#include "layers/layer.h"

extern const struct kind *const constraint_kinds[]; /* ends with NULL */

/* Has the parameter a constraint; one that takes all of it, not element by element? */
bool constraint_is(const struct param *param);
bool constraint_is_whole(const struct param *param);

/* Does a layer's constraint fit its parameter? Errors: ST_USAGE with the position. */
enum status constraint_check(const struct layer *layer, const struct param *param);

/* Makes n floats of the parameter (all of it, where it is whole) obey. scratch: a double for each
 * of its elements. */
void constraint_apply(const struct param *param, size_t n, float *w, double *scratch);

#endif
