#include "train/solve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "layers/constraints.h"
#include "layers/regularizers.h"
#include "model/tangent.h"
#include "train/normal.h"

struct solve {
    struct problem problem; /* first: the solver's functions get it back */
    struct trainer *trainer;
    struct solver solver;
    struct tangent tangent; /* where the solver uses the Hessian */
    struct normal normal;   /* where it uses normal equations */
    bool steady;            /* the loss is the same function in every step */
    bool repeats;           /* the next step begins with an evaluation that the run has counted */
    float *gradient, *direction; /* as long as the model's trainable part, padding included */
    double *now, *kept;          /* sums of the last evaluation, and of the best so far */
    struct text convergence;
    /* of the step under way */
    struct trainer_pass pass;
    struct signals signals;
};

static struct solve *solve_of(struct problem *problem)
{
    return (struct solve *)(void *)problem;
}

const struct solver *solve_solver(const struct solve *solve)
{
    return &solve->solver;
}

const struct text *solve_convergence(const struct solve *solve)
{
    return &solve->convergence;
}

double solve_step_length(const struct solve *solve)
{
    return solve->solver.state[STATE_STEP];
}

/* ---- The problem ---- */

static enum status run_pass(struct solve *solve, const struct trainer_pass *pass,
                            const double **total)
{
    struct signals signals = solve->signals;
    TRY(trainer_run(solve->trainer, pass, &signals, total));
    solve->signals.stop = solve->signals.stop || signals.stop;
    solve->signals.save = solve->signals.save || signals.save;
    return ST_OK;
}

/* The pieces of all ranks into full, on every rank. */
static void gather(struct trainer *trainer, float *full)
{
    struct reducer *reducer = &trainer->reducer;
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        const struct reduce_bucket *bucket = &reducer->bucket[b];
        memcpy(full + bucket->own.first, bucket->total, bucket->own.size * sizeof *full);
        reducer_share(reducer, b, full);
    }
    reducer_gather(reducer, full);
}

/* Forward and loss alone. */
static enum status score(struct trainer *trainer, const struct trainer_pass *pass, size_t m)
{
    struct session *session = trainer->session;
    struct model_batch batch;
    TRY(trainer_gather(trainer, pass, m, &batch));
    profile_phase(trainer->profile, PHASE_FORWARD);
    const float *out = model_forward(session->model, &batch);
    profile_phase(trainer->profile, PHASE_LOSS);
    session_score(session, batch.n, out, sums_next(&trainer->sums), NULL);
    return ST_OK;
}

/* out = sum / samples + 2 l2 x: the gradient at x, or the product of the Hessian with x. */
static void finish(const struct model *model, const float *sum, size_t samples, const double *x,
                   double *out)
{
    model_unpack(model, sum, out);
    for (size_t i = 0; i < model->nodes; i++)
        for (size_t p = 0; p < model->node[i].layer.params; p++) {
            const struct param *param = &model->node[i].layer.param[p];
            double l2 = regularizer_penalty(param->regularizer).l2;
            for (size_t e = 0; param->trainable && e < param->size; e++, out++, x++)
                *out = *out / (double)samples + 2.0 * l2 * *x;
        }
}

static enum status evaluate(struct problem *problem, double *x, double *f, double *g)
{
    struct solve *solve = solve_of(problem);
    struct trainer *trainer = solve->trainer;
    struct model *model = trainer->session->model;
    struct trainer_pass pass = solve->pass;
    const double *total = NULL;
    model_pack(model, x, model->params);
    model_unpack(model, model->params, x);
    pass.vector = g != NULL;
    pass.microbatch = g ? trainer_gradient : score;
    TRY(run_pass(solve, &pass, &total));
    memcpy(solve->now, total, trainer->sums.n * sizeof *total);
    *f = total[0] / (double)pass.n + session_penalty(trainer->session);
    if (!g)
        return ST_OK;
    gather(trainer, solve->gradient);
    finish(model, solve->gradient, pass.n, x, g);
    return ST_OK;
}

static void keep(struct problem *problem)
{
    struct solve *solve = solve_of(problem);
    memcpy(solve->kept, solve->now, solve->trainer->sums.n * sizeof *solve->kept);
}

/* Forward, loss, and both passes of tangents along solve->direction. */
static enum status product_microbatch(struct trainer *trainer, const struct trainer_pass *pass,
                                      size_t m)
{
    struct session *session = trainer->session;
    struct solve *solve = pass->context;
    struct model_batch batch;
    TRY(trainer_gather(trainer, pass, m, &batch));
    profile_phase(trainer->profile, PHASE_FORWARD);
    const float *out = model_forward(session->model, &batch);
    profile_phase(trainer->profile, PHASE_LOSS);
    session_score(session, batch.n, out, sums_next(&trainer->sums), session->dy);
    profile_phase(trainer->profile, PHASE_BACKWARD);
    const float *ry = tangent_forward(&solve->tangent, &batch, solve->direction);
    session_hessian(session, batch.n, out, ry, session->output);
    tangent_backward(&solve->tangent, &batch, solve->direction, session->dy, session->output,
                     reducer_next(&trainer->reducer));
    return ST_OK;
}

static enum status hessian(struct problem *problem, const double *x, const double *v, double *hv)
{
    struct solve *solve = solve_of(problem);
    struct trainer *trainer = solve->trainer;
    struct model *model = trainer->session->model;
    struct trainer_pass pass = solve->pass;
    const double *total = NULL;
    model_pack(model, x, model->params);
    model_pack(model, v, solve->direction);
    pass.microbatch = product_microbatch;
    pass.context = solve;
    TRY(run_pass(solve, &pass, &total));
    gather(trainer, solve->gradient);
    finish(model, solve->gradient, pass.n, v, hv);
    return ST_OK;
}

static enum status normal_equations(struct problem *problem, const double *x, double *a, double *b)
{
    struct solve *solve = solve_of(problem);
    struct model *model = solve->trainer->session->model;
    model_pack(model, x, model->params);
    return normal_make(&solve->normal, solve->trainer, &solve->pass, a, b);
}

/* ---- Beginning and end ---- */

static const struct solver_type *type_of(const struct session *session)
{
    const struct optimizer_type *type = session->experiment->compile.optimizer.kind->impl;
    return type->solver;
}

static enum status check_loss(const struct session *session)
{
    const struct compile_spec *compile = &session->experiment->compile;
    const struct solver_type *type = type_of(session);
    const char *where = position_text(compile->optimizer.position);
    const char *name = compile->optimizer.kind->name, *loss = compile->loss.kind->name;
    FAIL_IF(type->uses_normal && !loss_is_squares(session->loss), ST_USAGE,
            "%soptimizer %s needs a loss that is a sum of squares, mean_squared_error; found %s",
            where, name, loss);
    bool second = type->uses_hessian || type->uses_normal;
    FAIL_IF(second && !session_has_hessian(session), ST_USAGE,
            "%soptimizer %s needs second derivatives, and %s has none", where, name, loss);
    return second ? tangent_check(session->model) : ST_OK;
}

/* What first-order methods do besides the loss's gradient, and solvers do not. */
static enum status check_params(const struct session *session)
{
    const char *optimizer = session->experiment->compile.optimizer.kind->name;
    const struct model *model = session->model;
    size_t count = model_param_count(model);
    for (size_t i = 0; i < count; i++) {
        const struct layer *layer;
        const struct param *param = model_param(model, i, &layer);
        if (!param->trainable)
            continue;
        LAYER_FAIL_IF(layer, regularizer_penalty(param->regularizer).l1 > 0.0,
                      "optimizer %s needs a loss with derivatives everywhere: no L1 penalty, as %s "
                      "has",
                      optimizer, param->name);
        LAYER_FAIL_IF(layer, regularizer_matrix(param) || constraint_is(param),
                      "optimizer %s knows L2 penalties only, and no constraints; %s has another",
                      optimizer, param->name);
        LAYER_FAIL_IF(
            layer, ((const struct layer_common *)layer->args)->learning_rate_multiplier != 1.0,
            "optimizer %s has no learning rate: expected learning_rate_multiplier: 1", optimizer);
    }
    return ST_OK;
}

static enum status check_rate(const struct session *session)
{
    const struct compile_spec *compile = &session->experiment->compile;
    FAIL_IF(compile->warmup_steps > 0 || compile->scale_with_batch != SCALE_NONE ||
                compile->exclude_from_weight_decay.n > 0,
            ST_USAGE,
            "%soptimizer %s has no learning rate and no weight decay: remove "
            "compile.warmup_steps, scale_with_batch and exclude_from_weight_decay",
            position_text(compile->optimizer.position), compile->optimizer.kind->name);
    return ST_OK;
}

/* What this rank needs against its share of the machine's memory. */
static enum status check_memory(const struct session *session)
{
    const struct variant *optimizer = &session->experiment->compile.optimizer;
    const struct solver_type *type = type_of(session);
    size_t n = session->model->trainable_parameters;
    struct solver_memory memory = type->memory(optimizer->args, n);
    double bytes = (memory.state + memory.work + 2.0 * (double)n) * sizeof(double);
    double message = 0.0;
    if (type->uses_normal)
        bytes += normal_memory(session, n, &message);
    double share = mem_physical() / (double)session->world->node_size;
    const char *where = position_text(optimizer->position), *name = optimizer->kind->name;
    FAIL_IF(
        bytes > share, ST_USAGE,
        "%soptimizer %s needs %.0f bytes on each rank for the model's %zu parameters; a rank has "
        "%.0f here. LBFGS needs less",
        where, name, bytes, n, share);
    FAIL_IF(message > INT32_MAX, ST_USAGE,
            "%soptimizer %s sends %.0f numbers at once for the model's %zu parameters; 2^31 is the "
            "most. LBFGS needs less",
            where, name, message, n);
    return ST_OK;
}

static bool is_random(const struct model *model)
{
    for (size_t i = 0; i < model->nodes; i++)
        if (model->node[i].layer.type->random)
            return true;
    return false;
}

static enum status start(struct solve *solve)
{
    struct model *model = solve->trainer->session->model;
    struct solver *solver = &solve->solver;
    void *memory = NULL;
    TRY(mem_alloc(&memory, 2 * model->trainable * sizeof(float), "the optimizer's gradient"));
    solve->gradient = memory;
    solve->direction = solve->gradient + model->trainable;
    double *x = mem_need(model->trainable_parameters, sizeof *x);
    model_unpack(model, model->params, x);
    enum status status = solver_init(
        solver, &solve->trainer->session->experiment->compile.optimizer, solve->problem.n, x);
    free(x);
    TRY(status);
    if (solver->type->uses_hessian && solver->type->uses_hessian(solver->args, solver->n))
        TRY(tangent_init(&solve->tangent, model));
    if (solver->type->uses_normal)
        normal_init(&solve->normal, solve->trainer->session);
    return ST_OK;
}

enum status solve_check(const struct session *session)
{
    if (!type_of(session))
        return ST_OK;
    TRY(check_loss(session));
    TRY(check_params(session));
    TRY(check_rate(session));
    return check_memory(session);
}

enum status solve_open(struct trainer *trainer)
{
    struct session *session = trainer->session;
    struct solve *solve = mem_need(1, sizeof *solve);
    trainer->solve = solve;
    solve->problem = (struct problem){.n = session->model->trainable_parameters,
                                      .evaluate = evaluate,
                                      .keep = keep,
                                      .hessian = hessian,
                                      .normal = normal_equations};
    solve->trainer = trainer;
    solve->steady = trainer->steps == 1 && !is_random(session->model) &&
                    session->experiment->data.augment.n == 0;
    solve->now = mem_need(2 * trainer->sums.n, sizeof *solve->now);
    solve->kept = solve->now + trainer->sums.n;
    text_add(&solve->convergence,
             "iteration,loss,gradient,step,damping,gain,evaluations,products,seconds\n");
    return world_agree(session->world, start(solve));
}

void solve_close(struct trainer *trainer)
{
    struct solve *solve = trainer->solve;
    if (!solve)
        return;
    solver_release(&solve->solver);
    tangent_release(&solve->tangent);
    normal_release(&solve->normal);
    text_release(&solve->convergence);
    free(solve->gradient);
    free(solve->now);
    free(solve);
    trainer->solve = NULL;
}

void solve_restore(struct trainer *trainer, const double *state, const char *convergence)
{
    struct solve *solve = trainer->solve;
    memcpy(solve->solver.state, state, solve->solver.state_size * sizeof *state);
    model_unpack(trainer->session->model, trainer->session->model->params, solve->solver.x);
    solve->solver.current = false;
    solve->repeats = solve->steady && trainer->step > 0;
    solve->convergence.length = 0;
    text_append(&solve->convergence, convergence, strlen(convergence));
}

/* ---- A step ---- */

static void add_number(struct text *text, double value)
{
    if (isfinite(value))
        json_number(text, value);
    text_add(text, ",");
}

static void report(struct solve *solve, const struct iteration *it, double seconds)
{
    struct text *csv = &solve->convergence;
    long long number = (long long)solve->trainer->step + 1;
    text_add(csv, "%lld,", number);
    add_number(csv, it->loss);
    add_number(csv, it->gradient);
    add_number(csv, it->step);
    add_number(csv, it->damping);
    add_number(csv, it->gain);
    text_add(csv, "%lld,%lld,%.3f\n", (long long)it->evaluations, (long long)it->products, seconds);
    log_note(
        "iteration %lld: loss %.9g, |gradient| %.3g, step %.3g, %lld evaluations, %lld products"
        ", damping %.3g, gain %.3g%s%s",
        number, it->loss, it->gradient, it->step, (long long)it->evaluations,
        (long long)it->products, it->damping, it->gain, it->converged ? ": " : "",
        it->converged ? it->converged : "");
}

enum status solve_step(struct trainer *trainer, const struct trainer_pass *pass,
                       struct signals *signals, const double **total)
{
    struct solve *solve = trainer->solve;
    struct model *model = trainer->session->model;
    struct iteration iteration;
    double begin = clock_seconds();
    solve->pass = *pass;
    solve->signals = *signals;
    solve->solver.current = solve->solver.current && solve->steady;
    TRY(solver_iterate(&solve->solver, &solve->problem, &iteration));
    model_pack(model, solve->solver.x, model->params);
    iteration.evaluations -= solve->repeats;
    solve->repeats = false;
    report(solve, &iteration, clock_seconds() - begin);
    if (iteration.converged && solve->steady) {
        trainer->converged = true;
        log_info("converged after %lld iterations: %s", (long long)trainer->step + 1,
                 iteration.converged);
    }
    *signals = solve->signals;
    *total = solve->kept;
    return ST_OK;
}
