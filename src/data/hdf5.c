/* HDF5: one dataset of inputs and one of targets, samples along the first axis.
 *
 * A contiguous dataset of a type that we know is mapped where it lies in the file; anything else
 * (chunked, compressed, compact, rare types) is read once a node into memory that all ranks see. */
#include <hdf5.h>

#include <string.h>

#include "data/guard.h"
#include "data/storage.h"

struct hdf5_args {
    struct data_common common;
    char *file;
    char *x, *y, *sample_weight;
};

/* One dataset of the open file. */
struct source {
    const char *path; /* in the file */
    hid_t set;
    int dims;
    hsize_t dim[DATA_MAX_DIMS];
    enum dtype dtype;
    bool big_endian;
    hid_t memory_type; /* to read it as, native byte order */
    haddr_t offset;    /* in the file, or HADDR_UNDEF where it cannot be mapped */
    size_t size;       /* bytes, as dtype */
};

struct hdf5 {
    const char *file;
    hid_t id;
    struct source x, y, weight;
};

static herr_t keep_innermost(unsigned n, const H5E_error2_t *error, void *data)
{
    if (n == 0)
        snprintf(data, 200, "%s", error->desc ? error->desc : "unknown error");
    return 0;
}

/* What HDF5 says to its last failure. */
static const char *reason(void)
{
    static char text[200];
    snprintf(text, sizeof text, "unknown error");
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, text);
    return text;
}

static enum status read_shape(const struct hdf5 *h, struct source *source)
{
    hid_t space = H5Dget_space(source->set);
    source->dims = H5Sget_simple_extent_ndims(space);
    bool fits = source->dims >= 1 && source->dims <= DATA_MAX_DIMS &&
                H5Sget_simple_extent_dims(space, source->dim, NULL) == source->dims;
    H5Sclose(space);
    FAIL_IF(!fits, ST_DATA, "%s: %s has %d axes, expected 1 to %d", h->file, source->path,
            source->dims, DATA_MAX_DIMS);
    for (int i = 0; i < source->dims; i++)
        FAIL_IF(source->dim[i] == 0, ST_DATA, "%s: axis %d of %s has length 0", h->file, i,
                source->path);
    return ST_OK;
}

/* Is it a type that we read in place? Sets dtype, byte order and the type in memory. */
static bool known_type(hid_t type, struct source *source)
{
    const struct {
        hid_t file, memory;
        enum dtype dtype;
        bool big_endian;
    } known[] = {
        {H5T_STD_U8LE, H5T_NATIVE_UINT8, DTYPE_U8, false},
        {H5T_STD_U8BE, H5T_NATIVE_UINT8, DTYPE_U8, false},
        {H5T_STD_I8LE, H5T_NATIVE_INT8, DTYPE_I8, false},
        {H5T_STD_I8BE, H5T_NATIVE_INT8, DTYPE_I8, false},
        {H5T_STD_U16LE, H5T_NATIVE_UINT16, DTYPE_U16, false},
        {H5T_STD_U16BE, H5T_NATIVE_UINT16, DTYPE_U16, true},
        {H5T_STD_I16LE, H5T_NATIVE_INT16, DTYPE_I16, false},
        {H5T_STD_I16BE, H5T_NATIVE_INT16, DTYPE_I16, true},
        {H5T_STD_I32LE, H5T_NATIVE_INT32, DTYPE_I32, false},
        {H5T_STD_I32BE, H5T_NATIVE_INT32, DTYPE_I32, true},
        {H5T_STD_I64LE, H5T_NATIVE_INT64, DTYPE_I64, false},
        {H5T_STD_I64BE, H5T_NATIVE_INT64, DTYPE_I64, true},
        {H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, DTYPE_F32, false},
        {H5T_IEEE_F32BE, H5T_NATIVE_FLOAT, DTYPE_F32, true},
        {H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, DTYPE_F64, false},
        {H5T_IEEE_F64BE, H5T_NATIVE_DOUBLE, DTYPE_F64, true},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (H5Tequal(type, known[i].file) > 0) {
            source->dtype = known[i].dtype;
            source->big_endian = known[i].big_endian;
            source->memory_type = known[i].memory;
            return true;
        }
    return false;
}

/* *in_place: known_type found it. Else HDF5 converts it to the nearest type that holds it. */
static enum status read_type(const struct hdf5 *h, struct source *source, bool *in_place)
{
    hid_t type = H5Dget_type(source->set);
    H5T_class_t class = H5Tget_class(type);
    size_t size = H5Tget_size(type);
    *in_place = known_type(type, source);
    H5Tclose(type);
    if (*in_place)
        return ST_OK;
    FAIL_IF((class != H5T_INTEGER && class != H5T_FLOAT) || size > 8, ST_DATA,
            "%s: %s does not hold integers or floats of up to 8 bytes", h->file, source->path);
    if (class == H5T_INTEGER) {
        source->dtype = DTYPE_I64;
        source->memory_type = H5T_NATIVE_INT64;
    } else {
        source->dtype = size <= 4 ? DTYPE_F32 : DTYPE_F64;
        source->memory_type = size <= 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
    }
    return ST_OK;
}

/* Where it lies in the file, if it lies there in one piece and unchanged. */
static enum status read_layout(const struct hdf5 *h, struct source *source, bool in_place)
{
    hid_t plist = H5Dget_create_plist(source->set);
    H5D_layout_t layout = H5Pget_layout(plist);
    int external = H5Pget_external_count(plist);
    H5Pclose(plist);
    FAIL_IF(layout == H5D_VIRTUAL || external != 0, ST_DATA,
            "%s: the numbers of %s are in other files, which is not supported", h->file,
            source->path);
    source->offset =
        in_place && layout == H5D_CONTIGUOUS ? H5Dget_offset(source->set) : HADDR_UNDEF;
    if (source->offset == HADDR_UNDEF)
        source->big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__; /* HDF5 will convert it */
    return ST_OK;
}

static enum status open_source(const struct hdf5 *h, const char *path, struct source *source)
{
    source->path = path;
    source->set = H5Dopen2(h->id, path, H5P_DEFAULT);
    FAIL_IF(source->set < 0, ST_DATA, "%s: has no dataset %s", h->file, path);
    bool in_place;
    TRY(read_shape(h, source));
    TRY(read_type(h, source, &in_place));
    TRY(read_layout(h, source, in_place));
    source->size = dtype_size(source->dtype);
    for (int i = 0; i < source->dims; i++)
        FAIL_IF(__builtin_mul_overflow(source->size, source->dim[i], &source->size), ST_DATA,
                "%s: %s has more bytes than can be addressed", h->file, path);
    return ST_OK;
}

static enum status check_count(const struct hdf5 *h, const struct source *source)
{
    FAIL_IF(h->x.dim[0] != source->dim[0], ST_DATA, "%s: %s holds %llu samples, %s holds %llu",
            h->file, h->x.path, (unsigned long long)h->x.dim[0], source->path,
            (unsigned long long)source->dim[0]);
    return ST_OK;
}

/* Local: each rank looks at the file for itself. */
static enum status open_all(struct hdf5 *h, const struct hdf5_args *args,
                            const struct data_env *env, struct dataset *out)
{
    TRY(data_find(args->file, env, &out->pool, &h->file));
    out->source = h->file;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_file_locking(access, false, true); /* read-only file systems cannot lock */
    h->id = H5Fopen(h->file, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    FAIL_IF(h->id < 0, ST_DATA, "%s: not a usable HDF5 file (%s)", h->file, reason());
    TRY(open_source(h, args->x, &h->x));
    if (args->y) {
        TRY(open_source(h, args->y, &h->y));
        TRY(check_count(h, &h->y));
    }
    if (args->sample_weight) {
        TRY(open_source(h, args->sample_weight, &h->weight));
        TRY(check_count(h, &h->weight));
        FAIL_IF(h->weight.dims != 1, ST_DATA, "%s: %s has %d axes, expected one number a sample",
                h->file, args->sample_weight, h->weight.dims);
    }
    return ST_OK;
}

static void undo_map(void *what)
{
    guard_unmap(what);
}

/* Local. A dataset that says to lie outside of the file is an error. */
static enum status map_sources(const struct hdf5 *h, struct dataset *out,
                               const struct file_map **map)
{
    const struct source *sources[] = {&h->x, &h->y, &h->weight};
    for (int i = 0; i < 3; i++) {
        const struct source *s = sources[i];
        if (s->set < 0 || s->offset == HADDR_UNDEF)
            continue;
        if (!*map) {
            struct file_map *fresh = pool_alloc(&out->pool, sizeof *fresh);
            TRY(guard_map(h->file, fresh));
            dataset_on_free(out, undo_map, fresh);
            *map = fresh;
        }
        FAIL_IF(s->offset > (*map)->size || (*map)->size - s->offset < s->size, ST_DATA,
                "%s: the %zu bytes of %s at offset %llu end behind the file's %zu bytes", h->file,
                s->size, s->path, (unsigned long long)s->offset, (*map)->size);
    }
    return ST_OK;
}

static enum status read_source(const struct hdf5 *h, const struct source *source, void *memory)
{
    herr_t result =
        H5Dread(source->set, source->memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, memory);
    FAIL_IF(result < 0, ST_DATA, "%s: cannot read %s (%s)", h->file, source->path, reason());
    return ST_OK;
}

/* Collective. */
static enum status attach(const struct hdf5 *h, const struct source *source,
                          const struct file_map *map, const struct data_env *env,
                          struct dataset *out, struct array *array)
{
    size_t dim[DATA_MAX_DIMS];
    for (int i = 0; i < source->dims; i++)
        dim[i] = (size_t)source->dim[i];
    *array = (struct array){.dtype = source->dtype, .big_endian = source->big_endian, .parts = 1};
    array_set_shape(array, dim, source->dims);
    array->stride = source->size / dim[0];
    array->part = pool_alloc(&out->pool, sizeof *array->part);
    if (source->offset != HADDR_UNDEF) {
        *array->part = (struct array_part){map->base + source->offset, 0, h->file, STORED_MAPPED};
        return ST_OK;
    }
    void *memory;
    TRY(storage_get(env, out, source->size, h->file, &memory));
    bool leader = storage_is_leader(env);
    TRY(storage_agree(env, out, leader ? read_source(h, source, memory) : ST_OK));
    *array->part = (struct array_part){memory, 0, h->file, STORED_UNPACKED};
    return ST_OK;
}

static enum status open_with(struct hdf5 *h, const struct hdf5_args *args,
                             const struct data_env *env, struct dataset *out)
{
    const struct file_map *map = NULL;
    enum status status = open_all(h, args, env, out);
    if (status == ST_OK)
        status = map_sources(h, out, &map);
    TRY(storage_agree(env, out, status));
    out->stored = (size_t)h->x.dim[0];
    TRY(attach(h, &h->x, map, env, out, &out->x));
    if (args->y)
        TRY(attach(h, &h->y, map, env, out, &out->y));
    if (args->y && array_elements(&out->y) == 1)
        out->y.rank = 0;
    if (args->sample_weight)
        TRY(attach(h, &h->weight, map, env, out, &out->weight));
    return ST_OK;
}

static enum status open_hdf5(const void *args, const struct data_env *env, struct dataset *out)
{
    struct hdf5 h = {.id = -1, .x.set = -1, .y.set = -1, .weight.set = -1};
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* we say it ourselves, in one line */
    H5PLset_loading_state(0);              /* a file does not decide what code we run */
    enum status status = open_with(&h, args, env, out);
    if (h.x.set >= 0)
        H5Dclose(h.x.set);
    if (h.y.set >= 0)
        H5Dclose(h.y.set);
    if (h.weight.set >= 0)
        H5Dclose(h.weight.set);
    if (h.id >= 0)
        H5Fclose(h.id);
    return status;
}

static bool recognise(const unsigned char *head, size_t head_size, size_t size)
{
    (void)size;
    return head_size >= 8 && memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0;
}

static const struct field fields[] = {{.key = "file",
                                       .type = FIELD_STRING,
                                       .offset = offsetof(struct hdf5_args, file),
                                       .help = "the HDF5 file"},
                                      {.key = "x",
                                       .type = FIELD_STRING,
                                       .offset = offsetof(struct hdf5_args, x),
                                       .fallback = "/x",
                                       .help = "dataset of the inputs, samples first"},
                                      {.key = "y",
                                       .type = FIELD_STRING,
                                       .offset = offsetof(struct hdf5_args, y),
                                       .fallback = "/y",
                                       .nullable = true,
                                       .help = "dataset of the targets; null: there are none"},
                                      {.key = "sample_weight",
                                       .type = FIELD_STRING,
                                       .offset = offsetof(struct hdf5_args, sample_weight),
                                       .fallback = "null",
                                       .nullable = true,
                                       .help = "dataset of the samples' weights in the loss"},
                                      {0}};

static const struct schema schema = {"hdf5", fields, &data_common_schema};

const struct format format_hdf5 = {
    .kind = {"hdf5", &schema, sizeof(struct hdf5_args), &format_hdf5},
    .file_keys = (const char *const[]){"file", NULL},
    .recognise = recognise,
    .open = open_hdf5,
};
