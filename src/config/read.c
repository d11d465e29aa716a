/* A tree of nodes to structs, by tables of fields.
 *
 * Defaults are text in the table and go through the same functions as the file. Nothing is accepted
 * that the table does not describe; each message says where, which key, what was found and what was
 * expected. */
#include <math.h>
#include <string.h>

#include "config/expect.h"
#include "config/number.h"
#include "config/tree.h"

/* What is being read, for messages. */
struct reader {
    struct pool *pool;
    const struct field *field;
    const char *context; /* name of the struct that the field is in; "" at the root */
};

static enum status read_field(struct reader reader, const struct node *node, void *out);
static enum status read_struct(struct reader reader, const struct schema *schema,
                               const struct node *map, const char *tag, void *out);

/* ---- Messages ---- */

static const char *dot(const struct reader *reader)
{
    return reader->context[0] ? "." : "";
}

static enum status wrong(const struct reader *reader, const struct node *node)
{
    char expected[EXPECT_SIZE];
    expect_text(reader->field, expected);
    FAIL(ST_USAGE, "%s%s%s%s: found %s, expected %s", position_text(node->position),
         reader->context, dot(reader), reader->field->key, node_shown(node), expected);
}

/* "; did you mean 'x'?" or the list of what is known. names ends with NULL. */
static const char *hint(const struct reader *reader, const char *name, const char *const *names)
{
    const char *nearest = name_nearest(name, names);
    if (nearest)
        return pool_printf(reader->pool, "; did you mean '%s'?", nearest);
    struct text list = {0};
    for (size_t i = 0; names[i] && list.length < 600; i++)
        text_add(&list, "%s%s", i ? ", " : "; known: ", names[i]);
    const char *result = pool_printf(reader->pool, "%s", list.data ? list.data : "");
    text_release(&list);
    return result;
}

static enum status unknown_key(const struct reader *reader, const struct schema *schema,
                               const struct node *key, const char *tag)
{
    size_t n = tag != NULL;
    for (const struct schema *s = schema; s; s = s->base)
        for (const struct field *f = s->fields; f->key; f++)
            n++;
    const char **names = pool_alloc(reader->pool, (n + 1) * sizeof *names);
    n = 0;
    if (tag)
        names[n++] = tag;
    for (const struct schema *s = schema; s; s = s->base)
        for (const struct field *f = s->fields; f->key; f++)
            if (!tag || strcmp(f->key, tag) != 0)
                names[n++] = f->key;
    FAIL(ST_USAGE, "%s%s%sunknown key '%s'%s", position_text(key->position), reader->context,
         reader->context[0] ? ": " : "", text_shown(key->text), hint(reader, key->text, names));
}

/* "layers" holds layers: each is a layer. */
static const char *noun(const struct reader *reader)
{
    const char *key = reader->field->key;
    size_t length = strlen(key);
    if (reader->field->type == FIELD_VARIANTS && length > 1 && key[length - 1] == 's')
        length -= length > 4 && strcmp(key + length - 4, "sses") == 0 ? 2 : 1;
    return pool_printf(reader->pool, "%.*s", (int)length, key);
}

/* The name that an alias stands for, or the name itself. */
static const char *full_name(const struct field *field, const char *name)
{
    for (const struct alias *a = field->aliases; a && a->alias; a++)
        if (name_equal(a->alias, name))
            return a->name;
    return name;
}

static enum status find_kind(const struct reader *reader, const struct node *name,
                             const struct kind **out)
{
    const struct kind *const *kinds = reader->field->kinds;
    const char *wanted = full_name(reader->field, name->text);
    size_t n = 0;
    for (; kinds[n]; n++) {
        *out = kinds[n];
        if (name_equal(kinds[n]->name, wanted))
            return ST_OK;
    }
    const char **names = pool_alloc(reader->pool, (n + 1) * sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = kinds[i]->name;
    FAIL(ST_USAGE, "%sunknown %s '%s'%s", position_text(name->position),
         reader->field->tag ? reader->field->tag : noun(reader), text_shown(name->text),
         hint(reader, name->text, names));
}

/* ---- Scalars ---- */

static enum status read_integer(const struct reader *reader, const struct node *node, int64_t *out)
{
    if (!node_integer(node, out) || *out == FIELD_NONE || !expect_holds(reader->field, *out))
        return wrong(reader, node);
    return ST_OK;
}

static enum status read_number(const struct reader *reader, const struct node *node, double *out)
{
    bool is_number = node->plain && number_fraction(node->text, out) == NUMBER_OK;
    if (!is_number || !expect_holds(reader->field, *out))
        return wrong(reader, node);
    return ST_OK;
}

/* A number or true is text too where text is wanted. */
static enum status read_string(const struct reader *reader, const struct node *node, char **out)
{
    if (!node->text || node->kind == NODE_NULL)
        return wrong(reader, node);
    *out = pool_strdup(reader->pool, node->text);
    return ST_OK;
}

static enum status read_choice(const struct reader *reader, const struct node *node, int *out)
{
    const char *const *choices = reader->field->choices;
    if (!node->text)
        return wrong(reader, node);
    for (*out = 0; choices[*out]; ++*out)
        if (name_equal(choices[*out], node->text))
            return ST_OK;
    const char *nearest = node->kind == NODE_TEXT ? name_nearest(node->text, choices) : NULL;
    if (!nearest)
        return wrong(reader, node);
    FAIL(ST_USAGE, "%s%s%s%s: unknown value '%s'; did you mean '%s'?",
         position_text(node->position), reader->context, dot(reader), reader->field->key,
         text_shown(node->text), nearest);
}

/* ---- Lists ---- */

/* A list has its items, anything else is a list of itself. */
static size_t item_count(const struct node *node)
{
    return node->kind == NODE_LIST ? node->n : 1;
}

static const struct node *item_at(const struct node *node, size_t i)
{
    return node->kind == NODE_LIST ? node->items[i] : node;
}

static enum status read_pair(const struct reader *reader, const struct node *node, int64_t out[2])
{
    size_t n = item_count(node);
    if (n != 2 && node->kind == NODE_LIST)
        return wrong(reader, node);
    TRY(read_integer(reader, item_at(node, 0), &out[0]));
    return read_integer(reader, item_at(node, n - 1), &out[1]);
}

/* Of the forms in schema.h; an item of the list is a side pair or stands for one. */
static enum status read_margins(const struct reader *reader, const struct node *node,
                                int64_t out[2][2])
{
    size_t n = item_count(node);
    if (n != 2 && node->kind == NODE_LIST)
        return wrong(reader, node);
    TRY(read_pair(reader, item_at(node, 0), out[0]));
    return read_pair(reader, item_at(node, n - 1), out[1]);
}

static enum status read_ints(const struct reader *reader, const struct node *node,
                             struct int_list *out)
{
    out->n = item_count(node);
    out->v = pool_alloc(reader->pool, out->n * sizeof *out->v);
    for (size_t i = 0; i < out->n; i++)
        TRY(read_integer(reader, item_at(node, i), &out->v[i]));
    return ST_OK;
}

static enum status read_floats(const struct reader *reader, const struct node *node,
                               struct float_list *out)
{
    out->n = item_count(node);
    out->v = pool_alloc(reader->pool, out->n * sizeof *out->v);
    for (size_t i = 0; i < out->n; i++)
        TRY(read_number(reader, item_at(node, i), &out->v[i]));
    return ST_OK;
}

static enum status read_strings(const struct reader *reader, const struct node *node,
                                struct string_list *out)
{
    out->n = item_count(node);
    out->v = pool_alloc(reader->pool, out->n * sizeof *out->v);
    for (size_t i = 0; i < out->n; i++)
        TRY(read_string(reader, item_at(node, i), &out->v[i]));
    return ST_OK;
}

static enum status read_numbers(const struct reader *reader, const struct node *node,
                                struct number_map *out)
{
    out->choice = -1;
    if (node->kind != NODE_MAP)
        return read_choice(reader, node, &out->choice);
    out->n = node->n;
    out->key = pool_alloc(reader->pool, out->n * sizeof *out->key);
    out->v = pool_alloc(reader->pool, out->n * sizeof *out->v);
    for (size_t i = 0; i < out->n; i++) {
        const struct node *key = node->entries[i].key;
        FAIL_IF(!node_integer(key, &out->key[i]), ST_USAGE,
                "%s%s%s%s: found the key '%s', expected whole numbers",
                position_text(key->position), reader->context, dot(reader), reader->field->key,
                text_shown(key->text));
        TRY(read_number(reader, node->entries[i].value, &out->v[i]));
    }
    return ST_OK;
}

/* ---- Variants ---- */

const struct field *schema_bare(const struct schema *schema)
{
    for (; schema; schema = schema->base)
        for (const struct field *field = schema->fields; field->key; field++)
            if (field->bare)
                return field;
    return NULL;
}

static enum status read_args(const struct reader *reader, const struct kind *kind,
                             const struct node *map, const char *tag, struct variant *out)
{
    static const struct field no_fields[] = {{0}};
    const struct schema none = {.name = kind->name, .fields = no_fields};
    out->kind = kind;
    out->args = kind->size ? pool_alloc(reader->pool, kind->size) : NULL;
    struct reader inner = *reader;
    inner.context = kind->name;
    return read_struct(inner, kind->schema ? kind->schema : &none, map, tag, out->args);
}

/* {bare: value} */
static struct node *bare_map(const struct reader *reader, const struct kind *kind,
                             struct node *value)
{
    const struct field *bare = schema_bare(kind->schema);
    struct node *key =
        node_scalar(reader->pool, value->position, bare->key, strlen(bare->key), false);
    return node_map(reader->pool, value->position, &(struct entry){key, value}, 1);
}

/* The arguments of "Name: value" as a map: {} for null, {bare: value} for what is not a map. */
static enum status args_map(const struct reader *reader, const struct kind *kind,
                            const struct entry *entry, struct node **map)
{
    *map = entry->value;
    if (entry->value->kind == NODE_MAP)
        return ST_OK;
    if (entry->value->kind == NODE_NULL) {
        *map = node_map(reader->pool, entry->key->position, NULL, 0);
        return ST_OK;
    }
    FAIL_IF(!schema_bare(kind->schema), ST_USAGE, "%s%s: found %s, expected a map of its arguments",
            position_text(entry->value->position), kind->name, node_shown(entry->value));
    *map = bare_map(reader, kind, entry->value);
    return ST_OK;
}

/* A number alone: errors speak of the field itself. */
static enum status read_plain(const struct reader *reader, const struct node *node,
                              struct variant *out)
{
    const struct kind *kind = reader->field->plain;
    struct node *value = pool_alloc(reader->pool, sizeof *value);
    *value = *node;
    out->kind = kind;
    out->args = pool_alloc(reader->pool, kind->size);
    return read_struct(*reader, kind->schema, bare_map(reader, kind, value), NULL, out->args);
}

static enum status read_variant(const struct reader *reader, const struct node *node,
                                struct variant *out)
{
    const struct kind *kind;
    double number;
    out->position = node->position;
    if (reader->field->plain && node_number(node, &number))
        return read_plain(reader, node, out);
    if (node->text && node->kind != NODE_NULL) {
        TRY(find_kind(reader, node, &kind));
        return read_args(reader, kind, node_map(reader->pool, node->position, NULL, 0), NULL, out);
    }
    if (node->kind != NODE_MAP || node->n == 0)
        return wrong(reader, node);
    TRY(find_kind(reader, node->entries[0].key, &kind));
    FAIL_IF(node->n > 1, ST_USAGE,
            "%skey '%s' stands beside '%s', expected it below (indented further)",
            position_text(node->entries[1].key->position), text_shown(node->entries[1].key->text),
            kind->name);
    struct node *map;
    TRY(args_map(reader, kind, &node->entries[0], &map));
    return read_args(reader, kind, map, NULL, out);
}

static enum status read_variants(const struct reader *reader, const struct node *node,
                                 struct variant_list *out)
{
    out->n = item_count(node);
    out->v = pool_alloc(reader->pool, out->n * sizeof *out->v);
    for (size_t i = 0; i < out->n; i++)
        TRY(read_variant(reader, item_at(node, i), &out->v[i]));
    return ST_OK;
}

/* The kind's name into its field whose key is the tag, if it has one. */
static void store_tag(const struct reader *reader, const struct variant *variant, const char *tag)
{
    for (const struct schema *s = variant->kind->schema; s; s = s->base)
        for (const struct field *f = s->fields; f->key; f++)
            if (strcmp(f->key, tag) == 0 && f->type == FIELD_STRING)
                *(char **)(void *)((char *)variant->args + f->offset) =
                    pool_strdup(reader->pool, variant->kind->name);
}

static enum status read_tagged(const struct reader *reader, const struct node *node,
                               struct variant *out)
{
    const char *tag = reader->field->tag;
    const struct kind *kind = reader->field->kinds[0];
    if (node->kind != NODE_MAP)
        return wrong(reader, node);
    const struct node *name = node_get(node, tag);
    if (name) {
        FAIL_IF(!name->text || name->kind == NODE_NULL, ST_USAGE,
                "%s%s.%s: found %s, expected a name", position_text(name->position),
                reader->field->key, tag, node_shown(name));
        TRY(find_kind(reader, name, &kind));
    }
    out->position = node->position;
    TRY(read_args(reader, kind, node, tag, out));
    store_tag(reader, out, tag);
    return ST_OK;
}

/* ---- Structs ---- */

static const struct field *find_field(const struct schema *schema, const char *key)
{
    for (; schema; schema = schema->base)
        for (const struct field *field = schema->fields; field->key; field++)
            if (strcmp(field->key, key) == 0)
                return field;
    return NULL;
}

/* The fields of part, which is whole or one of its bases, after those of part's own base. */
static enum status read_fields(struct reader reader, const struct schema *whole,
                               const struct schema *part, const struct node *map, const char *tag,
                               void *out)
{
    if (part->base)
        TRY(read_fields(reader, whole, part->base, map, tag, out));
    for (const struct field *field = part->fields; field->key; field++) {
        if ((tag && strcmp(field->key, tag) == 0) || find_field(whole, field->key) != field)
            continue;
        reader.field = field;
        const struct entry *entry = node_entry(map, field->key);
        struct node *node = entry ? entry->value : NULL;
        FAIL_IF(!node && !field->fallback, ST_USAGE, "%s%s%skey '%s' is missing",
                position_text(map->position), reader.context, reader.context[0] ? ": " : "",
                field->key);
        if (!node)
            TRY(tree_parse(reader.pool, (struct position){0}, field->fallback,
                           strlen(field->fallback), &node));
        TRY(read_field(reader, node, (char *)out + field->offset));
    }
    return ST_OK;
}

/* tag: a key of the map that has been read already, or NULL. */
static enum status read_struct(struct reader reader, const struct schema *schema,
                               const struct node *map, const char *tag, void *out)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct node *key = map->entries[i].key;
        if (!(tag && strcmp(key->text, tag) == 0) && !find_field(schema, key->text))
            return unknown_key(&reader, schema, key, tag);
    }
    return read_fields(reader, schema, schema, map, tag, out);
}

static enum status read_nested(struct reader reader, const struct node *node, void *out)
{
    const struct field *field = reader.field;
    if (node->kind != NODE_MAP)
        return wrong(&reader, node);
    if (field->nullable)
        out = *(void **)out = pool_alloc(reader.pool, field->size);
    reader.context = field->schema->name ? field->schema->name : field->key;
    return read_struct(reader, field->schema, node, NULL, out);
}

static void store_null(const struct field *field, void *out)
{
    switch (field->type) {
    case FIELD_INT:
        *(int64_t *)out = FIELD_NONE;
        return;
    case FIELD_PAIR:
        ((int64_t *)out)[0] = ((int64_t *)out)[1] = FIELD_NONE;
        return;
    case FIELD_MARGINS:
        for (int i = 0; i < 4; i++)
            ((int64_t *)out)[i] = FIELD_NONE;
        return;
    case FIELD_FLOAT:
        *(double *)out = NAN;
        return;
    case FIELD_CHOICE:
        *(int *)out = -1;
        return;
    case FIELD_STRING:
    case FIELD_STRUCT:
        *(void **)out = NULL;
        return;
    case FIELD_INTS:
        *(struct int_list *)out = (struct int_list){0};
        return;
    case FIELD_FLOATS:
        *(struct float_list *)out = (struct float_list){0};
        return;
    case FIELD_STRINGS:
        *(struct string_list *)out = (struct string_list){0};
        return;
    case FIELD_VARIANT:
    case FIELD_TAGGED:
        *(struct variant *)out = (struct variant){0};
        return;
    case FIELD_VARIANTS:
        *(struct variant_list *)out = (struct variant_list){0};
        return;
    case FIELD_NUMBERS:
        *(struct number_map *)out = (struct number_map){.choice = -1};
        return;
    case FIELD_BOOL:
        break;
    }
    MUST(false, "field '%s' cannot be nullable", field->key);
}

static enum status read_field(struct reader reader, const struct node *node, void *out)
{
    if (reader.field->nullable && node->kind == NODE_NULL) {
        store_null(reader.field, out);
        return ST_OK;
    }
    if (reader.field->word && node->kind == NODE_TEXT &&
        strcmp(node->text, reader.field->word) == 0) {
        *(int64_t *)out = FIELD_NONE;
        return ST_OK;
    }
    switch (reader.field->type) {
    case FIELD_BOOL:
        return node_bool(node, out) ? ST_OK : wrong(&reader, node);
    case FIELD_INT:
        return read_integer(&reader, node, out);
    case FIELD_FLOAT:
        return read_number(&reader, node, out);
    case FIELD_STRING:
        return read_string(&reader, node, out);
    case FIELD_CHOICE:
        return read_choice(&reader, node, out);
    case FIELD_PAIR:
        return read_pair(&reader, node, out);
    case FIELD_MARGINS:
        return read_margins(&reader, node, out);
    case FIELD_INTS:
        return read_ints(&reader, node, out);
    case FIELD_FLOATS:
        return read_floats(&reader, node, out);
    case FIELD_STRINGS:
        return read_strings(&reader, node, out);
    case FIELD_NUMBERS:
        return read_numbers(&reader, node, out);
    case FIELD_STRUCT:
        return read_nested(reader, node, out);
    case FIELD_VARIANT:
        return read_variant(&reader, node, out);
    case FIELD_VARIANTS:
        return read_variants(&reader, node, out);
    case FIELD_TAGGED:
        return read_tagged(&reader, node, out);
    }
    MUST(false, "field type %d", (int)reader.field->type);
}

/* ---- Entry ---- */

static enum status read_root(struct pool *pool, const struct node *root,
                             const struct schema *schema, void *out)
{
    const char *name = schema->name ? schema->name : "";
    struct reader reader = {.pool = pool, .context = ""};
    FAIL_IF(root->kind != NODE_MAP, ST_USAGE, "%s%s%sfound %s, expected a map",
            position_text(root->position), name, *name ? ": " : "", node_shown(root));
    return read_struct(reader, schema, root, NULL, out);
}

enum status document_read(struct document *document, const struct schema *schema, void *out)
{
    return read_root(&document->pool, document->root, schema, out);
}

enum status schema_read_text(const char *text, const struct schema *schema, void *out,
                             struct pool *pool)
{
    struct node *root;
    TRY(tree_parse(pool, (struct position){0}, text, strlen(text), &root));
    return read_root(pool, root, schema, out);
}
