#include "data/npy.h"

#include <stdlib.h>
#include <string.h>

#include "config/tree.h"

struct header {
    char descr[16];
    bool fortran;
    int dims;
    size_t dim[DATA_MAX_DIMS];
    size_t size; /* where the numbers begin */
};

static const struct {
    char name[4];
    enum dtype dtype;
} types[] = {{"u1", DTYPE_U8},  {"b1", DTYPE_U8},  {"i1", DTYPE_I8},
             {"u2", DTYPE_U16}, {"i2", DTYPE_I16}, {"i4", DTYPE_I32},
             {"i8", DTYPE_I64}, {"f4", DTYPE_F32}, {"f8", DTYPE_F64}};

/* ---- The header, {'descr': '<f4', 'fortran_order': False, 'shape': (60, 28, 28), } ---- */

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \n");
}

/* Takes a fixed text, if it is next. */
static bool take(const char **at, const char *text)
{
    const char *from = skip_blanks(*at);
    if (strncmp(from, text, strlen(text)) != 0)
        return false;
    *at = from + strlen(text);
    return true;
}

static bool take_quoted(const char **at, char *out, size_t room)
{
    if (!take(at, "'"))
        return false;
    size_t length = strcspn(*at, "'");
    if ((*at)[length] != '\'' || length >= room)
        return false;
    memcpy(out, *at, length);
    out[length] = '\0';
    *at += length + 1;
    return true;
}

static bool take_shape(const char **at, struct header *out)
{
    if (!take(at, "("))
        return false;
    for (out->dims = 0; !take(at, ")"); out->dims++) {
        char *end;
        *at = skip_blanks(*at);
        if (**at < '0' || **at > '9' || out->dims == DATA_MAX_DIMS)
            return false;
        out->dim[out->dims] = strtoull(*at, &end, 10);
        *at = end;
        if (!take(at, ",") && *skip_blanks(*at) != ')')
            return false;
    }
    return true;
}

static bool take_dictionary(const char *at, struct header *out)
{
    int seen = 0;
    if (!take(&at, "{"))
        return false;
    while (!take(&at, "}")) {
        char key[16];
        if (!take_quoted(&at, key, sizeof key) || !take(&at, ":"))
            return false;
        if (strcmp(key, "descr") == 0 && take_quoted(&at, out->descr, sizeof out->descr))
            seen |= 1;
        else if (strcmp(key, "fortran_order") == 0 && (take(&at, "False") || take(&at, "True")))
            seen |= 2, out->fortran = at[-2] == 'u';
        else if (strcmp(key, "shape") == 0 && take_shape(&at, out))
            seen |= 4;
        else
            return false;
        if (!take(&at, ",") && *skip_blanks(at) != '}')
            return false;
    }
    return seen == 7;
}

static enum status read_header(const struct file_bytes *file, struct header *out)
{
    const unsigned char *b = file->base;
    *out = (struct header){0};
    FAIL_IF(file->size < 12 || memcmp(b, "\x93NUMPY", 6) != 0, ST_DATA, "%s: not a .npy file",
            file->path);
    FAIL_IF(b[6] < 1 || b[6] > 3, ST_DATA, "%s: .npy version %d.%d, expected 1 to 3", file->path,
            b[6], b[7]);
    size_t start = b[6] == 1 ? 10 : 12, length = (size_t)b[8] | (size_t)b[9] << 8;
    if (b[6] > 1)
        length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    FAIL_IF(length > file->size - start, ST_DATA, "%s: has %zu bytes, its header alone takes %zu",
            file->path, file->size, start + length);
    out->size = start + length;
    FAIL_IF(length > 4096, ST_DATA, "%s: a header of %zu bytes is too long", file->path, length);
    char text[4097] = "";
    memcpy(text, b + start, length);
    FAIL_IF(!take_dictionary(text, out), ST_DATA,
            "%s: its header is %s; expected descr (one type), fortran_order and shape (up to %d "
            "axes)",
            file->path, text_shown(text), DATA_MAX_DIMS);
    return ST_OK;
}

static enum status read_type(const struct file_bytes *file, const struct header *header,
                             struct array *out)
{
    const char *d = header->descr;
    size_t i = 0, n = sizeof types / sizeof types[0];
    bool order = d[0] && strchr("<>|=", d[0]);
    while (i < n && !(order && strcmp(types[i].name, d + 1) == 0))
        i++;
    FAIL_IF(i == n, ST_DATA,
            "%s: numbers of the type '%s' are not read, but those of b1, u1, i1, u2, i2, i4, i8, "
            "f4 and f8",
            file->path, text_shown(d));
    *out = (struct array){.dtype = types[i].dtype, .big_endian = d[0] == '>', .parts = 1};
    return ST_OK;
}

enum status npy_array(const struct file_bytes *file, struct pool *pool, struct array *out,
                      size_t *n)
{
    struct header header;
    TRY(read_header(file, &header));
    TRY(read_type(file, &header, out));
    FAIL_IF(header.dims < 1, ST_DATA, "%s: is a single number, expected an axis of samples",
            file->path);
    FAIL_IF(header.fortran && header.dims > 1, ST_DATA,
            "%s: is in Fortran's order; save numpy.ascontiguousarray of it", file->path);
    size_t bytes = dtype_size(out->dtype);
    for (int i = 0; i < header.dims; i++) {
        FAIL_IF(header.dim[i] == 0, ST_DATA, "%s: axis %d has length 0", file->path, i);
        FAIL_IF(__builtin_mul_overflow(bytes, header.dim[i], &bytes), ST_DATA,
                "%s: its header promises more bytes than can be addressed", file->path);
    }
    FAIL_IF(bytes != file->size - header.size, ST_DATA,
            "%s: promises %zu bytes after its header, has %zu", file->path, bytes,
            file->size - header.size);
    array_set_shape(out, header.dim, header.dims);
    out->stride = bytes / header.dim[0];
    out->part = pool_alloc(pool, sizeof *out->part);
    *out->part = (struct array_part){file->base + header.size, 0, file->path, file->storage};
    *n = header.dim[0];
    return ST_OK;
}

void npy_settle_targets(struct array *y)
{
    if (array_elements(y) == 1)
        y->rank = 0;
}

/* ---- The format ---- */

struct npy_args {
    struct data_common common;
    char *x, *y;
};

static enum status open_npy(const void *args, const struct data_env *env, struct dataset *out)
{
    const struct npy_args *npy = args;
    struct file_bytes x, y;
    size_t targets;
    TRY(storage_file(env, out, npy->x, NULL, &x));
    out->source = x.path;
    TRY(npy_array(&x, &out->pool, &out->x, &out->stored));
    if (!npy->y)
        return ST_OK;
    TRY(storage_file(env, out, npy->y, NULL, &y));
    TRY(npy_array(&y, &out->pool, &out->y, &targets));
    FAIL_IF(targets != out->stored, ST_DATA, "%s holds %zu samples, %s holds %zu targets", x.path,
            out->stored, y.path, targets);
    npy_settle_targets(&out->y);
    return ST_OK;
}

static bool recognise(const unsigned char *head, size_t head_size, size_t size)
{
    (void)size;
    return head_size >= 6 && memcmp(head, "\x93NUMPY", 6) == 0;
}

static const struct field fields[] = {{.key = "x",
                                       .type = FIELD_STRING,
                                       .offset = offsetof(struct npy_args, x),
                                       .help = ".npy file of the inputs, plain, .gz or .xz"},
                                      {.key = "y",
                                       .type = FIELD_STRING,
                                       .offset = offsetof(struct npy_args, y),
                                       .fallback = "null",
                                       .nullable = true,
                                       .help = ".npy file of the targets; null: there are none"},
                                      {0}};

static const struct schema schema = {"npy", fields, &data_common_schema};

const struct format format_npy = {
    .kind = {"npy", &schema, sizeof(struct npy_args), &format_npy},
    .file_keys = (const char *const[]){"x", "y", NULL},
    .recognise = recognise,
    .open = open_npy,
};
