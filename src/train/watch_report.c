/* What is made of watched steps: watch.csv, warnings, the table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/schema.h"
#include "train/watch.h"

/* When there is trouble. */
#define VANISHING 1e-5   /* root mean square of a layer's gradient, by that of the largest */
#define EXPLODING 1000.0 /* norm of a layer's gradient, */
#define EXPLODING_BY 1.0 /* or update_ratio */
#define DEAD 0.5         /* share of units */

/* The columns of CSV and table; title NULL: not in the table. */
static const struct column {
    const char *name, *title;
    enum watch_what what;
    size_t offset;
} columns[] = {
#define COLUMN(what, field, name, title)                                                           \
    {                                                                                              \
        name, title, what, offsetof(struct watch_row, field)                                       \
    }
    COLUMN(WATCH_GRADIENTS, gradient_norm, "gradient_norm", "gradient"),
    COLUMN(WATCH_GRADIENTS, gradient_largest, "gradient_largest", NULL),
    COLUMN(WATCH_GRADIENTS, update_ratio, "update_ratio", "update/w"),
    COLUMN(WATCH_ACTIVATIONS, mean, "activation_mean", "mean"),
    COLUMN(WATCH_ACTIVATIONS, deviation, "activation_deviation", "deviation"),
    COLUMN(WATCH_ACTIVATIONS, least, "activation_least", NULL),
    COLUMN(WATCH_ACTIVATIONS, most, "activation_most", "most"),
    COLUMN(WATCH_ACTIVATIONS, zeros, "zeros", "zeros"),
    COLUMN(WATCH_ACTIVATIONS, dead, "dead", "dead"),
    COLUMN(WATCH_WEIGHTS, weight_norm, "weight_norm", "weights"),
    COLUMN(WATCH_WEIGHTS, weight_largest, "weight_largest", NULL),
#undef COLUMN
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static const char *const trouble_names[] = {
    [TROUBLE_VANISHING] = "vanishing", [TROUBLE_EXPLODING] = "exploding", [TROUBLE_DEAD] = "dead"};

static double value_of(const struct watch_row *row, const struct column *column)
{
    return *(const double *)(const void *)((const char *)row + column->offset);
}

void watch_header(const struct watcher *w, struct text *out)
{
    text_add(out, "epoch,step,layer,type");
    for (size_t c = 0; c < COLUMNS; c++)
        if (w->what & columns[c].what)
            text_add(out, ",%s", columns[c].name);
    text_add(out, "\n");
}

/* Infinities are written; what a layer does not have is an empty cell. */
static void add_rows(struct watcher *w)
{
    for (size_t i = 0; i < w->model->nodes; i++) {
        const struct layer *layer = &w->model->node[i].layer;
        text_add(&w->csv, "%lld,%lld,%s,%s", (long long)w->measured.epoch,
                 (long long)w->measured.step, layer->name, layer->type->kind.name);
        for (size_t c = 0; c < COLUMNS; c++) {
            double value = value_of(&w->row[i], &columns[c]);
            if (!(w->what & columns[c].what))
                continue;
            text_add(&w->csv, ",");
            if (isfinite(value))
                json_number(&w->csv, value);
            else if (isinf(value))
                text_add(&w->csv, value > 0.0 ? "inf" : "-inf");
        }
        text_add(&w->csv, "\n");
    }
}

bool watcher_continue(struct watcher *w, const char *csv, int64_t steps)
{
    size_t header = strcspn(w->csv.data, "\n") + 1;
    if (strncmp(csv, w->csv.data, header) != 0)
        return false;
    const char *row = csv + header;
    while (*row) {
        const char *comma = strchr(row, ',');
        if (!comma || strtoll(comma + 1, NULL, 10) > steps)
            break;
        row += strcspn(row, "\n");
        row += *row == '\n';
    }
    text_append(&w->csv, csv + header, (size_t)(row - csv) - header);
    return true;
}

/* ---- warnings ---- */

static double root_mean_square(const struct watcher *w, size_t i)
{
    const struct layer *layer = &w->model->node[i].layer;
    size_t count = 0;
    for (size_t p = 0; p < layer->params; p++)
        count += layer->param[p].trainable ? layer->param[p].size : 0;
    return count ? w->row[i].gradient_norm / sqrt((double)count) : (double)NAN;
}

static void find_troubles(struct watcher *w, double *largest)
{
    *largest = 0.0;
    for (size_t i = 0; i < w->model->nodes; i++)
        *largest = fmax(*largest, root_mean_square(w, i));
    for (size_t i = 0; i < w->model->nodes; i++) {
        struct watch_row *row = &w->row[i];
        row->trouble[TROUBLE_VANISHING] = root_mean_square(w, i) < VANISHING * *largest;
        row->trouble[TROUBLE_EXPLODING] =
            row->gradient_norm > EXPLODING || row->update_ratio > EXPLODING_BY;
        row->trouble[TROUBLE_DEAD] = row->dead > DEAD;
    }
}

/* How bad it is, for finding the worst layer: larger is worse. */
static double badness(const struct watcher *w, size_t i, enum watch_trouble trouble)
{
    const struct watch_row *row = &w->row[i];
    return trouble == TROUBLE_DEAD        ? row->dead
           : trouble == TROUBLE_EXPLODING ? fmax(row->gradient_norm / EXPLODING, row->update_ratio)
                                          : -root_mean_square(w, i);
}

static void describe(const struct watcher *w, size_t i, enum watch_trouble trouble, double largest,
                     struct text *out)
{
    const struct watch_row *row = &w->row[i];
    const char *name = w->model->node[i].layer.name;
    if (trouble == TROUBLE_DEAD)
        text_add(
            out, "dead ReLUs: %.0f%% of the %zu units of layer '%s' were 0 for all %zu samples",
            100.0 * row->dead, w->first_unit[i + 1] - w->first_unit[i], name, w->measured.samples);
    else if (trouble == TROUBLE_VANISHING)
        text_add(
            out,
            "vanishing gradient: that of layer '%s' has the root mean square %.3g, the largest "
            "of a layer is %.3g",
            name, root_mean_square(w, i), largest);
    else
        text_add(out,
                 "exploding: the gradient of layer '%s' has the norm %.3g, and its update is %.3g "
                 "times its weights",
                 name, row->gradient_norm, row->update_ratio);
}

/* One line on those layers of which it was not said yet: the worst one, and how many others. */
static void warn_of(struct watcher *w, enum watch_trouble trouble, double largest)
{
    size_t count = 0, worst = 0;
    for (size_t i = 0; i < w->model->nodes; i++) {
        if (!w->row[i].trouble[trouble] || w->said[i][trouble])
            continue;
        w->said[i][trouble] = true;
        if (count == 0 || badness(w, i, trouble) > badness(w, worst, trouble))
            worst = i;
        count++;
    }
    if (count == 0)
        return;
    struct text line = {0};
    describe(w, worst, trouble, largest, &line);
    if (count > 1)
        text_add(&line, "; likewise %zu other layer%s", count - 1, count == 2 ? "" : "s");
    log_warn("epoch %lld, step %lld: %s", (long long)w->measured.epoch, (long long)w->measured.step,
             line.data);
    text_release(&line);
}

void watch_report(struct watcher *w)
{
    double largest;
    add_rows(w);
    find_troubles(w, &largest);
    for (enum watch_trouble t = 0; t < TROUBLES; t++)
        warn_of(w, t, largest);
}

/* ---- the table ---- */

void watch_table(const struct watcher *w, struct text *out)
{
    if (w->steps == 0 || w->world->rank != 0)
        return;
    text_add(out, "layers in step %lld, epoch %lld\n%-24s", (long long)w->measured.step,
             (long long)w->measured.epoch, "layer");
    for (size_t c = 0; c < COLUMNS; c++)
        if (columns[c].title && (w->what & columns[c].what))
            text_add(out, " %9s", columns[c].title);
    text_add(out, "\n");
    for (size_t i = 0; i < w->model->nodes; i++) {
        text_add(out, "%-24s", w->model->node[i].layer.name);
        for (size_t c = 0; c < COLUMNS; c++) {
            double value = value_of(&w->row[i], &columns[c]);
            if (!columns[c].title || !(w->what & columns[c].what))
                continue;
            if (isnan(value))
                text_add(out, " %9s", "-");
            else
                text_add(out, " %9.3g", value);
        }
        for (enum watch_trouble t = 0; t < TROUBLES; t++)
            if (w->row[i].trouble[t])
                text_add(out, "  %s", trouble_names[t]);
        text_add(out, "\n");
    }
}
