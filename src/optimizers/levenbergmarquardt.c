/* Levenberg-Marquardt for losses that are sums of squares: (A + mu D) p = -b with A = J^T J and
 * b = J^T r (K. Levenberg 1944, D. Marquardt 1963). D is the largest diagonal of A so far (J. More
 * 1978), so that the result does not depend on the parameters' units; mu follows the gain ratio,
 * the reduction of the loss by that of the linear model (H. Nielsen, IMM-REP-1999-05). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "optimizers/cholesky.h"
#include "optimizers/solver.h"
#include "optimizers/vectors.h"

struct lm_args {
    struct solver_args solver;
    double damping;
};

static const struct field fields[] = {
    FACTOR_FIELD(struct lm_args, damping, "1e-3", DBL_MIN, 1e30, "first mu"),
    SOLVER_FIELDS("20"),
    {0}};
static const struct schema schema = {"LevenbergMarquardt", fields, NULL};

/* The state: step, mu (0: not begun), its factor after a failure; D. */
enum { MU = STATE_STEP + 1, FACTOR, DIAGONAL };

static struct solver_memory memory(const void *args, size_t n)
{
    (void)args;
    double size = (double)n;
    return (struct solver_memory){DIAGONAL + size, 2.0 * size * size + 3.0 * size};
}

static void widen_diagonal(struct solver *solver, const double *a)
{
    double *d = solver->state + DIAGONAL;
    for (size_t i = 0; i < solver->n; i++)
        d[i] = a[i * (solver->n + 1)] > d[i] ? a[i * (solver->n + 1)] : d[i];
}

/* D of a parameter that nothing depends on is 1. */
static double scale_of(const struct solver *solver, size_t i)
{
    double d = solver->state[DIAGONAL + i];
    return d > 0.0 ? d : 1.0;
}

/* p = -(A + mu D)^-1 b; false where the matrix is singular in double precision. */
static bool direction(const struct solver *solver, const double *a, const double *b, double *factor,
                      double *p)
{
    size_t n = solver->n;
    memcpy(factor, a, n * n * sizeof *a);
    for (size_t i = 0; i < n; i++)
        factor[i * (n + 1)] += solver->state[MU] * scale_of(solver, i);
    if (!cholesky_factor(n, factor))
        return false;
    vector_scale(n, -1.0, b, p);
    cholesky_solve(n, factor, p);
    return true;
}

/* What the linear model promises: f - model = p.(mu D p - b) */
static double predicted(const struct solver *solver, const double *b, const double *p, double *room)
{
    for (size_t i = 0; i < solver->n; i++)
        room[i] = solver->state[MU] * scale_of(solver, i) * p[i] - b[i];
    return vector_dot(solver->n, p, room);
}

static void refuse(struct solver *solver)
{
    solver->state[MU] *= solver->state[FACTOR];
    solver->state[FACTOR] *= 2.0;
}

/* mu becomes less, the more the gain is above 1/2; at most by a factor of 3. */
static void accept(struct solver *solver, double gain)
{
    double t = 2.0 * gain - 1.0, factor = 1.0 - t * t * t;
    solver->state[MU] *= factor > 1.0 / 3.0 ? factor : 1.0 / 3.0;
    solver->state[FACTOR] = 2.0;
}

/* Tries larger and larger mu until the loss is lower. */
static enum status descend(struct solver *solver, struct problem *problem, const double *a,
                           const double *b, struct iteration *out)
{
    size_t n = solver->n;
    double *factor = solver->work + n * n, *p = solver->work + 2 * n * n, *x = p + n, f;
    int64_t tries = ((const struct solver_args *)solver->args)->max_evaluations;
    for (; tries > 0; tries--, refuse(solver)) {
        if (!direction(solver, a, b, factor, p))
            continue;
        double promise = predicted(solver, b, p, x);
        vector_combine(n, solver->x, 1.0, p, x);
        out->evaluations++;
        TRY(problem->evaluate(problem, x, &f, NULL));
        if (!isfinite(f) || !(f < solver->f) || !(promise > 0.0))
            continue;
        if (problem->keep)
            problem->keep(problem);
        out->damping = solver->state[MU];
        out->gain = (solver->f - f) / promise;
        out->step = 1.0;
        accept(solver, out->gain);
        memcpy(solver->x, x, n * sizeof *x);
        solver->f = f;
        return ST_OK;
    }
    out->damping = solver->state[MU];
    return ST_OK;
}

/* The gradient is 2 b, that of the point where the iteration begins. */
static enum status iterate(struct solver *solver, struct problem *problem, struct iteration *out)
{
    size_t n = solver->n;
    double *a = solver->work, *b = a + 2 * n * n + 2 * n;
    if (solver->state[MU] == 0.0) {
        solver->state[MU] = ((const struct lm_args *)solver->args)->damping;
        solver->state[FACTOR] = 2.0;
    }
    out->products++;
    TRY(problem->normal(problem, solver->x, a, b));
    vector_scale(n, 2.0, b, solver->g);
    if (solver_converged(solver, out))
        return ST_OK;
    widen_diagonal(solver, a);
    TRY(descend(solver, problem, a, b, out));
    if (out->step == 0.0)
        out->converged = SOLVER_EXHAUSTED;
    return ST_OK;
}

static const struct solver_type solver = {
    .memory = memory, .uses_normal = true, .iterate = iterate};
SOLVER(optimizer_levenbergmarquardt, "LevenbergMarquardt", struct lm_args, &solver);
