#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "report/plot.h"
#include "report/report.h"

enum { SIZE = 420, TOP = 24, RIGHT = 14, NAME = 10, LETTER = 7 /* about the width of one */ };
enum { MOST_NUMBERS = 12, MOST_NAMES = 30 /* classes whose numbers, and names, find room */ };

struct matrix {
    double side;   /* of a cell */
    int names;     /* room for the names of classes, left and below */
    bool straight; /* names are short enough to stand below their column */
};

static struct matrix picture_of(const struct table *t)
{
    size_t longest = 1;
    for (size_t i = 0; i < t->rows && t->rows <= MOST_NAMES; i++) {
        size_t length = strlen(table_cell(t, i, 0));
        longest = length > longest ? length : longest;
    }
    longest = longest < NAME ? longest : NAME;
    int names = LETTER * (int)longest + 26;
    double side = (double)(SIZE - names - RIGHT) / (double)t->rows;
    return (struct matrix){side, names, LETTER * (double)longest < side};
}

/* The first letters of a class's name. */
static void add_name(struct text *out, const char *name)
{
    char cut[NAME + 1];
    if (snprintf(cut, sizeof cut, "%s", name) < (int)sizeof cut) {
        plot_escape(out, name);
        return;
    }
    size_t end = NAME - 1; /* not within a letter of UTF-8 */
    while (end > 0 && ((unsigned char)cut[end] & 0xC0) == 0x80)
        end--;
    cut[end] = '\0';
    plot_escape(out, cut);
    text_add(out, "&#8230;");
}

/* The deeper a cell's colour, the larger its share of the row's class. */
static void add_cell(const struct table *t, const struct matrix *p, size_t r, size_t c,
                     double total, struct text *out)
{
    double count = table_number(t, r, c + 1), share = total > 0.0 ? count / total : 0.0;
    double x = p->names + (double)c * p->side, y = TOP + (double)r * p->side;
    if (!(count > 0.0))
        return;
    text_add(out,
             "<rect class=\"c%d\" fill=\"currentColor\" fill-opacity=\"%.3f\" x=\"%.1f\" "
             "y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
             r == c ? 0 : 1, 0.08 + 0.92 * share, x, y, p->side, p->side);
    plot_escape(out, table_cell(t, r, 0));
    text_add(out, " taken for ");
    plot_escape(out, t->header[c + 1]);
    text_add(out, ": %.0f of %.0f</title></rect>", count, total);
    if (t->rows <= MOST_NUMBERS)
        text_add(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" class=\"%s\">%.0f</text>",
                 x + p->side / 2.0, y + p->side / 2.0 + 4.0, share > 0.5 ? "inside" : "label",
                 count);
    text_add(out, "\n");
}

static void add_names(const struct table *t, const struct matrix *p, struct text *out)
{
    double below = TOP + (double)t->rows * p->side + 15.0;
    for (size_t i = 0; i < t->rows && t->rows <= MOST_NAMES; i++) {
        double middle = ((double)i + 0.5) * p->side;
        text_add(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", p->names - 6,
                 TOP + middle + 4.0);
        add_name(out, table_cell(t, i, 0));
        if (p->straight)
            text_add(out, "</text><text text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">",
                     p->names + middle, below);
        else
            text_add(out,
                     "</text><text text-anchor=\"end\" transform=\"translate(%.1f %.1f) "
                     "rotate(-60)\">",
                     p->names + middle + 4.0, below - 2.0);
        add_name(out, t->header[i + 1]);
        text_add(out, "</text>\n");
    }
}

void report_confusion(const struct report *report, struct text *out)
{
    const struct table *t = &report->confusion;
    if (t->rows == 0 || t->columns != t->rows + 1)
        return;
    struct matrix p = picture_of(t);
    double extent = p.side * (double)t->rows;
    double end = TOP + extent + 24.0 + (p.straight ? 18.0 : p.names);
    text_add(out,
             "<section id=\"confusion\"><h2>Confusion matrix</h2>\n"
             "<p>What the final model makes of the validation samples: a row a class, a column a "
             "prediction, colours by the share of the class.</p>\n"
             "<div class=\"card square\"><svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" "
             "viewBox=\"0 0 %d %.0f\" role=\"img\">\n<title>Confusion matrix</title>\n"
             "<text class=\"label name\" x=\"6\" y=\"14\">class</text>"
             "<text class=\"label\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">prediction</text>"
             "<rect fill=\"none\" class=\"axis\" x=\"%d\" y=\"%d\" width=\"%.1f\" "
             "height=\"%.1f\"/>\n",
             SIZE, end, p.names + extent / 2.0, end - 8.0, p.names, TOP, extent, extent);
    for (size_t r = 0; r < t->rows; r++) {
        double total = 0.0;
        for (size_t c = 0; c < t->rows; c++)
            total += table_number(t, r, c + 1);
        for (size_t c = 0; c < t->rows; c++)
            add_cell(t, &p, r, c, total, out);
    }
    add_names(t, &p, out);
    text_add(out, "</svg></div>\n</section>\n");
}
