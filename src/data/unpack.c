#include "data/unpack.h"

#include <limits.h>
#include <lzma.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"

/* The dictionary of an .xz file decides what memory it takes; xz -9 needs 65 MiB. */
#define XZ_MEMORY_LIMIT (UINT64_C(1) << 30)

struct unpacker {
    const char *path;
    enum packing packing;
    const unsigned char *end; /* of the packed bytes */
    uint64_t done;            /* unpacked bytes so far */
    bool ended;
    z_stream gzip;
    lzma_stream xz;
};

enum packing unpack_kind(const unsigned char *bytes, size_t size)
{
    if (size >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0)
        return PACKING_GZIP;
    if (size >= 6 && memcmp(bytes,
                            "\xfd"
                            "7zXZ\0",
                            6) == 0)
        return PACKING_XZ;
    return PACKING_NONE;
}

size_t unpack_most(enum packing packing, size_t size)
{
    /* Deflate: 258 bytes for 2 bits at best. LZMA has no such bound, but comes to 7,000 with zeros:
     * 273 bytes for a few decisions of 0.02 bits. */
    size_t factor = packing == PACKING_GZIP ? 1032 : packing == PACKING_XZ ? 16384 : 1, most;
    return __builtin_mul_overflow(size, factor, &most) ? SIZE_MAX : most;
}

enum status unpack_open(const char *path, const unsigned char *bytes, size_t size,
                        struct unpacker **out)
{
    struct unpacker *unpacker = mem_need(1, sizeof *unpacker);
    unpacker->path = path;
    unpacker->packing = unpack_kind(bytes, size);
    unpacker->end = bytes + size;
    bool ready;
    if (unpacker->packing == PACKING_GZIP) {
        unpacker->gzip.next_in = (unsigned char *)(uintptr_t)bytes;
        ready = inflateInit2(&unpacker->gzip, 16 + MAX_WBITS) == Z_OK;
    } else {
        unpacker->xz.next_in = bytes;
        unpacker->xz.avail_in = size;
        ready = lzma_stream_decoder(&unpacker->xz, XZ_MEMORY_LIMIT, LZMA_CONCATENATED) == LZMA_OK;
    }
    if (!ready)
        unpack_close(unpacker);
    FAIL_IF(!ready, ST_DATA, "%s: not enough memory to unpack it", path);
    *out = unpacker;
    return ST_OK;
}

void unpack_close(struct unpacker *unpacker)
{
    if (!unpacker)
        return;
    if (unpacker->packing == PACKING_GZIP)
        inflateEnd(&unpacker->gzip);
    else
        lzma_end(&unpacker->xz);
    free(unpacker);
}

static enum status fail_early(const struct unpacker *unpacker, const char *what)
{
    FAIL(ST_DATA, "%s: %s stream ends early after %llu bytes", unpacker->path, what,
         (unsigned long long)unpacker->done);
}

static enum status fail_damaged(const struct unpacker *unpacker, const char *what,
                                const char *reason)
{
    FAIL(ST_DATA, "%s: %s stream is damaged after %llu bytes (%s)", unpacker->path, what,
         (unsigned long long)unpacker->done, reason);
}

static uInt at_most_uint(size_t size)
{
    return size > UINT_MAX ? UINT_MAX : (uInt)size;
}

/* At the end of a gzip member: another one follows, or nothing may. */
static enum status gzip_next_member(struct unpacker *unpacker)
{
    z_stream *z = &unpacker->gzip;
    size_t left = (size_t)(unpacker->end - z->next_in);
    unpacker->ended = left == 0;
    if (unpacker->ended)
        return ST_OK;
    FAIL_IF(unpack_kind(z->next_in, left) != PACKING_GZIP, ST_DATA,
            "%s: %zu bytes that are not gzip follow the gzip stream of %llu bytes", unpacker->path,
            left, (unsigned long long)unpacker->done);
    int reset = inflateReset(z);
    MUST(reset == Z_OK, "inflateReset: %d", reset);
    return ST_OK;
}

/* One call of the decoder: some output, or some input used, or the end, or an error. */
static enum status gzip_step(struct unpacker *unpacker, unsigned char *out, size_t room,
                             size_t *got)
{
    z_stream *z = &unpacker->gzip;
    z->next_out = out;
    z->avail_out = at_most_uint(room);
    z->avail_in = at_most_uint((size_t)(unpacker->end - z->next_in));
    int code = inflate(z, Z_NO_FLUSH);
    *got = (size_t)(z->next_out - out);
    unpacker->done += *got;
    if (code == Z_STREAM_END)
        return gzip_next_member(unpacker);
    if (code == Z_BUF_ERROR && z->next_in == unpacker->end)
        return fail_early(unpacker, "gzip");
    if (code != Z_OK && code != Z_BUF_ERROR)
        return fail_damaged(unpacker, "gzip", z->msg ? z->msg : "unusable header");
    return ST_OK;
}

static enum status xz_step(struct unpacker *unpacker, unsigned char *out, size_t room, size_t *got)
{
    lzma_stream *xz = &unpacker->xz;
    xz->next_out = out;
    xz->avail_out = room;
    lzma_ret code = lzma_code(xz, LZMA_FINISH);
    *got = room - xz->avail_out;
    unpacker->done += *got;
    switch (code) {
    case LZMA_OK:
        return ST_OK;
    case LZMA_STREAM_END:
        unpacker->ended = true;
        return ST_OK;
    case LZMA_BUF_ERROR:
        return fail_early(unpacker, "xz");
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        return fail_damaged(unpacker, "xz", "its dictionary needs too much memory");
    case LZMA_OPTIONS_ERROR:
        return fail_damaged(unpacker, "xz", "unsupported options");
    default:
        return fail_damaged(unpacker, "xz", "incorrect data");
    }
}

enum status unpack_read(struct unpacker *unpacker, unsigned char *out, size_t want, size_t *got)
{
    *got = 0;
    while (*got < want && !unpacker->ended) {
        size_t step = 0;
        enum status status = unpacker->packing == PACKING_GZIP
                                 ? gzip_step(unpacker, out + *got, want - *got, &step)
                                 : xz_step(unpacker, out + *got, want - *got, &step);
        TRY(status);
        *got += step;
    }
    return ST_OK;
}
