/* L-BFGS: the Newton direction from the last `history` differences of parameters and gradients, by
 * the two-loop recursion (J. Nocedal and S. Wright, Numerical Optimization, 2nd ed., algorithms 7.4
 * and 7.5), with H0 = s.y / y.y and a line search after strong Wolfe conditions. */
#include <math.h>
#include <string.h>

#include "optimizers/linesearch.h"
#include "optimizers/vectors.h"

struct lbfgs_args {
    struct line_args line;
    int64_t history;
};

static const struct field fields[] = {{.key = "history",
                                       .type = FIELD_INT,
                                       .offset = offsetof(struct lbfgs_args, history),
                                       .fallback = "10",
                                       .min = 1,
                                       .max = 1000,
                                       .help = "pairs of differences that are kept"},
                                      LINE_FIELDS("0.9"),
                                      {0}};
static const struct schema schema = {"LBFGS", fields, NULL};

/* The state: step, number of pairs, the pair that is overwritten next; then y.s of each pair, all
 * s, all y. */
enum { COUNT = STATE_STEP + 1, NEXT, PAIRS };

static struct solver_memory memory(const void *args, size_t n)
{
    double history = (double)((const struct lbfgs_args *)args)->history;
    return (struct solver_memory){PAIRS + history * (1.0 + 2.0 * (double)n),
                                  history + (3.0 + LINE_VECTORS) * (double)n};
}

struct pairs {
    size_t history, count, next;
    double *ys, *s, *y;
};

static struct pairs pairs_of(const struct solver *solver)
{
    size_t history = (size_t)((const struct lbfgs_args *)solver->args)->history;
    double *ys = solver->state + PAIRS;
    return (struct pairs){
        history,      (size_t)solver->state[COUNT],      (size_t)solver->state[NEXT], ys,
        ys + history, ys + history + history * solver->n};
}

/* p = -H g; alpha has room for the history. */
static void direction(const struct solver *solver, double *alpha, double *p)
{
    struct pairs m = pairs_of(solver);
    size_t n = solver->n;
    vector_scale(n, -1.0, solver->g, p);
    for (size_t k = 0; k < m.count; k++) {
        size_t i = (m.next + 2 * m.history - 1 - k) % m.history;
        alpha[i] = vector_dot(n, m.s + i * n, p) / m.ys[i];
        vector_add(n, -alpha[i], m.y + i * n, p);
    }
    if (m.count) {
        size_t i = (m.next + m.history - 1) % m.history;
        const double *y = m.y + i * n;
        vector_scale(n, m.ys[i] / vector_dot(n, y, y), p, p);
    }
    for (size_t k = m.count; k-- > 0;) {
        size_t i = (m.next + 2 * m.history - 1 - k) % m.history;
        double beta = vector_dot(n, m.y + i * n, p) / m.ys[i];
        vector_add(n, alpha[i] - beta, m.s + i * n, p);
    }
}

static void forget(struct solver *solver)
{
    solver->state[COUNT] = solver->state[NEXT] = 0.0;
}

/* Takes a pair in, unless the curvature along it is not positive to the precision of a double. */
static void remember(struct solver *solver, const double *s, const double *y)
{
    struct pairs m = pairs_of(solver);
    size_t n = solver->n;
    double ys = vector_dot(n, y, s);
    if (!(ys > 2.2e-16 * vector_dot(n, y, y)))
        return;
    m.ys[m.next] = ys;
    memcpy(m.s + m.next * n, s, n * sizeof *s);
    memcpy(m.y + m.next * n, y, n * sizeof *y);
    solver->state[NEXT] = (double)((m.next + 1) % m.history);
    solver->state[COUNT] = (double)(m.count < m.history ? m.count + 1 : m.history);
}

static enum status iterate(struct solver *solver, struct problem *problem, struct iteration *out)
{
    size_t n = solver->n;
    double *alpha = solver->work;
    double *p = alpha + (size_t)((const struct lbfgs_args *)solver->args)->history;
    double *moved = p + n, *turned = moved + n;
    for (;;) {
        direction(solver, alpha, p);
        bool steepest = solver->state[COUNT] == 0.0;
        double slope = vector_dot(n, solver->g, p), size = sqrt(vector_dot(n, p, p));
        struct line line = {p,     slope,  steepest && size > 1.0 ? 1.0 / size : 1.0,
                            moved, turned, turned + n};
        if (slope < 0.0)
            TRY(line_search(solver, problem, &line, out));
        if (out->step > 0.0)
            break;
        forget(solver);
        if (steepest) {
            out->converged = SOLVER_EXHAUSTED;
            return ST_OK;
        }
    }
    remember(solver, moved, turned);
    return ST_OK;
}

static const struct solver_type solver = {.memory = memory, .iterate = iterate};
SOLVER(optimizer_lbfgs, "LBFGS", struct lbfgs_args, &solver);
