#include "report/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/vmath.h"

enum { WIDTH = 420, HEIGHT = 260, LEFT = 58, RIGHT = 14, TOP = 36, BOTTOM = 42 };
enum { MOST_DOTS = 60, LETTER = 7 /* about the width of one */ };

#define LARGEST 1e300 /* with room for what is computed of it */
#define LN10 2.302585092994045684

static double log10_of(double x)
{
    return dm_log(x) / LN10;
}

static double power_of_10(int exponent)
{
    double power = dm_power(10.0, exponent < 0 ? -exponent : exponent);
    return exponent < 0 ? 1.0 / power : power;
}

/* ---- Scales ---- */

struct scale {
    const struct plot_axis *axis;
    double low, high; /* logarithms where the axis is logarithmic */
    double from, to;  /* in the picture */
};

static bool is_drawn(const struct plot_axis *axis, double value)
{
    return fabs(value) < LARGEST && (!axis->log || value > 1.0 / LARGEST);
}

static double on_axis(const struct plot_axis *axis, double value)
{
    return axis->log ? log10_of(value) : value;
}

/* From the least to the largest value, with some room around for y. */
static void fit_scale(const struct plot *plot, bool vertical, struct scale *scale)
{
    const struct plot_axis *axis = scale->axis;
    double low = (double)INFINITY, high = -(double)INFINITY;
    for (size_t s = 0; s < plot->count; s++)
        for (size_t i = 0; i < plot->series[s].n; i++) {
            double x = plot->series[s].x[i], y = plot->series[s].y[i];
            if (!is_drawn(&plot->x, x) || !is_drawn(&plot->y, y))
                continue;
            low = fmin(low, on_axis(axis, vertical ? y : x));
            high = fmax(high, on_axis(axis, vertical ? y : x));
        }
    if (low > high)
        low = high = 0.0;
    double room = vertical ? 0.05 * (high - low) : 0.0;
    if (high - low <= 1e-9 * fabs(high) || low == high)
        room = axis->log ? 0.3 : axis->whole ? 0.5 : fabs(high) > 0.0 ? fabs(high) : 0.5;
    scale->low = low - room < 0.0 && low >= 0.0 && !axis->log ? 0.0 : low - room;
    scale->high = high + room;
}

static struct scale scale_of(const struct plot *plot, bool vertical)
{
    const struct plot_axis *axis = vertical ? &plot->y : &plot->x;
    struct scale scale = {.axis = axis,
                          .from = vertical ? HEIGHT - BOTTOM : LEFT,
                          .to = vertical ? TOP : WIDTH - RIGHT};
    if (axis->low == 0.0 && axis->high == 0.0) {
        fit_scale(plot, vertical, &scale);
    } else {
        scale.low = on_axis(axis, axis->low);
        scale.high = on_axis(axis, axis->high);
    }
    return scale;
}

static double place(const struct scale *scale, double value)
{
    double part = (on_axis(scale->axis, value) - scale->low) / (scale->high - scale->low);
    part = part >= 0.0 ? part : 0.0;
    part = part <= 1.0 ? part : 1.0;
    return scale->from + part * (scale->to - scale->from);
}

/* ---- Ticks ---- */

enum { MOST_TICKS = 12 };

struct ticks {
    size_t count;
    double value[MOST_TICKS];
    int decimals; /* -1: as %g */
    double unit;  /* 1000 with suffix k, 1e6 with M */
};

static void add_tick(struct ticks *ticks, const struct scale *scale, double value)
{
    double at = on_axis(scale->axis, value), slack = 1e-9 * (scale->high - scale->low);
    if (ticks->count < MOST_TICKS && at >= scale->low - slack && at <= scale->high + slack)
        ticks->value[ticks->count++] = value;
}

/* At multiples of 1, 2 or 5 times a power of ten. */
static void add_even_ticks(struct ticks *ticks, const struct scale *scale, double low, double high)
{
    int exponent = (int)floor(log10_of((high - low) / 5.0));
    double power = power_of_10(exponent), part = (high - low) / 5.0 / power;
    double factor = part <= 1.4 ? 1.0 : part <= 3.0 ? 2.0 : part <= 7.0 ? 5.0 : 10.0;
    if (scale->axis->whole && factor * power < 1.0) {
        factor = power = 1.0;
        exponent = 0;
    }
    double step = factor * power;
    for (double k = ceil(low / step - 1e-9); k * step <= high * (1.0 + 1e-9) + 1e-300; k++)
        add_tick(ticks, scale, k == 0.0 ? 0.0 : k * step);
    double most = fmax(fabs(low), fabs(high));
    ticks->unit = most >= 1e6 ? 1e6 : most >= 1e4 ? 1e3 : 1.0;
    int decimals = (int)lround(log10_of(ticks->unit)) - exponent - (factor == 10.0);
    ticks->decimals = most < 1e-3 || most >= 1e9 ? -1 : decimals > 0 ? decimals : 0;
}

/* At powers of ten, where there are few with 2 and 5 times them, where there are many fewer. */
static void add_log_ticks(struct ticks *ticks, const struct scale *scale)
{
    double decades = scale->high - scale->low;
    int stride = (int)ceil((decades + 1.0) / 9.0);
    for (int e = (int)floor(scale->low); e <= (int)ceil(scale->high); e++) {
        double power = power_of_10(e);
        if (e % stride == 0)
            add_tick(ticks, scale, power);
        if (decades < 2.5) {
            add_tick(ticks, scale, 2.0 * power);
            add_tick(ticks, scale, 5.0 * power);
        }
    }
}

static struct ticks ticks_of(const struct scale *scale)
{
    struct ticks ticks = {.decimals = -1, .unit = 1.0};
    if (scale->axis->log) {
        add_log_ticks(&ticks, scale);
        if (ticks.count >= 2)
            return ticks;
        ticks.count = 0;
        add_even_ticks(&ticks, scale, dm_exp(LN10 * scale->low), dm_exp(LN10 * scale->high));
        return ticks;
    }
    add_even_ticks(&ticks, scale, scale->low, scale->high);
    return ticks;
}

/* "0.02", "250", "1e-5" */
static void add_general(struct text *out, double value)
{
    char digits[32];
    snprintf(digits, sizeof digits, fabs(value) < 1e-3 && value != 0.0 ? "%.1e" : "%.4g", value);
    char *e = strchr(digits, 'e');
    if (!e) {
        text_add(out, "%s", digits);
        return;
    }
    size_t length = (size_t)(e - digits);
    if (length > 2 && strncmp(e - 2, ".0", 2) == 0)
        length -= 2;
    text_append(out, digits, length);
    text_add(out, "e%d", atoi(e + 1));
}

static void add_number(struct text *out, const struct ticks *ticks, double value)
{
    if (ticks->decimals < 0 || value == 0.0)
        add_general(out, value);
    else
        text_add(out, "%.*f%s", ticks->decimals, value / ticks->unit,
                 ticks->unit == 1e6   ? "M"
                 : ticks->unit == 1e3 ? "k"
                                      : "");
}

/* ---- Drawing ---- */

static void add_axes(struct text *out, const struct plot *plot, const struct scale *x,
                     const struct scale *y)
{
    struct ticks across = ticks_of(x), up = ticks_of(y);
    for (size_t i = 0; i < up.count; i++) {
        double at = place(y, up.value[i]);
        text_add(out,
                 "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
                 "text-anchor=\"end\">",
                 LEFT, at, WIDTH - RIGHT, LEFT - 6, at + 4.0);
        add_number(out, &up, up.value[i]);
        text_add(out, "</text>\n");
    }
    for (size_t i = 0; i < across.count; i++) {
        double at = place(x, across.value[i]);
        text_add(out,
                 "<path class=\"axis\" d=\"M%.1f %dv4\"/><text x=\"%.1f\" y=\"%d\" "
                 "text-anchor=\"middle\">",
                 at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 17);
        add_number(out, &across, across.value[i]);
        text_add(out, "</text>\n");
    }
    text_add(out, "<path class=\"axis\" d=\"M%d %dH%d\"/>\n", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT);
    text_add(out, "<text class=\"label\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
             (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6);
    plot_escape(out, plot->x.label);
    text_add(out, "</text>\n<text class=\"label name\" x=\"6\" y=\"14\">");
    plot_escape(out, plot->y.label);
    text_add(out, "</text>\n");
}

/* Names from the right, so that they end with the plot; below the name of y where that is long. */
static void add_legend(struct text *out, const struct plot *plot)
{
    int right = WIDTH - RIGHT, all = 0;
    for (size_t s = 0; s < plot->count; s++)
        all += LETTER * (int)strlen(plot->series[s].name) + 32;
    int y = all + (LETTER + 1) * (int)strlen(plot->y.label) > right ? 29 : 14;
    for (size_t s = plot->count; s-- > 0;) {
        const char *name = plot->series[s].name;
        right -= LETTER * (int)strlen(name);
        text_add(out,
                 "<path class=\"line c%d%s\" d=\"M%d %dh14\"/><text class=\"label\" x=\"%d\" "
                 "y=\"%d\">",
                 plot->series[s].color, plot->series[s].faint ? " faint" : "", right - 18, y - 4,
                 right, y);
        plot_escape(out, name);
        text_add(out, "</text>\n");
        right -= 18 + 14;
    }
}

static void add_series(struct text *out, const struct plot *plot, const struct plot_series *series,
                       const struct scale *x, const struct scale *y)
{
    bool pen = false, dots = series->n <= MOST_DOTS && !series->faint;
    text_add(out, "<path class=\"line c%d%s\" d=\"", series->color, series->faint ? " faint" : "");
    for (size_t i = 0; i < series->n; i++) {
        bool drawn = is_drawn(&plot->x, series->x[i]) && is_drawn(&plot->y, series->y[i]);
        if (drawn)
            text_add(out, "%c%.1f %.1f", pen ? 'L' : 'M', place(x, series->x[i]),
                     place(y, series->y[i]));
        pen = drawn;
    }
    text_add(out, "\"/>\n");
    for (size_t i = 0; i < series->n && dots; i++) {
        if (!is_drawn(&plot->x, series->x[i]) || !is_drawn(&plot->y, series->y[i]))
            continue;
        text_add(out, "<circle class=\"dot c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\"><title>",
                 series->color, place(x, series->x[i]), place(y, series->y[i]));
        plot_escape(out, series->name);
        text_add(out, " %.6g at %.6g</title></circle>\n", series->y[i], series->x[i]);
    }
}

void plot_svg(const struct plot *plot, bool alone, struct text *out)
{
    struct scale x = scale_of(plot, false), y = scale_of(plot, true);
    text_add(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" viewBox=\"0 0 %d %d\" "
             "role=\"img\"%s>\n<title>",
             WIDTH, HEIGHT, alone ? " width=\"630\" height=\"390\"" : "");
    plot_escape(out, plot->title);
    text_add(out, "</title>\n");
    if (alone) {
        text_add(out, "<style>\n");
        plot_style(out);
        text_add(out, "</style>\n<rect class=\"surface\" width=\"100%%\" height=\"100%%\"/>\n");
    }
    add_axes(out, plot, &x, &y);
    if (plot->mark.text) {
        double at = place(&x, plot->mark.x);
        text_add(out, "<path class=\"best\" d=\"M%.1f %dV%d\"/>\n", at, TOP, HEIGHT - BOTTOM);
    }
    for (size_t s = 0; s < plot->count; s++)
        add_series(out, plot, &plot->series[s], &x, &y);
    if (plot->mark.text) {
        text_add(out, "<circle class=\"ring\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"><title>",
                 place(&x, plot->mark.x), place(&y, plot->mark.y));
        plot_escape(out, plot->mark.text);
        text_add(out, "</title></circle>\n");
    }
    if (plot->legend)
        add_legend(out, plot);
    text_add(out, "</svg>\n");
}

void plot_style(struct text *out)
{
    static const char style[] =
        ":root { color-scheme: light dark; --ink: #1a1a19; --muted: #5f5e5a; --grid: #e6e5e0;\n"
        "  --axis: #a8a69e; --surface: #fcfcfb; --c0: #2a78d6; --c1: #d9541e; --c2: #14875e;\n"
        "  --c3: #4a3aa7; --c4: #c9366f; --c5: #a87200; --c6: #6b6a66; --c7: #008ba3; }\n"
        "@media screen and (prefers-color-scheme: dark) { :root { --ink: #f2f1ec;\n"
        "  --muted: #b3b1a8; --grid: #33322f; --axis: #6a6862; --surface: #1a1a19;\n"
        "  --c0: #5b9ef0; --c1: #f0794a; --c2: #38b98a; --c3: #9d92f0; --c4: #ee6a9c;\n"
        "  --c5: #d9a431; --c6: #a3a199; --c7: #38b6cc; } }\n"
        ".plot text { font: 12px system-ui, sans-serif; fill: var(--muted); }\n"
        ".plot .label { fill: var(--ink); } .plot .name { font-weight: 600; }\n"
        ".plot path { fill: none; } .plot .surface { fill: var(--surface); }\n"
        ".plot .grid { stroke: var(--grid); } .plot .axis { stroke: var(--axis); }\n"
        ".plot .line { stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }\n"
        ".plot .faint { stroke-width: 1; opacity: .45; } .plot .dot { fill: currentColor; }\n"
        ".plot .best { stroke: var(--axis); stroke-dasharray: 3 3; }\n"
        ".plot .ring { fill: var(--surface); stroke: var(--ink); stroke-width: 2; }\n";
    text_add(out, "%s", style);
    for (int c = 0; c < PLOT_COLORS; c++)
        text_add(out, ".c%d { color: var(--c%d); }\n", c, c);
}

void plot_escape(struct text *out, const char *value)
{
    for (; *value; value++)
        if (strchr("<>&\"'", *value))
            text_add(out, "&#%d;", *value);
        else
            text_append(out, value, 1);
}
