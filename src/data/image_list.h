/* The pictures of a set: their files in order, and the targets. */
#ifndef CONVOY_DATA_IMAGE_LIST_H
#define CONVOY_DATA_IMAGE_LIST_H

#include "config/schema.h"
#include "data/csv.h"

struct image_list {
    size_t n;                /* files */
    size_t targets;          /* numbers a file; 0: none */
    bool labels;             /* the number is a class (int32), else numbers are float32 */
    size_t classes;          /* that have names; 0: names are not known */
    struct text names;       /* of the files, below the folder, each with its NUL */
    struct text class_names; /* likewise */
    struct text y;           /* n * targets numbers of 4 bytes */
    size_t others;           /* files that are not called .jpg, .jpeg or .png */
    char *first_other;
    struct pool pool;
};
void image_list_release(struct image_list *list);

/* Every picture below folder, at most IMAGE_MAX_DEPTH folders deep, in the order of bytes; names
 * that start with a dot are left out. With classes, the subfolders are classes in the order of
 * bytes, or in that of class_names, which must then be all of them. Errors: ST_DATA. */
enum { IMAGE_MAX_DEPTH = 16 };
enum status image_list_folder(const char *folder, bool classes,
                              const struct string_list *class_names, struct image_list *out);

/* A table: the file, then its class or one or more numbers. Of a single column, whole numbers from
 * 0 on are class numbers, other numbers values; as soon as one is not a number, all are names of
 * classes, sorted, or as in class_names. Errors: ST_DATA with file and line. */
enum status image_list_csv(const struct csv_text *csv, bool header,
                           const struct string_list *class_names, struct image_list *out);

#endif
