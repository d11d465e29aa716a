/* The normal equations of a least-squares loss, distributed: A = J^T J and b = J^T r over all
 * samples of a step, in double, over the canonical tree of microbatches. A row of J is the gradient
 * of one output of one sample, from a backward pass of its own. */
#ifndef CONVOY_TRAIN_NORMAL_H
#define CONVOY_TRAIN_NORMAL_H

#include "train/trainer.h"

struct normal {
    struct sums sums; /* a microbatch's: the upper triangle of A row by row, then b */
    size_t n;
    float *gradient; /* of one output, in the model's layout */
    float *unit;     /* the gradient with respect to the output that gives it, and the loss's own */
    double *row;
};

/* Bytes that a rank needs for n parameters; *message: numbers that it sends at once. */
double normal_memory(const struct session *session, size_t n, double *message);

void normal_init(struct normal *normal, const struct session *session);
void normal_release(struct normal *normal);

/* At the model's parameters: a gets the upper triangle (n x n), b its n numbers, so that the mean
 * loss with its penalties is f + 2 b.p + p.A p. Collective. */
enum status normal_make(struct normal *normal, struct trainer *trainer,
                        const struct trainer_pass *pass, double *a, double *b);

#endif
