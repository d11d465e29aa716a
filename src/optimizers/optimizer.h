/* Optimizers: updates of a slice of the parameters from a slice of the gradient.
 *
 * The rank that owns a slice has that slice of the optimizer's state. An update of element i reads
 * element i and nothing else, so that any rank may own any slice; where an optimizer needs more it
 * says so: norms of whole parameters, which are taken over blocks of 4,096 elements and the
 * canonical tree, or whole parameters in one slice. In no case do the bits depend on who owns what.
 */
#ifndef CONVOY_OPTIMIZERS_OPTIMIZER_H
#define CONVOY_OPTIMIZERS_OPTIMIZER_H

#include "layers/layer.h"
#include "optimizers/schedules.h"

enum { OPTIMIZER_MAX_SLOTS = 4 };

/* The arguments that every optimizer takes; each one's argument struct begins with it. */
struct optimizer_common {
    struct variant learning_rate;                /* of schedule_kinds */
    double weight_decay;                         /* NAN: none */
    double clipnorm, global_clipnorm, clipvalue; /* NAN: not asked for */
    bool use_ema;
    double ema_momentum;
    int64_t ema_overwrite_frequency;     /* FIELD_NONE: never */
    int64_t gradient_accumulation_steps; /* FIELD_NONE, or refused by optimizer_check */
};
extern const struct schema optimizer_common_schema;

/* One step on n elements of a parameter. Slots are the optimizer's state, of n elements each. */
struct optimizer_step {
    double learning_rate; /* after schedules */
    int64_t iteration;    /* from 1 */
    size_t n;
    float *w;
    float *g; /* mean gradient over the batch, penalties included, clipped; may be overwritten */
    float *slot[OPTIMIZER_MAX_SLOTS];
    const struct param *param;
    double w_norm, g_norm;         /* of the whole parameter, where norms are asked for */
    const struct kernels *kernels; /* for matrix products */
    float *scratch;
};

struct optimizer_type {
    struct kind kind; /* Keras's class name, schema, argument size; impl points to this struct */
    const char *slot_name[OPTIMIZER_MAX_SLOTS]; /* all it may have, Keras's names */
    /* How many of the slots these arguments need, and the value that they start with. */
    size_t (*slots)(const void *args);
    float (*slot_start)(const void *args, size_t slot); /* NULL: zero */
    void (*update)(const void *args, const struct optimizer_step *step);
    /* Everything below may be absent. */
    bool ours;  /* Keras has no such optimizer */
    bool norms; /* update wants the norms of w and g */
    /* Before the norms are taken: the state, and g becomes what update wants the norm of. */
    void (*direct)(const void *args, const struct optimizer_step *step);
    /* Does update need all of this parameter in one slice, and how many floats to work with? */
    bool (*whole)(const void *args, const struct param *param, size_t *scratch);
    /* The decoupled weight decay of a parameter, where it is not just the argument; 0: none. */
    double (*weight_decay)(const void *args, const struct param *param);
    const struct solver_type *solver; /* NULL, or a second-order method in place of update */
};

/* Ends with NULL; made from optimizers.def. */
extern const struct kind *const optimizer_kinds[];

/* Are the arguments sound together? Errors: ST_USAGE with the position. Not collective. */
enum status optimizer_check(const struct variant *optimizer);

/* Do the words of a list occur in the parameter's path ("dense/bias")? */
bool optimizer_names(const struct string_list *words, const struct param *param);

#define LEARNING_RATE_FIELD(default_)                                                              \
    {                                                                                              \
        .key = "learning_rate", .type = FIELD_VARIANT,                                             \
        .offset = offsetof(struct optimizer_common, learning_rate), .fallback = default_,          \
        .kinds = schedule_kinds, .plain = &schedule_constant, .bare = true,                        \
        .help = "step size: a number or a schedule"                                                \
    }

#define WEIGHT_DECAY_FIELD(default_, nullable_)                                                    \
    {                                                                                              \
        .key = "weight_decay", .type = FIELD_FLOAT,                                                \
        .offset = offsetof(struct optimizer_common, weight_decay), .fallback = default_,           \
        .nullable = nullable_, .min = 0, .max = 1e6,                                               \
        .help = "every step takes learning_rate * this * w off each w"                             \
    }

#define FACTOR_FIELD(type_, key_, default_, min_, max_, help_)                                     \
    {                                                                                              \
        .key = #key_, .type = FIELD_FLOAT, .offset = offsetof(type_, key_), .fallback = default_,  \
        .min = min_, .max = max_, .help = help_                                                    \
    }

#define SWITCH_FIELD(type_, key_, default_, help_)                                                 \
    {                                                                                              \
        .key = #key_, .type = FIELD_BOOL, .offset = offsetof(type_, key_), .fallback = default_,   \
        .help = help_                                                                              \
    }

#endif
