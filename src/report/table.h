/* A CSV file of a run, in memory. */
#ifndef CONVOY_REPORT_TABLE_H
#define CONVOY_REPORT_TABLE_H

#include "base/mem.h"

struct table {
    size_t rows, columns; /* rows without the header */
    char **header, **cell;
    struct pool pool;
};

/* Errors: ST_IO; ST_DATA where it is no CSV with a header. Release it after an error, too. */
enum status table_read(const char *path, struct table *table);
void table_release(struct table *table);

/* The number of a column; -1 where there is none of that name. */
int table_column(const struct table *table, const char *name);
const char *table_cell(const struct table *table, size_t row, size_t column);
/* NaN where the cell is no number. */
double table_number(const struct table *table, size_t row, size_t column);
/* The whole column, from the table's pool. */
double *table_numbers(struct table *table, size_t column);

#endif
