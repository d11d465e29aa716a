/* Reductions over parameters: blocks of 4,096 elements, then the canonical tree (comm/tree.h) over
 * the blocks, in double. */
#ifndef CONVOY_KERNELS_BLOCKS_H
#define CONVOY_KERNELS_BLOCKS_H

#include <stddef.h>

enum { BLOCK_ELEMENTS = 4096 };

static inline size_t blocks_of(size_t n)
{
    return (n + BLOCK_ELEMENTS - 1) / BLOCK_ELEMENTS;
}

/* The sum of squares of one block: of every eighth element, and then of the eight sums. */
double block_squares(const float *x, size_t n);

/* The tree's sum of so many values, at least one; they are overwritten. */
double blocks_total(double *values, size_t count);

/* The sum of squares of n elements. */
double blocks_squares(const float *x, size_t n);

#endif
