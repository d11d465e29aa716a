/* Structs to YAML, by the tables that read it.
 *
 * Maps and lists of variants are written as blocks, lists of scalars in brackets. A default is
 * shown like any other value, unless its field is hidden. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "config/number.h"
#include "config/tree.h"

static void write_fields(struct text *text, int indent, const struct schema *schema,
                         const char *tag, const void *in);

/* ---- Scalars ---- */

/* May the value stand without quotes, for us and for readers of YAML 1.1? */
static bool is_plain(const char *value)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n",   NULL};
    bool dotted = value[0] == '.' && (value[1] == '/' || value[1] == '.');
    if (!isalpha((unsigned char)value[0]) && value[0] != '_' && value[0] != '/' && !dotted)
        return false;
    for (size_t i = 0; words[i]; i++)
        if (strcasecmp(value, words[i]) == 0)
            return false;
    size_t length = strlen(value);
    for (size_t i = 0; i < length; i++) {
        bool inner = i + 1 < length && value[i + 1] != ' ';
        if (!isalnum((unsigned char)value[i]) && !strchr("_./+-*()=@%^~", value[i]) &&
            !(inner && (value[i] == ' ' || value[i] == ':')))
            return false;
    }
    return true;
}

static void write_string(struct text *text, const char *value)
{
    if (!value)
        text_add(text, "null");
    else if (is_plain(value))
        text_add(text, "%s", value);
    else
        json_string(text, value);
}

static void write_integer(struct text *text, int64_t value)
{
    if (value == FIELD_NONE)
        text_add(text, "null");
    else
        text_add(text, "%" PRId64, value);
}

static void write_number(struct text *text, double value, bool nullable)
{
    if (isnan(value))
        text_add(text, nullable ? "null" : ".nan");
    else if (isinf(value))
        text_add(text, value < 0 ? "-.inf" : ".inf");
    else
        json_number(text, value);
}

static void write_pair(struct text *text, const int64_t pair[2])
{
    if (pair[0] == pair[1])
        write_integer(text, pair[0]);
    else
        text_add(text, "[%" PRId64 ", %" PRId64 "]", pair[0], pair[1]);
}

static void write_margins(struct text *text, const int64_t margins[4])
{
    if (margins[0] == FIELD_NONE)
        text_add(text, "null");
    else
        text_add(text, "[[%" PRId64 ", %" PRId64 "], [%" PRId64 ", %" PRId64 "]]", margins[0],
                 margins[1], margins[2], margins[3]);
}

/* ---- Lists of scalars ---- */

static void write_item(struct text *text, const struct field *field, const void *in, size_t i)
{
    if (field->type == FIELD_INTS)
        write_integer(text, ((const struct int_list *)in)->v[i]);
    else if (field->type == FIELD_FLOATS)
        write_number(text, ((const struct float_list *)in)->v[i], false);
    else
        write_string(text, ((const struct string_list *)in)->v[i]);
}

static void write_list(struct text *text, const struct field *field, const void *in, size_t n,
                       const void *items)
{
    if (field->nullable && n == 0 && !items) {
        text_add(text, "null");
        return;
    }
    text_add(text, "[");
    for (size_t i = 0; i < n; i++) {
        text_add(text, i ? ", " : "");
        write_item(text, field, in, i);
    }
    text_add(text, "]");
}

static void write_numbers(struct text *text, const struct field *field,
                          const struct number_map *map)
{
    if (map->choice >= 0 || !map->v) {
        write_string(text, map->choice < 0 ? NULL : field->choices[map->choice]);
        return;
    }
    text_add(text, "{");
    for (size_t i = 0; i < map->n; i++) {
        text_add(text, "%s%" PRId64 ": ", i ? ", " : "", map->key[i]);
        write_number(text, map->v[i], false);
    }
    text_add(text, "}");
}

/* ---- Maps: each writes what follows "key:" or "-", the end of the line included ---- */

static void write_map(struct text *text, int indent, const struct schema *schema, const void *in)
{
    size_t start = text->length;
    text_add(text, "\n");
    write_fields(text, indent, schema, NULL, in);
    if (text->length > start + 1)
        return;
    text->length = start;
    text_add(text, " {}\n");
}

/* " Name", or "Name:" and its arguments below: in_line after what is there, else in a line of its
 * own. indent: of Name. */
static void write_variant(struct text *text, int indent, const struct variant *variant,
                          bool in_line)
{
    struct text args = {0};
    if (variant->kind && variant->kind->schema)
        write_fields(&args, indent + 2, variant->kind->schema, NULL, variant->args);
    if (args.length > 0) {
        text_add(text, "%s%*s%s:\n", in_line ? "" : "\n", in_line ? 1 : indent, "",
                 variant->kind->name);
        text_append(text, args.data, args.length);
    } else {
        text_add(text, " %s\n", variant->kind ? variant->kind->name : "null");
    }
    text_release(&args);
}

static void write_variants(struct text *text, int indent, const struct variant_list *list,
                           bool nullable)
{
    if (list->n == 0) {
        text_add(text, nullable && !list->v ? " null\n" : " []\n");
        return;
    }
    text_add(text, "\n");
    for (size_t i = 0; i < list->n; i++) {
        text_add(text, "%*s-", indent, "");
        write_variant(text, indent + 2, &list->v[i], true);
    }
}

static void write_tagged(struct text *text, int indent, const struct variant *variant,
                         const char *tag)
{
    if (!variant->kind) {
        text_add(text, " null\n");
        return;
    }
    text_add(text, "\n%*s%s: %s\n", indent, "", tag, variant->kind->name);
    if (variant->kind->schema)
        write_fields(text, indent, variant->kind->schema, tag, variant->args);
}

static void write_struct(struct text *text, int indent, const struct field *field, const void *in)
{
    if (field->nullable)
        in = *(const void *const *)in;
    if (in)
        write_map(text, indent, field->schema, in);
    else
        text_add(text, " null\n");
}

/* ---- Fields ---- */

/* A value that stands in its key's line. */
static void write_short(struct text *text, const struct field *field, const void *in)
{
    switch (field->type) {
    case FIELD_BOOL:
        text_add(text, *(const bool *)in ? "true" : "false");
        return;
    case FIELD_INT:
        if (field->word && *(const int64_t *)in == FIELD_NONE)
            write_string(text, field->word);
        else
            write_integer(text, *(const int64_t *)in);
        return;
    case FIELD_FLOAT:
        write_number(text, *(const double *)in, field->nullable);
        return;
    case FIELD_STRING:
        write_string(text, *(const char *const *)in);
        return;
    case FIELD_CHOICE:
        write_string(text, *(const int *)in < 0 ? NULL : field->choices[*(const int *)in]);
        return;
    case FIELD_PAIR:
        write_pair(text, in);
        return;
    case FIELD_MARGINS:
        write_margins(text, in);
        return;
    case FIELD_INTS:
        write_list(text, field, in, ((const struct int_list *)in)->n,
                   ((const struct int_list *)in)->v);
        return;
    case FIELD_FLOATS:
        write_list(text, field, in, ((const struct float_list *)in)->n,
                   ((const struct float_list *)in)->v);
        return;
    case FIELD_STRINGS:
        write_list(text, field, in, ((const struct string_list *)in)->n,
                   ((const struct string_list *)in)->v);
        return;
    case FIELD_NUMBERS:
        write_numbers(text, field, in);
        return;
    default:
        MUST(false, "field '%s' has type %d", field->key, (int)field->type);
    }
}

/* A number that stands alone for its kind? */
static bool write_plain(struct text *text, const struct field *field, const void *in)
{
    const struct variant *variant = in;
    if (field->type != FIELD_VARIANT || !field->plain || variant->kind != field->plain)
        return false;
    const struct field *bare = schema_bare(variant->kind->schema);
    text_add(text, " ");
    write_short(text, bare, (const char *)variant->args + bare->offset);
    text_add(text, "\n");
    return true;
}

static void write_field(struct text *text, int indent, const struct field *field, const void *in)
{
    text_add(text, "%*s%s:", indent, "", field->key);
    if (write_plain(text, field, in))
        return;
    switch (field->type) {
    case FIELD_STRUCT:
        write_struct(text, indent + 2, field, in);
        return;
    case FIELD_VARIANT:
        write_variant(text, indent + 2, in, false);
        return;
    case FIELD_VARIANTS:
        write_variants(text, indent + 2, in, field->nullable);
        return;
    case FIELD_TAGGED:
        write_tagged(text, indent + 2, in, field->tag);
        return;
    default:
        text_add(text, " ");
        write_short(text, field, in);
        text_add(text, "\n");
    }
}

/* Is the value what its default reads as? Both are written and compared. */
static bool at_default(const struct field *field, const void *in)
{
    if (!field->fallback)
        return false;
    struct field alone[2] = {*field, {0}};
    alone[0].offset = 0;
    const struct schema schema = {.name = field->key, .fields = alone};
    struct pool pool = {0};
    struct text expected = {0}, found = {0};
    bool by_value = field->type == FIELD_STRUCT && !field->nullable;
    MUST(!by_value || field->size > 0, "field '%s' needs a size", field->key);
    void *value = pool_alloc(&pool, by_value ? field->size : sizeof(struct variant));
    enum status status = schema_read_text("{}", &schema, value, &pool);
    MUST(status == ST_OK, "default of '%s': %s", field->key, status_message());
    write_field(&expected, 0, field, value);
    write_field(&found, 0, field, in);
    bool same = strcmp(expected.data, found.data) == 0;
    text_release(&expected);
    text_release(&found);
    pool_release(&pool);
    return same;
}

bool schema_replaces(const struct schema *whole, const struct schema *own,
                     const struct field *field)
{
    for (; whole != own; whole = whole->base)
        for (const struct field *other = whole->fields; other->key; other++)
            if (strcmp(other->key, field->key) == 0)
                return true;
    return false;
}

/* The fields of part, which is whole or one of its bases, after those of part's own base. */
static void write_part(struct text *text, int indent, const struct schema *whole,
                       const struct schema *part, const char *tag, const void *in)
{
    if (part->base)
        write_part(text, indent, whole, part->base, tag, in);
    for (const struct field *field = part->fields; field->key; field++) {
        const void *value = (const char *)in + field->offset;
        if ((tag && strcmp(field->key, tag) == 0) || schema_replaces(whole, part, field))
            continue;
        if (!field->hidden || !at_default(field, value))
            write_field(text, indent, field, value);
    }
}

/* tag: a key that has been written already, or NULL. */
static void write_fields(struct text *text, int indent, const struct schema *schema,
                         const char *tag, const void *in)
{
    write_part(text, indent, schema, schema, tag, in);
}

void schema_write(struct text *text, int indent, const struct schema *schema, const void *in)
{
    size_t start = text->length;
    write_fields(text, indent, schema, NULL, in);
    if (text->length == start)
        text_add(text, "%*s{}\n", indent, "");
}
