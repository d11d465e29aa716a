/* Writing into an image. Each function closes what it opened, in the reverse order; the identifier
 * of something that could not be opened is negative, and closing it does nothing. */
#include <stdlib.h>
#include <string.h>

#include "formats/h5.h"

/* Keras's HDF5_OBJECT_HEADER_LIMIT: an attribute must fit into a message of 64 KiB. */
enum { HEADER_LIMIT = 64512 };

static enum status written(const struct h5 *h5, const char *object, bool good)
{
    FAIL_IF(!good, ST_IO, "%s: cannot write: HDF5 refuses '%s'", h5->path, object);
    return ST_OK;
}

/* A UTF-8 string type of size bytes, or H5T_VARIABLE. */
static hid_t string_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

enum status h5_write_group(struct h5 *h5, const char *group)
{
    hid_t id = H5Gcreate2(h5->file, group, h5->links, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(id);
    return written(h5, group, id >= 0);
}

static enum status write_dataset(struct h5 *h5, const char *name, hid_t file_type,
                                 hid_t memory_type, hid_t space, const void *data)
{
    hid_t id = H5Dcreate2(h5->file, name, file_type, space, h5->links, h5->datasets, H5P_DEFAULT);
    bool good = id >= 0 && H5Dwrite(id, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    H5Dclose(id);
    return written(h5, name, good);
}

enum status h5_write_floats(struct h5 *h5, const char *dataset, const struct shape *shape,
                            const float *data)
{
    hsize_t dims[SHAPE_MAX_RANK];
    for (int i = 0; i < shape->rank; i++)
        dims[i] = (hsize_t)shape->dim[i];
    hid_t space = H5Screate_simple(shape->rank, dims, NULL);
    enum status status = write_dataset(h5, dataset, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, space, data);
    H5Sclose(space);
    return status;
}

enum status h5_write_doubles(struct h5 *h5, const char *dataset, size_t count, const double *data)
{
    hsize_t dims[1] = {count};
    hid_t space = H5Screate_simple(1, dims, NULL);
    enum status status = write_dataset(h5, dataset, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, space, data);
    H5Sclose(space);
    return status;
}

enum status h5_write_text(struct h5 *h5, const char *dataset, const char *text)
{
    hid_t type = string_type(strlen(text) + 1), space = H5Screate(H5S_SCALAR);
    enum status status = write_dataset(h5, dataset, type, type, space, text);
    H5Sclose(space);
    H5Tclose(type);
    return status;
}

static enum status write_attribute(struct h5 *h5, const char *object, const char *name,
                                   hid_t file_type, hid_t memory_type, hid_t space,
                                   const void *data)
{
    hid_t id = H5Acreate_by_name(h5->file, object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT,
                                 H5P_DEFAULT);
    bool good = id >= 0 && H5Awrite(id, memory_type, data) >= 0;
    H5Aclose(id);
    return written(h5, object, good);
}

enum status h5_write_number(struct h5 *h5, const char *object, const char *name, uint64_t value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    enum status status =
        write_attribute(h5, object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, space, &value);
    H5Sclose(space);
    return status;
}

enum status h5_write_string(struct h5 *h5, const char *object, const char *name, const char *value)
{
    hid_t type = string_type(H5T_VARIABLE), space = H5Screate(H5S_SCALAR);
    enum status status = write_attribute(h5, object, name, type, type, space, &value);
    H5Sclose(space);
    H5Tclose(type);
    return status;
}

/* One attribute of n names of at most width bytes. */
static enum status write_some_names(struct h5 *h5, const char *object, const char *name, size_t n,
                                    const char *const *names, size_t width)
{
    char *packed = mem_need(n, width);
    for (size_t i = 0; i < n; i++)
        memcpy(packed + i * width, names[i], strlen(names[i]));
    hid_t type = string_type(width), space = H5Screate_simple(1, (hsize_t[]){n}, NULL);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    enum status status = write_attribute(h5, object, name, type, type, space, packed);
    H5Sclose(space);
    H5Tclose(type);
    free(packed);
    return status;
}

enum status h5_write_names(struct h5 *h5, const char *object, const char *name, size_t n,
                           const char *const *names)
{
    size_t width = 1;
    for (size_t i = 0; i < n; i++)
        width = strlen(names[i]) > width ? strlen(names[i]) : width;
    FAIL_IF(width > HEADER_LIMIT, ST_IO,
            "%s: cannot write: a name of %zu bytes below '%s'; HDF5 takes at most %d", h5->path,
            width, object, HEADER_LIMIT);
    size_t most = HEADER_LIMIT / width;
    if (n <= most)
        return write_some_names(h5, object, name, n, names, width);
    for (size_t i = 0, part = 0; i < n; i += most, part++) {
        const char *numbered = pool_printf(&h5->scratch, "%s%zu", name, part);
        size_t count = n - i < most ? n - i : most;
        TRY(write_some_names(h5, object, numbered, count, names + i, width));
    }
    return ST_OK;
}
