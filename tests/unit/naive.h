/* A second implementation of the layers and losses, in double precision, straight from the formulas
 * and sharing nothing with src/: what gradients are checked against. Training mode. */
#ifndef CONVOY_TEST_NAIVE_H
#define CONVOY_TEST_NAIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

enum naive_kind {
    NAIVE_CONV2D,
    NAIVE_DENSE,
    NAIVE_MAX_POOLING,
    NAIVE_AVERAGE_POOLING,
    NAIVE_GLOBAL_AVERAGE,
    NAIVE_FLATTEN,
    NAIVE_ACTIVATION,
    NAIVE_BATCH_NORMALIZATION,
    NAIVE_ADD,
    NAIVE_ZERO_PADDING
};

enum { NAIVE_LAYERS = 8, NAIVE_SIZE = 4096 };

/* Zero means Keras's default, or what is said. */
struct naive_layer {
    enum naive_kind kind;
    int units; /* or filters */
    int k[2], s[2],
        d[2]; /* kernel or window, strides, dilation; 0: window 2, strides 1 or window */
    bool same, no_bias, no_center, no_scale;
    int pad[4];          /* top, bottom, left, right */
    double epsilon;      /* 0: 0.001 */
    const char *act;     /* NULL: linear */
    int inputs, from[3]; /* none: the layer before; else layer numbers, or NAIVE_INPUT */
};
enum { NAIVE_INPUT = -1 };

struct naive_model {
    int input[3]; /* height, width, channels; a vector has {0, 0, features} */
    struct naive_layer layer[NAIVE_LAYERS];
    size_t layers;
    const char *loss; /* Keras's name; the last layer's act goes with it */
};

/* The model as YAML; its layers are named l0, l1, ... */
void naive_yaml(const struct naive_model *model, struct text *out);

/* How many parameters there are: kernel and bias, or gamma and beta, of each layer in turn. */
size_t naive_params(const struct naive_model *model);

/* The loss, summed over n samples, of x and y_true (class numbers for the sparse crossentropy). The
 * output, after the activation, goes to y where it is not NULL. */
double naive_loss(const struct naive_model *model, int n, const double *params, const double *x,
                  const double *y_true, double *y);

#endif
