/* Comma-separated text, cell by cell. Source: RFC 4180, and what is found in practice: other
 * delimiters, a byte order mark, LF or CRLF, blank lines, blanks around unquoted cells. */
#ifndef CONVOY_DATA_CSV_H
#define CONVOY_DATA_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/status.h"

/* A file in memory. */
struct csv_text {
    const char *path; /* for messages */
    const unsigned char *bytes;
    size_t size;
    unsigned char delimiter;
};

/* A cell: its place, and its text with quotes and outer blanks removed. */
struct csv_cell {
    size_t row, column; /* from 0; blank lines are no rows */
    size_t line;        /* from 1, where the cell starts */
    const char *text;   /* valid during the call */
    size_t length;
};

/* Calls visit for each cell of at most max_rows rows. Errors: those of visit, and ST_DATA with the
 * line for an open quote, text behind a closing quote, a NUL byte, or a row that is not as long as
 * the first. */
enum status csv_each(const struct csv_text *text, size_t max_rows,
                     enum status (*visit)(void *context, const struct csv_cell *cell),
                     void *context);

/* The cell as a number; false where it is not one (hexadecimal, infinite and NaN are none). */
bool csv_number(const struct csv_cell *cell, float *out);

#endif
