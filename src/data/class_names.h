/* Names of classes, collected from labels or given by the user. */
#ifndef CONVOY_DATA_CLASS_NAMES_H
#define CONVOY_DATA_CLASS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct class_names {
    char **name; /* owned by somebody else */
    size_t n;
    bool given; /* in the user's order; else sorted by bytes */
};

/* Sorts names and drops duplicates, in place; returns how many are left. */
size_t class_names_unique(char **names, size_t n);

/* The number of a class; names->n where it is none of them. */
size_t class_names_find(const struct class_names *names, const char *text);

#endif
