/* Numbers to be summed over the canonical tree, and their sum by its definition. */
#ifndef CONVOY_TEST_LEAVES_H
#define CONVOY_TEST_LEAVES_H

#include <stddef.h>

/* Element i of a microbatch's numbers: of both signs, over 12 powers of two, so that their sum
 * depends on the order of the additions. */
double leaf_element(size_t microbatch, size_t i);

/* The sum of element i over so many microbatches: the node that covers them all, where node (level,
 * index) covers [index 2^level, (index + 1) 2^level) cut at their number, and its value is left +
 * right, or left alone where right is empty. */
float leaves_sum_float(size_t microbatches, size_t i);
double leaves_sum_double(size_t microbatches, size_t i);

#endif
