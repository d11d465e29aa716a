#include "optimizers/linesearch.h"

#include <math.h>
#include <string.h>

#include "optimizers/vectors.h"

/* A step, the function there and its slope. */
struct trial {
    double t, f, d;
};

/* The interval of uncertainty; lo is the best end. */
struct interval {
    struct trial lo, hi;
    bool bracketed;
    double least, most; /* for the next step */
    double width, width_before;
};

static const double largest_step = 1e10;

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* Where the cubic through both points has its minimum, as a part of the way from a to b. */
static double cubic(const struct trial *a, const struct trial *b)
{
    double theta = 3.0 * (a->f - b->f) / (b->t - a->t) + a->d + b->d;
    double s = larger(larger(fabs(theta), fabs(a->d)), fabs(b->d));
    double gamma = s * sqrt((theta / s) * (theta / s) - (a->d / s) * (b->d / s));
    gamma = b->t < a->t ? -gamma : gamma;
    return (gamma - a->d + theta) / (gamma - a->d + gamma + b->d);
}

/* Section 4, case 1: the function is higher at the new point, so that a minimum is between. */
static double step_higher(const struct trial *lo, const struct trial *at)
{
    double length = at->t - lo->t, c = lo->t + cubic(lo, at) * length;
    double q = lo->t + lo->d / ((lo->f - at->f) / length + lo->d) / 2.0 * length;
    return fabs(c - lo->t) < fabs(q - lo->t) ? c : c + (q - c) / 2.0;
}

/* Case 2: lower, and the slope has the other sign. */
static double step_across(const struct trial *lo, const struct trial *at)
{
    double length = lo->t - at->t, c = at->t + cubic(at, lo) * length;
    double q = at->t + at->d / (at->d - lo->d) * length;
    return fabs(c - at->t) > fabs(q - at->t) ? c : q;
}

/* Case 3: lower, the slope has the same sign and is less steep. */
static double step_flatter(const struct interval *in, const struct trial *at)
{
    const struct trial *lo = &in->lo;
    double length = lo->t - at->t;
    double theta = 3.0 * (lo->f - at->f) / (at->t - lo->t) + lo->d + at->d;
    double s = larger(larger(fabs(theta), fabs(lo->d)), fabs(at->d));
    double square = (theta / s) * (theta / s) - (lo->d / s) * (at->d / s);
    double gamma = (at->t > lo->t ? -1.0 : 1.0) * s * sqrt(larger(0.0, square));
    double r = (gamma - at->d + theta) / (gamma + (lo->d - at->d) + gamma);
    double c = r < 0.0 && gamma != 0.0 ? at->t + r * length : at->t > lo->t ? in->most : in->least;
    double q = at->t + at->d / (at->d - lo->d) * length;
    bool cubic_nearer = fabs(c - at->t) < fabs(q - at->t);
    if (!in->bracketed)
        return larger(in->least, smaller(in->most, cubic_nearer ? q : c));
    double next = cubic_nearer ? c : q, limit = at->t + 0.66 * (in->hi.t - at->t);
    return at->t > lo->t ? smaller(limit, next) : larger(limit, next);
}

/* Case 4: lower, the slope has the same sign and is as steep. */
static double step_steeper(const struct interval *in, const struct trial *at)
{
    if (!in->bracketed)
        return at->t > in->lo.t ? in->most : in->least;
    return at->t + cubic(at, &in->hi) * (in->hi.t - at->t);
}

/* dcstep: the next step, and the interval with the new point in it. */
static double shrink(struct interval *in, const struct trial *at)
{
    double next;
    bool across = at->d * (in->lo.d < 0.0 ? -1.0 : 1.0) < 0.0;
    if (at->f > in->lo.f) {
        next = step_higher(&in->lo, at);
        in->bracketed = true;
    } else if (across) {
        next = step_across(&in->lo, at);
        in->bracketed = true;
    } else if (fabs(at->d) < fabs(in->lo.d)) {
        next = step_flatter(in, at);
    } else {
        next = step_steeper(in, at);
    }
    if (at->f > in->lo.f) {
        in->hi = *at;
    } else {
        if (across)
            in->hi = in->lo;
        in->lo = *at;
    }
    return next;
}

static void tilt(struct trial *trial, double slope)
{
    trial->f -= trial->t * slope;
    trial->d -= slope;
}

/* dcsrch: the step after `at`. slope: c1 times the first one. modified: by section 3 the auxiliary
 * function f - t slope is looked at in the first stage. */
static double next_step(struct interval *in, struct trial at, double slope, bool modified)
{
    double next;
    if (modified) {
        tilt(&at, slope);
        tilt(&in->lo, slope);
        tilt(&in->hi, slope);
        next = shrink(in, &at);
        tilt(&in->lo, -slope);
        tilt(&in->hi, -slope);
    } else {
        next = shrink(in, &at);
    }
    if (in->bracketed) {
        if (fabs(in->hi.t - in->lo.t) >= 0.66 * in->width_before)
            next = in->lo.t + 0.5 * (in->hi.t - in->lo.t);
        in->width_before = in->width;
        in->width = fabs(in->hi.t - in->lo.t);
        in->least = smaller(in->lo.t, in->hi.t);
        in->most = larger(in->lo.t, in->hi.t);
    } else {
        in->least = next + 1.1 * (next - in->lo.t);
        in->most = next + 4.0 * (next - in->lo.t);
    }
    return next;
}

/* The lowest point so far, and the one that is tried. */
struct points {
    double *best_x, *best_g, *x, *g;
    struct trial best;
    bool any;
};

static void swap(double **a, double **b)
{
    double *other = *a;
    *a = *b;
    *b = other;
}

static void keep(struct points *points, struct problem *problem, const struct trial *at)
{
    swap(&points->x, &points->best_x);
    swap(&points->g, &points->best_g);
    points->best = *at;
    points->any = true;
    if (problem->keep)
        problem->keep(problem);
}

/* The search of section 2, from f with slope. */
struct search {
    double f, slope, c1, c2, limit; /* limit: the largest step */
    bool first_stage;
    struct interval in;
};

static bool holds(const struct search *s, const struct trial *at)
{
    return at->f <= s->f + at->t * s->c1 * s->slope && fabs(at->d) <= s->c2 * -s->slope;
}

/* Is the interval as small as steps can be told apart? */
static bool exhausted(const struct interval *in, double t)
{
    return in->bracketed &&
           (t <= in->least || t >= in->most || in->most - in->least <= 1e-6 * in->most);
}

/* What to try after `at`; false where there is nothing more to try. */
static bool go_on(struct search *s, struct trial *at)
{
    struct interval *in = &s->in;
    if (!isfinite(at->f) || !isfinite(at->d)) {
        at->t = s->limit = in->lo.t + 0.5 * (at->t - in->lo.t);
        return at->t > in->lo.t;
    }
    double slope = s->c1 * s->slope, target = s->f + at->t * slope;
    s->first_stage = s->first_stage && !(at->f <= target && at->d >= 0.0);
    if (exhausted(in, at->t) || (at->t >= s->limit && at->f <= target && at->d <= slope))
        return false;
    bool modified = s->first_stage && at->f <= in->lo.f && at->f > target;
    double next = next_step(in, *at, slope, modified);
    at->t = larger(0.0, smaller(s->limit, next));
    return !exhausted(in, at->t);
}

static enum status run(struct solver *solver, struct problem *problem, const struct line *line,
                       struct points *points, struct iteration *out)
{
    const struct line_args *args = solver->args;
    struct trial start = {0.0, solver->f, line->slope}, at = {.t = line->first};
    struct search s = {solver->f,
                       line->slope,
                       args->c1,
                       args->c2,
                       largest_step,
                       true,
                       {start, start, false, 0.0, 5.0 * at.t, largest_step, 2.0 * largest_step}};
    for (int64_t tries = 0; tries < args->solver.max_evaluations; tries++) {
        out->evaluations++;
        vector_combine(solver->n, solver->x, at.t, line->p, points->x);
        TRY(problem->evaluate(problem, points->x, &at.f, points->g));
        at.d = vector_dot(solver->n, points->g, line->p);
        bool done = holds(&s, &at), finite = isfinite(at.f) && isfinite(at.d);
        if (done || (finite && at.f < (points->any ? points->best.f : s.f)))
            keep(points, problem, &at);
        if (done || !go_on(&s, &at))
            break;
    }
    return ST_OK;
}

enum status line_search(struct solver *solver, struct problem *problem, const struct line *line,
                        struct iteration *out)
{
    size_t n = solver->n;
    double *work = line->work;
    struct points points = {work, work + n, work + 2 * n, work + 3 * n, {0.0, 0.0, 0.0}, false};
    TRY(run(solver, problem, line, &points, out));
    out->step = points.any ? points.best.t : 0.0;
    if (!points.any)
        return ST_OK;
    if (line->moved) {
        vector_combine(n, points.best_x, -1.0, solver->x, line->moved);
        vector_combine(n, points.best_g, -1.0, solver->g, line->turned);
    }
    memcpy(solver->x, points.best_x, n * sizeof *solver->x);
    memcpy(solver->g, points.best_g, n * sizeof *solver->g);
    solver->f = points.best.f;
    return ST_OK;
}
