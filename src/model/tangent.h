/* Exact products of the Hessian of the loss with a vector, by one forward and one backward pass of
 * derivatives along the vector (B. Pearlmutter, "Fast exact multiplication by the Hessian", Neural
 * Computation 6, 1994). The passes are made of the layers' own forward and backward: what is linear
 * is its own derivative, and R{x w} = R{x} w + x R{w}. */
#ifndef CONVOY_MODEL_TANGENT_H
#define CONVOY_MODEL_TANGENT_H

#include "model/model.h"

struct tangent {
    struct model *model;
    float *memory;
    size_t *node; /* of node i: R{y}, dy, R{dy} and packed R{w}, four offsets into memory */
    float *zeros, *extra, *weights; /* no input's tangent; of an output or input; of parameters */
};

/* Can it be done? Errors: ST_USAGE with position and name of the first layer for which it cannot.
 */
enum status tangent_check(const struct model *model);

/* Errors: ST_IO for memory. */
enum status tangent_init(struct tangent *tangent, struct model *model);
void tangent_release(struct tangent *tangent);

/* R{output} of n samples for R{w} = v, laid out as the trainable parameters; after a training
 * model_forward of the same batch. Valid until the next call. */
const float *tangent_forward(struct tangent *tangent, const struct model_batch *batch,
                             const float *v);

/* R{gradient}: product [model->trainable] is overwritten. dy is the gradient of the loss sum with
 * respect to the output, rdy its tangent. dy NULL: as if it were 0, which gives the product with
 * the Gauss-Newton matrix (N. Schraudolph 2002). */
void tangent_backward(struct tangent *tangent, const struct model_batch *batch, const float *v,
                      const float *dy, const float *rdy, float *product);

#endif
