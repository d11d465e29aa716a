/* The arithmetic behind one table: every backend fills in the same functions.
 *
 *   reference  plain loops in the order of the formulas: obviously right, slow
 *   blas       OpenBLAS: im2col + sgemm, one thread, fixed shapes per microbatch
 *   native     one source compiled per instruction set (kernels/native), the same bits from all
 *
 * Layouts: images are N,H,W,C; convolution kernels are KH,KW,C,F and dense kernels IN,OUT, as in
 * Keras. All functions overwrite their results unless they say that they add. None allocates. */
#ifndef CONVOY_KERNELS_KERNELS_H
#define CONVOY_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* How the native backend convolves: by shape (auto), never by Winograd's method (direct), or by it
 * wherever it can (winograd: 3x3 kernels without strides and dilation). The bits depend on it. */
enum conv_method { CONV_AUTO, CONV_DIRECT, CONV_WINOGRAD };
extern const char *const conv_method_names[]; /* ends with NULL */

/* A 2D convolution (cross-correlation, as in Keras) of n samples. Output pixel (i,j) reads input
 * rows i*sh - pt + r*dh for r in 0..kh-1, columns likewise; outside the image is zero. */
struct conv2d {
    int n;         /* samples */
    int h, w, c;   /* input */
    int oh, ow, f; /* output */
    int kh, kw;    /* kernel */
    int sh, sw;    /* strides */
    int dh, dw;    /* dilation */
    int pt, pl;    /* zero padding above and left */
    enum conv_method method;
};

/* Its passes: y, dx, dw. */
enum conv_pass { PASS_FORWARD, PASS_INPUT, PASS_WEIGHTS, CONV_PASSES };

/* 2D pooling of n samples: a window of kh x kw, padding never counts (Keras's "same"). */
struct pool2d {
    int n;
    int h, w, c;
    int oh, ow;
    int kh, kw;
    int sh, sw;
    int pt, pl;
    bool average; /* else maximum */
};

/* y[n,out] = x[n,in] w[in,out] for n rows. */
struct dense {
    int n, in, out;
};

/* b, the bias, may be NULL; relu applies max(y, 0) to the result. scratch is as many floats as the
 * function of that name says for the geometry, of any content. */
struct kernels {
    const char *name;
    const char *isa;        /* of isa_names; NULL where there is no choice */
    bool exact_across_cpus; /* the same bits on every CPU type */

    /* The name of the algorithm that a pass goes by, for people: the bits depend on it. NULL: there
     * is but one. */
    const char *(*conv2d_algorithm)(const struct conv2d *g, enum conv_pass pass);
    /* Where these are not NULL, the three convolutions take as w what conv2d_pack made of the
     * kernel once a step: conv2d_packed floats. */
    size_t (*conv2d_packed)(const struct conv2d *g);
    void (*conv2d_pack)(const struct conv2d *g, const float *w, float *packed);
    size_t (*conv2d_scratch)(const struct conv2d *g);
    /* y[n,oh,ow,f] = conv(x[n,h,w,c], w[kh,kw,c,f]) + b[f] */
    void (*conv2d_forward)(const struct conv2d *g, const float *x, const float *w, const float *b,
                           bool relu, float *y, float *scratch);
    /* dx[n,h,w,c] from dy[n,oh,ow,f]. */
    void (*conv2d_backward_data)(const struct conv2d *g, const float *dy, const float *w, float *dx,
                                 float *scratch);
    /* dw[kh,kw,c,f] summed over the n samples. */
    void (*conv2d_backward_weights)(const struct conv2d *g, const float *x, const float *dy,
                                    float *dw, float *scratch);

    /* Depthwise: f is c, and channel k of y[n,oh,ow,c] is that of x alone with w[kh,kw,k]. */
    void (*depthwise_forward)(const struct conv2d *g, const float *x, const float *w,
                              const float *b, bool relu, float *y);
    void (*depthwise_backward_data)(const struct conv2d *g, const float *dy, const float *w,
                                    float *dx);
    void (*depthwise_backward_weights)(const struct conv2d *g, const float *x, const float *dy,
                                       float *dw);

    void (*dense_forward)(const struct dense *g, const float *x, const float *w, const float *b,
                          bool relu, float *y);
    size_t (*dense_scratch)(const struct dense *g); /* of the next; NULL: none */
    void (*dense_backward_data)(const struct dense *g, const float *dy, const float *w, float *dx,
                                float *scratch);
    void (*dense_backward_weights)(const struct dense *g, const float *x, const float *dy,
                                   float *dw);

    void (*pool2d_forward)(const struct pool2d *g, const float *x, float *y);
    /* The maximum's gradient goes to the first largest element of the window in row order. */
    void (*pool2d_backward)(const struct pool2d *g, const float *x, const float *dy, float *dx);
};

extern const struct kernels kernels_reference;
extern const struct kernels kernels_blas;

/* All tables that this processor can run, the fastest of a name first; ends with NULL. */
const struct kernels *const *kernels_all(void);

/* The backend of a name, for the instruction set that isa_choose gives. Errors: ST_USAGE. */
enum status kernels_find(const char *name, const struct kernels **out);

/* The core type that OpenBLAS computes for ("SkylakeX"): results of the blas backend may differ
 * between types. */
const char *kernels_blas_core(void);
const char *kernels_blas_version(void);

/* Has OpenBLAS use one thread. Called once at start-up. */
void kernels_blas_init(void);

/* db[f] = sum over rows of dy[rows,f]: eight sums, of the rows 0, 8, 16, ... and so on, each serial
 * in row order; then ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)). */
void kernels_sum_rows(size_t rows, size_t f, const float *dy, float *db);
/* y[rows,f] += b[f] (none where b is NULL), then max(y, 0) if relu. */
void kernels_finish(size_t rows, size_t f, const float *b, bool relu, float *y);

#endif
