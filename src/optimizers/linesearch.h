/* A step along a direction that satisfies the strong Wolfe conditions,
 *     f(x + t p) <= f(x) + c1 t slope   and   |slope at t| <= c2 |slope|,
 * by the method of J. More and D. Thuente ("Line search algorithms with guaranteed sufficient
 * decrease", ACM TOMS 20, 1994), with the constants of MINPACK-2's dcsrch. */
#ifndef CONVOY_OPTIMIZERS_LINESEARCH_H
#define CONVOY_OPTIMIZERS_LINESEARCH_H

#include "optimizers/solver.h"

/* What solvers with a line search have as arguments. */
struct line_args {
    struct solver_args solver;
    double c1, c2;
};

#define LINE_FIELDS(c2_)                                                                           \
    SOLVER_FIELDS("25"), FACTOR_FIELD(struct line_args, c1, "1e-4", 1e-16, 1, "least decrease"),   \
        FACTOR_FIELD(struct line_args, c2, c2_, 1e-16, 1, "largest slope that is left")

/* Vectors of n that line_search works with. */
enum { LINE_VECTORS = 4 };

/* Moves the solver from x along p, trying `first` first. Where the conditions cannot be met within
 * max_evaluations, or in the precision of the problem, the lowest point found is taken. out->step
 * is how far it went; 0: no lower point was found, and the solver is as before. Where moved is not
 * NULL, it and turned get the differences of x and of g. slope is g.p, below 0. work has room for
 * LINE_VECTORS vectors. Errors: the problem's. */
struct line {
    const double *p;
    double slope, first;
    double *moved, *turned, *work;
};
enum status line_search(struct solver *solver, struct problem *problem, const struct line *line,
                        struct iteration *out);

#endif
