/* BFGS: the Newton direction from an approximation of the inverse Hessian, n x n numbers (J.
 * Nocedal and S. Wright, Numerical Optimization, 2nd ed., algorithm 6.1, first scaled by (6.20)),
 * with a line search after strong Wolfe conditions. */
#include <math.h>

#include "base/vectorized.h"
#include "optimizers/linesearch.h"
#include "optimizers/vectors.h"

struct bfgs_args {
    struct line_args line;
};

static const struct field fields[] = {LINE_FIELDS("0.9"), {0}};
static const struct schema schema = {"BFGS", fields, NULL};

/* The state: step, has H been begun?; then H. */
enum { BEGUN = STATE_STEP + 1, MATRIX };

static struct solver_memory memory(const void *args, size_t n)
{
    (void)args;
    double size = (double)n;
    return (struct solver_memory){MATRIX + size * size, (4.0 + LINE_VECTORS) * size};
}

static void product(const struct solver *solver, const double *v, double *hv)
{
    const double *h = solver->state + MATRIX;
    for (size_t i = 0; i < solver->n; i++)
        hv[i] = vector_dot(solver->n, h + i * solver->n, v);
}

static void diagonal(struct solver *solver, double value)
{
    size_t n = solver->n;
    double *h = solver->state + MATRIX;
    for (size_t i = 0; i < n * n; i++)
        h[i] = i % (n + 1) == 0 ? value : 0.0;
}

/* (6.17) multiplied out: H += (1 + y.Hy / s.y) s s^T / s.y - (Hy s^T + s Hy^T) / s.y */
VECTORIZED static void update_row(size_t n, double s_i, double hy_i, double factor, double ys,
                                  const double *restrict s, const double *restrict hy,
                                  double *restrict row)
{
    for (size_t j = 0; j < n; j++)
        row[j] += factor * (s_i * s[j]) - (hy_i * s[j] + s_i * hy[j]) / ys;
}

static void update(struct solver *solver, const double *s, const double *y, double *hy)
{
    size_t n = solver->n;
    double ys = vector_dot(n, y, s), yy = vector_dot(n, y, y);
    if (!(ys > 2.2e-16 * yy))
        return;
    if (solver->state[BEGUN] == 0.0)
        diagonal(solver, ys / yy);
    solver->state[BEGUN] = 1.0;
    product(solver, y, hy);
    double factor = (1.0 + vector_dot(n, y, hy) / ys) / ys;
    for (size_t i = 0; i < n; i++)
        update_row(n, s[i], hy[i], factor, ys, s, hy, solver->state + MATRIX + i * n);
}

static enum status iterate(struct solver *solver, struct problem *problem, struct iteration *out)
{
    size_t n = solver->n;
    double *p = solver->work, *moved = p + n, *turned = moved + n, *hy = turned + n;
    for (;;) {
        bool steepest = solver->state[BEGUN] == 0.0;
        if (steepest)
            vector_scale(n, 1.0, solver->g, p);
        else
            product(solver, solver->g, p);
        vector_scale(n, -1.0, p, p);
        double slope = vector_dot(n, solver->g, p), size = sqrt(vector_dot(n, p, p));
        struct line line = {p,     slope,  steepest && size > 1.0 ? 1.0 / size : 1.0,
                            moved, turned, hy + n};
        if (slope < 0.0)
            TRY(line_search(solver, problem, &line, out));
        if (out->step > 0.0)
            break;
        solver->state[BEGUN] = 0.0;
        if (steepest) {
            out->converged = SOLVER_EXHAUSTED;
            return ST_OK;
        }
    }
    update(solver, moved, turned, hy);
    return ST_OK;
}

static const struct solver_type solver = {.memory = memory, .iterate = iterate};
SOLVER(optimizer_bfgs, "BFGS", struct bfgs_args, &solver);
