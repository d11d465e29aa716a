/* Overrides from the command line: fit.epochs=3.
 *
 * A tree may share nodes (aliases), so nothing in it is changed: the containers on the path are
 * made anew, and the document gets the new root when all went well. */
#include <stdlib.h>
#include <string.h>

#include "config/tree.h"

static const struct position set_position = {.file = "--set"};

struct setter {
    struct pool *pool;
    const char *path; /* whole, for messages */
    struct node *value;
};

static enum status set_in(const struct setter *setter, struct node *old, const char *rest,
                          struct node **out);

/* The path up to, but not including, the component at rest; "the document" at its start. */
static const char *before(const struct setter *setter, const char *rest)
{
    if (rest == setter->path)
        return "the document";
    return text_shown(
        pool_printf(setter->pool, "%.*s", (int)(rest - setter->path - 1), setter->path));
}

static const char *after(const char *rest, size_t length)
{
    return rest[length] ? rest + length + 1 : NULL;
}

static enum status set_in_list(const struct setter *setter, struct node *old, const char *rest,
                               size_t length, struct node **out)
{
    char *end;
    size_t index = strtoul(rest, &end, 10);
    bool digits = strspn(rest, "0123456789") == length && length < 10;
    FAIL_IF(!digits || index >= old->n, ST_USAGE,
            "--set: %s is a list of %zu: found '%.*s', expected an index from 0 to %zu",
            before(setter, rest), old->n, length < 60 ? (int)length : 60, rest,
            old->n ? old->n - 1 : 0);
    struct node *list = node_list(setter->pool, old->position, old->items, old->n);
    TRY(set_in(setter, old->items[index], after(rest, length), &list->items[index]));
    *out = node_list(setter->pool, old->position, list->items, old->n);
    return ST_OK;
}

/* old: a map, or NULL for a new one. */
static enum status set_in_map(const struct setter *setter, const struct node *old, const char *rest,
                              size_t length, struct node **out)
{
    size_t n = node_count(old), at = 0;
    struct node *key = node_scalar(setter->pool, set_position, rest, length, false);
    struct entry *entries = pool_alloc(setter->pool, (n + 1) * sizeof *entries);
    if (n > 0)
        memcpy(entries, old->entries, n * sizeof *entries);
    while (at < n && strcmp(entries[at].key->text, key->text) != 0)
        at++;
    if (at == n)
        entries[n++] = (struct entry){key, NULL};
    TRY(set_in(setter, entries[at].value, after(rest, length), &entries[at].value));
    *out = node_map(setter->pool, old ? old->position : set_position, entries, n);
    return ST_OK;
}

/* Puts the value at the path rest below old (NULL where there is nothing; rest NULL: in place of
 * it). */
static enum status set_in(const struct setter *setter, struct node *old, const char *rest,
                          struct node **out)
{
    if (!rest) {
        *out = setter->value;
        return ST_OK;
    }
    size_t length = strcspn(rest, ".");
    FAIL_IF(length == 0, ST_USAGE, "--set: an empty key in '%s'", text_shown(setter->path));
    if (node_kind(old) == NODE_LIST)
        return set_in_list(setter, old, rest, length, out);
    if (node_kind(old) == NODE_MAP || node_is_null(old))
        return set_in_map(setter, node_is_null(old) ? NULL : old, rest, length, out);
    const char *name = pool_printf(setter->pool, "%.*s", (int)length, rest);
    FAIL_IF(!name_equal(old->text, name), ST_USAGE, "--set: %s is %s, which has no key '%s'",
            before(setter, rest), node_shown(old), text_shown(name));
    return set_in_map(setter, NULL, rest, length, out);
}

enum status document_set(struct document *document, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    FAIL_IF(!equals || equals == assignment, ST_USAGE,
            "--set: found '%s', expected key=value such as fit.epochs=3", text_shown(assignment));
    struct pool *pool = &document->pool;
    size_t length = (size_t)(equals - assignment);
    struct setter setter = {.pool = pool,
                            .path = pool_printf(pool, "%.*s", (int)length, assignment)};
    FAIL_IF(length > 1000, ST_USAGE, "--set: a key of %zu characters is too long", length);
    FAIL_IF(tree_parse(pool, set_position, equals + 1, strlen(equals + 1), &setter.value) != ST_OK,
            ST_USAGE, "%s, in '%s'", status_message(), text_shown(assignment));
    struct node *root;
    TRY(set_in(&setter, document->root, setter.path, &root));
    FAIL_IF(tree_check(root) != ST_OK, ST_USAGE, "--set: %s, in '%s'", status_message(),
            text_shown(assignment));
    document->root = root;
    return ST_OK;
}
