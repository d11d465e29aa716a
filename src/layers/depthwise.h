/* Depthwise convolution with any depth_multiplier m: output channel k*m + j is input channel k with
 * the kernel [., ., k, j]. The kernels know m = 1; for others each input channel is copied m times.
 */
#ifndef CONVOY_LAYERS_DEPTHWISE_H
#define CONVOY_LAYERS_DEPTHWISE_H

#include "layers/layer.h"

struct depthwise {
    const struct kernels *kernels;
    struct conv2d geometry; /* c and f are the output's channels */
    int multiplier;
};

/* From the geometry of a convolution with f = c * multiplier. */
struct depthwise depthwise_make(const struct kernels *kernels, const struct conv2d *g);

/* Floats of working memory. */
size_t depthwise_scratch(const struct depthwise *d);

/* n samples; b may be NULL, dx too. */
void depthwise_run(const struct depthwise *d, int n, const float *x, const float *w, const float *b,
                   bool relu, float *y, float *scratch);
void depthwise_run_back(const struct depthwise *d, int n, const float *x, const float *dy,
                        const float *w, float *dw, float *dx, float *scratch);

#endif
