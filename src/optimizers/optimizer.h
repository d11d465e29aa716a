/* Optimizers: element-wise updates of a slice of the parameters from a slice of the gradient.
 *
 * Because an update of element i reads nothing but element i, a rank may own any slice of the
 * parameters and keep only that slice of the optimizer's state; the bits do not change. */
#ifndef CONVOY_OPTIMIZERS_OPTIMIZER_H
#define CONVOY_OPTIMIZERS_OPTIMIZER_H

#include "config/schema.h"

enum { OPTIMIZER_MAX_SLOTS = 4 };

/* Every optimizer's argument struct begins with this. */
struct optimizer_common {
    double learning_rate;
};

/* One step on n elements. Slots are the optimizer's state, of n elements each. */
struct optimizer_step {
    double learning_rate; /* after schedules */
    int64_t iteration;    /* from 1 */
    size_t n;
    float *w;
    const float *g; /* mean gradient over the batch, penalties included */
    float *slot[OPTIMIZER_MAX_SLOTS];
};

struct optimizer_type {
    struct kind kind; /* Keras's class name, schema, argument size; impl points to this struct */
    const char *slot_name[OPTIMIZER_MAX_SLOTS]; /* all it may have, Keras's names */
    /* How many of the slots these arguments need, and the value that they start with. */
    size_t (*slots)(const void *args);
    float (*slot_start)(const void *args, size_t slot); /* NULL: zero */
    void (*update)(const void *args, const struct optimizer_step *step);
};

/* Ends with NULL; made from optimizers.def. */
extern const struct kind *const optimizer_kinds[];

#define LEARNING_RATE_FIELD(default_)                                                              \
    {                                                                                              \
        .key = "learning_rate", .type = FIELD_FLOAT,                                               \
        .offset = offsetof(struct optimizer_common, learning_rate), .fallback = default_,          \
        .min = 0, .max = 1e6, .bare = true, .help = "step size"                                    \
    }

#define FACTOR_FIELD(type_, key_, default_, min_, max_, help_)                                     \
    {                                                                                              \
        .key = #key_, .type = FIELD_FLOAT, .offset = offsetof(type_, key_), .fallback = default_,  \
        .min = min_, .max = max_, .help = help_                                                    \
    }

#endif
