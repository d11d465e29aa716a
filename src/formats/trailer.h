/* The 64 bytes behind a checkpoint's HDF5 image, by which a reader knows that the file is whole and
 * unchanged before HDF5, or anything else, looks into it. HDF5 itself ignores what follows its
 * data, so that every other program opens the file as usual. All numbers are little-endian:
 *
 *    0  8   magic
 *    8  4   format version
 *   12  4   zero
 *   16  8   length of the image in bytes
 *   24 16   XXH3-128 of the image, canonical
 *   40  8   zero
 *   48 16   XXH3-128 of the 48 bytes above, canonical
 *
 * XXH3 finds damage, not forgery: the image is still to be read with care. */
#ifndef CONVOY_FORMATS_TRAILER_H
#define CONVOY_FORMATS_TRAILER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum { TRAILER_SIZE = 64 };

/* Writes the trailer behind the image; bytes has room for length + TRAILER_SIZE bytes. */
void trailer_seal(unsigned char *bytes, size_t length, int version);

/* Does the file end with a trailer, right or wrong? */
bool trailer_there(const unsigned char *bytes, size_t size);

/* Checks a whole file of size bytes; path is for messages. Gives the image's length and the format
 * version. Errors: ST_MODEL; a version above newest is one. */
enum status trailer_check(const char *path, const unsigned char *bytes, size_t size, int newest,
                          size_t *length, int *version);

#endif
