/* The arithmetic behind one table: every backend fills in the same functions.
 *
 *   reference  plain loops in the order of the formulas: obviously right, slow
 *   blas       OpenBLAS: im2col + sgemm, one thread, fixed shapes per microbatch
 *   native     (its place is here) one source compiled per instruction set
 *
 * Layouts: images are N,H,W,C; convolution kernels are KH,KW,C,F and dense kernels IN,OUT, as in
 * Keras. All functions overwrite their results unless they say that they add. None allocates. */
#ifndef CONVOY_KERNELS_KERNELS_H
#define CONVOY_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
};

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

struct kernels {
    const char *name;
    bool exact_across_cpus; /* the same bits on every CPU type */

    /* C[m,n] = op(A)[m,k] op(B)[k,n] + beta C, row-major; op transposes where ta, tb. */
    void (*gemm)(bool ta, bool tb, int m, int n, int k, const float *a, int lda, const float *b,
                 int ldb, float beta, float *c, int ldc);

    /* y[n,oh,ow,f] = conv(x[n,h,w,c], w[kh,kw,c,f]) + b[f]; b may be NULL. */
    void (*conv2d_forward)(const struct conv2d *g, const float *x, const float *w, const float *b,
                           float *y, float *scratch);
    /* dx[n,h,w,c] from dy[n,oh,ow,f]. */
    void (*conv2d_backward_data)(const struct conv2d *g, const float *dy, const float *w, float *dx,
                                 float *scratch);
    /* dw[kh,kw,c,f] summed over the n samples. */
    void (*conv2d_backward_weights)(const struct conv2d *g, const float *x, const float *dy,
                                    float *dw, float *scratch);
    /* floats of scratch that the three need for this geometry. */
    size_t (*conv2d_scratch)(const struct conv2d *g);

    void (*pool2d_forward)(const struct pool2d *g, const float *x, float *y);
    /* The maximum's gradient goes to the first largest element of the window in row order. */
    void (*pool2d_backward)(const struct pool2d *g, const float *x, const float *dy, float *dx);
};

extern const struct kernels kernels_reference;
extern const struct kernels kernels_blas;

/* NULL-terminated list of all backends, and the one of a name (NULL: unknown). */
extern const struct kernels *const kernels_all[];
const struct kernels *kernels_find(const char *name);

/* The core type that OpenBLAS computes for ("SkylakeX"): results of the blas backend may differ
 * between types. */
const char *kernels_blas_core(void);
const char *kernels_blas_version(void);

/* Has OpenBLAS use one thread. Called once at start-up. */
void kernels_blas_init(void);

/* db[f] = sum over rows of dy[rows,f], serial in row order. */
void kernels_sum_rows(size_t rows, size_t f, const float *dy, float *db);
/* y[rows,f] += b[f] */
void kernels_add_bias(size_t rows, size_t f, const float *b, float *y);

#endif
