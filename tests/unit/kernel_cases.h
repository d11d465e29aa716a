/* Random geometries and buffers for testing the backends, and running one on them. */
#ifndef CONVOY_TEST_KERNEL_CASES_H
#define CONVOY_TEST_KERNEL_CASES_H

#include "base/mem.h"
#include "kernels/kernels.h"

/* A whole number from low to high, from a fixed sequence. */
int draw(int low, int high);
/* n floats of the sequence; n floats of NaN, whose content must not matter, with a guard behind
 * them, and whether the guard is untouched. */
float *filled(struct pool *pool, size_t n);
float *dirty(struct pool *pool, size_t n);
bool guarded(const float *v, size_t n);

double dot(const float *a, const float *b, size_t n);

/* The outputs of a window of a reach along an axis. */
int window_out(int in, int reach, int stride, bool same);

struct conv2d_data {
    size_t x, y, w;                        /* sizes */
    float *in, *weights, *bias, *gradient; /* read */
    bool relu;
    float *out, *dx, *dw; /* results */
};
struct conv2d draw_conv2d(void);
/* "what on backend: geometry"; valid until the next call. */
const char *conv2d_text(const struct conv2d *g, const char *what, const char *backend);
/* Runs all three passes into fresh results; fails the test where something is written behind a
 * buffer's end. */
void run_conv2d(const struct kernels *k, const struct conv2d *g, struct conv2d_data *d,
                struct pool *pool);

/* The same for dense layers. */
struct dense_data {
    float *in, *weights, *bias, *gradient; /* read */
    float *out, *dx, *dw;                  /* results */
    size_t x, y, w;                        /* sizes */
};
struct dense_data draw_dense(struct dense *g, struct pool *pool);
const char *dense_text(const struct dense *g, const char *what, const struct kernels *k);
void run_dense(const struct kernels *k, const struct dense *g, struct dense_data *d,
               struct pool *pool);

#endif
