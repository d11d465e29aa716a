/* The tree of values: making it, looking into it, showing it in messages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/number.h"
#include "config/tree.h"
#include "config/utf8.h"

/* YAML 1.2.2, section 10.3.2 (core schema); numbers are decimal only. */
static enum node_kind scalar_kind(const char *text, bool plain)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    double number;
    int64_t integer;
    if (!plain)
        return NODE_TEXT;
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (strcmp(text, nulls[i]) == 0)
            return NODE_NULL;
    for (size_t i = 0; i < sizeof bools / sizeof *bools; i++)
        if (strcmp(text, bools[i]) == 0)
            return NODE_BOOL;
    if (number_integer(text, &integer) != NUMBER_NONE)
        return NODE_INT;
    return number_float(text, &number) != NUMBER_NONE ? NODE_FLOAT : NODE_TEXT;
}

struct node *node_scalar(struct pool *pool, struct position position, const char *text,
                         size_t length, bool plain)
{
    struct node *node = pool_alloc(pool, sizeof *node);
    char *copy = pool_alloc(pool, length + 1);
    if (length > 0)
        memcpy(copy, text, length);
    *node = (struct node){.kind = scalar_kind(copy, plain),
                          .plain = plain,
                          .position = position,
                          .text = copy,
                          .weight = 1,
                          .depth = 1};
    return node;
}

static void add_weight(struct node *node, const struct node *child)
{
    node->weight += child->weight;
    if (child->depth >= node->depth)
        node->depth = child->depth + 1;
}

struct node *node_list(struct pool *pool, struct position position, struct node *const *items,
                       size_t n)
{
    struct node *node = pool_alloc(pool, sizeof *node);
    *node = (struct node){.kind = NODE_LIST, .position = position, .n = n, .weight = 1, .depth = 1};
    node->items = pool_alloc(pool, n * sizeof *node->items);
    for (size_t i = 0; i < n; i++) {
        node->items[i] = items[i];
        add_weight(node, items[i]);
    }
    return node;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = *(const struct entry *const *)a, *y = *(const struct entry *const *)b;
    int order = strcmp(x->key->text, y->key->text);
    return order ? order : (x > y) - (x < y);
}

struct node *node_map(struct pool *pool, struct position position, const struct entry *entries,
                      size_t n)
{
    struct node *node = pool_alloc(pool, sizeof *node);
    *node = (struct node){.kind = NODE_MAP, .position = position, .n = n, .weight = 1, .depth = 1};
    node->entries = pool_alloc(pool, n * sizeof *node->entries);
    node->sorted = pool_alloc(pool, n * sizeof *node->sorted);
    for (size_t i = 0; i < n; i++) {
        node->entries[i] = entries[i];
        node->sorted[i] = &node->entries[i];
        add_weight(node, entries[i].value);
    }
    qsort(node->sorted, n, sizeof *node->sorted, compare_entries);
    return node;
}

const struct entry *node_entry(const struct node *map, const char *key)
{
    for (size_t low = 0, high = map->n; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(key, map->sorted[middle]->key->text);
        if (order == 0)
            return map->sorted[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

enum status tree_check(const struct node *node)
{
    const char *at = position_text(node->position);
    FAIL_IF(node->weight > TREE_MAX_NODES, ST_USAGE,
            "%smore than %d values (aliases counted as often as they are used)", at,
            TREE_MAX_NODES);
    FAIL_IF(node->depth > TREE_MAX_DEPTH, ST_USAGE, "%snested deeper than %d levels", at,
            TREE_MAX_DEPTH);
    return ST_OK;
}

/* ---- Looking ---- */

enum node_kind node_kind(const struct node *node)
{
    return node ? node->kind : NODE_NULL;
}

bool node_is_null(const struct node *node)
{
    return node_kind(node) == NODE_NULL;
}

struct position node_position(const struct node *node)
{
    return node ? node->position : (struct position){0};
}

size_t node_count(const struct node *node)
{
    return node ? node->n : 0;
}

const struct node *node_at(const struct node *node, size_t i)
{
    if (i >= node_count(node))
        return NULL;
    return node->kind == NODE_MAP ? node->entries[i].value : node->items[i];
}

const char *node_key(const struct node *node, size_t i)
{
    return node_kind(node) == NODE_MAP && i < node->n ? node->entries[i].key->text : NULL;
}

const struct node *node_get(const struct node *node, const char *key)
{
    const struct entry *entry = node_kind(node) == NODE_MAP ? node_entry(node, key) : NULL;
    return entry ? entry->value : NULL;
}

const char *node_text(const struct node *node)
{
    return node ? node->text : NULL;
}

bool node_bool(const struct node *node, bool *out)
{
    if (node_kind(node) != NODE_BOOL)
        return false;
    *out = node->text[0] == 't' || node->text[0] == 'T';
    return true;
}

bool node_integer(const struct node *node, int64_t *out)
{
    return node_kind(node) == NODE_INT && number_integer(node->text, out) == NUMBER_OK;
}

bool node_number(const struct node *node, double *out)
{
    return (node_kind(node) == NODE_INT || node_kind(node) == NODE_FLOAT) &&
           number_float(node->text, out) == NUMBER_OK;
}

/* ---- Showing ---- */

enum { RING = 8, BUFFER = 512, SHOWN = 60 };

static char *ring_buffer(void)
{
    static _Thread_local char ring[RING][BUFFER];
    static _Thread_local unsigned next;
    return ring[next++ % RING];
}

const char *position_text(struct position position)
{
    char *buffer = ring_buffer();
    buffer[0] = '\0';
    if (position.file && position.line > 0)
        snprintf(buffer, BUFFER, "%.*s:%d:%d: ", BUFFER - 32, position.file, position.line,
                 position.column);
    else if (position.file)
        snprintf(buffer, BUFFER, "%.*s: ", BUFFER - 32, position.file);
    return buffer;
}

/* Appends text at buffer[used]; returns the new length. */
static size_t show(char *buffer, size_t used, const char *text)
{
    size_t left = strlen(text), stop = used + SHOWN;
    while (left > 0 && used < stop) {
        uint32_t code;
        size_t length = utf8_decode(text, left, &code);
        if (length == 0 || code < 0x20 || (code >= 0x7F && code < 0xA0)) {
            used += (size_t)snprintf(buffer + used, 8, "\\x%02x", (unsigned char)*text);
            length = 1;
        } else {
            memcpy(buffer + used, text, length);
            used += length;
        }
        text += length;
        left -= length;
    }
    if (left > 0) {
        memcpy(buffer + used, "...", 3);
        used += 3;
    }
    buffer[used] = '\0';
    return used;
}

const char *text_shown(const char *text)
{
    char *buffer = ring_buffer();
    show(buffer, 0, text);
    return buffer;
}

const char *node_shown(const struct node *node)
{
    enum node_kind kind = node_kind(node);
    if (kind == NODE_NULL)
        return "null";
    if (kind == NODE_LIST || kind == NODE_MAP)
        return kind == NODE_MAP ? "a map" : "a list";
    if (kind != NODE_TEXT)
        return text_shown(node->text);
    char *buffer = ring_buffer();
    buffer[0] = '"';
    size_t used = show(buffer, 1, node->text);
    memcpy(buffer + used, "\"", 2);
    return buffer;
}
