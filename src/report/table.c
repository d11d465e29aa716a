#include "report/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/csv.h"

enum { LIMIT = 1 << 28, MOST_ROWS = 10000000 };

static enum status count(void *context, const struct csv_cell *cell)
{
    struct table *table = context;
    table->rows = cell->row + 1;
    table->columns = cell->column + 1 > table->columns ? cell->column + 1 : table->columns;
    return ST_OK;
}

static enum status keep(void *context, const struct csv_cell *cell)
{
    struct table *table = context;
    char *copy = pool_alloc(&table->pool, cell->length + 1);
    memcpy(copy, cell->text, cell->length);
    table->header[cell->row * table->columns + cell->column] = copy;
    return ST_OK;
}

enum status table_read(const char *path, struct table *table)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    *table = (struct table){0};
    TRY(file_read(path, LIMIT, &bytes, &size));
    const struct csv_text text = {path, bytes, size, ','};
    enum status status = csv_each(&text, MOST_ROWS, count, table);
    if (status == ST_OK && table->rows == 0)
        status = status_fail(ST_DATA, "%s: is empty", path);
    if (status == ST_OK) {
        table->header =
            pool_alloc(&table->pool, table->rows * table->columns * sizeof *table->header);
        table->cell = table->header + table->columns;
        status = csv_each(&text, MOST_ROWS, keep, table);
        table->rows--;
    }
    free(bytes);
    return status;
}

void table_release(struct table *table)
{
    pool_release(&table->pool);
    *table = (struct table){0};
}

int table_column(const struct table *table, const char *name)
{
    for (size_t c = 0; c < table->columns; c++)
        if (strcmp(table->header[c], name) == 0)
            return (int)c;
    return -1;
}

const char *table_cell(const struct table *table, size_t row, size_t column)
{
    return table->cell[row * table->columns + column];
}

double table_number(const struct table *table, size_t row, size_t column)
{
    const char *text = table_cell(table, row, column);
    char *end;
    double value = strtod(text, &end);
    return end == text || *end ? (double)NAN : value;
}

double *table_numbers(struct table *table, size_t column)
{
    double *all = pool_alloc(&table->pool, (table->rows + 1) * sizeof *all);
    for (size_t r = 0; r < table->rows; r++)
        all[r] = table_number(table, r, column);
    return all;
}
