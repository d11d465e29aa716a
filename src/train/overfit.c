#include "train/overfit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define ABOVE 0.05 /* of the least */

bool overfit_see(struct overfit *o, int64_t epoch, double loss, double val_loss)
{
    if (!o->any || val_loss < o->least) {
        o->any = true;
        o->epoch = epoch;
        o->least = val_loss;
        o->loss = loss;
    }
    bool holds = epoch - o->epoch >= OVERFIT_EPOCHS && loss < o->loss &&
                 val_loss > o->least + ABOVE * fabs(o->least);
    bool first = holds && !o->found;
    o->found = o->found || holds;
    return first;
}

void overfit_check(struct overfit *o, const struct history *history, const struct history_row *row)
{
    if (history->val_columns == 0)
        return;
    double loss = row->value[0], val_loss = row->value[history->values - history->val_columns];
    if (overfit_see(o, row->epoch, loss, val_loss))
        log_warn("overfitting: val_loss was least in epoch %lld, %.4g, and is %.4g in epoch %lld, "
                 "while loss went from %.4g to %.4g: more data, data.augment, Dropout, "
                 "weight_decay or EarlyStopping may help",
                 (long long)o->epoch, o->least, val_loss, (long long)row->epoch, o->loss, loss);
}

void overfit_replay(struct overfit *o, const struct history *history)
{
    enum { BEFORE_LOSS = 6 }; /* columns of history.csv */
    size_t val_loss = history->values - history->val_columns;
    if (history->val_columns == 0)
        return;
    const char *row = history->csv.data + strcspn(history->csv.data, "\n") + 1;
    for (; *row; row += strcspn(row, "\n") + 1) {
        double losses[2] = {0};
        const char *at = row;
        for (size_t c = 0; c <= BEFORE_LOSS + val_loss; c++, at += strcspn(at, ",") + 1) {
            if (c == BEFORE_LOSS)
                losses[0] = strtod(at, NULL);
            if (c == BEFORE_LOSS + val_loss)
                losses[1] = strtod(at, NULL);
        }
        overfit_see(o, strtoll(row, NULL, 10), losses[0], losses[1]);
    }
}
