#include "train/confusion.h"

#include <stdio.h>
#include <string.h>

size_t session_confusion(const struct session *session)
{
    const struct shape *out = &session->model->output;
    size_t classes = (size_t)out->dim[out->rank - 1];
    bool two_way = shape_size(out) == 1 && session->classes == 2;
    bool chosen = session->form != TARGET_VALUE && classes > 1;
    classes = two_way ? 2 : chosen ? classes : 0;
    return classes <= CONFUSION_MAX_CLASSES ? classes : 0;
}

/* The class that row number r of values says: of one value 1 above a half. */
static size_t class_of(const struct loss_input *in, const float *values, size_t r)
{
    return in->classes == 1 ? values[r] > 0.5f
                            : metric_argmax(in->classes, values + r * in->classes);
}

void confusion_add(const struct loss_input *in, size_t classes, double *counts)
{
    size_t rows = (size_t)in->n * (in->width / in->classes);
    memset(counts, 0, classes * classes * sizeof *counts);
    for (size_t r = 0; r < rows; r++) {
        size_t is = in->labels ? (size_t)in->labels[r] : class_of(in, in->values, r);
        counts[is * classes + class_of(in, in->output, r)] += 1.0;
    }
}

/* Quoted where the name has something that CSV takes for its own (RFC 4180). */
static void add_name(char *const *names, size_t class, struct text *out)
{
    if (!names) {
        text_add(out, "%zu", class);
        return;
    }
    const char *quote = strpbrk(names[class], ",\"\r\n") ? "\"" : "";
    text_add(out, "%s", quote);
    for (const char *c = names[class]; *c; c++)
        text_add(out, "%s%c", *c == '"' ? "\"" : "", *c);
    text_add(out, "%s", quote);
}

void confusion_csv(const double *counts, size_t classes, char *const *names, struct text *out)
{
    text_add(out, "class");
    for (size_t c = 0; c < classes; c++) {
        text_add(out, ",");
        add_name(names, c, out);
    }
    text_add(out, "\n");
    for (size_t r = 0; r < classes; r++) {
        add_name(names, r, out);
        for (size_t c = 0; c < classes; c++)
            text_add(out, ",%.0f", counts[r * classes + c]);
        text_add(out, "\n");
    }
}

void confusion_table(const double *counts, size_t classes, char *const *names, struct text *out)
{
    enum { NAME = 12 };
    char number[32];
    text_add(out, "confusion matrix: a row a class, a column a prediction\n%-*s", NAME, "class");
    for (size_t c = 0; c < classes; c++)
        text_add(out, " %6zu", c);
    text_add(out, "   right\n");
    for (size_t r = 0; r < classes; r++) {
        double all = 0.0;
        snprintf(number, sizeof number, "%zu%s%.*s", r, names ? " " : "", NAME - 4,
                 names ? names[r] : "");
        text_add(out, "%-*s", NAME, number);
        for (size_t c = 0; c < classes; c++) {
            text_add(out, " %6.0f", counts[r * classes + c]);
            all += counts[r * classes + c];
        }
        text_add(out, "  %5.1f%%\n", all > 0.0 ? 100.0 * counts[r * classes + r] / all : 0.0);
    }
}
