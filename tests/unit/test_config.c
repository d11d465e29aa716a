/* src/config: good experiment files, writing them, overrides, nodes, names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/node.h"
#include "config_sample.h"
#include "test.h"

/* ---- Helpers ---- */

static char *written(const struct sample *sample)
{
    struct text text = {0};
    schema_write(&text, 0, &sample_schema, sample);
    return text.data;
}

/* Reads text as x.yaml; the caller frees the document. */
static struct document *read_text(const char *text, struct sample *sample)
{
    struct document *document = NULL;
    memset(sample, 0, sizeof *sample);
    CU_ASSERT_EQUAL_FATAL(document_parse("x.yaml", text, strlen(text), &document), ST_OK);
    enum status status = document_read(document, &sample_schema, sample);
    if (status != ST_OK)
        printf("%s\nin:\n%s\n", status_message(), text);
    CU_ASSERT_EQUAL_FATAL(status, ST_OK);
    return document;
}

static void expect_round_trip(const struct sample *sample)
{
    struct pool pool = {0};
    struct sample again = {0};
    char *first = written(sample);
    CU_ASSERT_EQUAL(schema_read_text(first, &sample_schema, &again, &pool), ST_OK);
    char *second = written(&again);
    CU_ASSERT_STRING_EQUAL(first, second);
    free(first);
    free(second);
    pool_release(&pool);
}

/* ---- Good input ---- */

static void reads_layers(void)
{
    struct sample s;
    struct document *document = read_text(sample_text, &s);
    CU_ASSERT_EQUAL_FATAL(s.layers.n, 4);
    const struct sample_conv *a = s.layers.v[0].args, *b = s.layers.v[2].args;
    CU_ASSERT_PTR_EQUAL(s.layers.v[0].kind, &sample_conv2d);
    CU_ASSERT_PTR_EQUAL(s.layers.v[1].kind, &sample_flatten);
    CU_ASSERT_EQUAL(s.layers.v[2].position.line, 8);
    CU_ASSERT_EQUAL(s.layers.v[2].position.column, 5);
    CU_ASSERT_EQUAL(a->filters, 6);
    CU_ASSERT(a->kernel_size[0] == 5 && a->kernel_size[1] == 3);
    CU_ASSERT(a->margins[0][0] == 1 && a->margins[0][1] == 1);
    CU_ASSERT(a->margins[1][0] == 2 && a->margins[1][1] == 2);
    CU_ASSERT_EQUAL(a->groups, FIELD_NONE);
    CU_ASSERT_EQUAL(a->activation, -1);
    CU_ASSERT_TRUE(a->use_bias);
    CU_ASSERT_PTR_NULL(a->regularizer.kind);
    CU_ASSERT_EQUAL(((struct sample_scale *)a->initializer.args)->mode, 2);
    CU_ASSERT_EQUAL(b->filters, 7);
    CU_ASSERT_EQUAL(b->kernel_size[1], 3);
    CU_ASSERT_EQUAL(b->activation, 1);
    CU_ASSERT_EQUAL(((struct sample_scale *)b->initializer.args)->factor, 0.25);
    CU_ASSERT_EQUAL(((struct sample_scale *)b->regularizer.args)->mode, 2);
    const struct sample_wrapper *residual = s.layers.v[3].args;
    CU_ASSERT_EQUAL_FATAL(residual->layers.n, 2);
    CU_ASSERT_EQUAL(((struct sample_conv *)residual->layers.v[1].args)->filters, 6);
    document_free(document);
}

static void reads_the_rest(void)
{
    struct sample s;
    struct document *document = read_text(sample_text, &s);
    const struct sample_idx *train = s.train.args;
    CU_ASSERT_STRING_EQUAL(s.name, "lenet5");
    CU_ASSERT_EQUAL(s.seed, -INT64_MAX);
    CU_ASSERT_STRING_EQUAL(train->set.format, "idx");
    CU_ASSERT_EQUAL(train->set.subset, FIELD_NONE);
    CU_ASSERT_STRING_EQUAL(train->labels, "b: c");
    CU_ASSERT_EQUAL(((struct sample_set *)s.test.args)->subset, 10);
    CU_ASSERT_STRING_EQUAL(((struct sample_set *)s.test.args)->format, "digits");
    CU_ASSERT_EQUAL(s.fit.clip, 1e-3);
    CU_ASSERT_EQUAL(s.fit.milestones.n, 1);
    CU_ASSERT_EQUAL(s.fit.milestones.v[0], 7);
    CU_ASSERT_EQUAL_FATAL(s.fit.weights.n, 3);
    CU_ASSERT_EQUAL(s.fit.weights.v[1], 2.0 / 3.0);
    CU_ASSERT_EQUAL(s.fit.weights.v[2], -INFINITY);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s.warmup);
    CU_ASSERT_EQUAL(s.warmup->epochs, 2);
    CU_ASSERT_TRUE(isnan(s.warmup->clip));
    CU_ASSERT_PTR_NULL(s.warmup->milestones.v);
    CU_ASSERT_EQUAL(s.warmup->rate, 1.0 / 255.0);
    expect_round_trip(&s);
    document_free(document);
}

static void reads_json(void)
{
    struct sample s;
    struct document *document =
        read_text("{\n\t\"name\": \"\\ud83d\\ude00 \\u00e9\\n\\/\",\n\t\"seed\": 3,\n"
                  "\t\"layers\": [{\"Conv2D\": {\"filters\": 8, \"groups\": null}}],\n"
                  "\t\"fit\": {\"clip\": 1.5E+2, \"milestones\": []}\n}\n",
                  &s);
    CU_ASSERT_STRING_EQUAL(s.name, "\xf0\x9f\x98\x80 \xc3\xa9\n/");
    CU_ASSERT_EQUAL(((struct sample_conv *)s.layers.v[0].args)->filters, 8);
    CU_ASSERT_EQUAL(s.fit.clip, 150);
    CU_ASSERT_EQUAL(s.fit.milestones.n, 0);
    CU_ASSERT_PTR_NOT_NULL(s.fit.milestones.v);
    expect_round_trip(&s);
    document_free(document);
}

/* Strings that would be something else without quotes keep what they are. */
static void writes_strings(void)
{
    static const char *const values[] = {
        "plain", "two words", "",        "null", "~",    "true",      "No",     "3",
        "-1",    "1/255",     ".inf",    ".nan", ".5",   "./a/b.gz",  "../x",   "/a:b",
        "a: b",  "a #b",      "a ",      " a",   "- a",  "*a",        "&a",     "!a",
        "a\nb",  "\t",        "\"q\"",   "'",    "a\\b", "{a}",       "[a]",    "a,b",
        "%a",    "@a",        "?",       "a:",   "<<",   "\xc3\xa9t", "0x10",   "2024-01-01",
        "\x7f",  "1e5",       "a\u2028", "-",    "---",  "...",       "\ufeff", "http://h/p"};
    struct text text = {0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct pool pool = {0};
        struct sample s, again = {0};
        struct document *document = read_text("{}", &s);
        s.name = pool_strdup(&pool, values[i]);
        text.length = 0;
        schema_write(&text, 4, &sample_schema, &s);
        if (schema_read_text(text.data, &sample_schema, &again, &pool) != ST_OK)
            printf("%s in:\n%s\n", status_message(), text.data);
        CU_ASSERT_PTR_NOT_NULL_FATAL(again.name);
        CU_ASSERT_STRING_EQUAL(again.name, values[i]);
        pool_release(&pool);
        document_free(document);
    }
    text_release(&text);
}

static void writes_every_default(void)
{
    struct sample s;
    struct document *document = read_text("layers: [Flatten, {Conv2D: {filters: 1}}]", &s);
    char *text = written(&s);
    CU_ASSERT_STRING_EQUAL(text, "name: experiment\n"
                                 "seed: 0\n"
                                 "train:\n"
                                 "  format: digits\n"
                                 "  subset: null\n"
                                 "test: null\n"
                                 "layers:\n"
                                 "  - Flatten\n"
                                 "  - Conv2D:\n"
                                 "      filters: 1\n"
                                 "      kernel_size: 3\n"
                                 "      margins: [[0, 0], [0, 0]]\n"
                                 "      groups: null\n"
                                 "      padding: valid\n"
                                 "      activation: null\n"
                                 "      use_bias: true\n"
                                 "      kernel_initializer:\n"
                                 "        VarianceScaling:\n"
                                 "          factor: 1\n"
                                 "          mode: fan_avg\n"
                                 "      regularizer: null\n"
                                 "fit:\n"
                                 "  epochs: 1\n"
                                 "  clip: null\n"
                                 "  rate: 0.00392156862745098\n"
                                 "  milestones: null\n"
                                 "  weights: [1, 0.5]\n"
                                 "warmup: null\n");
    free(text);
    /* A hidden field is shown when it is not at its default. */
    s.tuning.epochs = 2;
    s.train.args = &(struct sample_set){.format = "digits", .subset = 5};
    text = written(&s);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\ntuning:\n  epochs: 2\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  subset: 5\n"));
    free(text);
    document_free(document);
}

static void yaml_features(void)
{
    struct sample s;
    struct document *document =
        read_text("\xef\xbb\xbf%YAML 1.2\n---\n# comment\nname: !!str 3\r\nfit: &f {epochs: 2}\n"
                  "warmup: {<<: [{clip: 1}, *f, {epochs: 5, rate: 1}], clip: 3}\n...\n",
                  &s);
    CU_ASSERT_STRING_EQUAL(s.name, "3");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s.warmup);
    CU_ASSERT_EQUAL(s.warmup->clip, 3);
    CU_ASSERT_EQUAL(s.warmup->epochs, 2);
    CU_ASSERT_EQUAL(s.warmup->rate, 1);
    document_free(document);
    document = read_text("name: |\n  a\n  b\ntrain: {format: digits}\n", &s);
    CU_ASSERT_STRING_EQUAL(s.name, "a\nb\n");
    document_free(document);
}

/* ---- Overrides ---- */

static void overrides(void)
{
    static const char *const assignments[] = {
        "fit.epochs=7",
        "layers.0.Conv2D.filters=8",
        "layers.3.Residual.1.Conv2D.filters=9",
        "layers.1.Flatten.name=flat",
        "layers.2.Conv2D.kernel_initializer.VarianceScaling={factor: 3}",
        "warmup.rate=1/2",
        "test.subset=",
        "tuning.epochs=4",
        "fit.milestones=[3, 4]",
        "name=a=b"};
    struct sample s = {0};
    struct document *document;
    CU_ASSERT_EQUAL_FATAL(document_parse("x.yaml", sample_text, strlen(sample_text), &document),
                          ST_OK);
    for (size_t i = 0; i < sizeof assignments / sizeof *assignments; i++)
        CU_ASSERT_EQUAL(document_set(document, assignments[i]), ST_OK);
    CU_ASSERT_EQUAL_FATAL(document_read(document, &sample_schema, &s), ST_OK);
    CU_ASSERT_EQUAL(s.fit.epochs, 7);
    CU_ASSERT_EQUAL(s.fit.milestones.n, 2);
    /* The map was shared through an alias; only the named place has changed. */
    const struct sample_wrapper *residual = s.layers.v[3].args;
    CU_ASSERT_EQUAL(((struct sample_conv *)s.layers.v[0].args)->filters, 8);
    CU_ASSERT_EQUAL(((struct sample_conv *)residual->layers.v[1].args)->filters, 9);
    CU_ASSERT_STRING_EQUAL(((struct sample_common *)s.layers.v[1].args)->name, "flat");
    const struct sample_conv *conv = s.layers.v[2].args;
    CU_ASSERT_EQUAL(((struct sample_scale *)conv->initializer.args)->factor, 3);
    CU_ASSERT_EQUAL(s.warmup->rate, 0.5);
    CU_ASSERT_EQUAL(((struct sample_set *)s.test.args)->subset, FIELD_NONE);
    CU_ASSERT_EQUAL(s.tuning.epochs, 4);
    CU_ASSERT_STRING_EQUAL(s.name, "a=b");
    document_free(document);
}

/* ---- Files, nodes, names, JSON ---- */

static void loads_files(void)
{
    char path[512];
    struct document *document;
    struct sample s = {0};
    snprintf(path, sizeof path, "%s/a.yaml", test_folder());
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(sample_text, file);
    fclose(file);
    CU_ASSERT_EQUAL_FATAL(document_load(path, &document), ST_OK);
    CU_ASSERT_EQUAL(document_read(document, &sample_schema, &s), ST_OK);
    CU_ASSERT_STRING_EQUAL(s.layers.v[0].position.file, path);
    document_free(document);
    unlink(path);
    CU_ASSERT_EQUAL(document_load(path, &document), ST_USAGE);
    CU_ASSERT_PTR_NULL(document);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "a.yaml: cannot read: No such file"));
}

static void nodes(void)
{
    static const char text[] = "{b: 1, a: [true, .5, x, null, 1/2, '3', 99999999999999999999]}";
    struct document *document;
    CU_ASSERT_EQUAL_FATAL(document_parse("x", text, strlen(text), &document), ST_OK);
    const struct node *root = document_root(document), *a = node_get(root, "a");
    int64_t integer = 0;
    double number = 0;
    bool truth = false;
    CU_ASSERT_EQUAL(node_kind(root), NODE_MAP);
    CU_ASSERT_EQUAL(node_count(root), 2);
    CU_ASSERT_STRING_EQUAL(node_key(root, 1), "a");
    CU_ASSERT_PTR_NULL(node_key(root, 2));
    CU_ASSERT_PTR_EQUAL(node_at(root, 1), a);
    CU_ASSERT(node_integer(node_get(root, "b"), &integer) && integer == 1);
    CU_ASSERT(node_number(node_get(root, "b"), &number) && number == 1);
    CU_ASSERT(node_bool(node_at(a, 0), &truth) && truth);
    CU_ASSERT(node_number(node_at(a, 1), &number) && number == 0.5);
    CU_ASSERT_FALSE(node_integer(node_at(a, 1), &integer));
    CU_ASSERT_STRING_EQUAL(node_text(node_at(a, 2)), "x");
    CU_ASSERT_TRUE(node_is_null(node_at(a, 3)));
    CU_ASSERT_EQUAL(node_kind(node_at(a, 4)), NODE_TEXT);
    CU_ASSERT_EQUAL(node_kind(node_at(a, 5)), NODE_TEXT);
    CU_ASSERT_FALSE(node_integer(node_at(a, 6), &integer));
    CU_ASSERT(node_number(node_at(a, 6), &number) && number == 1e20);
    CU_ASSERT_PTR_NULL(node_at(a, 7));
    CU_ASSERT_TRUE(node_is_null(node_get(node_get(a, "none"), "none")));
    CU_ASSERT_EQUAL(node_position(a).column, 11);
    CU_ASSERT_STRING_EQUAL(node_shown(node_at(a, 2)), "\"x\"");
    document_free(document);
}

/* The shape of what keras.Model.to_json writes, on one line and large. */
static void keras_json(void)
{
    struct text text = {0};
    struct document *document;
    text_add(&text, "{\"class_name\": \"Functional\", \"config\": {\"layers\": [");
    for (int i = 0; i < 2000; i++)
        text_add(
            &text,
            "%s{\"class_name\": \"Conv2D\", \"config\": {\"name\": \"conv2d_%d\", \"filters\": "
            "%d, \"kernel_size\": [3, 3], \"kernel_initializer\": {\"class_name\": "
            "\"GlorotUniform\", \"config\": {\"seed\": null}}, \"use_bias\": true}, "
            "\"inbound_nodes\": [{\"args\": [{\"config\": {\"shape\": [null, 28, 28, 1]}}], "
            "\"kwargs\": {}}]}",
            i ? ", " : "", i, i);
    text_add(&text, "]}}");
    CU_ASSERT_EQUAL_FATAL(document_parse("m", text.data, text.length, &document), ST_OK);
    const struct node *layers = node_get(node_get(document_root(document), "config"), "layers");
    CU_ASSERT_EQUAL(node_count(layers), 2000);
    const struct node *config = node_get(node_at(layers, 1999), "config");
    CU_ASSERT_STRING_EQUAL(node_text(node_get(config, "name")), "conv2d_1999");
    document_free(document);
    text_release(&text);
}

static void names(void)
{
    static const char *const known[] = {"kernel_size", "filters", "padding", "x", NULL};
    CU_ASSERT_TRUE(name_equal("he_normal", "HeNormal"));
    CU_ASSERT_TRUE(name_equal("", "_-"));
    CU_ASSERT_FALSE(name_equal("he_normal", "he_norma"));
    CU_ASSERT_FALSE(name_equal("a", "ab"));
    CU_ASSERT_STRING_EQUAL(name_nearest("kernal_size", known), "kernel_size");
    CU_ASSERT_STRING_EQUAL(name_nearest("kerenl_szie", known), "kernel_size");
    CU_ASSERT_STRING_EQUAL(name_nearest("fliters", known), "filters");
    CU_ASSERT_PTR_NULL(name_nearest("y", known));
    CU_ASSERT_PTR_NULL(name_nearest("", known));
    CU_ASSERT_PTR_NULL(name_nearest("units", known));
    char huge[5000];
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    CU_ASSERT_PTR_NULL(name_nearest(huge, known));
}

static void json(void)
{
    struct text text = {0};
    json_string(&text, "a\"\\\n\x01\x7f\xff\xc3\xa9\xf0\x9f\x98\x80/");
    CU_ASSERT_STRING_EQUAL(text.data, "\"a\\\"\\\\\\n\\u0001\\u007f\\ufffd\xc3\xa9"
                                      "\xf0\x9f\x98\x80/\"");
    static const struct {
        double value;
        const char *text;
    } numbers[] = {{0, "0"},           {-0.0, "-0"},
                   {0.1, "0.1"},       {1e-5, "1e-05"},
                   {1e300, "1e+300"},  {1.0 / 3, "0.3333333333333333"},
                   {100, "100"},       {123456789, "123456789"},
                   {5e-324, "5e-324"}, {NAN, "null"},
                   {INFINITY, "null"}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        text.length = 0;
        json_number(&text, numbers[i].value);
        CU_ASSERT_STRING_EQUAL(text.data, numbers[i].text);
    }
    text_release(&text);
}

static void positions(void)
{
    CU_ASSERT_STRING_EQUAL(position_text((struct position){"a.yaml", 3, 7}), "a.yaml:3:7: ");
    CU_ASSERT_STRING_EQUAL(position_text((struct position){"--set", 0, 0}), "--set: ");
    CU_ASSERT_STRING_EQUAL(position_text((struct position){0}), "");
    char huge[5000];
    memset(huge, 'a', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    CU_ASSERT_EQUAL(strlen(position_text((struct position){huge, 3, 7})), 512 - 32 + 6);
}

/* ---- Maps of numbers, aliases ---- */

struct weighing {
    struct number_map weight;
    struct variant way;
};
static const char *const weighing_words[] = {"balanced", NULL};
static const struct alias weighing_aliases[] = {{"flat", "flatten"}, {0}};
static const struct field weighing_fields[] = {{.key = "weight",
                                                .type = FIELD_NUMBERS,
                                                .offset = offsetof(struct weighing, weight),
                                                .fallback = "null",
                                                .max = 10,
                                                .choices = weighing_words,
                                                .nullable = true},
                                               {.key = "way",
                                                .type = FIELD_VARIANT,
                                                .offset = offsetof(struct weighing, way),
                                                .fallback = "Flatten",
                                                .kinds = sample_layers,
                                                .aliases = weighing_aliases},
                                               {0}};
static const struct schema weighing_schema = {NULL, weighing_fields, NULL};

static void check_weighing(const char *given, const char *written)
{
    struct pool pool = {0};
    struct weighing weighing = {.way = {0}};
    struct text text = {0};
    CU_ASSERT_EQUAL_FATAL(schema_read_text(given, &weighing_schema, &weighing, &pool), ST_OK);
    schema_write(&text, 0, &weighing_schema, &weighing);
    CU_ASSERT(strncmp(text.data, written, strlen(written)) == 0);
    text_release(&text);
    pool_release(&pool);
}

static void refuse_weighing(const char *given, const char *message)
{
    struct pool pool = {0};
    struct weighing weighing = {.way = {0}};
    CU_ASSERT_EQUAL(schema_read_text(given, &weighing_schema, &weighing, &pool), ST_USAGE);
    CU_ASSERT_STRING_EQUAL(status_message(), message);
    pool_release(&pool);
}

static void numbers_and_aliases(void)
{
    check_weighing("{}", "weight: null\nway: Flatten\n");
    check_weighing("weight: Balanced", "weight: balanced\n");
    check_weighing("weight: {3: 1/2, -1: 5}", "weight: {3: 0.5, -1: 5}\n");
    check_weighing("weight: {}\nway: FLAT", "weight: {}\nway: Flatten\n");
    refuse_weighing("weight: {a: 1}", "weight: found the key 'a', expected whole numbers");
    refuse_weighing("weight: {1: 11}", "weight: found 11, expected a map of whole numbers to "
                                       "numbers from 0 to 10, or balanced, or null");
    refuse_weighing("weight: balance", "weight: unknown value 'balance'; did you mean 'balanced'?");
    refuse_weighing("weight: [1]", "weight: found a list, expected a map of whole numbers to "
                                   "numbers from 0 to 10, or balanced, or null");
    refuse_weighing("way: flatt", "unknown way 'flatt'; did you mean 'Flatten'?");
}

const struct test tests_config[] = {{"numbers_and_aliases", numbers_and_aliases},
                                    {"reads layers", reads_layers},
                                    {"reads the rest", reads_the_rest},
                                    {"reads JSON", reads_json},
                                    {"writes strings", writes_strings},
                                    {"writes every default", writes_every_default},
                                    {"YAML features", yaml_features},
                                    {"overrides", overrides},
                                    {"loads files", loads_files},
                                    {"nodes", nodes},
                                    {"Keras JSON", keras_json},
                                    {"names", names},
                                    {"JSON", json},
                                    {"positions", positions},
                                    {0}};
TEST_MAIN(tests_config)
