#include "train/history.h"

#include <stdio.h>
#include <string.h>

static void add_columns(struct history *history, const char *prefix, const struct metric *metrics,
                        size_t count)
{
    snprintf(history->name[history->values++], sizeof history->name[0], "%sloss", prefix);
    for (size_t i = 0; i < count; i++) {
        history->larger_is_better[history->values] = metrics[i].type->larger_is_better;
        snprintf(history->name[history->values++], sizeof history->name[0], "%s%s", prefix,
                 metrics[i].name);
    }
}

void history_init(struct history *history, const struct metric *metrics, size_t count,
                  bool validation)
{
    *history = (struct history){0};
    add_columns(history, "", metrics, count);
    if (validation) {
        add_columns(history, "val_", metrics, count);
        history->val_columns = 1 + count;
    }
    text_add(&history->csv, "epoch,step,samples,seconds,samples_per_second,learning_rate");
    for (size_t i = 0; i < history->values; i++)
        text_add(&history->csv, ",%s", history->name[i]);
    text_add(&history->csv, ",digest\n");
}

void history_add(struct history *history, const struct history_row *row)
{
    text_add(&history->csv, "%lld,%lld,%lld,%.3f,%.1f,", (long long)row->epoch,
             (long long)row->step, (long long)row->samples, row->seconds, row->samples_per_second);
    json_number(&history->csv, row->learning_rate);
    for (size_t i = 0; i < history->values; i++) {
        text_add(&history->csv, ",");
        if (row->value[i] != row->value[i])
            text_add(&history->csv, "nan");
        else
            json_number(&history->csv, row->value[i]);
    }
    text_add(&history->csv, ",%s\n", row->digest);
}

void history_restore(struct history *history, const char *csv)
{
    history->csv.length = 0;
    text_append(&history->csv, csv, strlen(csv));
}

void history_release(struct history *history)
{
    text_release(&history->csv);
}
