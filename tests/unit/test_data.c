/* src/data: finding files, IDX, CIFAR, the embedded digits, labels, subsets, packed files. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/guard.h"
#include "data/loader.h"
#include "data/source.h"
#include "data/storage.h"
#include "sets.h"
#include "test.h"

/* 3 images of 2x2 bytes 0..11, and their labels. */
static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0,  0,
                                       0, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 2, 0, 1};

static void write_small_set(void)
{
    set_file("images", images, sizeof images);
    set_file("labels", labels, sizeof labels);
}

/* A copy of bytes with one changed. */
static const char *changed(const char *name, const unsigned char *bytes, size_t size, size_t at,
                           unsigned char value)
{
    unsigned char copy[64];
    memcpy(copy, bytes, size);
    copy[at] = value;
    return set_file(name, copy, size);
}

static void check_small_set(struct dataset *set, enum storage storage)
{
    float x[12];
    int32_t y[3];
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->n, 3);
    CU_ASSERT_STRING_EQUAL(array_shape_text(&set->x), "2x2x1");
    CU_ASSERT_EQUAL(set->x.part[0].storage, storage);
    CU_ASSERT_EQUAL(set->classes, 3);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, (uint32_t[]){2, 0, 1}, 3, x, y), ST_OK);
    const float expected[] = {8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7};
    CU_ASSERT(memcmp(x, expected, sizeof expected) == 0);
    CU_ASSERT(y[0] == 1 && y[1] == 2 && y[2] == 0);
    dataset_free(set);
}

static void idx_is_read(void)
{
    write_small_set();
    const char *f = set_folder();
    set_gzip("images.gz", images, sizeof images);
    set_gzip("labels.gz", labels, sizeof labels);
    set_xz("images.xz", images, sizeof images);
    const char *format = "{format: idx, images: %s/images%s, labels: %s/labels%s}";
    check_small_set(set_open(format, f, "", f, ""), STORED_MAPPED);
    check_small_set(set_open(format, f, ".gz", f, ".gz"), STORED_UNPACKED);
    check_small_set(set_open(format, f, ".xz", f, ""), STORED_UNPACKED);
    struct dataset *set = set_open("{format: idx, images: %s/images}", f);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->y.parts, 0);
    CU_ASSERT_EQUAL(set->classes, 0);
    dataset_free(set);
}

static void idx_has_all_types(void)
{
    static const struct {
        unsigned char type;
        unsigned char bytes[16];
        size_t size;
        float value[2];
    } cases[] = {
        {0x08, {200, 1}, 2, {200, 1}},
        {0x09, {200, 1}, 2, {-56, 1}},
        {0x0B, {0xff, 0xfe, 1, 0}, 4, {-2, 256}},
        {0x0C, {0xff, 0xff, 0xff, 0xfd, 0, 1, 0, 0}, 8, {-3, 65536}},
        {0x0D, {0x3f, 0xc0, 0, 0, 0xbf, 0x80, 0, 0}, 8, {1.5f, -1}},
        {0x0E, {0x40, 0x04, 0, 0, 0, 0, 0, 0, 0xbf, 0xf0}, 16, {2.5f, -1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char file[32] = {0, 0, cases[i].type, 2, 0, 0, 0, 1, 0, 0, 0, 2};
        memcpy(file + 12, cases[i].bytes, cases[i].size);
        const char *path = set_file("typed", file, 12 + cases[i].size);
        struct dataset *set = set_open("{format: idx, images: %s}", path);
        CU_ASSERT_PTR_NOT_NULL_FATAL(set);
        float x[2];
        CU_ASSERT_STRING_EQUAL(array_shape_text(&set->x), "2");
        CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_VALUE, (uint32_t[]){0}, 1, x, NULL), ST_OK);
        CU_ASSERT(x[0] == cases[i].value[0] && x[1] == cases[i].value[1]);
        dataset_free(set);
    }
}

static void idx_has_1_to_4_axes(void)
{
    static const char *const shapes[] = {"1", "2", "2x3x1", "2x3x1"};
    for (int dims = 1; dims <= 4; dims++) {
        unsigned char file[20 + 12] = {
            0, 0, 8, (unsigned char)dims, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1};
        static const size_t numbers[] = {2, 4, 12, 12};
        size_t size = 4 + 4 * (size_t)dims + numbers[dims - 1];
        const char *path = set_file("axes", file, size);
        struct dataset *set = set_open("{format: idx, images: %s}", path);
        CU_ASSERT_PTR_NOT_NULL_FATAL(set);
        CU_ASSERT_EQUAL(set->n, 2);
        CU_ASSERT_STRING_EQUAL(array_shape_text(&set->x), shapes[dims - 1]);
        dataset_free(set);
    }
}

static void idx_errors(void)
{
    write_small_set();
    const char *f = set_folder();
    const char *one = "{format: idx, images: %s}";
    const char *two = "{format: idx, images: %s/images, labels: %s}";
    size_t n = sizeof images;
    set_must_fail(ST_DATA, "/none: No such file", "{format: idx, images: %s/none}", f);
    set_must_fail(ST_DATA, "nowhere: no such file in ", one, "nowhere");
    set_must_fail(ST_DATA, "s a directory", one, f);
    set_must_fail(ST_DATA, "/empty: the file is empty", one, set_file("empty", "", 0));
    set_must_fail(ST_DATA, "3 bytes are too few", one, set_file("tiny", images, 3));
    set_must_fail(ST_DATA, "its header alone takes 16", one, set_file("cut", images, 15));
    set_must_fail(ST_DATA, "not an IDX file: it starts with 50 4b 03 04", one,
                  set_file("zip", "PK\3\4aaaa", 8));
    set_must_fail(ST_DATA, "not an IDX file", one, changed("type", images, n, 2, 0x0A));
    set_must_fail(ST_DATA, "has 5 axes, expected 1 to 4", one, changed("5", images, n, 3, 5));
    set_must_fail(ST_DATA, "has 0 axes", one, changed("0", images, n, 3, 0));
    set_must_fail(ST_DATA, "axis 0 has length 0", one, changed("zero", images, n, 7, 0));
    set_must_fail(ST_DATA, "promises 3x2x2 bytes after a 16-byte header (28), has 27", one,
                  set_file("short", images, n - 1));
    set_must_fail(ST_DATA, "promises 3x2x2 bytes after a 16-byte header (28), has 29", one,
                  set_file("long", "\0\0\10\3\0\0\0\3\0\0\0\2\0\0\0\2aaaabbbbccccd", n + 1));
    unsigned char huge[20] = {0, 0, 14, 4};
    memset(huge + 4, 0xff, 16);
    set_must_fail(ST_DATA, "more bytes than can be addressed", one, set_file("huge", huge, 20));
    set_must_fail(ST_DATA, "images holds 3 samples, ", two, f,
                  set_file("two", "\0\0\10\1\0\0\0\2ab", 10));
    set_must_fail(ST_USAGE, "images", "{format: idx}");
    set_must_fail(ST_USAGE, "imagse", "{format: idx, imagse: a}");
    set_must_fail(ST_USAGE, "mnist", "{format: mnist}");
}

static void packed_errors(void)
{
    char path[300];
    const char *one = "{format: idx, images: %s}";
    unsigned char packed[400];
    snprintf(path, sizeof path, "%s", set_gzip("whole.gz", images, sizeof images));
    FILE *file = fopen(path, "rb");
    size_t size = fread(packed, 1, sizeof packed, file);
    fclose(file);
    set_must_fail(ST_DATA, "gzip stream ends early after 28 bytes", one,
                  set_file("cut.gz", packed, size - 4));
    set_must_fail(ST_DATA, "gzip stream ends early after 0 bytes", one,
                  set_file("head.gz", packed, 10));
    packed[size - 5] ^= 1;
    set_must_fail(ST_DATA, "gzip stream is damaged after 28 bytes (incorrect data check)", one,
                  set_file("crc.gz", packed, size));
    packed[size - 5] ^= 1;
    packed[size] = 'x';
    set_must_fail(ST_DATA, "1 bytes that are not gzip follow the gzip stream of 28", one,
                  set_file("more.gz", packed, size + 1));
    memcpy(packed + size, packed, size); /* two members are one stream, here too long */
    set_must_fail(ST_DATA, "promises 3x2x2 bytes after a 16-byte header (28), has 56", one,
                  set_file("twice.gz", packed, 2 * size));
    set_must_fail(ST_DATA, "(28), has 20", one, set_gzip("less.gz", images, 20));
    set_must_fail(ST_DATA, "0 bytes are too few", one, set_gzip("nothing.gz", "", 0));

    snprintf(path, sizeof path, "%s", set_xz("whole.xz", images, sizeof images));
    file = fopen(path, "rb");
    size = fread(packed, 1, sizeof packed, file);
    fclose(file);
    set_must_fail(ST_DATA, "xz stream ends early after 28 bytes", one,
                  set_file("cut.xz", packed, size - 4));
    packed[30] ^= 1;
    set_must_fail(ST_DATA, "xz stream is damaged after ", one, set_file("bad.xz", packed, size));
}

static void hostile_sizes(void)
{
    /* 4 TiB are promised by a few packed bytes. */
    unsigned char header[20] = {0, 0, 8, 3, 0, 1, 0, 0, 0, 0, 64, 0, 0, 0, 16, 0};
    set_must_fail(ST_DATA, "promises 4398046511120 bytes, which its ", "{format: idx, images: %s}",
                  set_gzip("bomb.gz", header, sizeof header));
    set_must_fail(ST_DATA, "packed bytes cannot hold", "{format: idx, images: %s}",
                  set_xz("bomb.xz", header, sizeof header));
}

static void labels_are_checked(void)
{
    write_small_set();
    const char *f = set_folder();
    const char *set = "{format: idx, images: %s/images, labels: %s%s}";
    const char *plain = set_file("plain", labels, sizeof labels);
    set_must_fail(ST_DATA, "plain: sample 0 has label 2, expected 0..1", set, f, plain,
                  ", classes: 2");
    struct dataset *more = set_open(set, f, plain, ", classes: 5");
    CU_ASSERT_PTR_NOT_NULL_FATAL(more);
    CU_ASSERT_EQUAL(more->classes, 5);
    CU_ASSERT_EQUAL(dataset_check_labels(more, 3), ST_OK);
    CU_ASSERT_EQUAL(dataset_check_labels(more, 2), ST_DATA);
    dataset_free(more);
    const char *negative = set_file("negative", "\0\0\11\1\0\0\0\3\2\377\1", 11);
    set_must_fail(ST_DATA, "negative: sample 1 has label -1; class labels start at 0", set, f,
                  negative, "");
    const char *large = set_file("large", "\0\0\14\1\0\0\0\3\0\0\0\1\0\x0f\x42\x40\0\0\0\0", 20);
    set_must_fail(ST_DATA, "large: sample 1 has label 1000000; class labels go up to 999999", set,
                  f, large, "");
    const char *floats = set_file("floats", "\0\0\15\1\0\0\0\3\x3f\x80\0\0\0\0\0\0\0\0\0\0", 20);
    set_must_fail(ST_DATA, "classes: 2 is given, but its targets are scalar float32", set, f,
                  floats, ", classes: 2");
    set_must_fail(ST_DATA, "classes: 2 is given, but it has no labels",
                  "{format: idx, images: %s/images, classes: 2}", f);
    set_must_fail(ST_USAGE, "classes", set, f, plain, ", classes: 0");
    set_must_fail(ST_USAGE, "classes", set, f, plain, ", classes: 1000001");
}

static void subsets_are_drawn(void)
{
    struct dataset *a = set_open("{format: digits, subset: 100}");
    struct dataset *b = set_open("{format: digits, subset: 100}");
    struct dataset *all = set_open("{format: digits}");
    CU_ASSERT_FATAL(a && b && all);
    CU_ASSERT_EQUAL(a->n, 100);
    CU_ASSERT_EQUAL(a->stored, 1797);
    CU_ASSERT_EQUAL(a->classes, 10);
    CU_ASSERT(memcmp(a->subset, b->subset, 100 * sizeof *a->subset) == 0);
    for (uint32_t i = 0; i < 100; i++) {
        CU_ASSERT(i == 0 || a->subset[i] > a->subset[i - 1]);
        float x[64], expected[64];
        int32_t label, same;
        loader_gather(a, NULL, TARGET_LABEL, &i, 1, x, &label);
        loader_gather(all, NULL, TARGET_LABEL, &a->subset[i], 1, expected, &same);
        CU_ASSERT(memcmp(x, expected, sizeof x) == 0 && label == same);
    }
    dataset_free(a);
    dataset_free(b);
    dataset_free(all);
    set_must_fail(ST_DATA, "digits: subset: 1798 samples wanted, it has 1797",
                  "{format: digits, subset: 1798}");
    set_must_fail(ST_USAGE, "subset", "{format: digits, subset: 0}");
}

static void digits_are_embedded(void)
{
    static const struct {
        const char *part;
        size_t n;
        int32_t first, last; /* labels */
    } cases[] = {{"all", 1797, 0, 8}, {"train", 1500, 0, 2}, {"test", 297, 1, 8}};
    for (int i = 0; i < 3; i++) {
        struct dataset *set = set_open("{format: digits, part: %s}", cases[i].part);
        CU_ASSERT_PTR_NOT_NULL_FATAL(set);
        CU_ASSERT_EQUAL(set->n, cases[i].n);
        CU_ASSERT_STRING_EQUAL(array_shape_text(&set->x), "8x8x1");
        float x[64], top = 0;
        int32_t first, last;
        uint32_t end = (uint32_t)set->n - 1;
        loader_gather(set, NULL, TARGET_LABEL, (uint32_t[]){0}, 1, x, &first);
        loader_gather(set, NULL, TARGET_LABEL, &end, 1, x, &last);
        CU_ASSERT_EQUAL(first, cases[i].first);
        CU_ASSERT_EQUAL(last, cases[i].last);
        for (int e = 0; e < 64; e++)
            top = x[e] > top ? x[e] : top;
        CU_ASSERT_EQUAL(top, 16);
        dataset_free(set);
    }
}

/* ---- CIFAR ---- */

enum { RECORD = 3073 };

/* Record i: label i % 10, red i, green 100 + its pixel's number % 50, blue 255 - i. */
static void fill_record(unsigned char *record, int i)
{
    record[0] = (unsigned char)(i % 10);
    for (int p = 0; p < 1024; p++) {
        record[1 + p] = (unsigned char)i;
        record[1025 + p] = (unsigned char)(100 + p % 50);
        record[2049 + p] = (unsigned char)(255 - i);
    }
}

static void cifar_is_read(void)
{
    static unsigned char file[5 * RECORD];
    static float x[3072];
    for (int i = 0; i < 5; i++)
        fill_record(file + i * RECORD, i);
    const char *a = set_file("a.bin", file, 3 * RECORD);
    const char *b = set_xz("b.bin.xz", file + 3 * RECORD, 2 * RECORD);
    struct dataset *set = set_open("{format: cifar10, files: [%s, %s]}", a, b);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->n, 5);
    CU_ASSERT_EQUAL(set->classes, 10);
    CU_ASSERT_STRING_EQUAL(set->class_names[9], "truck");
    CU_ASSERT_STRING_EQUAL(array_shape_text(&set->x), "32x32x3");
    for (uint32_t i = 0; i < 5; i++) {
        int32_t label;
        CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, &i, 1, x, &label), ST_OK);
        bool same = label == (int32_t)i;
        for (int p = 0; p < 1024; p++)
            same &= x[3 * p] == (float)i && x[3 * p + 1] == (float)(100 + p % 50) &&
                    x[3 * p + 2] == (float)(255 - i);
        CU_ASSERT(same);
    }
    dataset_free(set);
}

static void cifar100_has_two_labels(void)
{
    static unsigned char file[2 * (RECORD + 1)];
    fill_record(file + 1, 0);
    fill_record(file + RECORD + 2, 1);
    file[0] = 19;
    file[1] = 99;
    file[RECORD + 1] = 3;
    file[RECORD + 2] = 40;
    const char *path = set_file("cifar100.bin", file, sizeof file);
    int32_t y[2];
    struct dataset *fine = set_open("{format: cifar100, files: %s}", path);
    struct dataset *coarse = set_open("{format: cifar100, files: %s, labels: coarse}", path);
    CU_ASSERT_FATAL(fine && coarse);
    loader_gather(fine, NULL, TARGET_LABEL, (uint32_t[]){0, 1}, 2, NULL, y);
    CU_ASSERT(y[0] == 99 && y[1] == 40);
    CU_ASSERT_STRING_EQUAL(fine->class_names[40], "lamp");
    loader_gather(coarse, NULL, TARGET_LABEL, (uint32_t[]){0, 1}, 2, NULL, y);
    CU_ASSERT(y[0] == 19 && y[1] == 3);
    CU_ASSERT_STRING_EQUAL(coarse->class_names[3], "food_containers");
    dataset_free(fine);
    dataset_free(coarse);
    file[0] = 20;
    path = set_file("cifar100.bin", file, sizeof file);
    set_must_fail(ST_DATA, "cifar100.bin: sample 0 has label 20, expected 0..19",
                  "{format: cifar100, files: %s, labels: coarse}", path);
}

static void cifar_errors(void)
{
    static unsigned char file[2 * RECORD];
    fill_record(file, 3);
    fill_record(file + RECORD, 4);
    const char *good = set_file("good.bin", file, sizeof file);
    const char *set = "{format: cifar10, files: [%s, %s]}";
    set_must_fail(ST_DATA, "short.bin: its 6000 bytes are not a whole number of 3073-byte records",
                  set, good, set_file("short.bin", file, 6000));
    file[RECORD] = 10;
    set_must_fail(ST_DATA, "bad.bin: sample 1 has label 10, expected 0..9", set, good,
                  set_file("bad.bin", file, sizeof file));
    set_must_fail(ST_DATA, "files: the list is empty", "{format: cifar10, files: []}");
    set_must_fail(ST_DATA, "classes: 5 is given, but it has 10 named classes",
                  "{format: cifar10, files: %s, classes: 5}", good);
}

/* ---- Finding, guessing, matching ---- */

static void files_are_found(void)
{
    write_small_set();
    struct pool pool = {0};
    const char *path;
    struct data_env env = {.experiment_folder = set_folder()};
    CU_ASSERT_EQUAL(data_find("images", &env, &pool, &path), ST_OK);
    CU_ASSERT(strncmp(path, set_folder(), strlen(set_folder())) == 0);
    CU_ASSERT_EQUAL(data_find("images", &(struct data_env){0}, &pool, &path), ST_DATA);
    setenv("CONVOY_DATA_DIR", set_folder(), 1);
    CU_ASSERT_EQUAL(data_find("images", &(struct data_env){0}, &pool, &path), ST_OK);
    CU_ASSERT_EQUAL(data_find("none", &(struct data_env){0}, &pool, &path), ST_DATA);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), set_folder()));
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "the current folder"));
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/usr/share/datasets"));
    CU_ASSERT_EQUAL(data_find("", &(struct data_env){0}, &pool, &path), ST_DATA);
    unsetenv("CONVOY_DATA_DIR");
    pool_release(&pool);
}

static void check_guess(const char *expected, size_t n, const char *a, const char *b)
{
    struct pool pool = {0};
    const char *text = "";
    char *files[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b};
    CU_ASSERT_EQUAL(source_guess(files, n, &(struct data_env){0}, &pool, &text), ST_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, expected));
    pool_release(&pool);
}

static void formats_are_guessed(void)
{
    static unsigned char record[RECORD];
    struct pool pool = {0};
    const char *text;
    const char *binary = set_file("some.bin", record, RECORD);
    check_guess("{format: idx, images: \"", 1, set_file("i", images, sizeof images), NULL);
    check_guess("/labels\"}", 2, set_gzip("i.gz", images, sizeof images),
                set_file("labels", labels, sizeof labels));
    check_guess("{format: cifar10, files: [\"", 2, binary, binary);
    check_guess("{format: cifar10, files: [\"", 1, set_xz("some.xz", record, RECORD), NULL);
    check_guess("{format: csv, file: \"", 1, set_text("t", "a,b\n1,2\n"), NULL);
    check_guess("{format: hdf5, file: \"", 1, set_file("h", "\x89HDF\r\n\x1a\n", 8), NULL);
    char *three[] = {(char *)(uintptr_t)set_file("i", images, sizeof images), three[0], three[0]};
    CU_ASSERT_EQUAL(source_guess(three, 3, &(struct data_env){0}, &pool, &text), ST_USAGE);
    char *unknown[] = {(char *)(uintptr_t)set_file("u", "\1\2\3", 3)};
    CU_ASSERT_EQUAL(source_guess(unknown, 1, &(struct data_env){0}, &pool, &text), ST_DATA);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "its format is not known"));
    pool_release(&pool);
}

static void sets_must_match(void)
{
    const char *f = set_folder();
    write_small_set();
    struct dataset *digits = set_open("{format: digits}");
    struct dataset *small = set_open("{format: idx, images: %s/images}", f);
    CU_ASSERT_FATAL(digits && small);
    CU_ASSERT_EQUAL(dataset_match(digits, digits), ST_OK);
    CU_ASSERT_EQUAL(dataset_match(digits, small), ST_DATA);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(status_message(), "samples are 2x2x1, those of digits are 8x8x1"));
    dataset_free(digits);
    dataset_free(small);
    struct dataset *abc =
        set_open("{format: csv, label: 1, file: %s}", set_text("abc.csv", "1,a\n2,b\n3,c\n"));
    struct dataset *ac =
        set_open("{format: csv, label: 1, file: %s}", set_text("ac.csv", "1,a\n3,c\n"));
    CU_ASSERT_FATAL(abc && ac);
    CU_ASSERT_EQUAL(dataset_match(abc, ac), ST_DATA);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "ac.csv: class 1 is \"c\", in "));
    dataset_free(abc);
    dataset_free(ac);
}

/* ---- A file cut short while it is mapped ---- */

static void shortened_file_is_named(void)
{
    static unsigned char record[20 * RECORD];
    const char *path = set_file("shortened.bin", record, sizeof record);
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct dataset *set = set_open("{format: cifar10, files: %s}", path);
        float x[3072];
        dup2(ends[1], STDERR_FILENO);
        data_guard_maps();
        if (!set || truncate(path, 4096) != 0)
            _exit(100);
        loader_gather(set, NULL, TARGET_VALUE, (uint32_t[]){19}, 1, x, NULL);
        _exit(101);
    }
    close(ends[1]);
    char line[500] = "";
    ssize_t length = read(ends[0], line, sizeof line - 1);
    close(ends[0]);
    int code = 0;
    waitpid(child, &code, 0);
    CU_ASSERT(WIFEXITED(code) && WEXITSTATUS(code) == ST_DATA);
    CU_ASSERT(length > 0 && strstr(line, "shortened.bin: the file was cut short"));
}

/* ---- Real data ---- */

static void mnist_is_read(void)
{
    const char *folder = test_data("mnist");
    if (!folder)
        test_skip("no MNIST among the test data");
    struct dataset *set = set_open("{format: idx, images: %s/train-images-idx3-ubyte.gz, labels: "
                                   "%s/train-labels-idx1-ubyte.gz}",
                                   folder, folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->n, 60000);
    CU_ASSERT_EQUAL(set->classes, 10);
    struct selection all;
    struct scaling scaling;
    CU_ASSERT_EQUAL_FATAL(selection_all(set, &all), ST_OK);
    CU_ASSERT_EQUAL_FATAL(scaling_fit(&all, 1.0 / 255, 0, true, false, &scaling), ST_OK);
    CU_ASSERT_DOUBLE_EQUAL(scaling.mean[0], 0.1306604762738429, 2e-8);
    CU_ASSERT_DOUBLE_EQUAL(scaling.deviation[0], 0.3081078, 1e-7);
    scaling_release(&scaling);
    selection_release(&all);
    dataset_free(set);
}

static void cifar10_is_read(void)
{
    const char *path = test_data("cifar10/data_batch_1.bin.xz");
    if (!path)
        test_skip("no CIFAR-10 among the test data");
    struct dataset *set = set_open("{format: cifar10, files: %s}", path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->n, 10000);
    size_t count[10] = {0};
    for (uint32_t i = 0; i < 10000; i++) {
        int32_t label = -1;
        loader_gather(set, NULL, TARGET_LABEL, &i, 1, NULL, &label);
        count[label]++;
    }
    /* The classes of data_batch_1 in order, as its pickled twin has them. */
    static const size_t expected[] = {1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981};
    CU_ASSERT(memcmp(count, expected, sizeof count) == 0);
    dataset_free(set);
}

const struct test tests_data[] = {{"idx_is_read", idx_is_read},
                                  {"idx_has_all_types", idx_has_all_types},
                                  {"idx_has_1_to_4_axes", idx_has_1_to_4_axes},
                                  {"idx_errors", idx_errors},
                                  {"packed_errors", packed_errors},
                                  {"hostile_sizes", hostile_sizes},
                                  {"labels_are_checked", labels_are_checked},
                                  {"subsets_are_drawn", subsets_are_drawn},
                                  {"digits_are_embedded", digits_are_embedded},
                                  {"cifar_is_read", cifar_is_read},
                                  {"cifar100_has_two_labels", cifar100_has_two_labels},
                                  {"cifar_errors", cifar_errors},
                                  {"files_are_found", files_are_found},
                                  {"formats_are_guessed", formats_are_guessed},
                                  {"sets_must_match", sets_must_match},
                                  {"shortened_file_is_named", shortened_file_is_named},
                                  {"mnist_is_read", mnist_is_read},
                                  {"cifar10_is_read", cifar10_is_read},
                                  {0}};
TEST_MAIN(tests_data)
