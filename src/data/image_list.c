#include "data/image_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "config/tree.h"
#include "data/class_names.h"
#include "data/dataset.h"

void image_list_release(struct image_list *list)
{
    text_release(&list->names);
    text_release(&list->class_names);
    text_release(&list->y);
    pool_release(&list->pool);
}

static void add_name(struct text *names, const char *name)
{
    text_append(names, name, strlen(name) + 1);
}

static void add_label(struct image_list *list, int32_t label)
{
    text_append(&list->y, (const char *)&label, sizeof label);
}

static enum status set_classes(struct image_list *list, const struct class_names *names)
{
    FAIL_IF(names->n > DATA_MAX_CLASSES, ST_DATA, "%zu different classes, %d is the most", names->n,
            DATA_MAX_CLASSES);
    list->classes = names->n;
    for (size_t i = 0; i < names->n; i++)
        add_name(&list->class_names, names->name[i]);
    return ST_OK;
}

/* ---- Folders ---- */

struct entries {
    char **name; /* in the list's pool, sorted */
    size_t n;
};

static enum status read_folder(const char *path, struct pool *pool, struct entries *out)
{
    size_t room = 0;
    *out = (struct entries){0};
    DIR *dir = opendir(path);
    FAIL_IF(!dir, ST_DATA, "%s: %s", path, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        if (out->n == room) {
            room = room ? 2 * room : 64;
            out->name = mem_grow(out->name, room, sizeof *out->name);
        }
        out->name[out->n++] = pool_strdup(pool, entry->d_name);
    }
    closedir(dir);
    class_names_unique(out->name, out->n);
    return ST_OK;
}

static bool is_picture(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 ||
                   strcasecmp(dot, ".png") == 0);
}

static enum status is_folder(const char *path, bool *out)
{
    struct stat about;
    FAIL_IF(stat(path, &about) != 0, ST_DATA, "%s: %s", path, strerror(errno));
    *out = S_ISDIR(about.st_mode);
    return ST_OK;
}

static enum status add_folder(struct image_list *list, const char *root, const char *below,
                              int depth, int32_t label);

static enum status add_entry(struct image_list *list, const char *root, const char *below,
                             int depth, int32_t label)
{
    bool folder = false;
    const char *path = pool_printf(&list->pool, "%s/%s", root, below);
    TRY(is_folder(path, &folder));
    if (folder)
        return add_folder(list, root, below, depth + 1, label);
    if (!is_picture(below)) {
        if (list->others++ == 0)
            list->first_other = pool_strdup(&list->pool, path);
        return ST_OK;
    }
    add_name(&list->names, below);
    if (list->targets)
        add_label(list, label);
    list->n++;
    return ST_OK;
}

/* All that is in root/below; below may be empty. */
static enum status add_folder(struct image_list *list, const char *root, const char *below,
                              int depth, int32_t label)
{
    struct entries entries;
    const char *path = pool_printf(&list->pool, "%s%s%s", root, *below ? "/" : "", below);
    FAIL_IF(depth > IMAGE_MAX_DEPTH, ST_DATA,
            "%s: more than %d folders deep; does a link lead back?", path, IMAGE_MAX_DEPTH);
    enum status status = read_folder(path, &list->pool, &entries);
    for (size_t i = 0; i < entries.n && status == ST_OK; i++)
        status =
            add_entry(list, root,
                      pool_printf(&list->pool, "%s%s%s", below, *below ? "/" : "", entries.name[i]),
                      depth, label);
    free(entries.name);
    return status;
}

/* The subfolders of root, of which entries has all names. */
static enum status keep_folders(struct image_list *list, const char *root, struct entries *entries)
{
    size_t kept = 0;
    for (size_t i = 0; i < entries->n; i++) {
        bool folder = false;
        TRY(is_folder(pool_printf(&list->pool, "%s/%s", root, entries->name[i]), &folder));
        if (folder)
            entries->name[kept++] = entries->name[i];
        else if (list->others++ == 0)
            list->first_other = pool_printf(&list->pool, "%s/%s", root, entries->name[i]);
    }
    entries->n = kept;
    FAIL_IF(kept == 0, ST_DATA,
            "%s: has no subfolders, which would be the classes; say 'labels: null' for pictures "
            "without labels, or name a CSV file",
            root);
    return ST_OK;
}

/* class_names are the subfolders, in another order. */
static enum status check_given(const char *root, const struct entries *entries,
                               const struct string_list *given)
{
    struct class_names folders = {entries->name, entries->n, false};
    for (size_t i = 0; i < given->n; i++)
        FAIL_IF(class_names_find(&folders, given->v[i]) == folders.n, ST_DATA,
                "%s: class_names: it has no subfolder \"%s\"", root, text_shown(given->v[i]));
    struct class_names names = {given->v, given->n, true};
    for (size_t i = 0; i < entries->n; i++)
        FAIL_IF(class_names_find(&names, entries->name[i]) == names.n, ST_DATA,
                "%s: its subfolder \"%s\" is not one of class_names", root,
                text_shown(entries->name[i]));
    return ST_OK;
}

static enum status add_classes(struct image_list *list, const char *root, struct entries *entries,
                               const struct string_list *given)
{
    TRY(keep_folders(list, root, entries));
    struct class_names names = {entries->name, entries->n, given->n > 0};
    if (given->n > 0) {
        TRY(check_given(root, entries, given));
        names.name = given->v;
        names.n = given->n;
    }
    list->targets = 1;
    list->labels = true;
    TRY(set_classes(list, &names));
    for (size_t i = 0; i < names.n; i++)
        TRY(add_folder(list, root, names.name[i], 1, (int32_t)i));
    return ST_OK;
}

enum status image_list_folder(const char *folder, bool classes,
                              const struct string_list *class_names, struct image_list *out)
{
    if (!classes)
        return add_folder(out, folder, "", 0, 0);
    struct entries entries;
    enum status status = read_folder(folder, &out->pool, &entries);
    if (status == ST_OK)
        status = add_classes(out, folder, &entries, class_names);
    free(entries.name);
    return status;
}

/* ---- CSV ---- */

struct rows {
    const struct csv_text *csv;
    struct image_list *list;
    size_t first_row, columns;
    bool numbers, class_numbers; /* all targets so far */
    char **label;                /* of each file, where there is one column of them */
    size_t room;
    struct text value; /* n * targets float32 */
};

static enum status visit(void *context, const struct csv_cell *cell)
{
    struct rows *r = context;
    struct image_list *list = r->list;
    float value = 0;
    if (cell->row == 0)
        r->columns = cell->column + 1;
    if (cell->row < r->first_row)
        return ST_OK;
    FAIL_IF(cell->length == 0, ST_DATA, "%s:%zu: column %zu is empty", r->csv->path, cell->line,
            cell->column);
    if (cell->column == 0) {
        add_name(&list->names, cell->text);
        list->n++;
        return ST_OK;
    }
    bool number = csv_number(cell, &value);
    r->numbers &= number;
    r->class_numbers &=
        number && value >= 0 && value < DATA_MAX_CLASSES && value == (float)(int32_t)value;
    FAIL_IF(!number && cell->column > 1, ST_DATA,
            "%s:%zu: column %zu is \"%s\", expected a finite number", r->csv->path, cell->line,
            cell->column, text_shown(cell->text));
    text_append(&r->value, (const char *)&value, sizeof value);
    if (cell->column > 1)
        return ST_OK;
    if (list->n > r->room) {
        r->room = r->room ? 2 * r->room : 1024;
        r->label = mem_grow(r->label, r->room, sizeof *r->label);
    }
    r->label[list->n - 1] = pool_strdup(&list->pool, cell->text);
    return ST_OK;
}

static enum status name_labels(struct rows *r, const struct string_list *given)
{
    struct image_list *list = r->list;
    struct class_names names = {given->v, given->n, given->n > 0};
    if (!names.given) {
        names.name = pool_alloc(&list->pool, list->n * sizeof *names.name);
        memcpy(names.name, r->label, list->n * sizeof *names.name);
        names.n = class_names_unique(names.name, list->n);
    }
    TRY(set_classes(list, &names));
    for (size_t i = 0; i < list->n; i++) {
        size_t label = class_names_find(&names, r->label[i]);
        FAIL_IF(label == names.n, ST_DATA, "%s: row %zu: label \"%s\" is not one of class_names",
                r->csv->path, i + r->first_row, text_shown(r->label[i]));
        add_label(list, (int32_t)label);
    }
    return ST_OK;
}

static enum status add_targets(struct rows *r, const struct string_list *class_names)
{
    struct image_list *list = r->list;
    FAIL_IF(r->columns < 2, ST_DATA, "%s: has one column, expected files and their targets",
            r->csv->path);
    list->targets = r->columns - 1;
    bool named = class_names->n > 0 || !r->numbers;
    FAIL_IF(named && list->targets > 1, ST_DATA,
            "%s: has %zu columns of targets; of several, all must be numbers, not classes",
            r->csv->path, list->targets);
    list->labels = named || (list->targets == 1 && r->class_numbers);
    if (named)
        return name_labels(r, class_names);
    for (size_t i = 0; list->labels && i < list->n; i++)
        add_label(list, (int32_t)((const float *)(const void *)r->value.data)[i]);
    if (!list->labels)
        text_append(&list->y, r->value.data, r->value.length);
    return ST_OK;
}

enum status image_list_csv(const struct csv_text *csv, bool header,
                           const struct string_list *class_names, struct image_list *out)
{
    struct rows rows = {
        .csv = csv, .list = out, .first_row = header, .numbers = true, .class_numbers = true};
    enum status status = csv_each(csv, SIZE_MAX, visit, &rows);
    if (status == ST_OK && out->n == 0)
        status = status_fail(ST_DATA, "%s: names no files", csv->path);
    if (status == ST_OK)
        status = add_targets(&rows, class_names);
    free(rows.label);
    text_release(&rows.value);
    return status;
}
