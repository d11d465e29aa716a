/* The page: a drawing for each of epochs, passes and seconds, the loss on a logarithmic scale. */
#include <math.h>
#include <stdbool.h>

#include "report/compare.h"

enum { WIDTH = 460, HEIGHT = 300, LEFT = 62, BOTTOM = 40, TOP = 12, RIGHT = 14 };

static const char *const colors[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd",
                                     "#ff7f0e", "#17becf", "#8c564b", "#e377c2"};
enum { COLORS = sizeof colors / sizeof *colors };

enum axis { EPOCHS, PASSES, SECONDS, AXES };
static const char *const axis_names[AXES] = {"epochs", "passes over the training samples",
                                             "seconds"};

struct scale {
    double most, low, high; /* of x; decades of y */
};

static double x_of(const struct compare_point *point, enum axis axis)
{
    return axis == EPOCHS ? point->epoch : axis == PASSES ? point->passes : point->seconds;
}

static bool is_drawn(const struct compare_point *point)
{
    return point->loss > 0.0 && isfinite(point->loss);
}

static struct scale scale_of(const struct comparison *comparison, enum axis axis)
{
    struct scale scale = {1e-9, 1e9, -1e9};
    for (size_t r = 0; r < comparison->runs; r++)
        for (size_t p = 0; p < comparison->run[r].points; p++) {
            const struct compare_point *point = &comparison->run[r].point[p];
            if (!is_drawn(point))
                continue;
            scale.most = fmax(scale.most, x_of(point, axis));
            scale.low = fmin(scale.low, log10(point->loss));
            scale.high = fmax(scale.high, log10(point->loss));
        }
    if (scale.low > scale.high)
        scale.low = scale.high = 0.0;
    double margin = 0.05 * (scale.high - scale.low) + 0.05;
    scale.low -= margin;
    scale.high += margin;
    return scale;
}

static double place_x(const struct scale *scale, double x)
{
    return LEFT + x / scale->most * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct scale *scale, double loss)
{
    double part = (log10(loss) - scale->low) / (scale->high - scale->low);
    return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP);
}

static void add_y_mark(struct text *out, const struct scale *scale, double value)
{
    double y = place_y(scale, value);
    if (y < TOP || y > HEIGHT - BOTTOM)
        return;
    text_add(out,
             "<path class=\"grid\" d=\"M%d %.1fH%d\"/>"
             "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
             LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4.0, value);
}

/* At 1, 2 and 5 times powers of ten, at powers alone where there are many. */
static void add_marks(struct text *out, const struct scale *scale, enum axis axis)
{
    for (int decade = (int)floor(scale->low); decade <= (int)ceil(scale->high); decade++) {
        double power = pow(10.0, decade);
        add_y_mark(out, scale, power);
        if (scale->high - scale->low < 2.5) {
            add_y_mark(out, scale, 2.0 * power);
            add_y_mark(out, scale, 5.0 * power);
        }
    }
    double step = pow(10.0, floor(log10(scale->most)));
    step = scale->most / step < 2.0 ? step / 5.0 : scale->most / step < 5.0 ? step / 2.0 : step;
    for (double x = 0.0; x <= scale->most * 1.0001; x += step)
        text_add(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.3g</text>\n",
                 place_x(scale, x), HEIGHT - BOTTOM + 16, x);
    text_add(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
             (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, axis_names[axis]);
}

static void add_drawing(struct text *out, const struct comparison *comparison, enum axis axis)
{
    struct scale scale = scale_of(comparison, axis);
    text_add(out, "<svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n", WIDTH,
             HEIGHT, WIDTH, HEIGHT);
    text_add(out, "<title>loss against %s</title>\n", axis_names[axis]);
    add_marks(out, &scale, axis);
    for (size_t r = 0; r < comparison->runs; r++) {
        const struct compare_run *run = &comparison->run[r];
        text_add(out, "<polyline stroke=\"%s\" points=\"", colors[r % COLORS]);
        for (size_t p = 0; p < run->points; p++)
            if (is_drawn(&run->point[p]))
                text_add(out, "%.1f,%.1f ", place_x(&scale, x_of(&run->point[p], axis)),
                         place_y(&scale, run->point[p].loss));
        text_add(out, "\"/>\n");
    }
    text_add(out, "<path class=\"frame\" d=\"M%d %dV%dH%d\"/>\n</svg>\n", LEFT, TOP,
             HEIGHT - BOTTOM, WIDTH - RIGHT);
}

static void add_escaped(struct text *out, const char *value)
{
    for (; *value; value++)
        if (*value == '<' || *value == '>' || *value == '&')
            text_add(out, "&#%d;", *value);
        else
            text_append(out, value, 1);
}

void compare_html(const struct comparison *comparison, const char *title, struct text *out)
{
    struct text table = {0};
    text_add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    add_escaped(out, title);
    text_add(out, "</title>\n<style>\n"
                  "body { font: 14px sans-serif; margin: 2em; }\n"
                  "svg { margin-right: 1em; } svg text { font-size: 11px; fill: #444; }\n"
                  "polyline { fill: none; stroke-width: 1.8; }\n"
                  ".grid { stroke: #ddd; } .frame { fill: none; stroke: #444; }\n"
                  ".key { margin-right: 1.5em; } pre { font-size: 13px; }\n"
                  "</style></head><body>\n<h1>");
    add_escaped(out, title);
    text_add(out, "</h1>\n<p>");
    for (size_t r = 0; r < comparison->runs; r++) {
        text_add(out, "<span class=\"key\"><b style=\"color:%s\">&#9644;</b> ", colors[r % COLORS]);
        add_escaped(out, comparison->run[r].name);
        text_add(out, "</span>\n");
    }
    text_add(out, "</p>\n<p>The training loss of each epoch, on a logarithmic scale.</p>\n<div>\n");
    for (enum axis axis = EPOCHS; axis < AXES; axis++)
        add_drawing(out, comparison, axis);
    text_add(out, "</div>\n<pre>\n");
    compare_table(comparison, &table);
    add_escaped(out, table.data);
    text_add(out, "</pre>\n</body></html>\n");
    text_release(&table);
}
