/* Newton's method with a line search after strong Wolfe conditions. Small problems: the Hessian
 * itself, column by column, plus the least of 0, b, 2b, 4b, ... on its diagonal with which it has a
 * Cholesky factor (J. Nocedal and S. Wright, Numerical Optimization, 2nd ed., algorithm 3.3). Large
 * ones: conjugate gradients on products with the Hessian, which end early where they are precise
 * enough or meet negative curvature (algorithm 7.1, "Newton-CG"; "Hessian-free" in J. Martens
 * 2010).
 */
#include <math.h>
#include <string.h>

#include "optimizers/cholesky.h"
#include "optimizers/linesearch.h"
#include "optimizers/vectors.h"

struct newton_args {
    struct line_args line;
    int method;
    double damping;
    int64_t max_products;
};
enum method { METHOD_AUTO, METHOD_EXACT, METHOD_CG };
enum { AUTO_EXACT = 256 /* parameters */ };

static const char *const method_names[] = {"auto", "exact", "cg", NULL};
static const struct field fields[] = {
    {.key = "method",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct newton_args, method),
     .fallback = "auto",
     .choices = method_names,
     .bare = true,
     .help = "exact: the whole Hessian; cg: products with it; auto: exact up to 256 parameters"},
    FACTOR_FIELD(struct newton_args, damping, "0.0", 0, 1e30, "added to the Hessian's diagonal"),
    {.key = "max_products",
     .type = FIELD_INT,
     .offset = offsetof(struct newton_args, max_products),
     .fallback = "100",
     .min = 1,
     .max = 1e9,
     .help = "most products with the Hessian in an iteration of cg"},
    LINE_FIELDS("0.1"),
    {0}};
static const struct schema schema = {"Newton", fields, NULL};

static bool exact(const struct newton_args *args, size_t n)
{
    return args->method == METHOD_EXACT || (args->method == METHOD_AUTO && n <= AUTO_EXACT);
}

static struct solver_memory memory(const void *args, size_t n)
{
    double size = (double)n, matrices = exact(args, n) ? 2.0 * size * size : 0.0;
    return (struct solver_memory){STATE_STEP + 1, matrices + (4.0 + LINE_VECTORS) * size};
}

static bool uses_hessian(const void *args, size_t n)
{
    (void)args;
    (void)n;
    return true;
}

/* Both halves of the matrix are computed; their mean is taken, as rounding may have told them
 * apart. v is room for a vector. */
static enum status whole_hessian(struct solver *solver, struct problem *problem, double *h,
                                 double *v, struct iteration *out)
{
    size_t n = solver->n;
    for (size_t i = 0; i < n; i++) {
        memset(v, 0, n * sizeof *v);
        v[i] = 1.0;
        out->products++;
        TRY(problem->hessian(problem, solver->x, v, h + i * n));
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            h[i * n + j] = h[j * n + i] = 0.5 * (h[i * n + j] + h[j * n + i]);
    return ST_OK;
}

/* The least diagonal element, and the largest magnitude of one. */
static double least_diagonal(size_t n, const double *h, double *largest)
{
    double least = h[0];
    *largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        double value = h[i * (n + 1)];
        least = value < least ? value : least;
        *largest = fabs(value) > *largest ? fabs(value) : *largest;
    }
    return least;
}

/* p = -(H + t I)^-1 g; work has room for two matrices. */
static enum status exact_direction(struct solver *solver, struct problem *problem, double *p,
                                   double *work, struct iteration *out)
{
    const struct newton_args *args = solver->args;
    size_t n = solver->n;
    double *h = work, *factor = work + n * n, largest;
    TRY(whole_hessian(solver, problem, h, p, out));
    double least = least_diagonal(n, h, &largest), beta = 1e-3 * (largest > 0.0 ? largest : 1.0);
    double tau = args->damping;
    tau = least + tau > 0.0 ? tau : beta - least;
    for (;; tau = 2.0 * tau > beta ? 2.0 * tau : beta) {
        memcpy(factor, h, n * n * sizeof *h);
        for (size_t i = 0; i < n; i++)
            factor[i * (n + 1)] += tau;
        if (cholesky_factor(n, factor))
            break;
        FAIL_IF(!(tau < 1e30), ST_DIVERGED, "the Hessian is not finite, its diagonal up to %g",
                largest);
    }
    out->damping = tau;
    vector_scale(n, -1.0, solver->g, p);
    cholesky_solve(n, factor, p);
    return ST_OK;
}

/* Algorithm 7.1: H p = -g to the precision min(0.5, sqrt |g|) |g|. */
static enum status cg_direction(struct solver *solver, struct problem *problem, double *p,
                                double *work, struct iteration *out)
{
    const struct newton_args *args = solver->args;
    size_t n = solver->n;
    double *d = work, *r = d + n, *hd = r + n;
    double rr = vector_dot(n, solver->g, solver->g), size = sqrt(rr), root = sqrt(size);
    double enough = (root < 0.5 ? root : 0.5) * size;
    out->damping = args->damping;
    memset(p, 0, n * sizeof *p);
    memcpy(r, solver->g, n * sizeof *r);
    vector_scale(n, -1.0, r, d);
    for (int64_t k = 0; k < args->max_products; k++) {
        out->products++;
        TRY(problem->hessian(problem, solver->x, d, hd));
        vector_add(n, args->damping, d, hd);
        double curvature = vector_dot(n, d, hd);
        if (!(curvature > 0.0)) {
            if (k == 0)
                memcpy(p, d, n * sizeof *p);
            break;
        }
        double alpha = rr / curvature, before = rr;
        vector_add(n, alpha, d, p);
        vector_add(n, alpha, hd, r);
        rr = vector_dot(n, r, r);
        if (sqrt(rr) < enough)
            break;
        vector_scale(n, rr / before, d, d);
        vector_add(n, -1.0, r, d);
    }
    return ST_OK;
}

static enum status iterate(struct solver *solver, struct problem *problem, struct iteration *out)
{
    size_t n = solver->n;
    double *p = solver->work, *work = p + n;
    if (exact(solver->args, n))
        TRY(exact_direction(solver, problem, p, work + LINE_VECTORS * n, out));
    else
        TRY(cg_direction(solver, problem, p, work, out));
    double size = sqrt(vector_dot(n, solver->g, solver->g));
    for (bool steepest = false; out->step == 0.0; steepest = true) {
        double slope = vector_dot(n, solver->g, p);
        struct line line = {.p = p,
                            .slope = slope,
                            .first = steepest && size > 1.0 ? 1.0 / size : 1.0,
                            .work = work};
        if (slope < 0.0)
            TRY(line_search(solver, problem, &line, out));
        if (out->step == 0.0 && steepest)
            out->converged = SOLVER_EXHAUSTED;
        if (steepest)
            break;
        vector_scale(n, -1.0, solver->g, p);
    }
    return ST_OK;
}

static const struct solver_type solver = {
    .memory = memory, .uses_hessian = uses_hessian, .iterate = iterate};
SOLVER(optimizer_newton, "Newton", struct newton_args, &solver);
