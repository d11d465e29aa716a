/* The data gradient of a convolution into few channels. The pixels of a kernel row and their
 * channels are next to each other in the image: they are the lanes, and every output pixel adds its
 * part to the image, kernel row by kernel row. */
#ifndef CONVOY_KERNELS_NATIVE_SCATTER_H
#define CONVOY_KERNELS_NATIVE_SCATTER_H

#include "kernels/native/native.h"

/* Is this data gradient done this way? By shape only, because the bits depend on it. */
bool NATIVE(scatter_used)(const struct conv2d *g);

/* Floats of the packed kernel and of working memory; packing; all samples. */
size_t NATIVE(scatter_packed)(const struct conv2d *g);
size_t NATIVE(scatter_scratch)(const struct conv2d *g);
void NATIVE(scatter_pack)(const struct conv2d *g, const float *w, float *packed);
void NATIVE(scatter_run)(const struct conv2d *g, const float *dy, const float *packed, float *dx,
                         float *scratch);

#endif
