/* Learning rates over the steps of a run: a number, or one of Keras's schedules. */
#ifndef CONVOY_OPTIMIZERS_SCHEDULES_H
#define CONVOY_OPTIMIZERS_SCHEDULES_H

#include "config/schema.h"

/* What a kind's impl points to. */
struct schedule_type {
    double (*rate)(const void *args, int64_t step); /* of a step, counted from 0 */
    /* NULL, or what is wrong with the arguments taken together; NULL: nothing */
    const char *(*wrong)(const void *args);
    bool ours; /* Keras has no such schedule */
};

extern const struct kind *const schedule_kinds[]; /* ends with NULL */
extern const struct kind schedule_constant;       /* a number alone */

/* Are the arguments sound? Errors: ST_USAGE with the position. Not collective. */
enum status schedule_check(const struct variant *schedule);

double schedule_rate(const struct variant *schedule, int64_t step);

#endif
