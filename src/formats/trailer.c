#include "formats/trailer.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <xxhash.h>

enum {
    AT_VERSION = 8,
    AT_LENGTH = 16,
    AT_IMAGE_HASH = 24,
    AT_OWN_HASH = 48,
    MAGIC_SIZE = 8,
    HASH_SIZE = 16
};

static const unsigned char magic[MAGIC_SIZE] = {0x8F, 'C', 'o', 'n', 'v', 'o', 'y', '\n'};
static const unsigned char hdf5_magic[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};

static void put_number(unsigned char *at, size_t bytes, uint64_t value)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get_number(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

static void put_hash(unsigned char *at, const void *bytes, size_t size)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
    memcpy(at, canonical.digest, HASH_SIZE);
}

static bool hash_matches(const unsigned char *at, const void *bytes, size_t size)
{
    unsigned char found[HASH_SIZE];
    put_hash(found, bytes, size);
    return memcmp(at, found, HASH_SIZE) == 0;
}

void trailer_seal(unsigned char *bytes, size_t length, int version)
{
    unsigned char *trailer = bytes + length;
    memset(trailer, 0, TRAILER_SIZE);
    memcpy(trailer, magic, MAGIC_SIZE);
    put_number(trailer + AT_VERSION, 4, (uint64_t)version);
    put_number(trailer + AT_LENGTH, 8, length);
    put_hash(trailer + AT_IMAGE_HASH, bytes, length);
    put_hash(trailer + AT_OWN_HASH, trailer, AT_OWN_HASH);
}

bool trailer_there(const unsigned char *bytes, size_t size)
{
    return size >= TRAILER_SIZE && memcmp(bytes + size - TRAILER_SIZE, magic, MAGIC_SIZE) == 0;
}

/* Which of the reasons is it that there is no trailer at the end? */
static enum status no_trailer(const char *path, const unsigned char *bytes, size_t size)
{
    bool hdf5 = size >= sizeof hdf5_magic && memcmp(bytes, hdf5_magic, sizeof hdf5_magic) == 0;
    FAIL_IF(hdf5, ST_MODEL,
            "%s: not a convoy checkpoint, or it ends early: an HDF5 file of %zu bytes without "
            "convoy's trailer at its end",
            path, size);
    FAIL(ST_MODEL, "%s: not a convoy checkpoint", path);
}

enum status trailer_check(const char *path, const unsigned char *bytes, size_t size, int newest,
                          size_t *length, int *version)
{
    if (!trailer_there(bytes, size))
        return no_trailer(path, bytes, size);
    size_t have = size - TRAILER_SIZE;
    const unsigned char *trailer = bytes + have;
    FAIL_IF(!hash_matches(trailer + AT_OWN_HASH, trailer, AT_OWN_HASH), ST_MODEL,
            "%s: checksum of the trailer wrong: the file was changed or damaged", path);
    uint64_t found = get_number(trailer + AT_VERSION, 4);
    FAIL_IF(found < 1 || found > (uint64_t)newest, ST_MODEL,
            "%s: written by another convoy: checkpoint format %llu; this one reads 1 to %d", path,
            (unsigned long long)found, newest);
    uint64_t promised = get_number(trailer + AT_LENGTH, 8);
    FAIL_IF(promised > have, ST_MODEL, "%s: ends early: trailer promises %llu bytes, file has %zu",
            path, (unsigned long long)promised, have);
    FAIL_IF(promised < have, ST_MODEL, "%s: too long: trailer promises %llu bytes, file has %zu",
            path, (unsigned long long)promised, have);
    FAIL_IF(!hash_matches(trailer + AT_IMAGE_HASH, bytes, have), ST_MODEL,
            "%s: checksum wrong: the file was changed or damaged", path);
    *length = have;
    *version = (int)found;
    return ST_OK;
}
