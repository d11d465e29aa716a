/* Reading from an image that somebody else may have made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/h5.h"

/* Do only hard links lead from the root to the object, whose path is relative to the root? */
static bool is_inside(const struct h5 *h5, const char *object)
{
    size_t length = strlen(object);
    char *prefix = mem_need(length + 1, 1);
    bool good = true;
    for (size_t i = 0; i < length && good; i++) {
        prefix[i] = object[i];
        if (object[i + 1] != '/' && object[i + 1] != '\0')
            continue;
        H5L_info_t info;
        good = H5Lexists(h5->file, prefix, H5P_DEFAULT) > 0 &&
               H5Lget_info(h5->file, prefix, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_HARD;
    }
    free(prefix);
    return good;
}

bool h5_has(const struct h5 *h5, const char *object)
{
    return is_inside(h5, object);
}

/* ---- Groups ---- */

static H5O_type_t type_of(const struct h5 *h5, const char *object)
{
    H5O_info_t info;
    bool good =
        is_inside(h5, object) && H5Oget_info_by_name(h5->file, object, &info, H5P_DEFAULT) >= 0;
    return good ? info.type : H5O_TYPE_UNKNOWN;
}

bool h5_is_dataset(const struct h5 *h5, const char *object)
{
    return type_of(h5, object) == H5O_TYPE_DATASET;
}

enum status h5_read_members(const struct h5 *h5, const char *group, struct pool *pool,
                            struct string_list *names)
{
    H5G_info_t info;
    FAIL_IF(type_of(h5, group) != H5O_TYPE_GROUP ||
                H5Gget_info_by_name(h5->file, group, &info, H5P_DEFAULT) < 0,
            ST_MODEL, "%s: has no group '%s'", h5->path, group);
    FAIL_IF(info.nlinks > H5_MOST_MEMBERS, ST_MODEL, "%s: '%s' has %llu members; at most %d",
            h5->path, group, (unsigned long long)info.nlinks, H5_MOST_MEMBERS);
    *names = (struct string_list){.v = pool_alloc(pool, (size_t)info.nlinks * sizeof(char *))};
    for (hsize_t i = 0; i < info.nlinks; i++) {
        char name[256];
        ssize_t length = H5Lget_name_by_idx(h5->file, group, H5_INDEX_NAME, H5_ITER_INC, i, name,
                                            sizeof name, H5P_DEFAULT);
        FAIL_IF(length <= 0 || (size_t)length >= sizeof name, ST_MODEL,
                "%s: '%s' has a member whose name cannot be read", h5->path, group);
        names->v[names->n++] = pool_strdup(pool, name);
    }
    return ST_OK;
}

/* ---- Datasets ---- */

struct dataset {
    hid_t id, type, space;
};

static bool is_one_block(hid_t dataset)
{
    hid_t creation = H5Dget_create_plist(dataset);
    H5D_layout_t layout = H5Pget_layout(creation);
    bool good =
        (layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) && H5Pget_external_count(creation) == 0;
    H5Pclose(creation);
    return good;
}

static void dataset_close(struct dataset *dataset)
{
    H5Sclose(dataset->space);
    H5Tclose(dataset->type);
    H5Dclose(dataset->id);
}

static enum status dataset_open(const struct h5 *h5, const char *name, struct dataset *out)
{
    FAIL_IF(!is_inside(h5, name), ST_MODEL, "%s: has no '%s'", h5->path, name);
    hid_t id = H5Dopen2(h5->file, name, H5P_DEFAULT);
    *out = (struct dataset){id, H5Dget_type(id), H5Dget_space(id)};
    if (id >= 0 && out->type >= 0 && out->space >= 0 && is_one_block(id))
        return ST_OK;
    dataset_close(out);
    FAIL(ST_MODEL, "%s: '%s' is not a dataset as convoy writes it", h5->path, name);
}

static enum status shape_of(const struct h5 *h5, const char *name, const struct dataset *dataset,
                            struct shape *shape)
{
    hsize_t dims[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_dims(dataset->space, dims, NULL);
    FAIL_IF(H5Tequal(dataset->type, H5T_IEEE_F32LE) <= 0 || rank < 0 || rank > SHAPE_MAX_RANK ||
                H5Sget_simple_extent_type(dataset->space) == H5S_NULL,
            ST_MODEL, "%s: '%s' is not an array of little-endian float32 of at most %d axes",
            h5->path, name, SHAPE_MAX_RANK);
    *shape = (struct shape){.rank = rank};
    for (int i = 0; i < rank; i++)
        shape->dim[i] = dims[i] > INT64_MAX ? INT64_MAX : (int64_t)dims[i];
    return ST_OK;
}

enum status h5_read_shape(const struct h5 *h5, const char *name, struct shape *shape)
{
    struct dataset dataset;
    TRY(dataset_open(h5, name, &dataset));
    enum status status = shape_of(h5, name, &dataset, shape);
    dataset_close(&dataset);
    return status;
}

enum status h5_read_floats(const struct h5 *h5, const char *name, size_t count, float *data)
{
    struct dataset dataset;
    TRY(dataset_open(h5, name, &dataset));
    struct shape shape;
    enum status status = shape_of(h5, name, &dataset, &shape);
    hssize_t found = H5Sget_simple_extent_npoints(dataset.space);
    bool good = status == ST_OK && found >= 0 && (size_t)found == count;
    if (good)
        good = H5Dread(dataset.id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    dataset_close(&dataset);
    TRY(status);
    FAIL_IF(!good, ST_MODEL, "%s: cannot read %zu numbers from '%s'", h5->path, count, name);
    return ST_OK;
}

enum status h5_read_doubles(const struct h5 *h5, const char *name, struct pool *pool, size_t *count,
                            double **data)
{
    struct dataset dataset;
    TRY(dataset_open(h5, name, &dataset));
    hssize_t found = H5Sget_simple_extent_npoints(dataset.space);
    bool good = H5Tequal(dataset.type, H5T_IEEE_F64LE) > 0 && found >= 0 &&
                (size_t)found <= h5->size / sizeof(double);
    *count = good ? (size_t)found : 0;
    *data = pool_alloc(pool, *count * sizeof(double) + 1);
    good =
        good && H5Dread(dataset.id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, *data) >= 0;
    dataset_close(&dataset);
    FAIL_IF(!good, ST_MODEL, "%s: '%s' is not a list of little-endian float64", h5->path, name);
    return ST_OK;
}

/* The size of a fixed-length string type; 0 if it is something else. */
static size_t string_size(hid_t type)
{
    bool fixed = H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0;
    return fixed ? H5Tget_size(type) : 0;
}

enum status h5_read_text(const struct h5 *h5, const char *name, struct pool *pool, char **text)
{
    struct dataset dataset;
    TRY(dataset_open(h5, name, &dataset));
    size_t size = string_size(dataset.type);
    bool good =
        size > 0 && size <= h5->size && H5Sget_simple_extent_type(dataset.space) == H5S_SCALAR;
    if (good) {
        *text = pool_alloc(pool, size + 1);
        good = H5Dread(dataset.id, dataset.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, *text) >= 0;
    }
    dataset_close(&dataset);
    FAIL_IF(!good, ST_MODEL, "%s: '%s' is not a text", h5->path, name);
    return ST_OK;
}

/* ---- Attributes ---- */

struct attribute {
    hid_t id, type, space;
    size_t count; /* of elements; 0 if it could not be opened */
};

static struct attribute attribute_open(const struct h5 *h5, const char *object, const char *name)
{
    hid_t id = is_inside(h5, object)
                   ? H5Aopen_by_name(h5->file, object, name, H5P_DEFAULT, H5P_DEFAULT)
                   : H5I_INVALID_HID;
    struct attribute attribute = {id, H5Aget_type(id), H5Aget_space(id), 0};
    hssize_t count = H5Sget_simple_extent_npoints(attribute.space);
    if (attribute.type >= 0 && count > 0)
        attribute.count = (size_t)count;
    return attribute;
}

static void attribute_close(struct attribute *attribute)
{
    H5Sclose(attribute->space);
    H5Tclose(attribute->type);
    H5Aclose(attribute->id);
}

enum status h5_read_number(const struct h5 *h5, const char *object, const char *name, uint64_t most,
                           uint64_t *value)
{
    struct attribute attribute = attribute_open(h5, object, name);
    uint64_t found = 0;
    bool good = attribute.count == 1 && H5Tequal(attribute.type, H5T_STD_U64LE) > 0 &&
                H5Aread(attribute.id, H5T_NATIVE_UINT64, &found) >= 0;
    attribute_close(&attribute);
    FAIL_IF(!good, ST_MODEL, "%s: '%s' has no number '%s'", h5->path, object, name);
    FAIL_IF(found > most, ST_MODEL, "%s: '%s' of '%s' is %llu; expected at most %llu", h5->path,
            name, object, (unsigned long long)found, (unsigned long long)most);
    *value = found;
    return ST_OK;
}

/* Appends the names of one attribute; room is how many the list has memory for. */
static enum status read_some_names(const struct h5 *h5, const char *object, const char *name,
                                   struct pool *pool, struct string_list *names, size_t *room)
{
    struct attribute attribute = attribute_open(h5, object, name);
    size_t size = string_size(attribute.type), bytes = 0;
    bool good = attribute.id >= 0 && size > 0 &&
                !__builtin_mul_overflow(attribute.count, size, &bytes) && bytes <= h5->size;
    char *packed = good ? mem_need(bytes, 1) : NULL;
    if (good && bytes > 0)
        good = H5Aread(attribute.id, attribute.type, packed) >= 0;
    if (good && names->n + attribute.count > *room) {
        *room = 2 * (names->n + attribute.count);
        char **grown = pool_alloc(pool, *room * sizeof *grown);
        for (size_t i = 0; i < names->n; i++)
            grown[i] = names->v[i];
        names->v = grown;
    }
    for (size_t i = 0; good && i < attribute.count; i++)
        names->v[names->n++] = pool_printf(pool, "%.*s", (int)size, packed + i * size);
    free(packed);
    attribute_close(&attribute);
    FAIL_IF(!good, ST_MODEL, "%s: '%s' of '%s' is not a list of names", h5->path, name, object);
    return ST_OK;
}

static bool has_attribute(const struct h5 *h5, const char *object, const char *name)
{
    return H5Aexists_by_name(h5->file, object, name, H5P_DEFAULT) > 0;
}

enum status h5_read_names(const struct h5 *h5, const char *object, const char *name,
                          struct pool *pool, struct string_list *names)
{
    size_t room = 0;
    *names = (struct string_list){0};
    FAIL_IF(!is_inside(h5, object), ST_MODEL, "%s: has no '%s'", h5->path, object);
    if (has_attribute(h5, object, name))
        return read_some_names(h5, object, name, pool, names, &room);
    for (size_t part = 0;; part++) {
        char numbered[64];
        snprintf(numbered, sizeof numbered, "%s%zu", name, part);
        if (!has_attribute(h5, object, numbered))
            break;
        TRY(read_some_names(h5, object, numbered, pool, names, &room));
    }
    FAIL_IF(names->n == 0, ST_MODEL, "%s: '%s' has no '%s'", h5->path, object, name);
    return ST_OK;
}
