/* src/config: bad experiment files, limits, and the messages about them. */
#include <stdio.h>
#include <string.h>

#include "config/node.h"
#include "config_sample.h"
#include "test.h"

/* ---- Helpers ---- */

static enum status try_text(const char *text, size_t length)
{
    struct document *document = NULL;
    struct sample sample = {0};
    enum status status = document_parse("x.yaml", text, length, &document);
    if (status == ST_OK)
        status = document_read(document, &sample_schema, &sample);
    document_free(document);
    return status;
}

static void expect_message(enum status status, const char *message, const char *text)
{
    CU_ASSERT_EQUAL(status, ST_USAGE);
    if (strcmp(status_message(), message) != 0)
        printf("text:     %s\nexpected: %s\nfound:    %s\n", text, message, status_message());
    CU_ASSERT_STRING_EQUAL(status_message(), message);
}

struct bad {
    const char *text, *message;
};

static void expect_bad(const struct bad *bad)
{
    for (; bad->text; bad++)
        expect_message(try_text(bad->text, strlen(bad->text)), bad->message, bad->text);
}

/* ---- Bad values ---- */

static void unknown_names(void)
{
    static const struct bad bad[] = {
        {"layers:\n  - Conv2D:\n      filters: 6\n      kernal_size: 5\n",
         "x.yaml:4:7: Conv2D: unknown key 'kernal_size'; did you mean 'kernel_size'?"},
        {"layers:\n  - Conv2D: {filters: 6, kernelSize: 5}\n",
         "x.yaml:2:26: Conv2D: unknown key 'kernelSize'; did you mean 'kernel_size'?"},
        {"fitt: {}\n", "x.yaml:1:1: unknown key 'fitt'; did you mean 'fit'?"},
        {"fit: {speed: 3}\n", "x.yaml:1:7: fit: unknown key 'speed'; known: epochs, clip, rate, "
                              "milestones, weights"},
        {"layers: [Conv2]\n", "x.yaml:1:10: unknown layer 'Conv2'; did you mean 'Conv2D'?"},
        {"layers: [LSTM]\n", "x.yaml:1:10: unknown layer 'LSTM'; known: Conv2D, Flatten, Residual"},
        {"layers:\n- Flaten:\n", "x.yaml:2:3: unknown layer 'Flaten'; did you mean 'Flatten'?"},
        {"train: {format: idy}\n", "x.yaml:1:17: unknown format 'idy'; did you mean 'idx'?"},
        {"train: {format: digits, sebset: 3}\n",
         "x.yaml:1:25: digits: unknown key 'sebset'; did you mean 'subset'?"},
        {"train: {format: digits, file: 3}\n",
         "x.yaml:1:25: digits: unknown key 'file'; known: format, subset"},
        {"layers: {Conv2D: {filters: 1, kernel_initializer: {zeros: {a: 1}}}}",
         "x.yaml:1:60: zeros: unknown key 'a'"},
        {"layers: {Conv2D: {filters: 1, padding: sme}}",
         "x.yaml:1:40: Conv2D.padding: unknown value 'sme'; did you mean 'same'?"},
        {"layers: {Conv2D: {filters: 1, padding: full}}",
         "x.yaml:1:40: Conv2D.padding: found \"full\", expected same or valid"},
        {"layers: {Conv2D: {filters: 1, activation: 3}}",
         "x.yaml:1:43: Conv2D.activation: found 3, expected fan_in, fan_out or fan_avg or null"},
        {"\"a\\nb\": 1\n", "x.yaml:1:2: unknown key 'a\\x0ab'; known: name, seed, train, test, "
                           "layers, fit, warmup, tuning"},
        {0}};
    expect_bad(bad);
}

static void wrong_scalars(void)
{
    static const struct bad bad[] = {
        {"fit:\n  epochs: many\n",
         "x.yaml:2:11: fit.epochs: found \"many\", expected a whole number of at least 1"},
        {"fit: {epochs: \"3\"}",
         "x.yaml:1:16: fit.epochs: found \"3\", expected a whole number of at least 1"},
        {"fit: {epochs: 0}",
         "x.yaml:1:15: fit.epochs: found 0, expected a whole number of at least 1"},
        {"fit: {epochs: 3.0}",
         "x.yaml:1:15: fit.epochs: found 3.0, expected a whole number of at least 1"},
        {"fit: {epochs: .inf}",
         "x.yaml:1:15: fit.epochs: found .inf, expected a whole number of at least 1"},
        {"fit: {epochs: 1e3}",
         "x.yaml:1:15: fit.epochs: found 1e3, expected a whole number of at least 1"},
        {"fit: {epochs: 3 }\nseed: 9223372036854775808\n",
         "x.yaml:2:7: seed: found 9223372036854775808, expected a whole number"},
        {"seed: -9223372036854775808\n",
         "x.yaml:1:7: seed: found -9223372036854775808, expected a whole number"},
        {"seed: 0x10\n", "x.yaml:1:7: seed: found \"0x10\", expected a whole number"},
        {"fit:\n  epochs:\n",
         "x.yaml:2:3: fit.epochs: found null, expected a whole number of at least 1"},
        {"fit: {rate: 2}", "x.yaml:1:13: fit.rate: found 2, expected a number from 0 to 1"},
        {"fit: {rate: .nan}", "x.yaml:1:13: fit.rate: found .nan, expected a number from 0 to 1"},
        {"fit: {clip: 1/0}", "x.yaml:1:13: fit.clip: found \"1/0\", expected a number, or null"},
        {"fit: {clip: 1e999}", "x.yaml:1:13: fit.clip: found 1e999, expected a number, or null"},
        {"fit: {clip: 1 2}", "x.yaml:1:13: fit.clip: found \"1 2\", expected a number, or null"},
        {"fit: {clip: true}", "x.yaml:1:13: fit.clip: found true, expected a number, or null"},
        {"fit: {clip: '1'}", "x.yaml:1:14: fit.clip: found \"1\", expected a number, or null"},
        {"fit: {clip: [1]}", "x.yaml:1:13: fit.clip: found a list, expected a number, or null"},
        {"name: [a]", "x.yaml:1:7: name: found a list, expected a text"},
        {"name: null", "x.yaml:1:7: name: found null, expected a text"},
        {"layers: {Conv2D: {filters: 1, use_bias: yes}}",
         "x.yaml:1:41: Conv2D.use_bias: found \"yes\", expected true or false"},
        {"layers: {Conv2D: {filters: 1, kernel_initializer: {VarianceScaling: 0}}}",
         "x.yaml:1:69: VarianceScaling.factor: found 0, expected a number above 0"},
        {0}};
    expect_bad(bad);
}

static void wrong_containers(void)
{
    static const struct bad bad[] = {
        {"- a\n", "x.yaml:1:1: found a list, expected a map"},
        {"", "x.yaml:1:1: found null, expected a map"},
        {"fit: 3\n", "x.yaml:1:6: fit: found 3, expected a map"},
        {"fit: [a]\n", "x.yaml:1:6: fit: found a list, expected a map"},
        {"fit:\n", "x.yaml:1:1: fit: found null, expected a map"},
        {"train: idx\n", "x.yaml:1:8: train: found \"idx\", expected a map"},
        {"train: {format: [idx]}\n", "x.yaml:1:17: train.format: found a list, expected a name"},
        {"train: {images: [a]}\n", "x.yaml:1:17: idx.images: found a list, expected a text"},
        {"train: {}\n", "x.yaml:1:8: idx: key 'images' is missing"},
        {"layers:\n  - Conv2D\n", "x.yaml:2:5: Conv2D: key 'filters' is missing"},
        {"layers:\n  - Conv2D:\n", "x.yaml:2:5: Conv2D: key 'filters' is missing"},
        {"layers:\n  - Conv2D: {padding: same}\n", "x.yaml:2:13: Conv2D: key 'filters' is missing"},
        {"layers:\n  - Conv2D:\n    filters: 6\n",
         "x.yaml:3:5: key 'filters' stands beside 'Conv2D', expected it below (indented further)"},
        {"layers:\n  - Conv2D: 6\n",
         "x.yaml:2:13: Conv2D: found 6, expected a map of its arguments"},
        {"layers: [[Flatten]]\n",
         "x.yaml:1:10: layers: found a list, expected a list of names or {name: {...}}"},
        {"layers: [null]\n",
         "x.yaml:1:10: layers: found null, expected a list of names or {name: {...}}"},
        {"layers: {Conv2D: {filters: 1, kernel_initializer: {}}}",
         "x.yaml:1:51: Conv2D.kernel_initializer: found a map, expected a name or {name: {...}}"},
        {"layers: {Conv2D: {filters: 1, kernel_size: [1, 2, 3]}}",
         "x.yaml:1:44: Conv2D.kernel_size: found a list, expected one or a list of two whole "
         "numbers from 1 to 99"},
        {"layers: {Conv2D: {filters: 1, margins: [[1, 2], [3, 4], 5]}}",
         "x.yaml:1:40: Conv2D.margins: found a list, expected one whole number, [a, b] or [[top, "
         "bottom], [left, right]]"},
        {"fit: {milestones: [1, -2]}",
         "x.yaml:1:23: fit.milestones: found -2, expected a list of whole numbers of at least 0, "
         "or null"},
        {"fit: {weights: [a]}",
         "x.yaml:1:17: fit.weights: found \"a\", expected a list of numbers"},
        {0}};
    expect_bad(bad);
}

/* ---- Bad YAML ---- */

static void bad_yaml(void)
{
    static const struct bad bad[] = {
        {"a: [1, 2\nb: 3\n", "x.yaml:3:1: flow sequence without a closing bracket"},
        {"a:\n\t- 1\n", "x.yaml:2:1: tab character may not be used as indentation"},
        {"a: 'b\n", "x.yaml:1:5: single-quoted scalar without closing quote"},
        {"a: @b\n", "x.yaml:1:4: plain scalar cannot start with '@'"},
        {"seed: 1\nname: b\nseed: 2\n", "x.yaml:3:1: key 'seed' is given twice (first in line 1)"},
        {"{\"a\": 1, \"a\": 1}", "x.yaml:1:11: key 'a' is given twice (first in line 1)"},
        {"seed: 1\n---\nseed: 2\n", "x.yaml:2:1: a second document, expected only one"},
        {"seed: *a\n", "x.yaml:1:8: '*a' has no anchor '&a' before it"},
        {"fit: &a {x: *a}\n", "x.yaml:1:14: '*a' stands inside of its own anchor"},
        {"fit: {<<: 3}\n", "x.yaml:1:11: <<: found 3, expected a map or a list of maps"},
        {"? [a]\n: 1\n", "x.yaml:1:3: found a list, expected a key"},
        {": 1\n", "x.yaml:1:1: found null, expected a key"},
        {"seed: !!python/tuple 3\n", "x.yaml:1:22: tag 'tag:yaml.org,2002:python/tuple' is not "
                                     "supported, only !!str for text is"},
        {"name: \"a\\0b\"\n", "x.yaml:1:8: a text with a zero character is not supported"},
        {"name: a\xff\n", "x.yaml:1:8: byte 0xff is not UTF-8 text"},
        {"a:\n \xed\xa0\x80\n", "x.yaml:2:2: byte 0xed is not UTF-8 text"},
        {"seed: 1\nname: a\001\n", "x.yaml:2:8: control character 0x01 is not allowed"},
        {0}};
    expect_bad(bad);
    expect_message(try_text("a\0b", 3), "x.yaml:1:2: control character 0x00 is not allowed", "");
}

/* ---- Limits ---- */

static void expect_prefix(const struct text *text, const char *message)
{
    CU_ASSERT_EQUAL(try_text(text->data, text->length), ST_USAGE);
    if (!strstr(status_message(), message))
        printf("expected: %s\nfound:    %s\n", message, status_message());
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), message));
}

static void limits(void)
{
    struct text text = {0};
    text_add(&text, "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
    for (int i = 1; i < 20; i++) {
        text_add(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            text_add(&text, "*a%d, ", i - 1);
        text_add(&text, "]\n");
    }
    expect_prefix(&text, "x.yaml:6:9: more than 1000000 values (aliases counted");
    text.length = 0;
    for (int i = 0; i < 65; i++)
        text_add(&text, "[");
    expect_prefix(&text, "nested deeper than 64 levels");
    text.length = 0;
    text_add(&text,
             "a: &a [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
             "]]]]\nb: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n");
    expect_prefix(&text, "nested deeper than 64 levels");
    text.length = 0;
    for (int i = 0; i <= 1000; i++)
        text_add(&text, "a%d: &a%d 1\n", i, i);
    expect_prefix(&text, "x.yaml:1001:15: more than 1000 anchors");
    text.length = 0;
    for (int i = 0; i <= 1000000; i++)
        text_add(&text, "-\n");
    expect_prefix(&text, "more than 1000000 values");
    text.length = 0;
    for (int i = 0; i <= 2000000; i++)
        text_append(&text, "[", 1);
    expect_prefix(&text, "x.yaml:1:1: more than 1000000 values");
    text.length = 0;
    for (int i = 0; i <= 16384; i++)
        text_add(&text, "%1024s", "");
    expect_prefix(&text, "x.yaml: larger than 16 MiB");
    text_release(&text);
}

/* ---- Overrides ---- */

static void bad_overrides(void)
{
    static const struct bad bad[] = {
        {"fit.epochs", "--set: found 'fit.epochs', expected key=value such as fit.epochs=3"},
        {"=3", "--set: found '=3', expected key=value such as fit.epochs=3"},
        {"fit..epochs=3", "--set: an empty key in 'fit..epochs'"},
        {"fit.=3", "--set: an empty key in 'fit.'"},
        {"fit.epochs.x=3", "--set: fit.epochs is 20, which has no key 'x'"},
        {"layers.4=3", "--set: layers is a list of 4: found '4', expected an index from 0 to 3"},
        {"layers.x=3", "--set: layers is a list of 4: found 'x', expected an index from 0 to 3"},
        {"layers.1.Conv2D=3", "--set: layers.1 is \"flatten\", which has no key 'Conv2D'"},
        {"fit.epochs=[1", "--set: flow sequence without a closing bracket, in 'fit.epochs=[1'"},
        {"fit.epochs=many",
         "--set: fit.epochs: found \"many\", expected a whole number of at least 1"},
        {"fit.epohs=3", "--set: fit: unknown key 'epohs'; did you mean 'epochs'?"},
        {"layers.1.Flatten.nam=3", "--set: Flatten: unknown key 'nam'; did you mean 'name'?"},
        {0}};
    for (const struct bad *b = bad; b->text; b++) {
        struct sample s = {0};
        struct document *document;
        CU_ASSERT_EQUAL_FATAL(document_parse("x.yaml", sample_text, strlen(sample_text), &document),
                              ST_OK);
        enum status status = document_set(document, b->text);
        if (status == ST_OK)
            status = document_read(document, &sample_schema, &s);
        expect_message(status, b->message, b->text);
        document_free(document);
    }
}

static void deep_override(void)
{
    struct document *document;
    CU_ASSERT_EQUAL_FATAL(document_parse("x.yaml", "{}", 2, &document), ST_OK);
    char path[256] = "a";
    for (int i = 0; i < 70; i++)
        strcat(path, ".a");
    strcat(path, "=1");
    CU_ASSERT_EQUAL(document_set(document, path), ST_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "nested deeper than 64 levels"));
    CU_ASSERT_EQUAL(node_count(document_root(document)), 0);
    document_free(document);
}

const struct test tests_config_errors[] = {{"unknown names", unknown_names},
                                           {"wrong scalars", wrong_scalars},
                                           {"wrong containers", wrong_containers},
                                           {"bad YAML", bad_yaml},
                                           {"limits", limits},
                                           {"bad overrides", bad_overrides},
                                           {"deep override", deep_override},
                                           {0}};
TEST_MAIN(tests_config_errors)
