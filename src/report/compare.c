#include "report/compare.h"

#include <math.h>
#include <stdbool.h>

#include "base/file.h"
#include "report/table.h"

/* ---- Reading ---- */

/* The column of that name; which must be there. */
static enum status need_column(const struct table *table, const char *path, const char *name,
                               size_t *column)
{
    int found = table_column(table, name);
    *column = 0;
    FAIL_IF(found < 0, ST_DATA, "%s: is no file of a run: it has no column '%s'", path, name);
    *column = (size_t)found;
    return ST_OK;
}

/* Evaluations and products until each step, for the points whose step is in passes; solver.csv has
 * a row a step. */
static enum status count_passes(const struct table *solver, const char *path,
                                struct compare_run *run)
{
    size_t evaluations, products, row = 0;
    double sum = 0.0;
    TRY(need_column(solver, path, "evaluations", &evaluations));
    TRY(need_column(solver, path, "products", &products));
    for (size_t i = 0; i < run->points; i++) {
        double end = run->point[i].passes;
        for (; (double)row < end && row < solver->rows; row++)
            sum += table_number(solver, row, evaluations) + table_number(solver, row, products);
        run->point[i].passes = sum * run->point[i].epoch / end;
    }
    return ST_OK;
}

/* The epochs of a run; passes are those of a first-order method, or the steps. */
static enum status take_points(const struct table *history, const char *path, bool second_order,
                               struct comparison *comparison, struct compare_run *run)
{
    size_t epoch, step, seconds, loss;
    double taken = 0.0;
    TRY(need_column(history, path, "epoch", &epoch));
    TRY(need_column(history, path, "step", &step));
    TRY(need_column(history, path, "seconds", &seconds));
    TRY(need_column(history, path, "loss", &loss));
    int val_loss = table_column(history, "val_loss");
    FAIL_IF(history->rows == 0, ST_DATA, "%s: has no epoch yet", path);
    run->points = history->rows;
    run->point = pool_alloc(&comparison->pool, run->points * sizeof *run->point);
    for (size_t i = 0; i < run->points; i++) {
        taken += table_number(history, i, seconds);
        run->point[i] = (struct compare_point){
            table_number(history, i, epoch), table_number(history, i, second_order ? step : epoch),
            taken, table_number(history, i, loss),
            val_loss < 0 ? (double)NAN : table_number(history, i, (size_t)val_loss)};
    }
    return ST_OK;
}

enum status compare_add(struct comparison *comparison, const char *name, const char *folder)
{
    struct table history, solver = {0};
    struct compare_run *run = &comparison->run[comparison->runs];
    MUST(comparison->runs < COMPARE_MAX, "%zu runs", comparison->runs);
    const char *path = pool_printf(&comparison->pool, "%s/history.csv", folder);
    const char *steps = pool_printf(&comparison->pool, "%s/solver.csv", folder);
    bool second_order = file_exists(steps);
    *run = (struct compare_run){.name = pool_strdup(&comparison->pool, name)};
    enum status status = table_read(path, &history);
    if (status == ST_OK)
        status = take_points(&history, path, second_order, comparison, run);
    if (status == ST_OK && second_order)
        status = table_read(steps, &solver);
    if (status == ST_OK && second_order)
        status = count_passes(&solver, steps, run);
    comparison->runs += status == ST_OK;
    table_release(&history);
    table_release(&solver);
    return status;
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
