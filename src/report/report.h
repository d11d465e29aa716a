/* The report of a run: one HTML page that needs no other file and no network. */
#ifndef CONVOY_REPORT_REPORT_H
#define CONVOY_REPORT_REPORT_H

#include "report/table.h"
#include "train/experiment.h"

/* A run: its folder, and the model that it has come to. */
struct report_of {
    const char *folder;
    const struct experiment *experiment;
    const struct model *model;
    const char *digest;
};

/* Appends the page: from history.csv and, where they are there, confusion.csv, watch.csv and
 * log.txt. Errors: ST_IO, ST_DATA for files that cannot be read. Not collective. */
enum status report_html(const struct report_of *run, struct text *out);

/* ---- for the parts of the page ---- */

struct report {
    struct report_of run;
    struct table history, confusion, watch; /* no columns: there is none */
    char *log;                              /* "" where there is none */
    int best; /* row of history with the least val_loss, or loss; -1: there is no epoch */
    const char *best_by;
};

/* A plot for each number of the history, and for what --watch has written. */
void report_plots(struct report *report, struct text *out);
/* The confusion matrix as a picture. */
void report_confusion(const struct report *report, struct text *out);

#endif
