/* Weights from another model's file, for the layers that have the same name in both. */
#ifndef CONVOY_FORMATS_WEIGHTS_H
#define CONVOY_FORMATS_WEIGHTS_H

#include "model/model.h"

/* What became of one layer of the model. */
struct weights_match {
    bool taken;
    char *why; /* where not: "is not in the file", "kernel is (64, 10) there and (64, 24) here" */
};

struct weights_report {
    struct weights_match *match; /* per node; only of those that were wanted and have parameters */
    struct string_list unused;   /* layers of the file that the model does not have */
    struct pool pool;
};

/* Reads a checkpoint or a Keras .h5 into the parameters of the layers for which wanted[node] says
 * so. A layer of other shapes is left as it is, and so is one that the file lacks. Release the
 * report, also after an error. Errors: ST_MODEL. */
enum status weights_read(const char *path, struct model *model, const bool *wanted,
                         struct weights_report *report);
void weights_release(struct weights_report *report);

#endif
