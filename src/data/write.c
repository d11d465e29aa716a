#include "data/write.h"

#include <hdf5.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/idx.h"

enum { BLOCK_BYTES = 4 << 20 };

/* ---- Numbers ---- */

/* A sample's numbers as they are stored, but with channels last. */
static void copy_sample(const struct array *array, size_t stored_id, unsigned char *out)
{
    const unsigned char *in = array_sample(array, stored_id);
    size_t elements = array_elements(array), width = dtype_size(array->dtype);
    if (!array->channels_first) {
        memcpy(out, in, elements * width);
        return;
    }
    size_t channels = array->shape[2], pixels = elements / channels;
    for (size_t e = 0; e < elements; e++)
        memcpy(out + e * width, in + (e % channels * pixels + e / channels) * width, width);
}

/* All axes, samples first; 1 to DATA_MAX_DIMS of them. */
static int all_axes(const struct dataset *dataset, const struct array *array, size_t *dim)
{
    dim[0] = dataset->n;
    for (int i = 0; i < array->rank; i++)
        dim[i + 1] = array->shape[i];
    return array->rank + 1;
}

/* ---- Files that appear when they are complete ---- */

static const char *temporary_name(const char *path, struct pool *pool)
{
    return pool_printf(pool, "%s.tmp.%ld", path, (long)getpid());
}

static enum status settle_file(const char *temporary, const char *path, enum status status)
{
    if (status == ST_OK) {
        int fd = open(temporary, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) != 0 || rename(temporary, path) != 0)
            status = status_fail(ST_IO, "%s: cannot write: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    if (status != ST_OK)
        unlink(temporary);
    return status;
}

/* ---- HDF5 ---- */

static hid_t file_type(const struct array *array)
{
    bool big = array->big_endian;
    switch (array->dtype) {
    case DTYPE_U8:
        return H5T_STD_U8LE;
    case DTYPE_I8:
        return H5T_STD_I8LE;
    case DTYPE_U16:
        return big ? H5T_STD_U16BE : H5T_STD_U16LE;
    case DTYPE_I16:
        return big ? H5T_STD_I16BE : H5T_STD_I16LE;
    case DTYPE_I32:
        return big ? H5T_STD_I32BE : H5T_STD_I32LE;
    case DTYPE_I64:
        return big ? H5T_STD_I64BE : H5T_STD_I64LE;
    case DTYPE_F32:
        return big ? H5T_IEEE_F32BE : H5T_IEEE_F32LE;
    default:
        return big ? H5T_IEEE_F64BE : H5T_IEEE_F64LE;
    }
}

/* Writes the samples in blocks to an open dataset. */
static herr_t write_blocks(const struct dataset *dataset, const struct array *array, hid_t set,
                           hid_t space, int dims, const hsize_t *dim)
{
    size_t size = array_elements(array) * dtype_size(array->dtype);
    size_t block = size < BLOCK_BYTES ? BLOCK_BYTES / size : 1;
    unsigned char *buffer = mem_need(block, size);
    herr_t result = 0;
    for (size_t done = 0, n; done < dataset->n && result >= 0; done += n) {
        n = dataset->n - done < block ? dataset->n - done : block;
        for (size_t i = 0; i < n; i++)
            copy_sample(array, dataset_stored_id(dataset, done + i), buffer + i * size);
        hsize_t start[DATA_MAX_DIMS] = {done}, count[DATA_MAX_DIMS];
        memcpy(count, dim, sizeof count);
        count[0] = n;
        hid_t memory = H5Screate_simple(dims, count, NULL);
        H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
        result = H5Dwrite(set, file_type(array), memory, space, H5P_DEFAULT, buffer);
        H5Sclose(memory);
    }
    free(buffer);
    return result;
}

static enum status write_dataset(const struct dataset *dataset, const struct array *array,
                                 hid_t file, const char *name, const char *path)
{
    size_t axes[DATA_MAX_DIMS];
    hsize_t dim[DATA_MAX_DIMS] = {0};
    int dims = all_axes(dataset, array, axes);
    for (int i = 0; i < dims; i++)
        dim[i] = axes[i];
    hid_t space = H5Screate_simple(dims, dim, NULL);
    hid_t set =
        H5Dcreate2(file, name, file_type(array), space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    herr_t result = set < 0 ? -1 : write_blocks(dataset, array, set, space, dims, dim);
    if (set >= 0 && H5Dclose(set) < 0)
        result = -1;
    H5Sclose(space);
    FAIL_IF(result < 0, ST_IO, "%s: cannot write %s: %s", path, name, strerror(errno));
    return ST_OK;
}

enum status dataset_write_hdf5(const struct dataset *dataset, const char *path)
{
    struct pool pool = {0};
    const char *temporary = temporary_name(path, &pool);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t file = H5Fcreate(temporary, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    enum status status = ST_OK;
    if (file < 0) {
        status = status_fail(ST_IO, "%s: cannot write: %s", path, strerror(errno));
    } else {
        status = write_dataset(dataset, &dataset->x, file, "x", path);
        if (status == ST_OK && dataset->y.parts)
            status = write_dataset(dataset, &dataset->y, file, "y", path);
        if (status == ST_OK && dataset->weight.parts)
            status = write_dataset(dataset, &dataset->weight, file, "sample_weight", path);
        if (H5Fclose(file) < 0 && status == ST_OK)
            status = status_fail(ST_IO, "%s: cannot write: %s", path, strerror(errno));
        status = settle_file(temporary, path, status);
    }
    pool_release(&pool);
    return status;
}

/* ---- IDX ---- */

static void put32(unsigned char *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> (24 - 8 * i));
}

static bool widens(enum dtype dtype)
{
    return dtype == DTYPE_U16 || dtype == DTYPE_I64; /* IDX has neither */
}

/* Big-endian numbers of the sample, int32 in place of what IDX does not have. */
static enum status encode_sample(const struct array *array, size_t stored_id, unsigned char *raw,
                                 unsigned char *out)
{
    size_t elements = array_elements(array), width = dtype_size(array->dtype);
    copy_sample(array, stored_id, raw);
    for (size_t e = 0; e < elements; e++) {
        const unsigned char *in = raw + e * width;
        if (widens(array->dtype)) {
            int64_t value = element_integer(array->dtype, array->big_endian, in);
            FAIL_IF(value != (int32_t)value, ST_DATA,
                    "%s: sample %zu has %lld, which IDX cannot hold",
                    array_part_of(array, stored_id)->file, stored_id, (long long)value);
            put32(out + 4 * e, (uint32_t)value);
            continue;
        }
        for (size_t b = 0; b < width; b++)
            out[e * width + b] = in[array->big_endian ? b : width - 1 - b];
    }
    return ST_OK;
}

/* What MNIST's file names end with. */
static const char *type_name(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_U8:
        return "ubyte";
    case DTYPE_I8:
        return "byte";
    case DTYPE_I16:
        return "short";
    case DTYPE_F32:
        return "float";
    case DTYPE_F64:
        return "double";
    default:
        return "int";
    }
}

static enum status write_header(const struct dataset *dataset, const struct array *array,
                                FILE *file, const char *path)
{
    unsigned char header[4 + 4 * DATA_MAX_DIMS] = {0};
    size_t dim[DATA_MAX_DIMS];
    int dims = all_axes(dataset, array, dim);
    if (dims == 4 && dim[3] == 1)
        dims--; /* (n,H,W,1) is (n,H,W), as MNIST has it */
    header[2] = idx_type_byte(widens(array->dtype) ? DTYPE_I32 : array->dtype);
    header[3] = (unsigned char)dims;
    for (int i = 0; i < dims; i++) {
        FAIL_IF(dim[i] > UINT32_MAX, ST_DATA, "%s: an axis of %zu is too long for IDX", path,
                dim[i]);
        put32(header + 4 + 4 * i, (uint32_t)dim[i]);
    }
    size_t size = 4 + 4 * (size_t)dims;
    FAIL_IF(fwrite(header, 1, size, file) != size, ST_IO, "%s: cannot write: %s", path,
            strerror(errno));
    return ST_OK;
}

static enum status write_numbers(const struct dataset *dataset, const struct array *array,
                                 FILE *file, const char *path)
{
    size_t elements = array_elements(array), width = dtype_size(array->dtype);
    size_t size = elements * (widens(array->dtype) ? 4 : width);
    unsigned char *raw = mem_need(elements, width), *out = mem_need(elements, 8);
    enum status status = write_header(dataset, array, file, path);
    for (size_t i = 0; i < dataset->n && status == ST_OK; i++) {
        status = encode_sample(array, dataset_stored_id(dataset, i), raw, out);
        if (status == ST_OK && fwrite(out, 1, size, file) != size)
            status = status_fail(ST_IO, "%s: cannot write: %s", path, strerror(errno));
    }
    free(raw);
    free(out);
    return status;
}

static enum status write_idx(const struct dataset *dataset, const struct array *array,
                             const char *prefix, const char *what)
{
    struct pool pool = {0};
    enum dtype dtype = widens(array->dtype) ? DTYPE_I32 : array->dtype;
    int dims = array->rank == 3 && array->shape[2] == 1 ? 3 : array->rank + 1;
    const char *path = pool_printf(&pool, "%s-%s-idx%d-%s", prefix, what, dims, type_name(dtype));
    const char *temporary = temporary_name(path, &pool);
    FILE *file = fopen(temporary, "wb");
    enum status status = ST_OK;
    if (!file) {
        status = status_fail(ST_IO, "%s: cannot write: %s", path, strerror(errno));
    } else {
        status = write_numbers(dataset, array, file, path);
        if (fclose(file) != 0 && status == ST_OK)
            status = status_fail(ST_IO, "%s: cannot write: %s", path, strerror(errno));
        status = settle_file(temporary, path, status);
    }
    pool_release(&pool);
    return status;
}

enum status dataset_write_idx(const struct dataset *dataset, const char *prefix)
{
    FAIL_IF(dataset->weight.parts > 0, ST_USAGE,
            "%s: IDX has no place for the samples' weights; write HDF5", dataset->source);
    TRY(write_idx(dataset, &dataset->x, prefix, "images"));
    return dataset->y.parts ? write_idx(dataset, &dataset->y, prefix, "labels") : ST_OK;
}
