/* Arithmetic on whole vectors, in double, every sum in one fixed order: blocks of 4,096 elements,
 * in each eight sums of every eighth product; the blocks then by the canonical tree. */
#ifndef CONVOY_OPTIMIZERS_VECTORS_H
#define CONVOY_OPTIMIZERS_VECTORS_H

#include <stddef.h>

double vector_dot(size_t n, const double *a, const double *b);
double vector_largest(size_t n, const double *a); /* of the magnitudes; NaN if there is one */

/* y += factor a; y = a + factor b; y = factor a */
void vector_add(size_t n, double factor, const double *a, double *y);
void vector_combine(size_t n, const double *a, double factor, const double *b, double *y);
void vector_scale(size_t n, double factor, const double *a, double *y);

#endif
