/* Class labels: their number and their range. */
#ifndef CONVOY_DATA_LABELS_H
#define CONVOY_DATA_LABELS_H

#include "data/dataset.h"

/* Does y hold one integer a sample? */
bool labels_are_integers(const struct dataset *dataset);

/* The label of a stored sample, as it is stored. */
int64_t labels_get(const struct dataset *dataset, size_t stored_id);

/* Records the failure of a label that is not in 0..classes-1. */
enum status labels_fail(const struct dataset *dataset, size_t stored_id, int64_t label,
                        size_t classes);

/* Sets dataset->classes: to asserted where that is not FIELD_NONE, else to what the format set,
 * else, for integer targets, to the largest label + 1; then checks every label. Errors: ST_DATA. */
enum status labels_settle(struct dataset *dataset, int64_t asserted);

#endif
