/* A = U^T U for a symmetric positive definite matrix, and what it solves. Our own rather than
 * LAPACK's, whose last bits depend on the CPU type: every element is one sum in ascending order. */
#ifndef CONVOY_OPTIMIZERS_CHOLESKY_H
#define CONVOY_OPTIMIZERS_CHOLESKY_H

#include <stdbool.h>
#include <stddef.h>

/* a: n x n, row by row, of which the upper triangle is read and overwritten with U. False where A
 * is not positive definite; a is then rubbish. */
bool cholesky_factor(size_t n, double *a);

/* Solves U^T U x = b in place. */
void cholesky_solve(size_t n, const double *u, double *b);

#endif
