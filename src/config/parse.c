/* YAML (and JSON, which is YAML) text to a tree of nodes.
 *
 * libfyaml turns the text into events; the tree is ours, so that every limit is ours as well: each
 * node knows how many nodes it stands for with aliases expanded, and how deep they go. libfyaml
 * ends silently at a byte that is not UTF-8, so the text is checked before. Its diagnostics are
 * collected and become one line. */
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "config/tree.h"
#include "config/utf8.h"

struct anchor {
    const char *name;
    struct node *node; /* NULL until it is complete */
};

struct builder {
    struct pool *pool;
    struct position origin, at; /* at: of the last event that has one */
    struct fy_diag *diag;
    struct fy_parser *parser;
    struct node **stack; /* the children of the containers that are open */
    size_t used, room, nodes;
    struct anchor anchors[TREE_MAX_ANCHORS];
    size_t n_anchors;
};

static enum status build(struct builder *b, struct fy_event *event, int depth);

/* ---- Before libfyaml ---- */

/* libfyaml reads a long line of JSON whole, at 400 bytes a token, before it gives the first event:
 * what cannot be within the limit of nodes is refused before. */
static enum status check_separators(struct position at, const char *text, size_t length)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++)
        n += text[i] == ',' || text[i] == ':' || text[i] == '[' || text[i] == '{';
    FAIL_IF(n > 2 * (size_t)TREE_MAX_NODES, ST_USAGE, "%smore than %d values", position_text(at),
            TREE_MAX_NODES);
    return ST_OK;
}

static enum status check_text(struct position at, const char *text, size_t length)
{
    bool counts = at.line > 0;
    for (size_t i = 0; i < length;) {
        uint32_t code;
        size_t size = utf8_decode(text + i, length - i, &code);
        FAIL_IF(size == 0, ST_USAGE, "%sbyte 0x%02x is not UTF-8 text", position_text(at),
                (unsigned char)text[i]);
        bool control = code < 0x20 && code != '\t' && code != '\n' && code != '\r';
        FAIL_IF(control || code == 0x7F, ST_USAGE, "%scontrol character 0x%02x is not allowed",
                position_text(at), (unsigned)code);
        at.line += counts && code == '\n';
        at.column = code == '\n' ? 1 : at.column + counts;
        i += size;
    }
    return ST_OK;
}

/* ---- Events ---- */

static struct position mark_position(const struct builder *b, const struct fy_mark *mark)
{
    struct position position = b->origin;
    if (position.line > 0) {
        position.line = mark->line + 1;
        position.column = mark->column + 1;
    }
    return position;
}

static enum status syntax_error(struct builder *b)
{
    void *iterator = NULL;
    const struct fy_diag_error *error = fy_diag_errors_iterate(b->diag, &iterator);
    FAIL_IF(!error, ST_USAGE, "%snot valid YAML", position_text(b->at));
    struct position at = b->origin;
    if (at.line > 0) {
        at.line = error->line;
        at.column = error->column;
    }
    FAIL(ST_USAGE, "%s%s", position_text(at), error->msg);
}

/* The next event, to be freed with fy_parser_event_free. */
static enum status next_event(struct builder *b, struct fy_event **event)
{
    *event = fy_parser_parse(b->parser);
    if (!*event)
        return syntax_error(b);
    const struct fy_mark *mark = fy_event_start_mark(*event);
    if (mark)
        b->at = mark_position(b, mark);
    return ST_OK;
}

static enum status push(struct builder *b, struct node *node)
{
    TRY(tree_check(node));
    FAIL_IF(++b->nodes > TREE_MAX_NODES, ST_USAGE, "%smore than %d values", position_text(b->at),
            TREE_MAX_NODES);
    if (b->used == b->room)
        b->stack = mem_grow(b->stack, b->room *= 2, sizeof *b->stack);
    b->stack[b->used++] = node;
    return ST_OK;
}

static char *token_text(struct builder *b, struct fy_token *token)
{
    size_t length;
    const char *text = fy_token_get_text(token, &length);
    return text ? pool_printf(b->pool, "%.*s", (int)length, text) : NULL;
}

/* ---- Anchors and aliases ---- */

static enum status open_anchor(struct builder *b, struct fy_event *event, struct anchor **out)
{
    struct fy_token *token = fy_event_get_anchor_token(event);
    *out = NULL;
    if (!token)
        return ST_OK;
    FAIL_IF(b->n_anchors == TREE_MAX_ANCHORS, ST_USAGE, "%smore than %d anchors",
            position_text(b->at), TREE_MAX_ANCHORS);
    *out = &b->anchors[b->n_anchors++];
    **out = (struct anchor){.name = token_text(b, token)};
    return ST_OK;
}

static enum status build_alias(struct builder *b, struct fy_event *event)
{
    const char *name = token_text(b, event->alias.anchor);
    size_t i = b->n_anchors;
    while (i > 0 && strcmp(b->anchors[i - 1].name, name) != 0)
        i--;
    FAIL_IF(i == 0, ST_USAGE, "%s'*%s' has no anchor '&%s' before it", position_text(b->at),
            text_shown(name), text_shown(name));
    FAIL_IF(!b->anchors[i - 1].node, ST_USAGE, "%s'*%s' stands inside of its own anchor",
            position_text(b->at), text_shown(name));
    return push(b, b->anchors[i - 1].node);
}

/* ---- Nodes ---- */

/* Only !!str means something here: it makes a plain scalar text. */
static enum status check_tag(struct builder *b, struct fy_event *event, bool *is_text)
{
    struct fy_token *token = fy_event_get_tag_token(event);
    const char *tag = token ? token_text(b, token) : NULL;
    *is_text = tag && event->type == FYET_SCALAR &&
               (strcmp(tag, "tag:yaml.org,2002:str") == 0 || strcmp(tag, "!") == 0);
    FAIL_IF(tag && !*is_text, ST_USAGE, "%stag '%s' is not supported, only !!str for text is",
            position_text(b->at), text_shown(tag));
    return ST_OK;
}

static enum status build_scalar(struct builder *b, struct fy_event *event)
{
    size_t length = 0;
    bool is_text;
    TRY(check_tag(b, event, &is_text));
    const char *text = fy_token_get_text(event->scalar.value, &length);
    FAIL_IF(length > 0 && memchr(text, '\0', length), ST_USAGE,
            "%sa text with a zero character is not supported", position_text(b->at));
    bool plain = fy_token_scalar_style(event->scalar.value) == FYSS_PLAIN && !is_text;
    return push(b, node_scalar(b->pool, b->at, text, text ? length : 0, plain));
}

/* Everything up to the container's end, onto the stack. */
static enum status build_children(struct builder *b, enum fy_event_type end, int depth)
{
    for (;;) {
        struct fy_event *event;
        TRY(next_event(b, &event));
        bool done = event->type == end;
        enum status status = done ? ST_OK : build(b, event, depth);
        fy_parser_event_free(b->parser, event);
        if (done || status != ST_OK)
            return status;
    }
}

static enum status build_list(struct builder *b, struct position at, int depth)
{
    size_t start = b->used;
    TRY(build_children(b, FYET_SEQUENCE_END, depth));
    struct node *list = node_list(b->pool, at, b->stack + start, b->used - start);
    b->used = start;
    return push(b, list);
}

/* A map of the keys and values on the stack from start on, which it takes off. */
static enum status take_map(struct builder *b, struct position at, size_t start, struct node **map)
{
    size_t n = (b->used - start) / 2;
    struct entry *entries = pool_alloc(b->pool, n * sizeof *entries);
    for (size_t i = 0; i < n; i++) {
        struct node *key = b->stack[start + 2 * i];
        FAIL_IF(!key->text || (key->plain && !key->text[0]), ST_USAGE, "%sfound %s, expected a key",
                position_text(key->position), node_shown(key));
        entries[i] = (struct entry){key, b->stack[start + 2 * i + 1]};
    }
    b->used = start;
    *map = node_map(b->pool, at, entries, n);
    return ST_OK;
}

static enum status check_duplicates(struct builder *b, const struct node *map)
{
    for (size_t i = 1; i < map->n; i++) {
        const struct node *key = map->sorted[i]->key, *first = map->sorted[i - 1]->key;
        if (strcmp(key->text, first->text) != 0)
            continue;
        int line = first->position.line;
        FAIL(ST_USAGE, "%skey '%s' is given twice%s", position_text(key->position),
             text_shown(key->text), line ? pool_printf(b->pool, " (first in line %d)", line) : "");
    }
    return ST_OK;
}

/* Makes *map one with the entries of *map but skip, and those of from (may be NULL) that it does
 * not have. */
static enum status join_maps(struct builder *b, struct node **map, const struct entry *skip,
                             const struct node *from)
{
    size_t start = b->used;
    for (size_t i = 0; i < (*map)->n; i++) {
        const struct entry *entry = &(*map)->entries[i];
        if (entry == skip)
            continue;
        TRY(push(b, entry->key));
        TRY(push(b, entry->value));
    }
    for (size_t i = 0; i < node_count(from); i++) {
        if (node_entry(*map, from->entries[i].key->text))
            continue;
        TRY(push(b, from->entries[i].key));
        TRY(push(b, from->entries[i].value));
    }
    return take_map(b, (*map)->position, start, map);
}

/* Resolves the merge key: the map's own keys win, then those of the earlier of several maps.
 * Source: https://yaml.org/type/merge.html */
static enum status merge(struct builder *b, struct node **map)
{
    const struct entry *entry = node_entry(*map, "<<");
    if (!entry || !entry->key->plain)
        return ST_OK;
    struct node *from = entry->value;
    size_t parts = from->kind == NODE_LIST ? from->n : 1;
    TRY(join_maps(b, map, entry, NULL));
    for (size_t i = 0; i < parts; i++) {
        const struct node *part = from->kind == NODE_LIST ? from->items[i] : from;
        FAIL_IF(part->kind != NODE_MAP, ST_USAGE,
                "%s<<: found %s, expected a map or a list of maps", position_text(part->position),
                node_shown(part));
        TRY(join_maps(b, map, NULL, part));
    }
    return ST_OK;
}

static enum status build_map(struct builder *b, struct position at, int depth)
{
    size_t start = b->used;
    struct node *map;
    TRY(build_children(b, FYET_MAPPING_END, depth));
    TRY(take_map(b, at, start, &map));
    TRY(check_duplicates(b, map));
    TRY(merge(b, &map));
    return push(b, map);
}

static enum status build_container(struct builder *b, struct fy_event *event, int depth)
{
    bool is_text;
    struct position at = b->at;
    FAIL_IF(depth >= TREE_MAX_DEPTH, ST_USAGE, "%snested deeper than %d levels", position_text(at),
            TREE_MAX_DEPTH);
    TRY(check_tag(b, event, &is_text));
    if (event->type == FYET_MAPPING_START)
        return build_map(b, at, depth + 1);
    return build_list(b, at, depth + 1);
}

/* One node onto the stack. Recursion ends at TREE_MAX_DEPTH. */
static enum status build(struct builder *b, struct fy_event *event, int depth)
{
    struct anchor *anchor;
    if (event->type == FYET_ALIAS)
        return build_alias(b, event);
    TRY(open_anchor(b, event, &anchor));
    if (event->type == FYET_SCALAR)
        TRY(build_scalar(b, event));
    else
        TRY(build_container(b, event, depth));
    if (anchor)
        anchor->node = b->stack[b->used - 1];
    return ST_OK;
}

/* ---- The stream ---- */

/* The single document, or nothing at all; the events around nodes carry nothing that we need. */
static enum status build_stream(struct builder *b)
{
    for (bool end = false; !end;) {
        struct fy_event *event;
        TRY(next_event(b, &event));
        enum status status = ST_OK;
        enum fy_event_type type = event->type;
        end = type == FYET_STREAM_END;
        if (type == FYET_DOCUMENT_START && b->used > 0)
            status = status_fail(ST_USAGE, "%sa second document, expected only one",
                                 position_text(b->at));
        else if (type == FYET_MAPPING_START || type == FYET_SEQUENCE_START || type == FYET_SCALAR ||
                 type == FYET_ALIAS)
            status = build(b, event, 0);
        fy_parser_event_free(b->parser, event);
        TRY(status);
    }
    return ST_OK;
}

static enum status open_parser(struct builder *b, const char *text, size_t length)
{
    struct fy_diag_cfg quiet;
    fy_diag_cfg_default(&quiet);
    quiet.fp = NULL; /* nothing goes to stderr */
    b->diag = fy_diag_create(&quiet);
    MUST(b->diag, "out of memory");
    fy_diag_set_collect_errors(b->diag, true);
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = b->diag};
    b->parser = fy_parser_create(&config);
    MUST(b->parser, "out of memory");
    FAIL_IF(fy_parser_set_string(b->parser, text, length) != 0, ST_USAGE, "%scannot be parsed",
            position_text(b->origin));
    return ST_OK;
}

enum status tree_parse(struct pool *pool, struct position origin, const char *text, size_t length,
                       struct node **root)
{
    TRY(check_text(origin, text, length));
    TRY(check_separators(origin, text, length));
    struct builder *b = mem_need(1, sizeof *b);
    *b = (struct builder){.pool = pool, .origin = origin, .at = origin, .room = 64};
    b->stack = mem_need(b->room, sizeof *b->stack);
    enum status status = open_parser(b, text, length);
    if (status == ST_OK)
        status = build_stream(b);
    if (status == ST_OK)
        *root = b->used ? b->stack[0] : node_scalar(pool, origin, "", 0, true);
    fy_parser_destroy(b->parser);
    fy_diag_reset_error(b->diag); /* frees what was collected, which fy_diag_destroy does not */
    fy_diag_destroy(b->diag);
    free(b->stack);
    free(b);
    return status;
}
