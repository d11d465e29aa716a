/* src/data/npy and npz: NumPy's own files (tests/fuzz/seeds/npz, by numpy 2.4), headers that are
 * made here, and what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/loader.h"
#include "data/source.h"
#include "sets.h"
#include "test.h"

static const char *seed(const char *name)
{
    char path[100];
    snprintf(path, sizeof path, "tests/fuzz/seeds/npz/%s", name);
    return test_source(path);
}

/* x is 0..23 in 4 samples of 6, y is 0, 1, 2, 1. */
static void check(struct dataset *set, enum storage storage, bool labels)
{
    float x[24];
    int32_t y[4];
    const uint32_t ids[] = {0, 1, 2, 3};
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL_FATAL(set->n, 4);
    CU_ASSERT_STRING_EQUAL(array_shape_text(&set->x), "6");
    CU_ASSERT_EQUAL(set->x.part[0].storage, storage);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, ids, 4, x, labels ? y : NULL), ST_OK);
    for (int i = 0; i < 24; i++)
        CU_ASSERT_EQUAL(x[i], (float)i);
    if (labels)
        CU_ASSERT(y[0] == 0 && y[1] == 1 && y[2] == 2 && y[3] == 1);
    dataset_free(set);
}

static void files_of_numpy(void)
{
    check(set_open("{format: npz, file: %s}", seed("stored")), STORED_MAPPED, true);
    check(set_open("{format: npz, file: %s}", seed("packed")), STORED_UNPACKED, true);
    check(set_open("{format: npz, file: %s, x: x.npy, y: null}", seed("packed")), STORED_UNPACKED,
          false);
    check(set_open("{format: npy, x: %s}", seed("array")), STORED_MAPPED, false);
}

/* A .npy file with this header and so many bytes of numbers, each its own place. */
static const char *npy(const char *name, const char *header, size_t bytes)
{
    static unsigned char file[1024];
    size_t length = strlen(header);
    memcpy(file, "\x93NUMPY\1", 8);
    file[8] = (unsigned char)length;
    file[9] = (unsigned char)(length >> 8);
    memcpy(file + 10, header, length);
    for (size_t i = 0; i < bytes; i++)
        file[10 + length + i] = (unsigned char)i;
    return set_file(name, file, 10 + length + bytes);
}

static void headers_in_other_words(void)
{
    const char *const headers[] = {
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n",
        "{'shape':(2,3),'descr':'|u1','fortran_order':False}",
        "{ 'fortran_order' : False , 'shape' : ( 2 , 3 , ) , 'descr' : '<u1' , }   ",
        "{'descr': '|b1', 'fortran_order': False, 'shape': (2, 3)}"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        float x[6];
        struct dataset *set = set_open("{format: npy, x: %s}", npy("h.npy", headers[i], 6));
        CU_ASSERT_PTR_NOT_NULL_FATAL(set);
        CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_VALUE, (uint32_t[]){0, 1}, 2, x, NULL),
                        ST_OK);
        for (int k = 0; k < 6; k++)
            CU_ASSERT_EQUAL(x[k], (float)k);
        dataset_free(set);
    }
}

static void refuses(const char *header, size_t bytes, const char *part)
{
    set_must_fail(ST_DATA, part, "{format: npy, x: %s}", npy("bad.npy", header, bytes));
}

static void bad_arrays_are_refused(void)
{
    refuses("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", 5, "promises 6 bytes");
    refuses("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }", 7, "has 7");
    refuses("{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", 6, "type '|O'");
    refuses("{'descr': '<f2', 'fortran_order': False, 'shape': (3, ), }", 6, "type '<f2'");
    refuses("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", 1, "single number");
    refuses("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 3), }", 0, "length 0");
    refuses("{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,6), }", 6, "up to 4 axes");
    refuses("{'descr': '|u1', 'fortran_order': False, 'shape': (-2, 3), }", 6, "its header is");
    refuses("{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 6,
            "than can be addressed");
    refuses("{'descr': '|u1', 'fortran_order': False}", 6, "its header is");
    refuses("{'descr': '|u1', 'shape': (6,), 'fortran_order': False", 6, "its header is");
    set_must_fail(ST_DATA, "Fortran's order", "{format: npy, x: %s}", seed("fortran"));
    set_must_fail(ST_DATA, "not a .npy file", "{format: npy, x: %s}",
                  set_text("t.npy", "12345678901234"));
    set_must_fail(ST_DATA, "takes 110", "{format: npy, x: %s}",
                  set_file("short.npy", "\x93NUMPY\1\0d\0{'des", 15));
    set_must_fail(ST_DATA, "holds 4 samples", "{format: npy, x: %s, y: %s}", seed("array"),
                  npy("two.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", 2));
}

/* Without set_open, which would say each time why. */
static bool opens_or_fails(const char *path)
{
    struct pool pool = {0};
    struct variant source;
    struct dataset *set = NULL;
    char text[600];
    snprintf(text, sizeof text, "{format: npz, file: %s}", path);
    enum status status = source_parse(text, &pool, &source);
    if (status == ST_OK)
        status = dataset_open(&source, 1, &(struct data_env){0}, &set);
    dataset_free(set);
    pool_release(&pool);
    return status == ST_OK || status == ST_DATA;
}

static void bad_archives_are_refused(void)
{
    unsigned char *bytes;
    size_t size;
    set_must_fail(ST_DATA, "has no array \"z\", but x.npy, y.npy", "{format: npz, file: %s, x: z}",
                  seed("stored"));
    CU_ASSERT_EQUAL_FATAL(file_read(seed("packed"), 4096, &bytes, &size), ST_OK);
    set_must_fail(ST_DATA, "not a .npz file", "{format: npz, file: %s}",
                  set_file("cut.npz", bytes, size - 1));
    const char *path = set_file("x.npz", bytes, size);
    for (size_t i = 0; i < size; i++) { /* whatever is wrong: an error, or what does not matter */
        bytes[i] ^= 0x41;
        set_file("x.npz", bytes, size);
        CU_ASSERT(opens_or_fails(path));
        bytes[i] ^= 0x41;
    }
    free(bytes);
}

const struct test tests_npz[] = {{"files of numpy", files_of_numpy},
                                 {"headers in other words", headers_in_other_words},
                                 {"bad arrays are refused", bad_arrays_are_refused},
                                 {"bad archives are refused", bad_archives_are_refused},
                                 {0}};
TEST_MAIN(tests_npz)
