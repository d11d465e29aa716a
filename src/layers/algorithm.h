/* Which algorithm the backend does a convolution by: the bits depend on it, so a model says it. */
#ifndef CONVOY_LAYERS_ALGORITHM_H
#define CONVOY_LAYERS_ALGORITHM_H

#include "layers/layer.h"

/* "direct" or "winograd" for each pass of the native backend; NULL where a backend has no choice.
 */
void algorithm_of_conv2d(const struct kernels *kernels, const struct conv2d *g,
                         const char *algorithm[LAYER_PASSES]);

#endif
