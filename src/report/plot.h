/* Line plots as SVG: for pages, and as files of their own. No script, no other file. */
#ifndef CONVOY_REPORT_PLOT_H
#define CONVOY_REPORT_PLOT_H

#include <stdbool.h>

#include "base/mem.h"

enum { PLOT_SERIES = 16, PLOT_COLORS = 8 };

struct plot_axis {
    const char *label;
    bool log;         /* values above 0 alone are drawn */
    bool whole;       /* numbers without fractions: epochs */
    double low, high; /* what is shown; both 0: all. What is beyond lies on the edge */
};

/* A line through its points, interrupted where a number is not finite or above
 * 1e300. */
struct plot_series {
    const char *name;
    size_t n;
    const double *x, *y;
    int color;  /* 0..PLOT_COLORS - 1 */
    bool faint; /* behind another line */
};

struct plot_mark {
    double x, y;
    const char *text; /* shown when pointed at; NULL: there is no mark */
};

struct plot {
    const char *title; /* read by screen readers, shown when pointed at */
    struct plot_axis x, y;
    bool legend; /* names of the series above the plot; for a few short ones */
    size_t count;
    struct plot_series series[PLOT_SERIES];
    struct plot_mark mark;
};

/* alone: a file of its own, with the style inside. */
void plot_svg(const struct plot *plot, bool alone, struct text *out);

/* Once in a page: CSS with the colours, light, dark and for printing, as variables (--ink, --muted,
 * --grid, --surface, --c0..) and as classes c0.. of the lines. */
void plot_style(struct text *out);

/* The same with <, > and & and quotes escaped, for HTML and SVG. */
void plot_escape(struct text *out, const char *value);

#endif
