/* A convolution in groups of channels (A. Krizhevsky et al. 2012): group k of the filters sees
 * group k of the input's channels. Each group is a convolution by itself, of copied channels. */
#ifndef CONVOY_LAYERS_GROUPED_H
#define CONVOY_LAYERS_GROUPED_H

#include "layers/layer.h"

struct grouped {
    const struct kernels *kernels;
    struct conv2d part; /* one group: c and f are its channels and filters */
    int groups;
};

/* Floats of packed kernels and of working memory. */
size_t grouped_packed(const struct grouped *g);
size_t grouped_scratch(const struct grouped *g);

/* w and dw are kernels [kh, kw, c, groups * f]; n samples. */
void grouped_pack(const struct grouped *g, const float *w, float *packed, float *scratch);
void grouped_forward(const struct grouped *g, int n, const float *x, const float *packed,
                     const float *bias, bool relu, float *y, float *scratch);
/* dx may be NULL. */
void grouped_backward(const struct grouped *g, int n, const float *x, const float *dy,
                      const float *packed, float *dw, float *dx, float *scratch);

#endif
