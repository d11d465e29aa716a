/* gzip and xz streams, read front to back from bytes in memory. Which one it is, the first bytes
 * say, not the name. */
#ifndef CONVOY_DATA_UNPACK_H
#define CONVOY_DATA_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_XZ };

enum packing unpack_kind(const unsigned char *bytes, size_t size);

/* The most bytes that size packed ones can become. */
size_t unpack_most(enum packing packing, size_t size);

struct unpacker;

/* bytes must outlive the unpacker; path is for messages. Errors: ST_DATA when out of memory. */
enum status unpack_open(const char *path, const unsigned char *bytes, size_t size,
                        struct unpacker **out);

/* Unpacks the next bytes, want of them at most; *got < want only where the stream has properly
 * ended. Members or streams one behind the other are one stream. Errors: ST_DATA with the number of
 * unpacked bytes when it ends early, is damaged (checksums are compared) or is followed by anything
 * else. */
enum status unpack_read(struct unpacker *unpacker, unsigned char *out, size_t want, size_t *got);

void unpack_close(struct unpacker *unpacker);

#endif
