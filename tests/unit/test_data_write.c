/* src/data: sets written as HDF5 and IDX and read again; descriptions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/describe.h"
#include "data/loader.h"
#include "data/write.h"
#include "sets.h"
#include "test.h"

enum { RECORD = 3073, MAX_ELEMENTS = 3072 };

/* Same samples, same targets. Frees b. */
static void check_same(const struct dataset *a, struct dataset *b)
{
    static float x[MAX_ELEMENTS], z[MAX_ELEMENTS];
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    CU_ASSERT_EQUAL_FATAL(a->n, b->n);
    CU_ASSERT_EQUAL(a->classes, b->classes);
    CU_ASSERT_EQUAL(dataset_match(a, b), ST_OK);
    for (uint32_t i = 0; i < a->n; i++) {
        float y = 0, w = 1;
        CU_ASSERT_EQUAL(loader_gather(a, NULL, TARGET_VALUE, &i, 1, x, &y), ST_OK);
        CU_ASSERT_EQUAL(loader_gather(b, NULL, TARGET_VALUE, &i, 1, z, &w), ST_OK);
        CU_ASSERT(memcmp(x, z, array_elements(&a->x) * sizeof x[0]) == 0);
        CU_ASSERT_EQUAL(y, w);
    }
    dataset_free(b);
}

static void round_trip(const char *yaml, const char *images, const char *labels)
{
    char path[300], prefix[300];
    struct dataset *set = set_open("%s", yaml);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    snprintf(path, sizeof path, "%s/out.h5", set_folder());
    CU_ASSERT_EQUAL(dataset_write_hdf5(set, path), ST_OK);
    struct dataset *back = set_open("{format: hdf5, file: %s}", path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    CU_ASSERT_EQUAL(back->x.part[0].storage, STORED_MAPPED);
    CU_ASSERT_EQUAL(back->x.dtype, set->x.dtype);
    check_same(set, back);
    snprintf(prefix, sizeof prefix, "%s/out", set_folder());
    CU_ASSERT_EQUAL(dataset_write_idx(set, prefix), ST_OK);
    check_same(set, set_open("{format: idx, images: %s-%s, labels: %s-%s}", prefix, images, prefix,
                             labels));
    dataset_free(set);
}

static void sets_come_back(void)
{
    static unsigned char file[30 * RECORD];
    char yaml[400];
    for (size_t i = 0; i < sizeof file; i++)
        file[i] = (unsigned char)(i % RECORD ? i * 7 / 3 : i / RECORD % 10);
    snprintf(yaml, sizeof yaml, "{format: cifar10, files: %s, subset: 20, classes: 10}",
             set_file("c.bin", file, sizeof file));
    round_trip("{format: digits}", "images-idx3-ubyte", "labels-idx1-ubyte");
    round_trip("{format: digits, subset: 100}", "images-idx3-ubyte", "labels-idx1-ubyte");
    struct dataset *cifar = set_open("%s", yaml);
    CU_ASSERT_PTR_NOT_NULL_FATAL(cifar);
    char path[300];
    snprintf(path, sizeof path, "%s/cifar", set_folder());
    CU_ASSERT_EQUAL(dataset_write_idx(cifar, path), ST_OK);
    check_same(cifar, set_open("{format: idx, images: %s-images-idx4-ubyte, labels: "
                               "%s-labels-idx1-ubyte, classes: 10}",
                               path, path));
    dataset_free(cifar);
    snprintf(yaml, sizeof yaml, "{format: csv, file: %s, label: -1}",
             set_text("v.csv", "1.5,-2,0\n3,4e9,2\n5,6,1\n"));
    round_trip(yaml, "images-idx2-float", "labels-idx1-int");
    snprintf(yaml, sizeof yaml, "{format: csv, file: %s, label: -1}",
             set_text("w.csv", "1.5,-2,0.25\n3,4e9,2\n"));
    round_trip(yaml, "images-idx2-float", "labels-idx1-float");
}

static void weights_come_back(void)
{
    char path[300];
    float w[2];
    struct dataset *set =
        set_open("{format: csv, file: %s, sample_weight: 0}", set_text("s.csv", "0.5,1\n2,3\n"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    snprintf(path, sizeof path, "%s/s.h5", set_folder());
    CU_ASSERT_EQUAL(dataset_write_hdf5(set, path), ST_OK);
    CU_ASSERT_EQUAL(dataset_write_idx(set, path), ST_USAGE);
    dataset_free(set);
    set = set_open("{format: hdf5, file: %s, y: null, sample_weight: sample_weight}", path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    loader_weights(set, (uint32_t[]){0, 1}, 2, w);
    CU_ASSERT(w[0] == 0.5f && w[1] == 2.0f);
    dataset_free(set);
}

static void bad_places_are_errors(void)
{
    struct dataset *set = set_open("{format: digits}");
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(dataset_write_hdf5(set, "/nowhere/out.h5"), ST_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/nowhere/out.h5: cannot write"));
    CU_ASSERT_EQUAL(dataset_write_idx(set, "/nowhere/out"), ST_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/nowhere/out-images-idx3-ubyte: cannot"));
    if (access("/dev/full", W_OK) == 0) {
        char path[300]; /* the temporary file is the full device */
        snprintf(path, sizeof path, "%s/full-images-idx3-ubyte.tmp.%ld", set_folder(),
                 (long)getpid());
        CU_ASSERT_EQUAL(symlink("/dev/full", path), 0);
        snprintf(path, sizeof path, "%s/full", set_folder());
        CU_ASSERT_EQUAL(dataset_write_idx(set, path), ST_IO);
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "No space left"));
        snprintf(path, sizeof path, "%s/full-images-idx3-ubyte", set_folder());
        CU_ASSERT(!file_exists(path));
    }
    dataset_free(set);
}

static void descriptions_are_right(void)
{
    struct description d;
    struct dataset *set = set_open("{format: csv, file: %s, label: kind}",
                                   set_text("d.csv", "a,b,kind\n1,10,x\n2,30,y\n3,20,x\n6,20,x\n"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL_FATAL(dataset_describe(set, &d), ST_OK);
    CU_ASSERT_EQUAL(d.channels, 2);
    CU_ASSERT(d.channel[0].min == 1 && d.channel[0].max == 6 && d.channel[0].mean == 3);
    CU_ASSERT(d.channel[1].min == 10 && d.channel[1].max == 30 && d.channel[1].mean == 20);
    CU_ASSERT_DOUBLE_EQUAL(d.channel[0].deviation, sqrt(3.5), 1e-12);
    CU_ASSERT(d.class_count[0] == 3 && d.class_count[1] == 1);
    CU_ASSERT_EQUAL(d.not_finite, 0);
    description_release(&d);
    dataset_free(set);
}

static void what_is_not_finite_is_counted(void)
{
    /* 3 samples of 2 float32: 1 2, NaN 3, 4 infinity; targets 0, 1, NaN. */
    static const unsigned char x[] = {0,    0,    13, 2, 0,    0,    0, 3, 0,    0,    0, 2,
                                      0x3f, 0x80, 0,  0, 0x40, 0,    0, 0, 0x7f, 0xc0, 0, 0,
                                      0x40, 0x40, 0,  0, 0x40, 0x80, 0, 0, 0x7f, 0x80, 0, 0};
    static const unsigned char y[] = {0, 0, 13,   1,    0, 0, 0,    3,    0, 0,
                                      0, 0, 0x3f, 0x80, 0, 0, 0x7f, 0xc0, 0, 0};
    const char *images = set_file("nan-x", x, sizeof x), *targets = set_file("nan-y", y, sizeof y);
    struct dataset *set = set_open("{format: idx, images: %s, labels: %s}", images, targets);
    struct description d;
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL_FATAL(dataset_describe(set, &d), ST_OK);
    CU_ASSERT_EQUAL(d.not_finite, 2);
    CU_ASSERT_EQUAL(d.bad_targets, 1);
    CU_ASSERT_EQUAL(d.first_bad, 1);
    CU_ASSERT(d.channel[0].min == 1 && d.channel[0].max == 4 && d.channel[0].count == 2);
    CU_ASSERT(d.channel[1].min == 2 && d.channel[1].max == 3);
    CU_ASSERT_PTR_NULL(d.class_count);
    description_release(&d);
    dataset_free(set);
}

const struct test tests_data_write[] = {
    {"sets_come_back", sets_come_back},
    {"weights_come_back", weights_come_back},
    {"bad_places_are_errors", bad_places_are_errors},
    {"descriptions_are_right", descriptions_are_right},
    {"what_is_not_finite_is_counted", what_is_not_finite_is_counted},
    {0}};
TEST_MAIN(tests_data_write)
