#include "optimizers/solver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "optimizers/vectors.h"

size_t solver_no_slots(const void *args)
{
    (void)args;
    return 0;
}

enum status solver_init(struct solver *solver, const struct variant *optimizer, size_t n,
                        const double *x)
{
    const struct solver_type *type = ((const struct optimizer_type *)optimizer->kind->impl)->solver;
    *solver = (struct solver){.type = type, .args = optimizer->args, .n = n};
    struct solver_memory memory = type->memory(optimizer->args, n);
    double total = memory.state + memory.work + 2.0 * (double)n;
    FAIL_IF(total * sizeof(double) > (double)SIZE_MAX / 4.0, ST_USAGE,
            "%s: %.0f bytes for %zu parameters are more than can be addressed",
            optimizer->kind->name, total * sizeof(double), n);
    void *block = NULL;
    TRY(mem_alloc(&block, (size_t)total * sizeof(double), "the optimizer's vectors"));
    solver->x = block;
    solver->g = solver->x + n;
    solver->state = solver->g + n;
    solver->state_size = (size_t)memory.state;
    solver->work = solver->state + solver->state_size;
    memcpy(solver->x, x, n * sizeof *x);
    return ST_OK;
}

void solver_release(struct solver *solver)
{
    free(solver->x);
    *solver = (struct solver){0};
}

/* Loss and gradient at x, unless they are known; the normal equations have the gradient in them. */
static enum status evaluate(struct solver *solver, struct problem *problem, struct iteration *out)
{
    double *g = solver->type->uses_normal ? NULL : solver->g;
    if (!solver->current) {
        out->evaluations++;
        TRY(problem->evaluate(problem, solver->x, &solver->f, g));
        if (problem->keep)
            problem->keep(problem);
    }
    solver->current = true;
    double largest = g ? vector_largest(solver->n, g) : 0.0;
    FAIL_IF(!isfinite(solver->f) || !isfinite(largest), ST_DIVERGED,
            "the loss is %g and the largest gradient %g where the iteration begins", solver->f,
            largest);
    return ST_OK;
}

bool solver_converged(const struct solver *solver, struct iteration *out)
{
    const struct solver_args *args = solver->args;
    bool small = vector_largest(solver->n, solver->g) <= args->tolerance;
    if (small)
        out->converged = "the gradient is below the tolerance";
    return small;
}

enum status solver_iterate(struct solver *solver, struct problem *problem, struct iteration *out)
{
    *out = (struct iteration){.damping = (double)NAN, .gain = (double)NAN};
    TRY(evaluate(solver, problem, out));
    if (solver->type->uses_normal || !solver_converged(solver, out))
        TRY(solver->type->iterate(solver, problem, out));
    out->loss = solver->f;
    out->gradient = sqrt(vector_dot(solver->n, solver->g, solver->g));
    if (out->step > 0.0)
        solver->state[STATE_STEP] = out->step;
    return ST_OK;
}
