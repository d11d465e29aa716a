#include <math.h>
#include <string.h>

#include "report/plot.h"
#include "report/report.h"

enum { WIDE = 30 /* largest by least, from where on an axis is logarithmic */ };

static bool is_wide(const struct plot *plot)
{
    double least = (double)INFINITY, most = 0.0;
    for (size_t s = 0; s < plot->count; s++)
        for (size_t i = 0; i < plot->series[s].n; i++) {
            double y = plot->series[s].y[i];
            least = isfinite(y) ? fmin(least, y) : least;
            most = isfinite(y) ? fmax(most, y) : most;
        }
    return least > 0.0 && most / least > WIDE;
}

static void add_card(const struct plot *plot, struct text *out)
{
    text_add(out, "<div class=\"card\">");
    plot_svg(plot, false, out);
    text_add(out, "</div>\n");
}

/* ---- history.csv ---- */

/* One number of the epochs, and of the validation samples where it is known; a metric has the best
 * epoch marked. */
static void add_epochs_plot(struct report *report, const char *name, const char *label, bool metric,
                            struct text *out)
{
    struct table *history = &report->history;
    struct text val_name = {0}, mark = {0};
    text_add(&val_name, "val_%s", name);
    int column = table_column(history, name), val = table_column(history, val_name.data);
    double *x = table_numbers(history, 0), *y = table_numbers(history, (size_t)column);
    struct plot plot = {.title = name,
                        .x = {.label = "epoch", .whole = true},
                        .y = {.label = label},
                        .legend = val >= 0,
                        .count = 1,
                        .series = {{"training", history->rows, x, y, 0, false}}};
    if (val >= 0)
        plot.series[plot.count++] = (struct plot_series){
            "validation", history->rows, x, table_numbers(history, (size_t)val), 1, false};
    plot.y.log = is_wide(&plot);
    if (report->best >= 0 && metric) {
        double at = plot.series[plot.count - 1].y[report->best];
        text_add(&mark, "%s: %.6g in epoch %.0f, the best by %s", val >= 0 ? val_name.data : name,
                 at, x[report->best], report->best_by);
        plot.mark = (struct plot_mark){x[report->best], at, isfinite(at) ? mark.data : NULL};
    }
    add_card(&plot, out);
    text_release(&val_name);
    text_release(&mark);
}

/* ---- watch.csv ---- */

enum { MOST_LAYERS = PLOT_COLORS };

/* The rows of watch.csv are the layers of one step after the other: so many layers. */
static size_t layers_of(const struct table *watch)
{
    size_t layers = 1;
    while (layers < watch->rows &&
           strcmp(table_cell(watch, layers, 1), table_cell(watch, 0, 1)) == 0)
        layers++;
    return layers;
}

/* The layers that have such a number, at most MOST_LAYERS of them, evenly spread; how many. */
static size_t choose_layers(const struct table *watch, size_t column, size_t layers, size_t *chosen,
                            size_t *all)
{
    size_t count = 0;
    *all = 0;
    for (size_t i = 0; i < layers; i++)
        *all += isnan(table_number(watch, i, column)) ? 0 : 1;
    size_t wanted = *all < MOST_LAYERS ? *all : MOST_LAYERS, seen = 0;
    for (size_t i = 0; i < layers; i++) {
        if (isnan(table_number(watch, i, column)))
            continue;
        if (count < wanted && (wanted == 1 || seen == count * (*all - 1) / (wanted - 1)))
            chosen[count++] = i;
        seen++;
    }
    return count;
}

static void add_watch_plot(struct report *report, const char *name, const char *label, bool log,
                           struct text *out)
{
    struct table *watch = &report->watch;
    size_t chosen[MOST_LAYERS], all, layers = layers_of(watch), steps = watch->rows / layers;
    int column = table_column(watch, name);
    if (column < 0)
        return;
    size_t count = choose_layers(watch, (size_t)column, layers, chosen, &all);
    if (count == 0)
        return;
    struct plot plot = {.title = name,
                        .x = {.label = "step", .whole = true},
                        .y = {.label = label, .log = log},
                        .count = count};
    for (size_t s = 0; s < count; s++) {
        double *x = pool_alloc(&watch->pool, 2 * steps * sizeof *x), *y = x + steps;
        for (size_t k = 0; k < steps; k++) {
            x[k] = table_number(watch, k * layers, 1);
            y[k] = table_number(watch, k * layers + chosen[s], (size_t)column);
        }
        plot.series[s] =
            (struct plot_series){table_cell(watch, chosen[s], 2), steps, x, y, (int)s, false};
    }
    text_add(out, "<div class=\"card\">");
    plot_svg(&plot, false, out);
    text_add(out, "<p class=\"key\">");
    for (size_t s = 0; s < count; s++) {
        text_add(out, "<span><b class=\"c%zu\">&#9632;</b> ", s);
        plot_escape(out, plot.series[s].name);
        text_add(out, "</span> ");
    }
    if (count < all)
        text_add(out, "<span>and %zu others</span>", all - count);
    text_add(out, "</p></div>\n");
}

/* ---- all ---- */

void report_plots(struct report *report, struct text *out)
{
    const struct table *history = &report->history;
    int first = table_column(history, "loss");
    text_add(out, "<section id=\"curves\"><h2>Curves</h2>\n<div class=\"cards\">\n");
    for (size_t c = (size_t)first; c + 1 < history->columns; c++)
        if (strncmp(history->header[c], "val_", 4) != 0)
            add_epochs_plot(report, history->header[c], history->header[c], true, out);
    add_epochs_plot(report, "learning_rate", "learning rate", false, out);
    add_epochs_plot(report, "samples_per_second", "samples/s", false, out);
    text_add(out, "</div>\n</section>\n");
    if (report->watch.rows == 0)
        return;
    text_add(out, "<section id=\"layers\"><h2>Layers</h2>\n<div class=\"cards\">\n");
    add_watch_plot(report, "gradient_norm", "norm of the gradient", true, out);
    add_watch_plot(report, "update_ratio", "update by weights", true, out);
    add_watch_plot(report, "activation_deviation", "deviation of the outputs", true, out);
    add_watch_plot(report, "dead", "share of dead units", false, out);
    add_watch_plot(report, "weight_norm", "norm of the weights", false, out);
    text_add(out, "</div>\n</section>\n");
}
