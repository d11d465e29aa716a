#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/summary.h"
#include "report/plot.h"
#include "train/callbacks.h"

/* ---- Reading ---- */

enum { LOG_LIMIT = 1 << 28 };

static enum status read_if_there(struct pool *pool, const char *folder, const char *name,
                                 struct table *table)
{
    const char *path = pool_printf(pool, "%s/%s", folder, name);
    return file_exists(path) ? table_read(path, table) : ST_OK;
}

static enum status read_log(struct pool *pool, const char *folder, char **log)
{
    unsigned char *bytes = NULL;
    size_t size = 0;
    const char *path = pool_printf(pool, "%s/log.txt", folder);
    if (file_exists(path))
        TRY(file_read(path, LOG_LIMIT, &bytes, &size));
    *log = pool_alloc(pool, size + 1);
    if (size)
        memcpy(*log, bytes, size);
    free(bytes);
    return ST_OK;
}

static void find_best(struct report *report)
{
    const struct table *history = &report->history;
    int column = table_column(history, "val_loss");
    report->best_by = column >= 0 ? "val_loss" : "loss";
    report->best = -1;
    column = column >= 0 ? column : table_column(history, "loss");
    double least = (double)INFINITY;
    for (size_t r = 0; r < history->rows; r++) {
        double value = table_number(history, r, (size_t)column);
        if (value < least) {
            least = value;
            report->best = (int)r;
        }
    }
}

static enum status read_run(struct report *report, struct pool *pool)
{
    const char *folder = report->run.folder;
    const char *name = callbacks_history_name(&report->run.experiment->fit.callbacks);
    const char *path = pool_printf(pool, "%s/%s", folder, name);
    TRY(table_read(path, &report->history));
    static const char *const wanted[] = {"epoch", "samples_per_second", "learning_rate", "seconds",
                                         "loss"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        FAIL_IF(table_column(&report->history, wanted[i]) < 0, ST_DATA,
                "%s: is no history of a run: it has no column '%s'", path, wanted[i]);
    TRY(read_if_there(pool, folder, "confusion.csv", &report->confusion));
    TRY(read_if_there(pool, folder, "watch.csv", &report->watch));
    TRY(read_log(pool, folder, &report->log));
    find_best(report);
    return ST_OK;
}

/* ---- The parts ---- */

static void add_head(const struct report *report, struct text *out)
{
    text_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<title>");
    plot_escape(out, report->run.experiment->name);
    text_add(out, "</title>\n<style>\n");
    plot_style(out);
    text_add(
        out, "%s",
        "body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink);\n"
        "  background: var(--surface); max-width: 1200px; margin: 0 auto; padding: 1rem; }\n"
        "h1 { margin: .5rem 0 0; line-height: 1.2; } h2 { margin: 2rem 0 .5rem;\n"
        "  font-size: 1.15rem; } p { color: var(--muted); margin: .25rem 0 .75rem; }\n"
        ".cards { display: grid; gap: 1rem;\n"
        "  grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); }\n"
        ".card { border: 1px solid var(--grid); border-radius: 8px; padding: .6rem;\n"
        "  min-width: 0; break-inside: avoid; } .card svg { display: block; width: 100%; }\n"
        ".card h3 { margin: 0 0 .3rem; font-size: 1rem; }\n"
        ".square { max-width: 520px; } .plot .inside { fill: var(--surface); }\n"
        ".key { font-size: .8rem; margin: .3rem 0 0; } .key span { margin-right: .7em;\n"
        "  white-space: nowrap; }\n"
        ".tiles { display: grid; gap: .75rem; margin: 1rem 0;\n"
        "  grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); }\n"
        ".tiles div { border: 1px solid var(--grid); border-radius: 8px;\n"
        "  padding: .5rem .75rem; display: flex; flex-direction: column;\n"
        "  justify-content: space-between; } .tiles dt { color: var(--muted); font-size: .8rem;\n"
        "  line-height: 1.3; overflow-wrap: anywhere; }\n"
        ".tiles dd { margin: 0; font-size: 1.15rem; font-weight: 600; }\n"
        ".wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .87rem; }\n"
        "td, th { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--grid);\n"
        "  text-align: left; white-space: nowrap; } .n { text-align: right;\n"
        "  font-variant-numeric: tabular-nums; } tr.best { font-weight: 600; }\n"
        "pre, code { font: .8rem/1.45 ui-monospace, monospace; } pre { margin: 0;\n"
        "  overflow-x: auto; } code { overflow-wrap: anywhere; }\n"
        "summary { cursor: pointer; margin: .75rem 0; font-weight: 600; }\n"
        ".log { padding-left: 1.1rem; margin: 0; overflow-wrap: anywhere; }\n"
        ".warning { color: var(--c1); }\n"
        "@media print { :root { --surface: #fff; } section > p { break-after: avoid; }\n"
        "  body { max-width: none; padding: 0; font-size: 11px; }\n"
        "  .cards { grid-template-columns: 1fr 1fr; } h2 { break-after: avoid; }\n"
        "  details:not([open]) { display: none; } }\n"
        "</style>\n</head>\n<body>\n");
}

static void add_tile(struct text *out, const char *name, const char *value)
{
    text_add(out, "<div><dt>");
    plot_escape(out, name);
    text_add(out, "</dt><dd>");
    plot_escape(out, value);
    text_add(out, "</dd></div>\n");
}

static void add_number_tile(struct text *out, const char *name, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.4g", value);
    add_tile(out, name, text);
}

static double sum_of(const struct table *table, const char *name)
{
    double sum = 0.0;
    for (size_t r = 0; r < table->rows; r++)
        sum += table_number(table, r, (size_t)table_column(table, name));
    return sum;
}

/* "1 h 02 min", "2 min 05 s", "8.4 s" */
static void add_duration_tile(struct text *out, double seconds)
{
    char text[48];
    long whole = lround(seconds);
    if (whole >= 3600)
        snprintf(text, sizeof text, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
    else if (whole >= 60)
        snprintf(text, sizeof text, "%ld min %02ld s", whole / 60, whole % 60);
    else
        snprintf(text, sizeof text, seconds < 1.0 ? "%.2f s" : "%.1f s", seconds);
    add_tile(out, "time", text);
}

/* The values of the best epoch, and the run's size. */
static void add_tiles(const struct report *report, struct text *out)
{
    const struct table *t = &report->history;
    text_add(out, "<dl class=\"tiles\">\n");
    for (size_t c = (size_t)table_column(t, "loss"); report->best >= 0 && c + 1 < t->columns; c++)
        add_number_tile(out, t->header[c], table_number(t, (size_t)report->best, c));
    add_tile(out, "epochs", summary_number(t->rows));
    if (report->best >= 0)
        add_tile(out, "best epoch", table_cell(t, (size_t)report->best, 0));
    add_duration_tile(out, sum_of(t, "seconds"));
    add_tile(out, "parameters", summary_number(report->run.model->parameters));
    text_add(out, "</dl>\n");
}

static void add_title(const struct report *report, struct text *out)
{
    const struct experiment *e = report->run.experiment;
    text_add(out, "<header>\n<h1>");
    plot_escape(out, e->name);
    text_add(out,
             "</h1>\n<p>%s on %s, %s; batches of %lld in microbatches of %lld; seed %lld</p>\n",
             e->compile.optimizer.kind->name, e->data.train.kind->name, e->compile.loss.kind->name,
             (long long)e->fit.batch_size, (long long)e->fit.microbatch_size, (long long)e->seed);
    add_tiles(report, out);
    text_add(out, "<p>digest of the final model <code id=\"digest\">%s</code>", report->run.digest);
    if (report->best >= 0)
        text_add(out, "; the numbers are those of the best epoch, by %s", report->best_by);
    text_add(out, "</p>\n</header>\n");
}

static void add_model(const struct model *model, struct text *out)
{
    bool graph = false;
    for (size_t i = 0; i < model->nodes; i++) {
        struct text inputs = {0};
        summary_inputs(model, i, &inputs);
        graph = graph || inputs.length;
        text_release(&inputs);
    }
    text_add(out,
             "<section id=\"model\"><h2>Model</h2>\n<div class=\"wide\"><table>\n"
             "<thead><tr><th>layer</th><th>type</th>%s<th>output</th>"
             "<th class=\"n\">parameters</th><th class=\"n\">FLOPs</th></tr></thead>\n"
             "<tbody>\n",
             graph ? "<th>reads</th>" : "");
    for (size_t i = 0; i < model->nodes; i++) {
        const struct layer *layer = &model->node[i].layer;
        struct text inputs = {0};
        summary_inputs(model, i, &inputs);
        text_add(out, "<tr><td>");
        plot_escape(out, layer->name);
        text_add(out, "</td><td>%s%s%s%s</td>", layer->type->kind.name,
                 layer->activation == ACT_LINEAR ? "" : ", ",
                 layer->activation == ACT_LINEAR ? "" : activation_names[layer->activation],
                 layer->trainable ? "" : ", frozen");
        if (graph) {
            text_add(out, "<td>");
            plot_escape(out, inputs.data ? inputs.data : "");
            text_add(out, "</td>");
        }
        text_add(out, "<td>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
                 shape_text(&layer->out), summary_number(summary_parameters(layer)),
                 summary_flops(layer->flops));
        text_release(&inputs);
    }
    text_add(out,
             "</tbody>\n</table></div>\n<p>%s parameters, %s of them trainable</p>\n"
             "</section>\n",
             summary_number(model->parameters), summary_number(model->trainable_parameters));
}

/* What follows "key:" in the resolved experiment, without the values that are null. */
static void add_part(const char *experiment, const char *key, const char *title, struct text *out)
{
    size_t length = strlen(key);
    const char *at = experiment;
    while (*at && !(strncmp(at, key, length) == 0 && at[length] == ':'))
        at += strcspn(at, "\n") + 1;
    text_add(out, "<div class=\"card\"><h3>%s</h3><pre>", title);
    for (at += strcspn(at, "\n"); at[0] == '\n' && at[1] == ' '; at += strcspn(at, "\n")) {
        struct text line = {0};
        at++;
        text_append(&line, at + 2, strcspn(at, "\n") - 2);
        if (line.length < 6 || strcmp(line.data + line.length - 6, ": null") != 0) {
            plot_escape(out, line.data);
            text_add(out, "\n");
        }
        text_release(&line);
    }
    text_add(out, "</pre></div>\n");
}

static void add_experiment(const struct experiment *e, struct text *out)
{
    struct text resolved = {0};
    experiment_write(e, &resolved);
    text_add(out, "<section id=\"experiment\"><h2>Experiment</h2>\n<div class=\"cards\">\n");
    add_part(resolved.data, "data", "Data", out);
    add_part(resolved.data, "compile", "Optimizer, loss, metrics", out);
    add_part(resolved.data, "fit", "Training", out);
    text_add(out, "</div>\n<details><summary>The whole experiment, every default visible</summary>"
                  "<pre>");
    plot_escape(out, resolved.data);
    text_add(out, "</pre></details>\n</section>\n");
    text_release(&resolved);
}

static void add_history(const struct report *report, struct text *out)
{
    const struct table *t = &report->history;
    text_add(out,
             "<section id=\"history\"><h2>Epochs</h2>\n<details><summary>%zu epoch%s"
             "</summary>\n<div class=\"wide\"><table>\n<thead><tr>",
             t->rows, t->rows == 1 ? "" : "s");
    for (size_t c = 0; c < t->columns; c++) {
        text_add(out, "<th class=\"n\">");
        plot_escape(out, t->header[c]);
        text_add(out, "</th>");
    }
    text_add(out, "</tr></thead>\n<tbody>\n");
    for (size_t r = 0; r < t->rows; r++) {
        text_add(out, (int)r == report->best ? "<tr class=\"best\">" : "<tr>");
        for (size_t c = 0; c < t->columns; c++) {
            double value = table_number(t, r, c);
            bool last = c + 1 == t->columns; /* the digest */
            text_add(out, last ? "<td class=\"n\"><code>" : "<td class=\"n\">");
            if (last || isnan(value))
                plot_escape(out, table_cell(t, r, c));
            else
                text_add(out, "%.10g", value);
            text_add(out, last ? "</code></td>" : "</td>");
        }
        text_add(out, "</tr>\n");
    }
    text_add(out, "</tbody>\n</table></div></details>\n</section>\n");
}

/* The last lines of the log, without their times: communication, machines, warnings. */
static void add_log(const struct report *report, struct text *out)
{
    enum { MOST_LINES = 50 };
    const char *from = report->log, *end = report->log + strlen(report->log);
    int lines = 0;
    for (const char *at = end; at > report->log && lines <= MOST_LINES; at--)
        if (at[-1] == '\n' && lines++ < MOST_LINES + 1)
            from = at;
    from = lines <= MOST_LINES ? report->log : from;
    if (!*from)
        return;
    text_add(out, "<section id=\"log\"><h2>What the run said</h2>\n<ul class=\"log\">\n");
    for (const char *line = from; *line;) {
        size_t length = strcspn(line, "\n"), time = strcspn(line, " \n");
        struct text text = {0};
        if (time < length)
            text_append(&text, line + time + 1, length - time - 1);
        bool warning = text.data && strncmp(text.data, "warning:", 8) == 0;
        text_add(out, warning ? "<li class=\"warning\">" : "<li>");
        plot_escape(out, text.data ? text.data : "");
        text_add(out, "</li>\n");
        text_release(&text);
        line += length + (line[length] == '\n');
    }
    text_add(out, "</ul>\n</section>\n");
}

/* ---- The page ---- */

static void add_page(struct report *report, struct text *out)
{
    add_head(report, out);
    add_title(report, out);
    report_plots(report, out);
    report_confusion(report, out);
    add_model(report->run.model, out);
    add_experiment(report->run.experiment, out);
    add_log(report, out);
    add_history(report, out);
    text_add(out, "</body>\n</html>\n");
}

enum status report_html(const struct report_of *run, struct text *out)
{
    struct report report = {.run = *run};
    struct pool pool = {0};
    enum status status = read_run(&report, &pool);
    if (status == ST_OK)
        add_page(&report, out);
    table_release(&report.history);
    table_release(&report.confusion);
    table_release(&report.watch);
    pool_release(&pool);
    return status;
}
