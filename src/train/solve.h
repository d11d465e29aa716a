/* Second-order methods in training: the problem that a solver sees (optimizers/solver.h) is the
 * mean loss of a step's samples, penalties included. Each rank runs its microbatches; gradients and
 * products with the Hessian go through the reducer like any gradient, and every rank gets all of
 * them. Solver and vectors are the same on every rank. */
#ifndef CONVOY_TRAIN_SOLVE_H
#define CONVOY_TRAIN_SOLVE_H

#include "optimizers/solver.h"
#include "train/trainer.h"

/* Can the session's optimizer, if it is a second-order method, work with its loss, layers and
 * penalties, and in this machine's memory? Errors: ST_USAGE. Not collective. */
enum status solve_check(const struct session *session);

/* Makes trainer->solve. Errors: ST_IO for memory. Collective. */
enum status solve_open(struct trainer *trainer);
void solve_close(struct trainer *trainer);

/* One iteration on the samples of pass; the model then has the new parameters. *total has the sums
 * there, valid until the next step. Errors and signals: as for trainer_step. Collective. */
enum status solve_step(struct trainer *trainer, const struct trainer_pass *pass,
                       struct signals *signals, const double **total);

/* The state that resuming needs, and the text of solver.csv: a row an iteration. */
const struct solver *solve_solver(const struct solve *solve);
const struct text *solve_convergence(const struct solve *solve);

/* Puts them back, and begins at the model's parameters. state has the solver's state_size numbers.
 */
void solve_restore(struct trainer *trainer, const double *state, const char *convergence);

/* The step length of the last iteration. */
double solve_step_length(const struct solve *solve);

#endif
