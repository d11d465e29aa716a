#include "report/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { LIMIT = 1 << 28 };

/* ---- Reading ---- */

/* A CSV file of ours: numbers, none of them quoted. */
struct table {
    const char *path;
    char *text; /* NUL-terminated */
    const char *rows;
};

static enum status table_open(struct comparison *comparison, const char *folder, const char *name,
                              struct table *table)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    table->path = pool_printf(&comparison->pool, "%s/%s", folder, name);
    TRY(file_read(table->path, LIMIT, &bytes, &size));
    table->text = pool_alloc(&comparison->pool, size + 1);
    memcpy(table->text, bytes, size);
    free(bytes);
    const char *end = strchr(table->text, '\n');
    table->rows = end ? end + 1 : table->text + strlen(table->text);
    return ST_OK;
}

/* The number of a column; -1 where there is none. */
static int column_of(const struct table *table, const char *name)
{
    size_t length = strlen(name);
    const char *at = table->text;
    for (int column = 0; at < table->rows; column++) {
        size_t cell = strcspn(at, ",\n");
        if (cell == length && memcmp(at, name, length) == 0)
            return column;
        at += cell + 1;
    }
    return -1;
}

/* NaN where the cell is empty or not there. */
static double cell_of(const char *row, int column)
{
    for (; column > 0; column--) {
        row += strcspn(row, ",\n");
        if (*row != ',')
            return (double)NAN;
        row++;
    }
    char *end;
    double value = strtod(row, &end);
    return end == row ? (double)NAN : value;
}

static const char *next_row(const char *row)
{
    row += strcspn(row, "\n");
    return *row ? row + 1 : row;
}

/* Evaluations and products until each step, for the points whose step is in passes; solver.csv has
 * a row a step. */
static enum status count_passes(const struct table *solver, struct compare_run *run)
{
    int evaluations = column_of(solver, "evaluations"), products = column_of(solver, "products");
    const char *row = solver->rows;
    double step = 0.0, sum = 0.0;
    FAIL_IF(evaluations < 0 || products < 0, ST_DATA,
            "%s: has no columns 'evaluations' and 'products'", solver->path);
    for (size_t i = 0; i < run->points; i++) {
        double end = run->point[i].passes;
        for (; step < end && *row; step++, row = next_row(row))
            sum += cell_of(row, evaluations) + cell_of(row, products);
        run->point[i].passes = sum * run->point[i].epoch / end;
    }
    return ST_OK;
}

enum status compare_add(struct comparison *comparison, const char *name, const char *folder)
{
    struct table history, solver;
    struct compare_run *run = &comparison->run[comparison->runs];
    MUST(comparison->runs < COMPARE_MAX, "%zu runs", comparison->runs);
    TRY(table_open(comparison, folder, "history.csv", &history));
    int epoch = column_of(&history, "epoch"), step = column_of(&history, "step");
    int seconds = column_of(&history, "seconds"), loss = column_of(&history, "loss");
    int val_loss = column_of(&history, "val_loss");
    FAIL_IF(epoch < 0 || step < 0 || seconds < 0 || loss < 0, ST_DATA,
            "%s: expected the columns epoch, step, seconds and loss of a run", history.path);
    FAIL_IF(!*history.rows, ST_DATA, "%s: has no epoch yet", history.path);
    size_t rows = 0;
    double taken = 0.0;
    for (const char *row = history.rows; *row; row = next_row(row))
        rows++;
    *run = (struct compare_run){pool_strdup(&comparison->pool, name), rows,
                                pool_alloc(&comparison->pool, rows * sizeof *run->point)};
    const char *row = history.rows;
    bool second_order = file_exists(pool_printf(&comparison->pool, "%s/solver.csv", folder));
    for (size_t i = 0; i < rows; i++, row = next_row(row)) {
        taken += cell_of(row, seconds);
        run->point[i] = (struct compare_point){
            cell_of(row, epoch), cell_of(row, second_order ? step : epoch), taken,
            cell_of(row, loss), val_loss < 0 ? (double)NAN : cell_of(row, val_loss)};
    }
    comparison->runs++;
    if (!second_order)
        return ST_OK;
    TRY(table_open(comparison, folder, "solver.csv", &solver));
    return count_passes(&solver, run);
}

void compare_release(struct comparison *comparison)
{
    pool_release(&comparison->pool);
    *comparison = (struct comparison){0};
}

/* ---- The table ---- */

static void add_value(struct text *out, double value)
{
    if (isnan(value))
        text_add(out, "  %10s", "-");
    else
        text_add(out, "  %10.5g", value);
}

void compare_table(const struct comparison *comparison, struct text *out)
{
    text_add(out, "%-20s  %10s  %10s  %10s  %10s  %10s  %10s\n", "", "epochs", "passes", "seconds",
             "loss", "least", "val_loss");
    for (size_t i = 0; i < comparison->runs; i++) {
        const struct compare_run *run = &comparison->run[i];
        const struct compare_point *last = &run->point[run->points - 1];
        double least = last->loss;
        for (size_t p = 0; p < run->points; p++)
            least = run->point[p].loss < least ? run->point[p].loss : least;
        text_add(out, "%-20s", run->name);
        double values[] = {last->epoch, last->passes, last->seconds,
                           last->loss,  least,        last->val_loss};
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            add_value(out, values[v]);
        text_add(out, "\n");
    }
}
