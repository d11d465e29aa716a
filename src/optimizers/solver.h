/* Second-order methods: optimizers that look at the whole problem rather than at each element.
 *
 * A solver sees a problem through functions: loss and gradient anywhere, products with the Hessian,
 * the normal equations. Vectors have n doubles, without padding. On several ranks every rank holds
 * all of the vectors and does the same arithmetic on the same numbers; what is distributed is the
 * problem's functions, whose results are the same bits on every rank. So a solver knows nothing of
 * ranks, and is tested on problems of a few lines. */
#ifndef CONVOY_OPTIMIZERS_SOLVER_H
#define CONVOY_OPTIMIZERS_SOLVER_H

#include "base/status.h"
#include "optimizers/optimizer.h"

/* Each function fails alike on all ranks; those that a problem cannot have are NULL. */
struct problem {
    size_t n;
    /* Loss at x and, where g is not NULL, its gradient. x is first rounded in place to what the
     * problem can represent (float32 in training), so that later x means what was evaluated. */
    enum status (*evaluate)(struct problem *problem, double *x, double *f, double *g);
    /* The point evaluated last is the best so far: whatever else is known about it (metrics) is to
     * be kept. May be NULL. */
    void (*keep)(struct problem *problem);
    /* hv = H v, H being the Hessian at x. */
    enum status (*hessian)(struct problem *problem, const double *x, const double *v, double *hv);
    /* Of a loss that is a sum of squares: f(x + p) = f + 2 b.p + p.A p + ..., with A = J^T J (n x
     * n, the upper triangle) and b = J^T r. */
    enum status (*normal)(struct problem *problem, const double *x, double *a, double *b);
};

/* The state, of which all is in checkpoints, begins with the last iteration's step length. */
enum { STATE_STEP };

struct solver {
    const struct solver_type *type;
    const void *args;
    size_t n;
    double *x, *g; /* where we are, and the gradient there */
    double f;
    bool current; /* f (and g, but with normal equations) are the problem's at x */
    double *state, *work;
    size_t state_size;
};

/* How an iteration went, a row of solver.csv. */
struct iteration {
    double loss, gradient; /* at the point reached; the Euclidean norm, with normal equations that
                              at the point where the iteration began */
    double step;           /* length in units of the direction; 0: the point stayed */
    double damping;        /* what was added to the (scaled) diagonal; NAN: nothing ever is */
    double gain;           /* reduction of the loss by that predicted; NAN where none is */
    int64_t evaluations;   /* of the loss, with or without gradient */
    int64_t products;      /* with the Hessian, or normal equations made */
    const char *converged; /* why there is nothing more to do; NULL: there is */
};

/* Doubles that a solver needs for n parameters; numbers that may be too large for memory. */
struct solver_memory {
    double state, work;
};

struct solver_type {
    struct solver_memory (*memory)(const void *args, size_t n);
    bool (*uses_hessian)(const void *args, size_t n); /* NULL: no */
    bool uses_normal;
    /* One iteration: moves x, with f and g (current) where they are known there. */
    enum status (*iterate)(struct solver *solver, struct problem *problem, struct iteration *out);
};

/* What all solvers' arguments begin with. The learning rate is not used. */
struct solver_args {
    struct optimizer_common common;
    double tolerance;        /* of the largest element of the gradient */
    int64_t max_evaluations; /* in an iteration */
};

#define SOLVER_FIELDS(evaluations_)                                                                \
    {.key = "tolerance",                                                                           \
     .type = FIELD_FLOAT,                                                                          \
     .offset = offsetof(struct solver_args, tolerance),                                            \
     .fallback = "1e-6",                                                                           \
     .min = 0,                                                                                     \
     .max = 1e6,                                                                                   \
     .help = "converged when no element of the gradient is larger"},                               \
    {                                                                                              \
        .key = "max_evaluations", .type = FIELD_INT,                                               \
        .offset = offsetof(struct solver_args, max_evaluations), .fallback = evaluations_,         \
        .min = 1, .max = 10000, .help = "of the loss, in the line search of an iteration"          \
    }

/* Begins and ends a solver at point x (n doubles, copied). Errors: ST_IO for memory. */
enum status solver_init(struct solver *solver, const struct variant *optimizer, size_t n,
                        const double *x);
void solver_release(struct solver *solver);

/* One iteration, with the parts that all have in common: evaluates where f and g are not current,
 * is done where the gradient is small enough. Errors: the problem's; ST_DIVERGED for a loss that is
 * not finite at the beginning. */
enum status solver_iterate(struct solver *solver, struct problem *problem, struct iteration *out);

/* Is the gradient below the tolerance? Says so in out->converged. */
bool solver_converged(const struct solver *solver, struct iteration *out);

/* Why there is nothing more to do where not even the steepest descent leads lower. */
#define SOLVER_EXHAUSTED "no lower loss can be found in the precision of the numbers"

size_t solver_no_slots(const void *args);

/* A solver's entry among the optimizers; symbol is defined in the same file as `iterate`, `memory`
 * and `schema`. */
#define SOLVER(symbol, name_, args_, solver_)                                                      \
    const struct optimizer_type symbol = {                                                         \
        .kind = {name_, &schema, sizeof(args_), &symbol},                                          \
        .slots = solver_no_slots,                                                                  \
        .ours = true,                                                                              \
        .solver = solver_,                                                                         \
    }

#endif
