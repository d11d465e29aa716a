/* Numbers as they are stored in data files, and what they mean as float or integer. */
#ifndef CONVOY_DATA_ELEMENT_H
#define CONVOY_DATA_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype { DTYPE_U8, DTYPE_I8, DTYPE_I16, DTYPE_U16, DTYPE_I32, DTYPE_I64, DTYPE_F32, DTYPE_F64 };

size_t dtype_size(enum dtype dtype);
const char *dtype_name(enum dtype dtype);
bool dtype_is_integer(enum dtype dtype);

/* Converts n stored numbers, at any alignment, to float32 (rounded to nearest). */
void element_floats(enum dtype dtype, bool big_endian, const unsigned char *in, size_t n,
                    float *out);

/* One stored number of an integer type. */
int64_t element_integer(enum dtype dtype, bool big_endian, const unsigned char *in);

#endif
