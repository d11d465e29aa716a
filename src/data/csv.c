/* Comma-separated text: numbers, and a column of labels or target values.
 *
 * Features become float32. Labels that are integers 0..999,999 are class numbers, other numbers are
 * values (regression); as soon as one label is not a number, all are names of classes, numbered in
 * the order of their bytes, or as class_names says. The node's leader parses; all see the result.
 */
#include "data/csv.h"

#include <stdlib.h>
#include <string.h>

#include "config/tree.h"
#include "data/class_names.h"
#include "data/storage.h"

enum { HEADER_AUTO, HEADER_TRUE, HEADER_FALSE };
enum { SHOWN_NAMES = 8 };

struct csv_args {
    struct data_common common;
    char *file;
    char *label, *sample_weight;
    int header;
    char *delimiter;
    struct string_list class_names;
};

/* What the leader tells the others. */
struct csv_shape {
    size_t rows, features, classes;
    size_t names_size; /* class names one after the other, each with its NUL; 0: there are none */
    enum dtype label_dtype;
    bool has_labels, has_weights;
};

/* What the passes over the cells need and find. */
struct table {
    struct csv_text text;
    const struct csv_args *args;
    struct pool pool;
    size_t columns, first_row; /* 1 where the first is a header */
    bool any_number;           /* in the first row */
    char **column_names;       /* from the first row */
    size_t label, weight;      /* their columns; SIZE_MAX: none */
    bool labels_are_numbers, labels_are_integers;
    char **names; /* the labels' texts; then, without duplicates, the classes */
    size_t n_names, room;
    struct csv_shape shape;
    float *x;       /* rows x features */
    void *y;        /* rows, int32 or float32 */
    float *weights; /* rows */
};

/* ---- The first row ---- */

static enum status visit_first(void *context, const struct csv_cell *cell)
{
    struct table *t = context;
    float ignored;
    t->column_names = mem_grow(t->column_names, cell->column + 1, sizeof *t->column_names);
    t->column_names[cell->column] = pool_strdup(&t->pool, cell->text);
    t->columns = cell->column + 1;
    t->any_number |= csv_number(cell, &ignored);
    return ST_OK;
}

static enum status fail_column(const struct table *t, const char *key, const char *name)
{
    struct text known = {0};
    text_add(&known, "0..%zu", t->columns - 1);
    for (size_t i = 0; t->first_row && i < t->columns && i < SHOWN_NAMES; i++)
        text_add(&known, ", \"%s\"", text_shown(t->column_names[i]));
    if (t->first_row && t->columns > SHOWN_NAMES)
        text_add(&known, ", ...");
    status_fail(ST_DATA, "%s: has no column \"%s\" for the %s, but %s", t->text.path,
                text_shown(name), key, known.data);
    text_release(&known);
    return ST_DATA;
}

/* By name where there is a header, else by number from 0, or from the end: -1 is the last. */
static enum status find_column(const struct table *t, const char *key, const char *name,
                               size_t *column)
{
    *column = SIZE_MAX;
    if (!name)
        return ST_OK;
    for (size_t i = 0; t->first_row && i < t->columns && *column == SIZE_MAX; i++)
        if (strcmp(t->column_names[i], name) == 0)
            *column = i;
    char *end;
    long long number = strtoll(name, &end, 10);
    bool is_number = *name && !*end;
    if (*column == SIZE_MAX && is_number) {
        number += number < 0 ? (long long)t->columns : 0;
        if (number >= 0 && number < (long long)t->columns)
            *column = (size_t)number;
    }
    return *column == SIZE_MAX ? fail_column(t, key, name) : ST_OK;
}

static enum status read_first_row(struct table *t)
{
    TRY(csv_each(&t->text, 1, visit_first, t));
    FAIL_IF(t->columns == 0, ST_DATA, "%s: has no lines", t->text.path);
    int header = t->args->header;
    t->first_row = header == HEADER_TRUE || (header == HEADER_AUTO && !t->any_number);
    TRY(find_column(t, "label", t->args->label, &t->label));
    TRY(find_column(t, "sample_weight", t->args->sample_weight, &t->weight));
    t->shape.has_labels = t->label != SIZE_MAX;
    t->shape.has_weights = t->weight != SIZE_MAX;
    FAIL_IF(t->shape.has_weights && t->weight == t->label, ST_DATA,
            "%s: column %zu is both label and sample_weight", t->text.path, t->label);
    size_t others = (size_t)t->shape.has_labels + (size_t)t->shape.has_weights;
    FAIL_IF(t->columns <= others, ST_DATA, "%s: has no column but the label%s", t->text.path,
            t->shape.has_weights ? " and the sample_weight" : "");
    t->shape.features = t->columns - others;
    return ST_OK;
}

/* ---- Labels ---- */

static bool is_class_number(float value)
{
    return value >= 0 && value < DATA_MAX_CLASSES && value == (float)(int32_t)value;
}

static enum status visit_count(void *context, const struct csv_cell *cell)
{
    struct table *t = context;
    t->shape.rows = cell->row + 1 - t->first_row;
    if (cell->column != t->label || cell->row < t->first_row)
        return ST_OK;
    float value;
    bool number = csv_number(cell, &value);
    t->labels_are_numbers &= number;
    t->labels_are_integers &= number && is_class_number(value);
    FAIL_IF(cell->length == 0, ST_DATA, "%s:%zu: the label is missing", t->text.path, cell->line);
    return ST_OK;
}

static enum status visit_name(void *context, const struct csv_cell *cell)
{
    struct table *t = context;
    if (cell->column != t->label || cell->row < t->first_row)
        return ST_OK;
    if (t->n_names == t->room) {
        t->room = t->room ? 2 * t->room : 1024;
        t->names = mem_grow(t->names, t->room, sizeof *t->names);
    }
    t->names[t->n_names++] = pool_strdup(&t->pool, cell->text);
    return ST_OK;
}

/* The classes in order: those configured, else all that occur. */
static enum status name_classes(struct table *t)
{
    const struct string_list *given = &t->args->class_names;
    if (given->n) {
        t->names = mem_need(given->n, sizeof *t->names);
        memcpy(t->names, given->v, given->n * sizeof *t->names);
        t->n_names = given->n;
    } else {
        TRY(csv_each(&t->text, SIZE_MAX, visit_name, t));
        t->n_names = class_names_unique(t->names, t->n_names);
    }
    FAIL_IF(t->n_names > DATA_MAX_CLASSES, ST_DATA, "%s: has %zu different labels, %d is the most",
            t->text.path, t->n_names, DATA_MAX_CLASSES);
    t->shape.classes = t->n_names;
    for (size_t i = 0; i < t->n_names; i++)
        t->shape.names_size += strlen(t->names[i]) + 1;
    return ST_OK;
}

/* The file is mapped: somebody may write to it between our passes. */
static enum status fail_changed(const struct table *t, const struct csv_cell *cell)
{
    FAIL(ST_DATA, "%s:%zu: the file was changed while it was read", t->text.path, cell->line);
}

static enum status find_class(const struct table *t, const struct csv_cell *cell, int32_t *out)
{
    struct class_names names = {t->names, t->n_names, t->args->class_names.n > 0};
    size_t found = class_names_find(&names, cell->text);
    FAIL_IF(found == names.n && names.given, ST_DATA,
            "%s:%zu: label \"%s\" is not one of class_names", t->text.path, cell->line,
            text_shown(cell->text));
    if (found == names.n)
        return fail_changed(t, cell);
    *out = (int32_t)found;
    return ST_OK;
}

/* ---- Numbers ---- */

static enum status fail_number(const struct table *t, const struct csv_cell *cell)
{
    const char *hint = cell->row == 0 && t->args->header == HEADER_AUTO
                           ? "; if this line is a header, say header: true"
                           : "";
    FAIL(ST_DATA, "%s:%zu: column %zu%s%s%s is \"%s\", expected a finite number%s", t->text.path,
         cell->line, cell->column, t->first_row ? " (" : "",
         t->first_row ? text_shown(t->column_names[cell->column]) : "", t->first_row ? ")" : "",
         text_shown(cell->text), hint);
}

static enum status visit_fill(void *context, const struct csv_cell *cell)
{
    struct table *t = context;
    if (cell->row < t->first_row)
        return ST_OK;
    size_t row = cell->row - t->first_row;
    if (row >= t->shape.rows || cell->column >= t->columns)
        return fail_changed(t, cell);
    if (cell->column == t->label && t->shape.names_size)
        return find_class(t, cell, (int32_t *)t->y + row);
    float value;
    if (!csv_number(cell, &value))
        return fail_number(t, cell);
    if (cell->column == t->weight)
        t->weights[row] = value;
    else if (cell->column != t->label)
        t->x[row * t->shape.features + cell->column - (cell->column > t->label) -
             (cell->column > t->weight)] = value;
    else if (t->shape.label_dtype == DTYPE_I32)
        ((int32_t *)t->y)[row] = (int32_t)value;
    else
        ((float *)t->y)[row] = value;
    return ST_OK;
}

/* ---- Opening ---- */

static enum status check_delimiter(const struct csv_args *args, unsigned char *delimiter)
{
    const char *text = strcmp(args->delimiter, "tab") == 0 ? "\t" : args->delimiter;
    FAIL_IF(strlen(text) != 1 || strchr("\"\r\n", *text), ST_USAGE,
            "delimiter: \"%s\" is not one character, or tab", args->delimiter);
    *delimiter = (unsigned char)*text;
    return ST_OK;
}

/* The leader's first part: everything but the numbers. */
static enum status survey(struct table *t)
{
    TRY(read_first_row(t));
    t->labels_are_numbers = t->labels_are_integers = true;
    TRY(csv_each(&t->text, SIZE_MAX, visit_count, t));
    FAIL_IF(t->shape.rows == 0, ST_DATA, "%s: has no lines of numbers", t->text.path);
    if (!t->shape.has_labels)
        return ST_OK;
    bool named = t->args->class_names.n || !t->labels_are_numbers;
    t->shape.label_dtype = named || t->labels_are_integers ? DTYPE_I32 : DTYPE_F32;
    return named ? name_classes(t) : ST_OK;
}

/* The block that all ranks see: features, weights, labels, class names. */
static enum status block_size(const char *path, const struct csv_shape *s, size_t *size)
{
    size_t columns = s->features + s->has_weights + s->has_labels;
    bool overflow = __builtin_mul_overflow(s->rows, columns * sizeof(float), size) ||
                    __builtin_add_overflow(*size, s->names_size, size);
    FAIL_IF(overflow, ST_DATA, "%s: has more numbers than can be addressed", path);
    return ST_OK;
}

static enum status fill(struct table *t, unsigned char *block)
{
    t->x = (float *)(void *)block;
    t->weights = t->x + t->shape.rows * t->shape.features;
    t->y = t->weights + t->shape.rows * t->shape.has_weights;
    char *names = (char *)t->y + t->shape.rows * t->shape.has_labels * sizeof(float);
    TRY(csv_each(&t->text, SIZE_MAX, visit_fill, t));
    for (size_t i = 0; t->shape.names_size && i < t->n_names; i++)
        names = stpcpy(names, t->names[i]) + 1;
    return ST_OK;
}

static struct array column_array(struct dataset *out, enum dtype dtype, size_t elements,
                                 const unsigned char *base)
{
    struct array array = {.dtype = dtype,
                          .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
                          .stride = elements * dtype_size(dtype),
                          .parts = 1,
                          .part = pool_alloc(&out->pool, sizeof *array.part)};
    *array.part = (struct array_part){base, 0, out->source, STORED_UNPACKED};
    return array;
}

/* Every rank: arrays over the block. */
static void attach(const struct csv_shape *shape, unsigned char *block, struct dataset *out)
{
    out->stored = shape->rows;
    out->x = column_array(out, DTYPE_F32, shape->features, block);
    array_set_shape(&out->x, (const size_t[]){shape->rows, shape->features}, 2);
    unsigned char *weights = block + shape->rows * shape->features * sizeof(float);
    if (shape->has_weights)
        out->weight = column_array(out, DTYPE_F32, 1, weights);
    if (!shape->has_labels)
        return;
    unsigned char *labels = weights + shape->rows * shape->has_weights * sizeof(float);
    out->y = column_array(out, shape->label_dtype, 1, labels);
    if (!shape->names_size)
        return;
    char *name = (char *)labels + shape->rows * sizeof(int32_t);
    out->classes = shape->classes;
    out->class_names = pool_alloc(&out->pool, shape->classes * sizeof *out->class_names);
    for (size_t i = 0; i < shape->classes; i++) {
        out->class_names[i] = name;
        name += strlen(name) + 1;
    }
}

static enum status open_with(struct table *t, const struct data_env *env, struct dataset *out)
{
    struct file_bytes file;
    void *block;
    size_t size;
    bool leader = storage_is_leader(env);
    TRY(check_delimiter(t->args, &t->text.delimiter));
    TRY(storage_file(env, out, t->args->file, NULL, &file));
    out->source = t->text.path = file.path;
    t->text.bytes = file.base;
    t->text.size = file.size;
    TRY(storage_agree(env, out, leader ? survey(t) : ST_OK));
    TRY(storage_tell(env, &t->shape, sizeof t->shape));
    TRY(block_size(file.path, &t->shape, &size));
    TRY(storage_get(env, out, size, file.path, &block));
    TRY(storage_agree(env, out, leader ? fill(t, block) : ST_OK));
    attach(&t->shape, block, out);
    return ST_OK;
}

static enum status open_csv(const void *args, const struct data_env *env, struct dataset *out)
{
    struct table table = {.args = args};
    enum status status = open_with(&table, env, out);
    free(table.column_names);
    free(table.names);
    pool_release(&table.pool);
    return status;
}

static bool recognise(const unsigned char *head, size_t head_size, size_t size)
{
    bool delimiter = false;
    (void)size;
    for (size_t i = 0; i < head_size; i++) {
        if (head[i] < ' ' && head[i] != '\t' && head[i] != '\n' && head[i] != '\r')
            return false;
        delimiter |= head[i] == ',';
    }
    return delimiter;
}

static const char *const header_choices[] = {
    [HEADER_AUTO] = "auto", [HEADER_TRUE] = "true", [HEADER_FALSE] = "false", NULL};

static const struct field fields[] = {
    {.key = "file",
     .type = FIELD_STRING,
     .offset = offsetof(struct csv_args, file),
     .help = "the text file, plain, .gz or .xz"},
    {.key = "label",
     .type = FIELD_STRING,
     .offset = offsetof(struct csv_args, label),
     .fallback = "null",
     .nullable = true,
     .help = "the label's column: its name, or its number from 0 (-1: the last); null: none"},
    {.key = "sample_weight",
     .type = FIELD_STRING,
     .offset = offsetof(struct csv_args, sample_weight),
     .fallback = "null",
     .nullable = true,
     .help = "the column of the samples' weights in the loss, named like label's; null: none"},
    {.key = "header",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct csv_args, header),
     .fallback = "auto",
     .choices = header_choices,
     .help = "is the first line a header? auto: if none of its cells is a number"},
    {.key = "delimiter",
     .type = FIELD_STRING,
     .offset = offsetof(struct csv_args, delimiter),
     .fallback = "','",
     .help = "one character, or tab"},
    {.key = "class_names",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct csv_args, class_names),
     .fallback = "[]",
     .help = "the labels in the order of their classes; []: all that occur, sorted"},
    {0}};

static const struct schema schema = {"csv", fields, &data_common_schema};

const struct format format_csv = {
    .kind = {"csv", &schema, sizeof(struct csv_args), &format_csv},
    .file_keys = (const char *const[]){"file", NULL},
    .recognise = recognise,
    .open = open_csv,
};
