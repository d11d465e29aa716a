/* NumPy's .npy: a header in Python's notation, then the numbers.
 * Source: numpy.lib.format, versions 1.0 to 3.0. */
#ifndef CONVOY_DATA_NPY_H
#define CONVOY_DATA_NPY_H

#include "data/storage.h"

/* The array in a file of n samples. Errors: ST_DATA for anything but C-ordered booleans, integers
 * and floats of known size, 1 to DATA_MAX_DIMS axes, and just as many bytes as that takes. */
enum status npy_array(const struct file_bytes *file, struct pool *pool, struct array *out,
                      size_t *n);

/* A single number a sample is a scalar. */
void npy_settle_targets(struct array *y);

#endif
