/* Experiment files: YAML (and JSON) text to typed structs, by tables.
 *
 * This folder is the only place that knows YAML. Whoever has options describes them once, in a
 * table of struct field, with the default as it would be written in the file; the same table reads
 * the file, reports unknown keys, wrong types and bad ranges with file, line, column and the
 * nearest known key, and prints the resolved experiment with every default visible. */
#ifndef CONVOY_CONFIG_SCHEMA_H
#define CONVOY_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"

/* Where something stands in a file, for messages about its meaning found later. */
struct position {
    const char *file; /* as the user named it; "--set" for an override; NULL for a default */
    int line, column; /* from 1; line 0 in an override */
};

/* Text for a message: "lenet5.yaml:12:9: ", "--set: " for an override, "" for a default. In a ring
 * of 8 buffers of this thread. */
const char *position_text(struct position position);

enum field_type {
    FIELD_BOOL,     /* bool */
    FIELD_INT,      /* int64_t; null is allowed where nullable and stored as FIELD_NONE */
    FIELD_FLOAT,    /* double; numbers and fractions such as 1/255; null (nullable) is NAN;
                           .inf and .nan only where any number is allowed */
    FIELD_STRING,   /* char *; null (nullable) is NULL */
    FIELD_CHOICE,   /* int: index into choices; compared like names, see name_equal; null
                           (nullable) is -1 */
    FIELD_PAIR,     /* int64_t[2]: one integer for both, or a list of two; nullable: FIELD_NONE */
    FIELD_MARGINS,  /* int64_t[2][2]: one integer for all four, [a, b] for [[a, a], [b, b]], or
                           [[top, bottom], [left, right]]; written in the last form; nullable:
                           FIELD_NONE */
    FIELD_INTS,     /* struct int_list: a list of integers, or one integer as a list of one;
                           null (nullable) has v NULL, an empty list has not */
    FIELD_FLOATS,   /* struct float_list: likewise */
    FIELD_STRINGS,  /* struct string_list: likewise */
    FIELD_NUMBERS,  /* struct number_map: a map of whole numbers to numbers, or one of .choices */
    FIELD_STRUCT,   /* a nested struct, described by .schema, at offset; where nullable, a
                           pointer to such a struct of .size bytes, NULL for null */
    FIELD_VARIANT,  /* struct variant: one of .kinds, "Name", {Name: {key: value}} or
                           {Name: value} where the kind has a field marked bare */
    FIELD_VARIANTS, /* struct variant_list: a list of those, or a single one */
    FIELD_TAGGED    /* struct variant: a map in which the key .tag names the kind
                           ({format: idx, images: ...}); the first kind where the key is absent. A
                           FIELD_STRING of the kind's schema whose key is the tag gets the kind's
                           name */
};

#define FIELD_NONE INT64_MIN

struct int_list {
    size_t n;
    int64_t *v;
};
struct float_list {
    size_t n;
    double *v;
};
struct string_list {
    size_t n;
    char **v;
};
struct number_map {
    size_t n;
    int64_t *key; /* as they stand in the file */
    double *v;
    int choice; /* index into choices, and n 0; -1: a map */
};

/* One of several named alternatives, each with arguments of its own. */
struct kind {
    const char *name;            /* as printed: "Conv2D", "he_normal", "idx" */
    const struct schema *schema; /* of its arguments; NULL: it takes none */
    size_t size;                 /* of its argument struct */
    const void *impl;            /* what the owner of the table attaches (a function table) */
};
struct variant {
    const struct kind *kind; /* NULL: null was given (only where nullable) */
    void *args;              /* of kind->size bytes, zero-filled then read; NULL if size is 0 */
    struct position position;
};
struct variant_list {
    size_t n;
    struct variant *v;
};

/* Another name that is accepted for a kind: "mse" for "mean_squared_error". */
struct alias {
    const char *alias, *name;
};

struct field {
    const char *key;
    enum field_type type;
    size_t offset;
    const char *fallback;            /* the default as YAML text; NULL: the key is required */
    double min, max;                 /* inclusive; both 0: any; max below min: no upper bound.
                                         Element-wise for lists and pairs. DBL_MIN: above 0 */
    const char *const *choices;      /* FIELD_CHOICE, FIELD_NUMBERS: ends with NULL */
    const struct schema *schema;     /* FIELD_STRUCT */
    size_t size;                     /* FIELD_STRUCT, where nullable or hidden: of the struct */
    const struct kind *const *kinds; /* FIELD_VARIANT(S), FIELD_TAGGED: ends with NULL */
    const struct alias *aliases;     /* of kinds' names: ends with a NULL alias; may be NULL */
    const struct kind *plain;        /* FIELD_VARIANT: the kind that a number alone stands for, as
                                         the kind's bare field; NULL: none */
    const char *tag;                 /* FIELD_TAGGED */
    bool nullable;                   /* null is allowed */
    const char *word;                /* FIELD_INT: this word is allowed, stored as FIELD_NONE */
    bool bare;                       /* {Name: value} stands for {Name: {thiskey: value}}, for a
                                         value that is neither a map nor null */
    bool hidden;      /* read, but left out of the resolved text when at its default */
    const char *help; /* one line for --help and the manual */
};

struct schema {
    const char *name;           /* for messages: "Conv2D", "fit"; NULL at the root */
    const struct field *fields; /* ends with a NULL key */
    const struct schema *base;  /* common fields (same struct, read first), of which a field of the
                                   same key takes the place; NULL if none */
};

/* A parsed file. Everything read from it lives in its pool until document_free. */
struct document;

/* Parses path; "-" is standard input. Aliases and merge keys (<<) are resolved. Errors: ST_USAGE
 * with position (bad YAML, duplicate keys, more than 1,000,000 values after aliases are resolved,
 * nesting deeper than 64), ST_USAGE when the file cannot be read or is larger than 16 MiB. */
enum status document_load(const char *path, struct document **out);

/* Parses text; name is shown in messages. Errors: as for document_load. */
enum status document_parse(const char *name, const char *text, size_t length,
                           struct document **out);

/* Applies "fit.epochs=3" (the value is YAML; list items by index: model.layers.0.Conv2D.filters=8).
 * Intermediate maps are created, and a name that stands alone becomes a map
 * (optimizer: Adam, optimizer.Adam.beta_1=0.8); unknown keys are found later, by document_read.
 * Errors: ST_USAGE, the document is then as it was. */
enum status document_set(struct document *document, const char *assignment);

/* Reads the document's root by the schema into out (zero-filled by the caller). Lists, strings and
 * variant arguments are allocated in the document's pool. Errors: ST_USAGE with position. */
enum status document_read(struct document *document, const struct schema *schema, void *out);

void document_free(struct document *document);

/* The same for a piece of text, such as a default or {Adam: {}} in a test; pool owns the results.
 * Positions have no file. */
enum status schema_read_text(const char *text, const struct schema *schema, void *out,
                             struct pool *pool);

/* Appends the resolved YAML of in, every default visible; it reads back to the same values
 * (numbers with 17 significant digits where needed, fewer where they suffice). indent: spaces
 * before each line. */
void schema_write(struct text *text, int indent, const struct schema *schema, const void *in);

/* The field of a kind's arguments that is marked bare; NULL: none. */
const struct field *schema_bare(const struct schema *schema);

/* Does a schema from whole down to own, which is whole or one of its bases, have a field of the key
 * of own's field, which takes its place? */
bool schema_replaces(const struct schema *whole, const struct schema *own,
                     const struct field *field);

/* Are two names the same when case, '_', '-' are ignored (he_normal and HeNormal)? */
bool name_equal(const char *a, const char *b);

/* The nearest of names (NULL-terminated) by edit distance, or NULL if none is near. */
const char *name_nearest(const char *name, const char *const *names);

/* ---- JSON output: the few programs that read our output get it from here ---- */

/* Appends text as a JSON string, quotes and escapes included; it is a YAML string as well. Bytes
 * that are not UTF-8 become U+FFFD. */
void json_string(struct text *text, const char *value);
/* Appends a number with the fewest digits that read back the same; null for NaN and infinities. */
void json_number(struct text *text, double value);

#endif
