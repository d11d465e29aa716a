/* IDX, the format of MNIST: big-endian, 2 zero bytes, type, number of axes, the axes, the numbers.
 * Source: Y. LeCun, "The MNIST database of handwritten digits", section "File formats". */
#ifndef CONVOY_DATA_IDX_H
#define CONVOY_DATA_IDX_H

#include "data/storage.h"

struct idx_header {
    enum dtype dtype;
    int dims; /* 1 to 4 */
    size_t dim[DATA_MAX_DIMS];
    size_t size;  /* of the header */
    size_t total; /* header and numbers */
};

/* Reads the header that bytes start with. Errors: ST_DATA. */
enum status idx_read_header(const char *path, const unsigned char *bytes, size_t size,
                            struct idx_header *out);

/* The IDX type byte for a dtype, 0 where there is none. */
unsigned char idx_type_byte(enum dtype dtype);

/* Makes an array of one part of a whole IDX file: a first axis of samples; (H,W) becomes (H,W,1).
 * *n gets the number of samples. Errors: ST_DATA when the length is not what the header promises.
 */
enum status idx_array(const struct file_bytes *file, struct pool *pool, struct array *out,
                      size_t *n);

#endif
