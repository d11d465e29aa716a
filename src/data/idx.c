#include "data/idx.h"

#include <string.h>

static const struct {
    unsigned char byte;
    enum dtype dtype;
} types[] = {{0x08, DTYPE_U8},  {0x09, DTYPE_I8},  {0x0B, DTYPE_I16},
             {0x0C, DTYPE_I32}, {0x0D, DTYPE_F32}, {0x0E, DTYPE_F64}};

enum { TYPES = sizeof types / sizeof types[0] };

unsigned char idx_type_byte(enum dtype dtype)
{
    for (int i = 0; i < TYPES; i++)
        if (types[i].dtype == dtype)
            return types[i].byte;
    return 0;
}

static bool type_of_byte(unsigned char byte, enum dtype *dtype)
{
    for (int i = 0; i < TYPES; i++)
        if (types[i].byte == byte) {
            *dtype = types[i].dtype;
            return true;
        }
    return false;
}

static bool recognise(const unsigned char *head, size_t head_size, size_t size)
{
    enum dtype dtype;
    (void)size;
    return head_size >= 4 && head[0] == 0 && head[1] == 0 && type_of_byte(head[2], &dtype) &&
           head[3] >= 1 && head[3] <= DATA_MAX_DIMS;
}

enum status idx_read_header(const char *path, const unsigned char *bytes, size_t size,
                            struct idx_header *out)
{
    *out = (struct idx_header){0};
    FAIL_IF(size < 4, ST_DATA, "%s: %zu bytes are too few for an IDX header", path, size);
    FAIL_IF(bytes[0] || bytes[1] || !type_of_byte(bytes[2], &out->dtype), ST_DATA,
            "%s: not an IDX file: it starts with %02x %02x %02x %02x, expected 00 00, a type "
            "(08, 09, 0b, 0c, 0d, 0e) and the number of axes",
            path, bytes[0], bytes[1], bytes[2], bytes[3]);
    FAIL_IF(bytes[3] < 1 || bytes[3] > DATA_MAX_DIMS, ST_DATA, "%s: has %d axes, expected 1 to %d",
            path, bytes[3], DATA_MAX_DIMS);
    out->dims = bytes[3];
    out->size = 4 + 4 * (size_t)out->dims;
    FAIL_IF(size < out->size, ST_DATA, "%s: has %zu bytes, its header alone takes %zu", path, size,
            out->size);
    size_t numbers = dtype_size(out->dtype);
    bool overflow = false;
    for (int i = 0; i < out->dims; i++) {
        const unsigned char *p = bytes + 4 + 4 * i;
        out->dim[i] = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        FAIL_IF(out->dim[i] == 0, ST_DATA, "%s: axis %d has length 0", path, i);
        overflow |= __builtin_mul_overflow(numbers, out->dim[i], &numbers);
    }
    overflow |= __builtin_add_overflow(numbers, out->size, &out->total);
    FAIL_IF(overflow, ST_DATA, "%s: its header promises more bytes than can be addressed", path);
    return ST_OK;
}

static enum status measure(const char *path, const unsigned char *head, size_t size, size_t *total)
{
    struct idx_header header;
    TRY(idx_read_header(path, head, size, &header));
    *total = header.total;
    return ST_OK;
}

static const char *dims_text(const struct idx_header *header, struct pool *pool)
{
    const char *text = pool_printf(pool, "%zu", header->dim[0]);
    for (int i = 1; i < header->dims; i++)
        text = pool_printf(pool, "%sx%zu", text, header->dim[i]);
    return text;
}

enum status idx_array(const struct file_bytes *file, struct pool *pool, struct array *out,
                      size_t *n)
{
    struct idx_header header;
    TRY(idx_read_header(file->path, file->base, file->size, &header));
    size_t width = dtype_size(header.dtype);
    FAIL_IF(file->size != header.total, ST_DATA,
            "%s: promises %s %s after a %zu-byte header (%zu), has %zu", file->path,
            dims_text(&header, pool), width == 1 ? "bytes" : dtype_name(header.dtype), header.size,
            header.total, file->size);
    *out = (struct array){.dtype = header.dtype, .big_endian = true, .parts = 1};
    array_set_shape(out, header.dim, header.dims);
    out->stride = (header.total - header.size) / header.dim[0];
    out->part = pool_alloc(pool, sizeof *out->part);
    *out->part = (struct array_part){file->base + header.size, 0, file->path, file->storage};
    *n = header.dim[0];
    return ST_OK;
}

struct idx_args {
    struct data_common common;
    char *images;
    char *labels;
};

static enum status open_idx(const void *args, const struct data_env *env, struct dataset *out)
{
    const struct idx_args *idx = args;
    struct file_bytes images, labels;
    size_t n_labels;
    TRY(storage_file(env, out, idx->images, measure, &images));
    out->source = images.path;
    TRY(idx_array(&images, &out->pool, &out->x, &out->stored));
    if (!idx->labels)
        return ST_OK;
    TRY(storage_file(env, out, idx->labels, measure, &labels));
    TRY(idx_array(&labels, &out->pool, &out->y, &n_labels));
    FAIL_IF(n_labels != out->stored, ST_DATA, "%s holds %zu samples, %s holds %zu labels",
            images.path, out->stored, labels.path, n_labels);
    if (array_elements(&out->y) == 1)
        out->y.rank = 0;
    return ST_OK;
}

static const struct field fields[] = {
    {.key = "images",
     .type = FIELD_STRING,
     .offset = offsetof(struct idx_args, images),
     .help = "IDX file of the inputs, plain, .gz or .xz"},
    {.key = "labels",
     .type = FIELD_STRING,
     .offset = offsetof(struct idx_args, labels),
     .fallback = "null",
     .nullable = true,
     .help = "IDX file of the labels or targets; null: there are none"},
    {0}};

static const struct schema schema = {"idx", fields, &data_common_schema};

const struct format format_idx = {
    .kind = {"idx", &schema, sizeof(struct idx_args), &format_idx},
    .file_keys = (const char *const[]){"images", "labels", NULL},
    .recognise = recognise,
    .open = open_idx,
};
