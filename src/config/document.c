/* Whole documents: loading, parsing, freeing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "config/tree.h"

enum { DOCUMENT_LIMIT = 16 << 20 };

static enum status check_size(const char *name, size_t length)
{
    FAIL_IF(length > DOCUMENT_LIMIT, ST_USAGE, "%s: larger than %d MiB, the most that is read here",
            text_shown(name), DOCUMENT_LIMIT >> 20);
    return ST_OK;
}

enum status document_parse(const char *name, const char *text, size_t length, struct document **out)
{
    *out = NULL;
    TRY(check_size(name, length));
    struct document *document = mem_need(1, sizeof *document);
    struct position origin = {pool_strdup(&document->pool, name), 1, 1};
    enum status status = tree_parse(&document->pool, origin, text, length, &document->root);
    if (status != ST_OK)
        document_free(document);
    else
        *out = document;
    return status;
}

static enum status load_stdin(const char *name, struct document **out)
{
    struct text text = {0};
    char buffer[65536];
    size_t n;
    while (text.length <= DOCUMENT_LIMIT && (n = fread(buffer, 1, sizeof buffer, stdin)) > 0)
        text_append(&text, buffer, n);
    enum status status = ST_OK;
    if (ferror(stdin))
        status = status_fail(ST_USAGE, "%s: cannot read: %s", name, strerror(errno));
    else
        status = document_parse(name, text.data ? text.data : "", text.length, out);
    text_release(&text);
    return status;
}

enum status document_load(const char *path, struct document **out)
{
    *out = NULL;
    if (strcmp(path, "-") == 0)
        return load_stdin("standard input", out);
    unsigned char *bytes;
    size_t size;
    /* The experiment file is the user's input: what is wrong with it is a matter of usage. */
    FAIL_IF(file_read(path, DOCUMENT_LIMIT, &bytes, &size) != ST_OK, ST_USAGE, "%s",
            status_message());
    enum status status = document_parse(path, (const char *)bytes, size, out);
    free(bytes);
    return status;
}

const struct node *document_root(const struct document *document)
{
    return document->root;
}

void document_free(struct document *document)
{
    if (!document)
        return;
    pool_release(&document->pool);
    free(document);
}
