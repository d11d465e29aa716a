/* The page: a plot for each of epochs, passes and seconds, the loss on a logarithmic scale. */
#include "report/compare.h"
#include "report/plot.h"

_Static_assert(COMPARE_MAX <= (int)PLOT_SERIES, "a plot has a line for each run");

enum axis { EPOCHS, PASSES, SECONDS, AXES };
static const char *const axis_names[AXES] = {"epochs", "passes over the training samples",
                                             "seconds"};

static double x_of(const struct compare_point *point, enum axis axis)
{
    return axis == EPOCHS ? point->epoch : axis == PASSES ? point->passes : point->seconds;
}

static void add_plot(struct text *out, const struct comparison *comparison, enum axis axis)
{
    struct plot plot = {.title = axis_names[axis],
                        .x = {.label = axis_names[axis], .whole = axis == EPOCHS},
                        .y = {.label = "loss", .log = true},
                        .count = comparison->runs};
    struct pool pool = {0};
    for (size_t r = 0; r < comparison->runs; r++) {
        const struct compare_run *run = &comparison->run[r];
        double *x = pool_alloc(&pool, 2 * run->points * sizeof *x), *y = x + run->points;
        for (size_t p = 0; p < run->points; p++) {
            x[p] = x_of(&run->point[p], axis);
            y[p] = run->point[p].loss;
        }
        plot.series[r] = (struct plot_series){
            run->name, run->points, x, y, (int)(r % PLOT_COLORS), r >= PLOT_COLORS};
    }
    text_add(out, "<div class=\"card\">");
    plot_svg(&plot, false, out);
    text_add(out, "</div>\n");
    pool_release(&pool);
}

static void add_head(struct text *out, const char *title)
{
    text_add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    plot_escape(out, title);
    text_add(out, "</title>\n<style>\n");
    plot_style(out);
    text_add(out, "body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink);\n"
                  "  background: var(--surface); max-width: 1200px; margin: 0 auto;\n"
                  "  padding: 1rem; }\n"
                  ".cards { display: grid; gap: 1rem;\n"
                  "  grid-template-columns: repeat(auto-fit, minmax(min(100%%, 330px), 1fr)); }\n"
                  ".card svg { display: block; width: 100%%; }\n"
                  ".key { margin-right: 1.5em; white-space: nowrap; }\n"
                  "pre { overflow-x: auto; }\n"
                  "</style></head><body>\n<h1>");
    plot_escape(out, title);
    text_add(out, "</h1>\n");
}

void compare_html(const struct comparison *comparison, const char *title, struct text *out)
{
    struct text table = {0};
    add_head(out, title);
    text_add(out, "<p>");
    for (size_t r = 0; r < comparison->runs; r++) {
        text_add(out, "<span class=\"key\"><b style=\"color: var(--c%zu)\">&#9644;</b> ",
                 r % PLOT_COLORS);
        plot_escape(out, comparison->run[r].name);
        text_add(out, "</span>\n");
    }
    text_add(out, "</p>\n<p>The training loss of each epoch, on a logarithmic scale.</p>\n"
                  "<div class=\"cards\">\n");
    for (enum axis axis = EPOCHS; axis < AXES; axis++)
        add_plot(out, comparison, axis);
    text_add(out, "</div>\n<pre>\n");
    compare_table(comparison, &table);
    plot_escape(out, table.data);
    text_add(out, "</pre>\n</body></html>\n");
    text_release(&table);
}
