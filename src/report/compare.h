/* Runs beside each other: a table, and a page with the loss against epochs, passes and seconds. */
#ifndef CONVOY_REPORT_COMPARE_H
#define CONVOY_REPORT_COMPARE_H

#include "base/mem.h"

/* An epoch of a run. A pass is an evaluation of the loss, or a product with the Hessian, on all
 * training samples: one an epoch, but for second-order methods what solver.csv says. */
struct compare_point {
    double epoch, passes, seconds, loss, val_loss; /* val_loss NaN: there is none */
};

struct compare_run {
    const char *name;
    size_t points;
    struct compare_point *point;
};

enum { COMPARE_MAX = 16 };

struct comparison {
    size_t runs;
    struct compare_run run[COMPARE_MAX];
    struct pool pool;
};

/* Adds the run in a folder, of which name (copied) is shown. Errors: ST_IO for files that cannot be
 * read, ST_DATA for those that are not a run's, or that have no epoch. */
enum status compare_add(struct comparison *comparison, const char *name, const char *folder);
void compare_release(struct comparison *comparison);

void compare_table(const struct comparison *comparison, struct text *out);

/* One HTML file that needs no other: drawings in SVG, no script. */
void compare_html(const struct comparison *comparison, const char *title, struct text *out);

#endif
