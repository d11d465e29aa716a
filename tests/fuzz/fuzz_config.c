/* Any bytes as an experiment: parse, read by a schema with every kind of field, write, read again,
 * write again; both texts must be equal. A comment in the first line is applied with --set. */
#include <stdlib.h>
#include <string.h>

#include "../unit/config_sample.h"
#include "config/node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 leaks 1 KiB for a quoted key of many pieces. What we fail to free of its
 * objects is found by the unit tests. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libfyaml";
}

static char *written(const struct sample *sample)
{
    struct text text = {0};
    schema_write(&text, 0, &sample_schema, sample);
    return text.data;
}

static void check_round_trip(const struct sample *sample)
{
    struct pool pool = {0};
    struct sample again = {0};
    char *first = written(sample);
    enum status status = schema_read_text(first, &sample_schema, &again, &pool);
    MUST(status == ST_OK, "%s in:\n%s", status_message(), first);
    char *second = written(&again);
    MUST(strcmp(first, second) == 0, "%s\nbecame\n%s", first, second);
    free(first);
    free(second);
    pool_release(&pool);
}

static void look(const struct node *node, size_t *budget)
{
    double number;
    if (*budget == 0)
        return;
    --*budget;
    node_number(node, &number);
    node_shown(node);
    for (size_t i = 0; i < node_count(node); i++)
        look(node_at(node, i), budget);
}

static void apply_comment(struct document *document, const char *text, size_t length)
{
    const char *end = memchr(text, '\n', length);
    if (length < 2 || memcmp(text, "# ", 2) != 0)
        return;
    char *line = strndup(text + 2, (end ? (size_t)(end - text) : length) - 2);
    (void)document_set(document, line); /* refusing it is as good */
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct document *document;
    struct sample sample = {0};
    size_t budget = 10000;
    const char *text = (const char *)data;
    if (document_parse("fuzz.yaml", text, size, &document) != ST_OK) {
        MUST(!strchr(status_message(), '\n'), "a message of two lines: %s", status_message());
        return 0;
    }
    look(document_root(document), &budget);
    apply_comment(document, text, size);
    if (document_read(document, &sample_schema, &sample) == ST_OK)
        check_round_trip(&sample);
    else
        MUST(!strchr(status_message(), '\n'), "a message of two lines: %s", status_message());
    document_free(document);
    return 0;
}
