/* src/data/hdf5: what is mapped, what is read, what is refused. */
#include <hdf5.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/loader.h"
#include "sets.h"
#include "test.h"

/* A new file in the test folder. */
static hid_t new_file(const char *name, const char **path)
{
    *path = set_file(name, "", 0);
    hid_t file = H5Fcreate(*path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    CU_ASSERT_FATAL(file >= 0);
    return file;
}

/* Writes native numbers as a dataset of a type; plist 0: contiguous. */
static void add(hid_t file, const char *name, int dims, const hsize_t *dim, hid_t type,
                hid_t native, const void *values, hid_t plist)
{
    hid_t space = H5Screate_simple(dims, dim, NULL);
    hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    CU_ASSERT_FATAL(set >= 0);
    if (values)
        CU_ASSERT_FATAL(H5Dwrite(set, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

static const double numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const int three[] = {2, 0, 1};

static void check_set(const char *path, enum storage storage, const char *shape)
{
    float x[12];
    int32_t y[3];
    struct dataset *set = set_open("{format: hdf5, file: %s}", path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->n, 3);
    CU_ASSERT_EQUAL(set->classes, 3);
    CU_ASSERT_EQUAL(set->x.part[0].storage, storage);
    CU_ASSERT_STRING_EQUAL(array_shape_text(&set->x), shape);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, (uint32_t[]){0, 1, 2}, 3, x, y), ST_OK);
    for (int i = 0; i < 12; i++)
        CU_ASSERT_EQUAL(x[i], (float)numbers[i]);
    CU_ASSERT(y[0] == 2 && y[1] == 0 && y[2] == 1);
    dataset_free(set);
}

static void all_types_are_read(void)
{
    const struct {
        hid_t type;
        enum storage storage;
    } cases[] = {
        {H5T_STD_U8LE, STORED_MAPPED},    {H5T_STD_I8LE, STORED_MAPPED},
        {H5T_STD_U16LE, STORED_MAPPED},   {H5T_STD_U16BE, STORED_MAPPED},
        {H5T_STD_I16LE, STORED_MAPPED},   {H5T_STD_I16BE, STORED_MAPPED},
        {H5T_STD_I32LE, STORED_MAPPED},   {H5T_STD_I32BE, STORED_MAPPED},
        {H5T_STD_I64LE, STORED_MAPPED},   {H5T_STD_I64BE, STORED_MAPPED},
        {H5T_IEEE_F32LE, STORED_MAPPED},  {H5T_IEEE_F32BE, STORED_MAPPED},
        {H5T_IEEE_F64LE, STORED_MAPPED},  {H5T_IEEE_F64BE, STORED_MAPPED},
        {H5T_STD_U32BE, STORED_UNPACKED}, {H5T_STD_U64LE, STORED_UNPACKED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path;
        hid_t file = new_file("types.h5", &path);
        add(file, "x", 2, (hsize_t[]){3, 4}, cases[i].type, H5T_NATIVE_DOUBLE, numbers,
            H5P_DEFAULT);
        add(file, "y", 1, (hsize_t[]){3}, H5T_STD_I64BE, H5T_NATIVE_INT, three, H5P_DEFAULT);
        H5Fclose(file);
        check_set(path, cases[i].storage, "4");
    }
}

static void chunks_are_unpacked(void)
{
    const char *path;
    hid_t file = new_file("chunks.h5", &path);
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plist, 4, (hsize_t[]){2, 1, 1, 2});
    H5Pset_shuffle(plist);
    H5Pset_deflate(plist, 6);
    add(file, "x", 4, (hsize_t[]){3, 1, 2, 2}, H5T_IEEE_F32BE, H5T_NATIVE_DOUBLE, numbers, plist);
    H5Pclose(plist);
    plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(plist, H5D_COMPACT);
    add(file, "y", 2, (hsize_t[]){3, 1}, H5T_STD_I16BE, H5T_NATIVE_INT, three, plist);
    H5Pclose(plist);
    H5Fclose(file);
    check_set(path, STORED_UNPACKED, "1x2x2");
}

static void groups_and_values(void)
{
    const char *path;
    hid_t file = new_file("groups.h5", &path);
    H5Gclose(H5Gcreate2(file, "train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    add(file, "train/images", 3, (hsize_t[]){3, 2, 2}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, numbers,
        H5P_DEFAULT);
    add(file, "train/price", 2, (hsize_t[]){3, 4}, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, numbers,
        H5P_DEFAULT);
    H5Fclose(file);
    struct dataset *set =
        set_open("{format: hdf5, file: %s, x: /train/images, y: /train/price}", path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_STRING_EQUAL(array_shape_text(&set->x), "2x2x1");
    CU_ASSERT_EQUAL(set->classes, 0);
    float y[4];
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_VALUE, (uint32_t[]){2}, 1, NULL, y), ST_OK);
    CU_ASSERT(y[0] == 8 && y[3] == 11);
    dataset_free(set);
    set = set_open("{format: hdf5, file: %s, x: /train/images, y: null}", path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->y.parts, 0);
    dataset_free(set);
}

static void weights_and_label_maps(void)
{
    const char *path;
    hid_t file = new_file("weights.h5", &path);
    add(file, "x", 3, (hsize_t[]){3, 2, 2}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, numbers, H5P_DEFAULT);
    add(file, "y", 3, (hsize_t[]){3, 2, 2}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, numbers, H5P_DEFAULT);
    add(file, "w", 1, (hsize_t[]){3}, H5T_IEEE_F64BE, H5T_NATIVE_DOUBLE, numbers, H5P_DEFAULT);
    add(file, "two", 1, (hsize_t[]){2}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, numbers, H5P_DEFAULT);
    add(file, "flat", 2, (hsize_t[]){3, 4}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, numbers, H5P_DEFAULT);
    H5Fclose(file);
    struct dataset *set = set_open("{format: hdf5, file: %s, sample_weight: w}", path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    float w[2];
    int32_t y[8];
    loader_weights(set, (uint32_t[]){2, 1}, 2, w);
    CU_ASSERT(w[0] == 2 && w[1] == 1);
    CU_ASSERT_EQUAL(set->classes, 0);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, (uint32_t[]){2, 0}, 2, NULL, y), ST_OK);
    CU_ASSERT(y[0] == 8 && y[3] == 11 && y[4] == 0 && y[7] == 3);
    dataset_free(set);
    set_must_fail(ST_DATA, "/x holds 3 samples, two holds 2",
                  "{format: hdf5, file: %s, sample_weight: two}", path);
    set_must_fail(ST_DATA, "flat has 2 axes, expected one number a sample",
                  "{format: hdf5, file: %s, sample_weight: flat}", path);
}

static void unwritten_is_read_as_fill_value(void)
{
    const char *path;
    hid_t file = new_file("unwritten.h5", &path);
    add(file, "x", 2, (hsize_t[]){3, 4}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, NULL, H5P_DEFAULT);
    H5Fclose(file);
    struct dataset *set = set_open("{format: hdf5, file: %s, y: null}", path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    float x[4] = {1, 1, 1, 1};
    loader_gather(set, NULL, TARGET_VALUE, (uint32_t[]){1}, 1, x, NULL);
    CU_ASSERT(x[0] == 0 && x[3] == 0);
    dataset_free(set);
}

static void make_odd_file(const char **path)
{
    hid_t file = new_file("odd.h5", path);
    add(file, "x", 2, (hsize_t[]){3, 4}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, numbers, H5P_DEFAULT);
    add(file, "two", 1, (hsize_t[]){2}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, numbers, H5P_DEFAULT);
    add(file, "deep", 5, (hsize_t[]){3, 1, 2, 2, 1}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, numbers,
        H5P_DEFAULT);
    add(file, "none", 2, (hsize_t[]){0, 4}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, NULL, H5P_DEFAULT);
    add(file, "scalar", 0, NULL, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, numbers, H5P_DEFAULT);
    add(file, "text", 1, (hsize_t[]){3}, H5T_C_S1, H5T_C_S1, "abc", H5P_DEFAULT);
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(plist, "elsewhere.raw", 0, 3);
    add(file, "outside", 1, (hsize_t[]){3}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, NULL, plist);
    H5Pclose(plist);
    plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plist, 1, (hsize_t[]){1024});
    add(file, "huge", 1, (hsize_t[]){(hsize_t)1 << 42}, H5T_STD_U8LE, H5T_NATIVE_DOUBLE, NULL,
        plist);
    H5Pclose(plist);
    H5Fclose(file);
}

static void errors_are_clear(void)
{
    static const struct {
        const char *x, *part;
    } cases[] = {
        {"/none", "axis 0 of /none has length 0"},
        {"/missing", "odd.h5: has no dataset /missing"},
        {"/deep", "/deep has 5 axes, expected 1 to 4"},
        {"/scalar", "/scalar has 0 axes"},
        {"/text", "/text does not hold integers or floats"},
        {"/outside", "the numbers of /outside are in other files"},
        {"/huge", "needs 4096.0 GiB of memory"},
    };
    const char *path;
    make_odd_file(&path);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        set_must_fail(ST_DATA, cases[i].part, "{format: hdf5, file: %s, x: %s, y: null}", path,
                      cases[i].x);
    set_must_fail(ST_DATA, "/x holds 3 samples, /two holds 2",
                  "{format: hdf5, file: %s, x: /x, y: /two}", path);
    set_must_fail(ST_DATA, "has no dataset /y", "{format: hdf5, file: %s}", path);
    set_must_fail(ST_DATA, "none.h5: no such file", "{format: hdf5, file: none.h5}");
    set_must_fail(ST_DATA, "text.h5: not a usable HDF5 file (", "{format: hdf5, file: %s}",
                  set_text("text.h5", "this is no HDF5 file\n"));
    CU_ASSERT_EQUAL_FATAL(truncate(path, 1000), 0);
    set_must_fail(ST_DATA, "odd.h5: not a usable HDF5 file (", "{format: hdf5, file: %s}", path);
}

const struct test tests_hdf5[] = {
    {"all_types_are_read", all_types_are_read},
    {"chunks_are_unpacked", chunks_are_unpacked},
    {"groups_and_values", groups_and_values},
    {"weights_and_label_maps", weights_and_label_maps},
    {"unwritten_is_read_as_fill_value", unwritten_is_read_as_fill_value},
    {"errors_are_clear", errors_are_clear},
    {0}};
TEST_MAIN(tests_hdf5)
