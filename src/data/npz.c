/* NumPy's .npz: a ZIP archive of .npy files, as numpy.savez and savez_compressed write it.
 * Source: PKWARE, APPNOTE.TXT 6.3, sections 4.3 and 4.5.3 (ZIP64).
 *
 * A member that is only stored is read where it lies in the file; a deflated one is unpacked once a
 * node into memory that all ranks see. */
#include <string.h>
#include <zlib.h>

#include "config/tree.h"
#include "data/npy.h"

struct npz_args {
    struct data_common common;
    char *file;
    char *x, *y;
};

/* One file of the archive. */
struct member {
    const char *path; /* "data.npz/x.npy", for messages */
    bool deflated;
    uint32_t crc;
    size_t packed, size;
    const unsigned char *bytes;
};

static uint64_t number(const unsigned char *p, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;)
        value = value << 8 | p[i];
    return value;
}

static bool fits(const struct file_bytes *file, uint64_t at, uint64_t size)
{
    return at <= file->size && size <= file->size - at;
}

/* ---- The directory at the end ---- */

enum { END = 22, END64 = 56, LOCATOR64 = 20, ENTRY = 46, LOCAL = 30, MAX_COMMENT = 65535 };

struct directory {
    uint64_t at, size, entries;
};

static bool read_end64(const struct file_bytes *file, size_t end, struct directory *out)
{
    if (end < LOCATOR64 || number(file->base + end - LOCATOR64, 4) != 0x07064b50)
        return false;
    uint64_t at = number(file->base + end - LOCATOR64 + 8, 8);
    if (!fits(file, at, END64) || number(file->base + at, 4) != 0x06064b50)
        return false;
    const unsigned char *p = file->base + at;
    *out = (struct directory){number(p + 48, 8), number(p + 40, 8), number(p + 32, 8)};
    return true;
}

static enum status read_end(const struct file_bytes *file, struct directory *out)
{
    size_t at = file->size < END ? 0 : file->size - END,
           low = at > MAX_COMMENT ? at - MAX_COMMENT : 0;
    bool found = false;
    for (; file->size >= END; at--) {
        found = number(file->base + at, 4) == 0x06054b50;
        if (found || at == low)
            break;
    }
    FAIL_IF(!found, ST_DATA, "%s: not a .npz file, or one that ends early", file->path);
    const unsigned char *p = file->base + at;
    *out = (struct directory){number(p + 16, 4), number(p + 12, 4), number(p + 10, 2)};
    if (out->at == UINT32_MAX || out->size == UINT32_MAX || out->entries == UINT16_MAX)
        found = read_end64(file, at, out);
    FAIL_IF(!found || !fits(file, out->at, out->size), ST_DATA,
            "%s: its directory is damaged, or the file ends early", file->path);
    return ST_OK;
}

/* Sizes and place that do not fit 32 bits, in this order in the extra field number 1. */
static bool read_extra(const unsigned char *p, size_t size, uint64_t *const value[3])
{
    for (size_t length; size >= 4; p += length, size -= length) {
        length = 4 + number(p + 2, 2);
        if (length > size)
            return false;
        if (number(p, 2) != 1)
            continue;
        size_t at = 4;
        for (int i = 0; i < 3; i++) {
            if (*value[i] != UINT32_MAX)
                continue;
            if (at + 8 > length)
                return false;
            *value[i] = number(p + at, 8);
            at += 8;
        }
        return true;
    }
    return *value[0] != UINT32_MAX && *value[1] != UINT32_MAX && *value[2] != UINT32_MAX;
}

static enum status read_entry(const struct file_bytes *file, const unsigned char *entry,
                              size_t names, size_t extra, struct member *out)
{
    uint64_t size = number(entry + 24, 4), packed = number(entry + 20, 4);
    uint64_t at = number(entry + 42, 4);
    unsigned method = (unsigned)number(entry + 10, 2);
    FAIL_IF(!read_extra(entry + ENTRY + names, extra, (uint64_t *const[]){&size, &packed, &at}) ||
                !fits(file, at, LOCAL) || number(file->base + at, 4) != 0x04034b50,
            ST_DATA, "%s: its place in the archive is damaged", out->path);
    FAIL_IF(number(entry + 8, 2) & 1, ST_DATA, "%s: is encrypted", out->path);
    FAIL_IF(method != 0 && method != Z_DEFLATED, ST_DATA,
            "%s: is packed by method %u, expected 0 (stored) or 8 (deflated)", out->path, method);
    at += LOCAL + number(file->base + at + 26, 2) + number(file->base + at + 28, 2);
    FAIL_IF(!fits(file, at, packed) || (method == 0 && size != packed), ST_DATA,
            "%s: its %llu bytes end behind the archive's %zu bytes", out->path,
            (unsigned long long)packed, file->size);
    out->deflated = method != 0;
    out->crc = (uint32_t)number(entry + 16, 4);
    out->packed = packed;
    out->size = size;
    out->bytes = file->base + at;
    return ST_OK;
}

/* Is the entry's name `name`, or that with .npy behind it? */
static bool is_called(const unsigned char *entry, size_t length, const char *name)
{
    size_t n = strlen(name);
    return length >= n && memcmp(entry, name, n) == 0 &&
           (length == n || (length == n + 4 && memcmp(entry + n, ".npy", 4) == 0));
}

static enum status find_member(const struct file_bytes *file, const char *name, struct pool *pool,
                               struct member *out)
{
    struct directory directory = {0};
    struct text known = {0};
    TRY(read_end(file, &directory));
    const unsigned char *p = file->base + directory.at, *end = p + directory.size;
    *out = (struct member){.path = pool_printf(pool, "%s/%s.npy", file->path, name)};
    for (size_t i = 0; i < directory.entries && end - p >= ENTRY; i++) {
        size_t names = number(p + 28, 2), extra = number(p + 30, 2), rest = number(p + 32, 2);
        if (number(p, 4) != 0x02014b50 || (size_t)(end - p) < ENTRY + names + extra + rest)
            break;
        if (is_called(p + ENTRY, names, name)) {
            text_release(&known);
            return read_entry(file, p, names, extra, out);
        }
        if (known.length < 200)
            text_add(&known, "%s%.*s", known.length ? ", " : "", (int)names,
                     (const char *)p + ENTRY);
        p += ENTRY + names + extra + rest;
    }
    status_fail(ST_DATA, "%s: has no array \"%s\", but %s", file->path, text_shown(name),
                known.length ? text_shown(known.data) : "none at all");
    text_release(&known);
    return ST_DATA;
}

/* ---- The bytes ---- */

static enum status check_crc(const struct member *member, const unsigned char *bytes)
{
    uint32_t crc = (uint32_t)crc32_z(0, bytes, member->size);
    FAIL_IF(crc != member->crc, ST_DATA, "%s: is damaged: its checksum is %08x, expected %08x",
            member->path, crc, member->crc);
    return ST_OK;
}

static enum status inflate_all(const struct member *member, z_stream *stream, unsigned char *out)
{
    enum { PIECE = 1 << 30 };
    size_t in = 0, done = 0;
    int result = Z_OK;
    while (result == Z_OK) {
        size_t give = member->packed - in < PIECE ? member->packed - in : (size_t)PIECE;
        size_t room = member->size - done < PIECE ? member->size - done : (size_t)PIECE;
        stream->next_in = (unsigned char *)(uintptr_t)(member->bytes + in);
        stream->avail_in = (uInt)give;
        stream->next_out = out + done;
        stream->avail_out = (uInt)room;
        result = inflate(stream, Z_NO_FLUSH);
        in += give - stream->avail_in;
        done += room - stream->avail_out;
    }
    FAIL_IF(result != Z_STREAM_END || done != member->size, ST_DATA,
            "%s: is damaged: unpacks to %zu%s bytes, expected %zu", member->path, done,
            result == Z_STREAM_END ? "" : " or more", member->size);
    return check_crc(member, out);
}

static enum status unpack(const struct member *member, unsigned char *out)
{
    z_stream stream = {0};
    FAIL_IF(inflateInit2(&stream, -MAX_WBITS) != Z_OK, ST_DATA, "%s: zlib does not start",
            member->path);
    enum status status = inflate_all(member, &stream, out);
    inflateEnd(&stream);
    return status;
}

/* Deflate shrinks by 1032 at most. Local. */
static enum status locate(const struct file_bytes *file, const char *name, struct pool *pool,
                          struct member *out)
{
    TRY(find_member(file, name, pool, out));
    FAIL_IF(out->deflated && out->size / 1032 > out->packed, ST_DATA,
            "%s: promises %zu bytes, which its %zu packed bytes cannot hold", out->path, out->size,
            out->packed);
    return ST_OK;
}

/* Collective. */
static enum status attach(const struct file_bytes *file, const char *name,
                          const struct data_env *env, struct dataset *out, struct array *array,
                          size_t *n)
{
    struct member member = {0};
    bool leader = storage_is_leader(env);
    TRY(storage_agree(env, out, locate(file, name, &out->pool, &member)));
    struct file_bytes bytes = {member.bytes, member.size, member.path, file->storage};
    if (member.deflated) {
        void *memory;
        TRY(storage_get(env, out, member.size, member.path, &memory));
        TRY(storage_agree(env, out, leader ? unpack(&member, memory) : ST_OK));
        bytes.base = memory;
        bytes.storage = STORED_UNPACKED;
    } else {
        TRY(storage_agree(env, out, leader ? check_crc(&member, member.bytes) : ST_OK));
    }
    return storage_agree(env, out, npy_array(&bytes, &out->pool, array, n));
}

static enum status open_npz(const void *args, const struct data_env *env, struct dataset *out)
{
    const struct npz_args *npz = args;
    struct file_bytes file;
    size_t targets;
    TRY(storage_file(env, out, npz->file, NULL, &file));
    out->source = file.path;
    TRY(attach(&file, npz->x, env, out, &out->x, &out->stored));
    if (!npz->y)
        return ST_OK;
    TRY(attach(&file, npz->y, env, out, &out->y, &targets));
    FAIL_IF(targets != out->stored, ST_DATA, "%s: %s holds %zu samples, %s holds %zu", file.path,
            npz->x, out->stored, npz->y, targets);
    npy_settle_targets(&out->y);
    return ST_OK;
}

static bool recognise(const unsigned char *head, size_t head_size, size_t size)
{
    (void)size;
    return head_size >= 4 && memcmp(head, "PK\3\4", 4) == 0;
}

static const struct field fields[] = {{.key = "file",
                                       .type = FIELD_STRING,
                                       .offset = offsetof(struct npz_args, file),
                                       .help = "the .npz file"},
                                      {.key = "x",
                                       .type = FIELD_STRING,
                                       .offset = offsetof(struct npz_args, x),
                                       .fallback = "x",
                                       .help = "array of the inputs, samples along the first axis"},
                                      {.key = "y",
                                       .type = FIELD_STRING,
                                       .offset = offsetof(struct npz_args, y),
                                       .fallback = "y",
                                       .nullable = true,
                                       .help = "array of the targets; null: there are none"},
                                      {0}};

static const struct schema schema = {"npz", fields, &data_common_schema};

const struct format format_npz = {
    .kind = {"npz", &schema, sizeof(struct npz_args), &format_npz},
    .file_keys = (const char *const[]){"file", NULL},
    .recognise = recognise,
    .open = open_npz,
};
