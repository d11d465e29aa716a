/* Keras's schedules, and the one-cycle policy (L. Smith and N. Topin 2018, in PyTorch's form). All
 * in double; t is the step, from 0. */
#include "optimizers/schedules.h"

#include <math.h>

#include "kernels/vmath.h"

#define RATE(type_, key_, default_, help_)                                                         \
    {                                                                                              \
        .key = #key_, .type = FIELD_FLOAT, .offset = offsetof(type_, key_), .fallback = default_,  \
        .min = 0, .max = 1e6, .help = help_                                                        \
    }
#define NUMBER(type_, key_, default_, min_, max_, help_)                                           \
    {                                                                                              \
        .key = #key_, .type = FIELD_FLOAT, .offset = offsetof(type_, key_), .fallback = default_,  \
        .min = min_, .max = max_, .help = help_                                                    \
    }
#define STEPS(type_, key_, default_, min_, help_)                                                  \
    {                                                                                              \
        .key = #key_, .type = FIELD_INT, .offset = offsetof(type_, key_), .fallback = default_,    \
        .min = min_, .max = 1e15, .help = help_                                                    \
    }
#define FLAG(type_, key_, help_)                                                                   \
    {                                                                                              \
        .key = #key_, .type = FIELD_BOOL, .offset = offsetof(type_, key_), .fallback = "false",    \
        .help = help_                                                                              \
    }
#define SCHEDULE(storage_, name_, symbol_, type_, ...)                                             \
    static const struct schema symbol_##_schema = {name_, symbol_##_fields, NULL};                 \
    static const struct schedule_type symbol_##_type = {.rate = symbol_##_rate, __VA_ARGS__};      \
    storage_ const struct kind schedule_##symbol_ = {name_, &symbol_##_schema, sizeof(type_),      \
                                                     &symbol_##_type};

/* ---- a number ---- */

struct constant {
    double learning_rate;
};

static const struct field constant_fields[] = {{.key = "learning_rate",
                                                .type = FIELD_FLOAT,
                                                .offset = offsetof(struct constant, learning_rate),
                                                .min = 0,
                                                .max = 1e6,
                                                .bare = true,
                                                .help = "the same in every step"},
                                               {0}};

static double constant_rate(const void *args, int64_t step)
{
    (void)step;
    return ((const struct constant *)args)->learning_rate;
}

SCHEDULE(, "Constant", constant, struct constant, .ours = true)

/* ---- ExponentialDecay, InverseTimeDecay: p = t / decay_steps, whole where staircase ---- */

struct decay {
    double initial_learning_rate, decay_rate;
    int64_t decay_steps;
    bool staircase;
};

static const struct field decay_fields[] = {
    RATE(struct decay, initial_learning_rate, NULL, "at the start"),
    STEPS(struct decay, decay_steps, NULL, 1, "steps of one decay"),
    NUMBER(struct decay, decay_rate, NULL, 0, 1e6, "how much it decays"),
    FLAG(struct decay, staircase, "at once after every decay_steps"),
    {0}};
#define exponential_fields decay_fields
#define inverse_fields decay_fields

static double decays(const struct decay *a, int64_t step)
{
    double p = (double)step / (double)a->decay_steps;
    return a->staircase ? floor(p) : p;
}

/* initial decay_rate^p */
static double exponential_rate(const void *args, int64_t step)
{
    const struct decay *a = args;
    return a->initial_learning_rate * dm_pow(a->decay_rate, decays(a, step));
}

SCHEDULE(static, "ExponentialDecay", exponential, struct decay, .ours = false)

/* initial / (1 + decay_rate p) */
static double inverse_rate(const void *args, int64_t step)
{
    const struct decay *a = args;
    return a->initial_learning_rate / (1.0 + a->decay_rate * decays(a, step));
}

SCHEDULE(static, "InverseTimeDecay", inverse, struct decay, .ours = false)

/* ---- PiecewiseConstantDecay: values[i] up to and including boundaries[i] ---- */

struct piecewise {
    struct int_list boundaries;
    struct float_list values;
};

static const struct field piecewise_fields[] = {
    {.key = "boundaries",
     .type = FIELD_INTS,
     .offset = offsetof(struct piecewise, boundaries),
     .min = 0,
     .max = 1e15,
     .help = "last steps of all values but the last, ascending"},
    {.key = "values",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct piecewise, values),
     .min = 0,
     .max = 1e6,
     .help = "one more than boundaries"},
    {0}};

static const char *piecewise_wrong(const void *args)
{
    const struct piecewise *a = args;
    if (a->boundaries.n == 0 || a->values.n != a->boundaries.n + 1)
        return "expected at least one of boundaries, and one more of values";
    for (size_t i = 1; i < a->boundaries.n; i++)
        if (a->boundaries.v[i] <= a->boundaries.v[i - 1])
            return "expected ascending boundaries";
    return NULL;
}

static double piecewise_rate(const void *args, int64_t step)
{
    const struct piecewise *a = args;
    size_t i = 0;
    while (i < a->boundaries.n && step > a->boundaries.v[i])
        i++;
    return a->values.v[i];
}

SCHEDULE(static, "PiecewiseConstantDecay", piecewise, struct piecewise, .wrong = piecewise_wrong)

/* ---- PolynomialDecay: (initial - end) (1 - t/decay_steps)^power + end; with cycle, decay_steps is
 * the first of its multiples that t does not exceed ---- */

struct polynomial {
    double initial_learning_rate, end_learning_rate, power;
    int64_t decay_steps;
    bool cycle;
};

static const struct field polynomial_fields[] = {
    RATE(struct polynomial, initial_learning_rate, NULL, "at the start"),
    STEPS(struct polynomial, decay_steps, NULL, 1, "steps down to the end"),
    RATE(struct polynomial, end_learning_rate, "0.0001", "at the end"),
    NUMBER(struct polynomial, power, "1.0", 0, 1e3, "of the polynomial"),
    FLAG(struct polynomial, cycle, "go up again where it ends"),
    {0}};

static double polynomial_rate(const void *args, int64_t step)
{
    const struct polynomial *a = args;
    double t = (double)step, steps = (double)a->decay_steps;
    if (a->cycle && step > 0)
        steps *= ceil(t / steps);
    else
        t = t < steps ? t : steps;
    return (a->initial_learning_rate - a->end_learning_rate) * dm_pow(1.0 - t / steps, a->power) +
           a->end_learning_rate;
}

SCHEDULE(static, "PolynomialDecay", polynomial, struct polynomial, .ours = false)

/* ---- cosines (I. Loshchilov and F. Hutter 2017) ---- */

/* From 1 at fraction 0 to alpha at 1. */
static double cosine(double fraction, double alpha, double factor)
{
    return (1.0 - alpha) * (0.5 * factor * (1.0 + dm_cos_pi(fraction))) + alpha;
}

struct cosine_decay {
    double initial_learning_rate, alpha, warmup_target;
    int64_t decay_steps, warmup_steps;
};

static const struct field cosine_fields[] = {
    RATE(struct cosine_decay, initial_learning_rate, NULL, "at the start"),
    STEPS(struct cosine_decay, decay_steps, NULL, 1, "steps down to the end"),
    NUMBER(struct cosine_decay, alpha, "0.0", 0, 1, "the part that is left at the end"),
    {.key = "warmup_target",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct cosine_decay, warmup_target),
     .fallback = "null",
     .nullable = true,
     .min = 0,
     .max = 1e6,
     .help = "where the warm-up leads to from initial_learning_rate; null: none"},
    STEPS(struct cosine_decay, warmup_steps, "0", 0, "steps of the warm-up"),
    {0}};

static double cosine_rate(const void *args, int64_t step)
{
    const struct cosine_decay *a = args;
    bool warms = !isnan(a->warmup_target);
    double t = (double)step, steps = (double)a->decay_steps, top = a->initial_learning_rate;
    if (warms && step < a->warmup_steps)
        return (a->warmup_target - top) * (t / (double)a->warmup_steps) + top;
    if (warms) {
        t -= (double)a->warmup_steps;
        top = a->warmup_target;
    }
    return top * cosine((t < steps ? t : steps) / steps, a->alpha, 1.0);
}

SCHEDULE(static, "CosineDecay", cosine, struct cosine_decay, .ours = false)

struct restarts {
    double initial_learning_rate, t_mul, m_mul, alpha;
    int64_t first_decay_steps;
};

static const struct field restarts_fields[] = {
    RATE(struct restarts, initial_learning_rate, NULL, "at the start"),
    STEPS(struct restarts, first_decay_steps, NULL, 1, "steps of the first period"),
    NUMBER(struct restarts, t_mul, "2.0", 1, 1e6, "a period is so many times the one before"),
    NUMBER(struct restarts, m_mul, "1.0", 0, 1e6, "a start is so many times the one before"),
    NUMBER(struct restarts, alpha, "0.0", 0, 1, "the part that is left at the end of a period"),
    {0}};

/* Periods are counted, where Keras takes a logarithm, which rounds to either side at a restart. */
static double restarts_rate(const void *args, int64_t step)
{
    const struct restarts *a = args;
    double period = (double)a->first_decay_steps, within = (double)step, factor = 1.0;
    if (a->t_mul == 1.0) {
        double passed = floor(within / period);
        within -= passed * period;
        factor = dm_pow(a->m_mul, passed);
    }
    while (within >= period) {
        within -= period;
        period *= a->t_mul;
        factor *= a->m_mul;
    }
    return a->initial_learning_rate * cosine(within / period, a->alpha, factor);
}

SCHEDULE(static, "CosineDecayRestarts", restarts, struct restarts, .ours = false)

/* ---- OneCycle: by half cosines (or lines) from max/div_factor up to max in the first pct_start of
 * the steps, then down to max/div_factor/final_div_factor at the last ---- */

enum strategy { ANNEAL_COS, ANNEAL_LINEAR };
static const char *const strategy_names[] = {"cos", "linear", NULL};

struct one_cycle {
    double max_lr, pct_start, div_factor, final_div_factor;
    int64_t total_steps;
    int anneal_strategy; /* enum strategy */
};

static const struct field one_cycle_fields[] = {
    RATE(struct one_cycle, max_lr, NULL, "at the top"),
    STEPS(struct one_cycle, total_steps, NULL, 2, "steps of the whole cycle"),
    NUMBER(struct one_cycle, pct_start, "0.3", 0, 1, "the part of the steps that goes up"),
    {.key = "anneal_strategy",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct one_cycle, anneal_strategy),
     .fallback = "cos",
     .choices = strategy_names,
     .help = "half cosines or lines"},
    NUMBER(struct one_cycle, div_factor, "25.0", 1, 1e9, "it starts at max_lr / div_factor"),
    NUMBER(struct one_cycle, final_div_factor, "10000.0", 1, 1e12,
           "it ends at its start / final_div_factor"),
    {0}};

static double one_cycle_rate(const void *args, int64_t step)
{
    const struct one_cycle *a = args;
    double start = a->max_lr / a->div_factor, end = start / a->final_div_factor;
    double last = (double)(a->total_steps - 1), t = (double)step, fraction;
    double top = a->pct_start * (double)a->total_steps - 1.0;
    t = t < last ? t : last;
    double from = a->max_lr, to = end;
    if (t <= top) {
        fraction = top > 0.0 ? t / top : 1.0;
        from = start;
        to = a->max_lr;
    } else {
        double begin = top > 0.0 ? top : 0.0;
        fraction = (t - begin) / (last - begin);
    }
    if (a->anneal_strategy == ANNEAL_LINEAR)
        return (to - from) * fraction + from;
    return to + (from - to) / 2.0 * (1.0 + dm_cos_pi(fraction));
}

SCHEDULE(static, "OneCycle", one_cycle, struct one_cycle, .ours = true)

/* ---- all ---- */

const struct kind *const schedule_kinds[] = {
    &schedule_constant,   &schedule_exponential, &schedule_piecewise,
    &schedule_polynomial, &schedule_inverse,     &schedule_cosine,
    &schedule_restarts,   &schedule_one_cycle,   NULL};

enum status schedule_check(const struct variant *schedule)
{
    const struct schedule_type *type = schedule->kind->impl;
    const char *wrong = type->wrong ? type->wrong(schedule->args) : NULL;
    FAIL_IF(wrong, ST_USAGE, "%s%s: %s", position_text(schedule->position), schedule->kind->name,
            wrong);
    return ST_OK;
}

double schedule_rate(const struct variant *schedule, int64_t step)
{
    return ((const struct schedule_type *)schedule->kind->impl)->rate(schedule->args, step);
}
