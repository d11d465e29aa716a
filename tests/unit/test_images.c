/* Pictures against Pillow, OpenCV and Keras (tests/golden/make_data.py); folders, tables, caches
 * and what is refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "data/image.h"
#include "data/loader.h"
#include "golden.h"
#include "sets.h"
#include "test.h"

enum { LARGEST = 1 << 20 };

/* One of the kept files as name in a folder of the test folder, which is made. */
static void put(const char *seed, const char *folder, const char *name)
{
    unsigned char *bytes;
    size_t size;
    char path[600], in[200];
    snprintf(in, sizeof in, "tests/fuzz/seeds/image/%s", seed);
    CU_ASSERT_EQUAL_FATAL(file_read(test_source(in), LARGEST, &bytes, &size), ST_OK);
    snprintf(path, sizeof path, "%s/%s", set_folder(), folder);
    CU_ASSERT_EQUAL_FATAL(file_make_folder(path), ST_OK);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    set_file(path, bytes, size);
    free(bytes);
}

/* ---- Decoding and resizing ---- */

static void check_case(const struct golden_case *c, size_t number)
{
    char folder[32], seed[64] = "";
    sscanf(c->name, "images/%63[^?]", seed);
    snprintf(folder, sizeof folder, "golden%zu", number);
    put(seed, folder, seed);
    struct dataset *set = set_open("{format: images, folder: '%s/%s', labels: null, %s}",
                                   set_folder(), folder, c->model);
    if (!set) {
        test_fail("%s: %s", c->name, status_message());
        return;
    }
    const struct golden_array *want = golden_need(c, "y");
    bool rounded = !strstr(c->model, "size") || strstr(c->model, "nearest");
    double allowed = rounded ? 0.0 : 0.5001, worst = 0.0;
    size_t n = array_elements(&set->x);
    float *x = mem_need(n, sizeof *x);
    CU_ASSERT_EQUAL(n, want->size);
    for (int axis = 0; axis < 3; axis++)
        CU_ASSERT_EQUAL(set->x.shape[axis], (size_t)want->shape.dim[axis]);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_VALUE, (uint32_t[]){0}, 1, x, NULL), ST_OK);
    for (size_t i = 0; i < n && n == want->size; i++)
        worst = fmax(worst, fabs((double)x[i] - (double)want->v[i]));
    if (!(worst <= allowed))
        test_fail("%s (%s) is off by %g, allowed %g", c->name, c->model, worst, allowed);
    free(x);
    dataset_free(set);
}

static void pictures_are_those_of_pillow(void)
{
    const struct golden *golden = golden_load();
    size_t cases = 0;
    log_set_rank(1); /* warnings of skipped files are not what is tested */
    for (size_t i = 0; i < golden->cases; i++)
        if (strncmp(golden->at[i].name, "images/", 7) == 0)
            check_case(&golden->at[i], cases++);
    CU_ASSERT(cases > 50);
}

/* The documented formula of area and bilinear, with doubles that hold every sum exactly. */
static double share(enum image_interpolation how, size_t n, size_t m, size_t i, size_t j)
{
    if (how == INTERPOLATE_AREA) {
        double begin = fmax((double)(i * m), (double)(j * n));
        double end = fmin((double)((i + 1) * m), (double)((j + 1) * n));
        return end > begin ? end - begin : 0.0;
    }
    double sum = 0.0, centre = (double)((2 * i + 1) * m) - (double)n, unit = 2.0 * (double)n;
    for (double k = -1; k <= (double)m; k++) {
        double weight = unit - fabs(centre - k * unit);
        double at = k < 0 ? 0 : k > (double)m - 1 ? (double)m - 1 : k;
        sum += weight > 0 && at == (double)j ? weight : 0.0;
    }
    return sum;
}

static void check_resize(enum image_interpolation how, size_t m, size_t n)
{
    unsigned char in[64], out[64];
    for (size_t j = 0; j < m; j++)
        in[j] = (unsigned char)(j * 89 + 7);
    CU_ASSERT_EQUAL(image_resize("x", in, m, 1, 1, 1, how, n, 1, out), ST_OK);
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0, total = how == INTERPOLATE_AREA ? (double)m : 2.0 * (double)n;
        for (size_t j = 0; j < m; j++)
            sum += share(how, n, m, i, j) * in[j];
        CU_ASSERT_EQUAL(out[i], (unsigned char)floor(sum / total + 0.5));
    }
}

static void resizing_is_the_formula(void)
{
    for (size_t m = 1; m <= 40; m++)
        for (size_t n = 1; n <= 40; n += 3) {
            check_resize(INTERPOLATE_AREA, m, n);
            check_resize(INTERPOLATE_BILINEAR, m, n);
        }
}

/* ---- Folders and tables ---- */

static void check_labels(struct dataset *set, size_t n, const int32_t *want)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL_FATAL(set->n, n);
    for (uint32_t i = 0; i < n; i++) {
        int32_t label = -1;
        CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, &i, 1, NULL, &label), ST_OK);
        CU_ASSERT_EQUAL(label, want[i]);
    }
    dataset_free(set);
}

/* Sorted by bytes: 10 before 9; deeper folders, other names, hidden files. */
static const char *make_tree(const char *name)
{
    char folder[64];
    static char root[600];
    const char *const files[][2] = {{"9", "b.png"},
                                    {"9", "a.PNG"},
                                    {"9/deep", "z.png"},
                                    {"10", "x.png"},
                                    {"10", ".hidden.png"}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(folder, sizeof folder, "%s/%s", name, files[i][0]);
        put("rgb.png", folder, files[i][1]);
    }
    snprintf(folder, sizeof folder, "%s/9/notes.txt", name);
    set_text(folder, "no picture");
    snprintf(root, sizeof root, "%s/%s", set_folder(), name);
    return root;
}

static void folders_are_classes(void)
{
    const char *root = make_tree("tree");
    struct dataset *set = set_open("{format: images, folder: '%s'}", root);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->classes, 2);
    CU_ASSERT_STRING_EQUAL(set->class_names[0], "10");
    CU_ASSERT_STRING_EQUAL(set->class_names[1], "9");
    check_labels(set, 4, (const int32_t[]){0, 1, 1, 1});
    set = set_open("{format: images, folder: '%s', class_names: ['9', '10']}", root);
    check_labels(set, 4, (const int32_t[]){0, 0, 0, 1});
    set = set_open("{format: images, folder: '%s', labels: null}", root);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT(set->n == 4 && set->y.parts == 0 && set->classes == 0);
    dataset_free(set);
    set_must_fail(ST_DATA, "no subfolder \"8\"",
                  "{format: images, folder: '%s', class_names: ['9', '8']}", root);
    set_must_fail(ST_DATA, "subfolder \"10\" is not one of class_names",
                  "{format: images, folder: '%s', class_names: ['9']}", root);
    set_must_fail(ST_DATA, "has no subfolders", "{format: images, folder: '%s/10'}", root);
}

static void tables_name_files(void)
{
    const char *root = make_tree("table");
    const char *names =
        set_text("names.csv", "file,kind\n9/b.png,cat\n10/x.png,ant\n9/a.PNG,cat\n");
    const char *format = "{format: images, folder: '%s', labels: '%s'%s}";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    check_labels(set_open(format, root, names, ""), 3, (const int32_t[]){1, 0, 1});
    check_labels(set_open(format, root, names, ", class_names: [cat, dog, ant]"), 3,
                 (const int32_t[]){0, 2, 0});
    set_must_fail(ST_DATA, "label \"ant\" is not one of class_names", format, root, names,
                  ", class_names: [cat, dog]");
    set_must_fail(ST_DATA, "/file: cannot open", format, root, names, ", header: false");
    const char *numbers = set_text("numbers.csv", "9/b.png,3\n10/x.png,0\n");
    check_labels(set_open(format, root, numbers, ", header: false"), 2, (const int32_t[]){3, 0});
    const char *values = set_text("values.csv", "f,a,b\n9/b.png,1.5,-2\n10/x.png,0,1e3\n");
    struct dataset *set = set_open(format, root, values, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    float y[4];
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_VALUE, (uint32_t[]){0, 1}, 2, NULL, y), ST_OK);
    CU_ASSERT(y[0] == 1.5f && y[1] == -2.0f && y[2] == 0.0f && y[3] == 1e3f);
    dataset_free(set);
    set_must_fail(ST_DATA, "column 2 is \"x\", expected a finite number", format, root,
                  set_text("bad.csv", "f,a,b\n9/b.png,1.5,x\n"), "");
    set_must_fail(ST_DATA, "has one column", format, root, set_text("one.csv", "f\n9/b.png\n"), "");
    set_must_fail(ST_DATA, "names no files", format, root, set_text("none.csv", "f,a\n"), "");
#pragma GCC diagnostic pop
}

/* ---- What cannot be read ---- */

static void refuses(const char *seed, const char *part)
{
    char folder[64], path[600];
    snprintf(folder, sizeof folder, "bad-%s", seed);
    put(seed, folder, seed);
    snprintf(path, sizeof path, "%s/%s", set_folder(), folder);
    set_must_fail(ST_DATA, part, "{format: images, folder: '%s', labels: null}", path);
    set_must_fail(ST_DATA, seed, "{format: images, folder: '%s', labels: null}", path);
}

static void bad_files_are_refused(void)
{
    refuses("truncated.jpg", "damaged JPEG: Premature end");
    refuses("truncated.png", "damaged PNG: it ends early");
    refuses("cmyk.jpg", "4 colour components");
    refuses("huge.png", "60000 x 60000 pixels");
    char path[600];
    snprintf(path, sizeof path, "%s/text", set_folder());
    CU_ASSERT_EQUAL(file_make_folder(path), ST_OK);
    set_text("text/a.jpg", "GIF89a");
    set_must_fail(ST_DATA, "neither a JPEG nor a PNG",
                  "{format: images, folder: '%s', labels: null}", path);
    set_text("text/a.jpg", "");
    set_must_fail(ST_DATA, "a.jpg: the file is empty",
                  "{format: images, folder: '%s', labels: null}", path);
    set_must_fail(ST_DATA, "is not a folder", "{format: images, folder: '%s/a.jpg'}", path);
    set_must_fail(ST_USAGE, "exclude each other",
                  "{format: images, folder: '%s', crop_to_aspect_ratio: true, "
                  "pad_to_aspect_ratio: true}",
                  path);
}

static void bad_files_are_skipped(void)
{
    put("truncated.png", "skip/a", "1.png");
    put("rgb.png", "skip/a", "2.png");
    put("cmyk.jpg", "skip/b", "3.jpg");
    put("rgb.png", "skip/b", "4.png");
    put("rgba.png", "skip/b", "5.png");
    const char *format = "{format: images, folder: '%s/skip', on_error: %s%s}";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    set_must_fail(ST_DATA, "1.png: damaged", format, set_folder(), "fail", "");
    check_labels(set_open(format, set_folder(), "skip", ""), 2, (const int32_t[]){0, 1});
    check_labels(set_open(format, set_folder(), "skip", ", image_size: [4, 4]"), 3,
                 (const int32_t[]){0, 1, 1});
#pragma GCC diagnostic pop
    put("cmyk.jpg", "nothing/a", "1.jpg");
    set_must_fail(ST_DATA, "none of its 1 files can be read",
                  "{format: images, folder: '%s/nothing', on_error: skip, image_size: 8}",
                  set_folder());
}

/* ---- Caches ---- */

static struct dataset *open_cached(const char *root, const char *more)
{
    return set_open("{format: images, folder: '%s', on_error: skip, cache: '%s/cache'%s}", root,
                    set_folder(), more);
}

static float first_number(const char *root, const char *more, size_t n)
{
    float x[13 * 17 * 3] = {-1};
    struct dataset *set = open_cached(root, more);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->n, n);
    CU_ASSERT_EQUAL(set->x.part[0].storage, STORED_MAPPED);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_VALUE, (uint32_t[]){0}, 1, x, NULL), ST_OK);
    dataset_free(set);
    return x[300];
}

/* The file's number, which changes when it is made anew. */
static ino_t cache_file(void)
{
    char path[600];
    struct stat about = {0};
    snprintf(path, sizeof path, "%s/cache", set_folder());
    CU_ASSERT_EQUAL(stat(path, &about), 0);
    return about.st_ino;
}

static void caches_are_kept_and_checked(void)
{
    const char *root = make_tree("cached");
    put("truncated.png", "cached/10", "bad.png");
    float plain = first_number(root, "", 4);
    ino_t first = cache_file();
    CU_ASSERT_EQUAL(first_number(root, "", 4), plain);
    CU_ASSERT_EQUAL(cache_file(), first);
    first_number(root, ", interpolation: area", 4);
    ino_t second = cache_file();
    CU_ASSERT_NOT_EQUAL(second, first);
    put("rgba.png", "cached/10", "more.png"); /* another size: skipped */
    CU_ASSERT_EQUAL(first_number(root, ", interpolation: area", 4), plain);
    CU_ASSERT_NOT_EQUAL(cache_file(), second);
    unsigned char *bytes;
    size_t size;
    char path[600];
    snprintf(path, sizeof path, "%s/cache", set_folder());
    CU_ASSERT_EQUAL_FATAL(file_read(path, LARGEST, &bytes, &size), ST_OK);
    const size_t places[] = {20, 70, 130, size - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        bytes[places[i]] ^= 4;
        set_file("cache", bytes, size);
        CU_ASSERT_EQUAL(first_number(root, ", interpolation: area", 4), plain);
        bytes[places[i]] ^= 4;
    }
    set_file("cache", bytes, size - 5);
    CU_ASSERT_EQUAL(first_number(root, ", interpolation: area", 4), plain);
    free(bytes);
    set_text("cache", "a letter to my aunt, which shall not be overwritten");
    set_must_fail(ST_DATA, "is no cache of convoy",
                  "{format: images, folder: '%s', on_error: skip, cache: '%s/cache'}", root,
                  set_folder());
}

/* ---- Real photographs ---- */

static void hand_signs(void)
{
    const char *root = test_data("sign-digits/Dataset");
    if (!root)
        test_skip("there is no sign-digits/Dataset in the test data");
    struct dataset *set =
        set_open("{format: images, folder: '%s', image_size: 32, interpolation: area}", root);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->n, 2062);
    CU_ASSERT_EQUAL(set->classes, 10);
    dataset_free(set);
}

static void edge_cases(void)
{
    const char *root = test_data("image-edge-cases");
    if (!root)
        test_skip("there is no image-edge-cases in the test data");
    struct dataset *set = set_open("{format: images, folder: '%s', labels: null, image_size: [20, "
                                   "30], on_error: skip}",
                                   root);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->n, 9);
    dataset_free(set);
    set_must_fail(ST_DATA, "truncated.jpg",
                  "{format: images, folder: '%s', labels: null, image_size: [20, 30]}", root);
}

const struct test tests_images[] = {
    {"pictures are those of Pillow, OpenCV and Keras", pictures_are_those_of_pillow},
    {"resizing is the formula", resizing_is_the_formula},
    {"folders are classes", folders_are_classes},
    {"tables name files", tables_name_files},
    {"bad files are refused", bad_files_are_refused},
    {"bad files are skipped", bad_files_are_skipped},
    {"caches are kept and checked", caches_are_kept_and_checked},
    {"hand signs", hand_signs},
    {"edge cases", edge_cases},
    {0}};
TEST_MAIN(tests_images)
