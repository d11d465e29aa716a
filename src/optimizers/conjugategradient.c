/* Nonlinear conjugate gradients (J. Nocedal and S. Wright, Numerical Optimization, 2nd ed., section
 * 5.2): p = -g + beta p, with a line search after strong Wolfe conditions. It starts anew from the
 * gradient where successive gradients are far from orthogonal, |g.g_before| >= 0.2 g.g (M. Powell
 * 1977), and where p would not lead down. */
#include <math.h>
#include <string.h>

#include "optimizers/linesearch.h"
#include "optimizers/vectors.h"

struct cg_args {
    struct line_args line;
    int beta;
};
enum beta { POLAK_RIBIERE_PLUS, FLETCHER_REEVES, HESTENES_STIEFEL };

static const char *const beta_names[] = {"polak_ribiere_plus", "fletcher_reeves",
                                         "hestenes_stiefel", NULL};
static const struct field fields[] = {{.key = "beta",
                                       .type = FIELD_CHOICE,
                                       .offset = offsetof(struct cg_args, beta),
                                       .fallback = "polak_ribiere_plus",
                                       .choices = beta_names,
                                       .bare = true,
                                       .help = "how much of the last direction is kept"},
                                      LINE_FIELDS("0.1"),
                                      {0}};
static const struct schema schema = {"ConjugateGradient", fields, NULL};

/* The state: step, is there a last direction?, its slope; the last direction and gradient. */
enum { BEGUN = STATE_STEP + 1, SLOPE, VECTORS };

static struct solver_memory memory(const void *args, size_t n)
{
    (void)args;
    return (struct solver_memory){VECTORS + 2.0 * (double)n, (2.0 + LINE_VECTORS) * (double)n};
}

/* (5.41), (5.44), (5.46); y is room for a vector. */
static double beta_of(const struct solver *solver, const double *last, const double *before,
                      double *y)
{
    size_t n = solver->n;
    const double *g = solver->g;
    double gg = vector_dot(n, g, g), before2 = vector_dot(n, before, before);
    if (fabs(vector_dot(n, g, before)) >= 0.2 * gg)
        return 0.0;
    vector_combine(n, g, -1.0, before, y);
    double gy = vector_dot(n, g, y);
    switch ((enum beta)((const struct cg_args *)solver->args)->beta) {
    case FLETCHER_REEVES:
        return gg / before2;
    case HESTENES_STIEFEL:
        return gy / vector_dot(n, last, y);
    default:
        return gy > 0.0 ? gy / before2 : 0.0;
    }
}

/* p, and the first step to try by (3.60): the change of the loss to first order is that of the last
 * iteration. */
static void direction(const struct solver *solver, bool begun, double *p, double *y,
                      struct line *line)
{
    size_t n = solver->n;
    const double *last = solver->state + VECTORS, *before = last + n;
    double gg = vector_dot(n, solver->g, solver->g), size = sqrt(gg);
    vector_scale(n, -1.0, solver->g, p);
    line->p = p;
    line->slope = -gg;
    line->first = size > 1.0 ? 1.0 / size : 1.0;
    if (!begun)
        return;
    vector_add(n, beta_of(solver, last, before, y), last, p);
    double slope = vector_dot(n, solver->g, p);
    if (slope < 0.0)
        line->slope = slope;
    else
        vector_scale(n, -1.0, solver->g, p);
    line->first = solver->state[STATE_STEP] * solver->state[SLOPE] / line->slope;
}

static enum status iterate(struct solver *solver, struct problem *problem, struct iteration *out)
{
    size_t n = solver->n;
    double *p = solver->work, *before = p + n, *last = solver->state + VECTORS;
    memcpy(before, solver->g, n * sizeof *before);
    struct line line = {.work = before + n};
    for (bool begun = solver->state[BEGUN] > 0.0;; begun = false) {
        direction(solver, begun, p, line.work, &line);
        TRY(line_search(solver, problem, &line, out));
        solver->state[BEGUN] = out->step > 0.0;
        if (out->step > 0.0)
            break;
        if (!begun) {
            out->converged = SOLVER_EXHAUSTED;
            return ST_OK;
        }
    }
    solver->state[SLOPE] = line.slope;
    memcpy(last, p, n * sizeof *p);
    memcpy(last + n, before, n * sizeof *before);
    return ST_OK;
}

static const struct solver_type solver = {.memory = memory, .iterate = iterate};
SOLVER(optimizer_conjugategradient, "ConjugateGradient", struct cg_args, &solver);
