#include "data/class_names.h"

#include <stdlib.h>
#include <string.h>

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t class_names_unique(char **names, size_t n)
{
    size_t unique = 0;
    if (n > 0)
        qsort(names, n, sizeof *names, by_bytes);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(names[i], names[unique - 1]) != 0)
            names[unique++] = names[i];
    return unique;
}

size_t class_names_find(const struct class_names *names, const char *text)
{
    if (!names->given && names->n > 0) {
        char **found = bsearch(&text, names->name, names->n, sizeof *names->name, by_bytes);
        return found ? (size_t)(found - names->name) : names->n;
    }
    size_t i = 0;
    while (i < names->n && strcmp(names->name[i], text) != 0)
        i++;
    return i;
}
