/* src/data/csv: text to features and labels. */
#include <stdio.h>
#include <string.h>

#include "data/loader.h"
#include "sets.h"
#include "test.h"

static struct dataset *open_csv(const char *text, const char *options)
{
    return set_open("{format: csv, file: %s%s}", set_text("t.csv", text), options);
}

static void must_fail(const char *text, const char *options, const char *part)
{
    set_must_fail(ST_DATA, part, "{format: csv, file: %s%s}", set_text("t.csv", text), options);
}

/* Checks features (row by row) and, where labels is not NULL, class numbers; frees the set. */
static void check_set(struct dataset *set, size_t n, size_t features, const float *x,
                      const int32_t *labels)
{
    float got[32];
    int32_t y[16];
    uint32_t ids[16];
    for (uint32_t i = 0; i < 16; i++)
        ids[i] = i;
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL_FATAL(set->n, n);
    CU_ASSERT_EQUAL_FATAL(array_elements(&set->x), features);
    CU_ASSERT_EQUAL(set->x.rank, 1);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, ids, n, got, labels ? y : NULL), ST_OK);
    CU_ASSERT(memcmp(got, x, n * features * sizeof *x) == 0);
    CU_ASSERT_EQUAL(set->y.parts, labels ? 1 : 0);
    CU_ASSERT(!labels || memcmp(y, labels, n * sizeof *y) == 0);
    dataset_free(set);
}

static void numbers_are_read(void)
{
    const float x[] = {1, -2.5f, 3e2f, 0.125f};
    check_set(open_csv("1,-2.5\n3e2,.125\n", ""), 2, 2, x, NULL);
    check_set(open_csv("1,-2.5\r\n3e2,.125", ""), 2, 2, x, NULL);
    check_set(open_csv("\xef\xbb\xbf"
                       "a,b\n\n 1 ,\t-2.5\n\n3e2,.125\n\n",
                       ""),
              2, 2, x, NULL);
    check_set(open_csv("\"1\",\"-2.5\"\n\"3e2\",.125\n", ""), 2, 2, x, NULL);
    check_set(open_csv("1;-2.5\n3e2;.125\n", ", delimiter: ;"), 2, 2, x, NULL);
    check_set(open_csv("1\t-2.5\n3e2\t.125\n", ", delimiter: tab"), 2, 2, x, NULL);
    check_set(open_csv("1\n-2.5\n3e2\n.125\n", ""), 4, 1, x, NULL);
    check_set(open_csv("9,9\n1,-2.5\n3e2,.125\n", ", header: true"), 2, 2, x, NULL);
}

static void labels_are_found(void)
{
    const float x[] = {1, 2, 3, 4};
    const int32_t y[] = {7, 0};
    check_set(open_csv("a,\"the \"\"y\"\"\",c\n1,7,2\n3,0,4\n", ", label: 'the \"y\"'"), 2, 2, x,
              y);
    check_set(open_csv("1,7,2\n3,0,4\n", ", label: 1"), 2, 2, x, y);
    check_set(open_csv("7,1,2\n0,3,4\n", ", label: 0"), 2, 2, x, y);
    check_set(open_csv("1,2,7\n3,4,0\n", ", label: -1"), 2, 2, x, y);
    struct dataset *set = open_csv("1,2,7\n3,4,0\n", ", label: 2");
    CU_ASSERT_FATAL(set != NULL);
    CU_ASSERT_EQUAL(set->classes, 8);
    CU_ASSERT_PTR_NULL(set->class_names);
    dataset_free(set);
}

/* The weights of the samples 0 and 1 of a set with two features, which it frees. */
static void check_weights(struct dataset *set, float first, float second)
{
    float w[2], x[4];
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    loader_weights(set, (uint32_t[]){1, 0}, 2, w);
    CU_ASSERT(w[0] == second && w[1] == first);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, (uint32_t[]){0, 1}, 2, x, NULL), ST_OK);
    CU_ASSERT(x[0] == 1 && x[1] == 2 && x[2] == 3 && x[3] == 4);
    dataset_free(set);
}

static void samples_have_weights(void)
{
    const char *text = "a,w,y,b\n1,0.5,7,2\n3,0,0,4\n";
    check_weights(open_csv(text, ", label: y, sample_weight: w"), 0.5f, 0);
    check_weights(open_csv("2,1,2\n5,3,4\n", ", sample_weight: 0"), 2, 5);
    check_weights(open_csv("1,2\n3,4\n", ""), 1, 1);
    must_fail(text, ", label: y, sample_weight: v",
              "has no column \"v\" for the sample_weight, but 0..3");
    must_fail(text, ", label: w, sample_weight: w", "column 1 is both label and sample_weight");
    must_fail("1,2\n3,4\n", ", label: 0, sample_weight: 1",
              "has no column but the label and the sample_weight");
    must_fail("1,2\n3,-4\n", ", sample_weight: 1", "t.csv: sample 1 has the weight -4, expected");
}

static void names_become_classes(void)
{
    const float x[] = {1, 2, 3, 4};
    const char *text = "v,kind\n1,pear\n2,apple\n3,\"fig,\ndried\"\n4,apple\n";
    struct dataset *set = open_csv(text, ", label: kind");
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(set->classes, 3);
    CU_ASSERT_STRING_EQUAL(set->class_names[0], "apple");
    CU_ASSERT_STRING_EQUAL(set->class_names[1], "fig,\ndried");
    CU_ASSERT_STRING_EQUAL(set->class_names[2], "pear");
    check_set(set, 4, 1, x, (const int32_t[]){2, 0, 1, 0});
    check_set(open_csv("1,no\n2,7\n3,no\n4,7\n", ", label: 1"), 4, 1, x,
              (const int32_t[]){1, 0, 1, 0});
    check_set(open_csv("1,no\n2,7\n3,no\n4,7\n", ", label: 1, class_names: ['no', x, '7']"), 4, 1,
              x, (const int32_t[]){0, 2, 0, 2});
    must_fail("1,a\n2,b\n", ", label: 1, class_names: [a, c]",
              "t.csv:2: label \"b\" is not one of class_names");
    must_fail("1,a\n2,b\n", ", label: 1, classes: 3", "classes: 3 is given, but it has 2 named");
}

static void other_numbers_are_values(void)
{
    static const char *const texts[] = {"1,-1\n2,1\n", "1,0.5\n2,1\n", "1,1000000\n2,1\n"};
    const float first[] = {-1, 0.5f, 1e6f};
    for (int i = 0; i < 3; i++) {
        float y[2];
        struct dataset *set = open_csv(texts[i], ", label: 1");
        CU_ASSERT_PTR_NOT_NULL_FATAL(set);
        CU_ASSERT_EQUAL(set->classes, 0);
        CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_VALUE, (uint32_t[]){0, 1}, 2, NULL, y),
                        ST_OK);
        CU_ASSERT(y[0] == first[i] && y[1] == 1);
        CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, (uint32_t[]){0}, 1, NULL, y),
                        ST_DATA);
        dataset_free(set);
    }
}

static void errors_name_the_line(void)
{
    must_fail("1,2\n\n3\n", "", "t.csv:3: has 1 cells, the first row has 2");
    must_fail("1,2\n3,4,5\n", "", "t.csv:2: more than 2 cells, the number in the first row");
    must_fail("1,2\n3,x\n", "", "t.csv:2: column 1 is \"x\", expected a finite number");
    must_fail("a,b\n3,\n", "", "t.csv:2: column 1 (b) is \"\", expected a finite number");
    must_fail("a,1\n3,4\n", "", "column 0 is \"a\", expected a finite number; if this line is a h");
    must_fail("1,nan\n", "", "expected a finite number");
    must_fail("1,inf\n", "", "expected a finite number");
    must_fail("1,0x10\n", "", "expected a finite number");
    must_fail("1,1e999\n", "", "expected a finite number");
    must_fail("1,1-2\n", "", "expected a finite number");
    must_fail("1,\"2\n3,4\n", "", "t.csv:1: a quote is opened and never closed");
    must_fail("1,2\n1,\"2\"3\n", "", "t.csv:2: text behind a closing quote");
    must_fail("\n\n", "", "has no lines");
    must_fail("a,b\n", "", "has no lines of numbers");
    must_fail("a,b\n1,\n", ", label: b", "t.csv:2: the label is missing");
    must_fail("a,b\n1,2\n", ", label: c",
              "has no column \"c\" for the label, but 0..1, \"a\", \"b\"");
    must_fail("1,2\n", ", label: 2", "has no column \"2\" for the label, but 0..1");
    must_fail("1,2\n", ", label: -3", "has no column \"-3\" for the label, but 0..1");
    must_fail("1\n2\n", ", label: 0", "has no column but the label");
    set_must_fail(ST_DATA, "z.csv:2: has a zero byte", "{format: csv, file: %s}",
                  set_file("z.csv", "1,2\n\0,2\n", 8));
    set_must_fail(ST_USAGE, "\"ab\" is not one character", "{format: csv, file: %s, delimiter: ab}",
                  set_text("t.csv", "1,2\n"));
}

const struct test tests_csv[] = {{"numbers_are_read", numbers_are_read},
                                 {"labels_are_found", labels_are_found},
                                 {"samples_have_weights", samples_have_weights},
                                 {"names_become_classes", names_become_classes},
                                 {"other_numbers_are_values", other_numbers_are_values},
                                 {"errors_name_the_line", errors_name_the_line},
                                 {0}};
TEST_MAIN(tests_csv)
