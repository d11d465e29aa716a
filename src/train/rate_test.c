#include "train/rate_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/vmath.h"
#include "train/trainer.h"
#include "train/transfer.h"

#define SMOOTHING 0.9 /* of the loss: the part of the average that is kept, */
enum { LAG = 9 };     /* and the average age of what is in it: 0.9 / (1 - 0.9) */

static double rate_of(size_t step, size_t steps)
{
    double part = (double)step / (double)(steps - 1);
    return RATE_LOWEST * dm_pow(RATE_HIGHEST / RATE_LOWEST, part);
}

/* One step at the test's rate; goes on to the next epoch where one ends. */
static enum status do_step(struct trainer *trainer, double rate, double *loss)
{
    struct signals signals = {0};
    if ((size_t)trainer->position >= trainer->samples) {
        trainer->epoch++;
        trainer->position = 0;
        trainer_begin_epoch(trainer);
    }
    trainer->rate = rate;
    return trainer_step(trainer, &signals, false, loss);
}

/* The largest fall of the smoothed loss between neighbours, which are equally far apart in log
 * rate: before the least loss, and not among the first steps, where the average has only begun.
 * What the average shows was LAG steps ago. */
static size_t find_steepest(const struct rate_test *test)
{
    size_t best = 0, least = 0;
    double fall = 0.0;
    for (size_t i = 0; i < test->steps; i++)
        least = test->smooth[i] < test->smooth[least] ? i : least;
    for (size_t i = LAG + 1; i + 1 <= least; i++)
        if (test->smooth[i - 1] - test->smooth[i + 1] > fall) {
            fall = test->smooth[i - 1] - test->smooth[i + 1];
            best = i - LAG;
        }
    return best;
}

static enum status run_steps(struct trainer *trainer, struct rate_test *test)
{
    size_t steps = test->steps;
    double average = 0.0, kept = 1.0, least = (double)INFINITY;
    trainer_begin_epoch(trainer);
    for (size_t i = 0; i < steps && !test->diverged; i++) {
        test->rate[i] = rate_of(i, steps);
        TRY(do_step(trainer, test->rate[i], &test->loss[i]));
        average = SMOOTHING * average + (1.0 - SMOOTHING) * test->loss[i];
        kept *= SMOOTHING;
        test->smooth[i] = average / (1.0 - kept);
        least = test->smooth[i] < least ? test->smooth[i] : least;
        test->diverged = !(test->smooth[i] <= 4.0 * least);
        test->steps = i + 1;
    }
    test->steepest = find_steepest(test);
    return ST_OK;
}

/* The model as a run would begin with it, and its steps. */
static enum status run_from_start(struct session *session, struct rate_test *test)
{
    struct trainer trainer = {0};
    struct text report = {0};
    model_init(session->model);
    enum status status = transfer_weights(session, &report);
    text_release(&report);
    TRY(status);
    status = trainer_init(&trainer, session);
    if (status == ST_OK)
        status = run_steps(&trainer, test);
    trainer_release(&trainer);
    return status;
}

enum status rate_test_run(struct session *session, size_t steps, struct rate_test *test)
{
    *test = (struct rate_test){.steps = steps,
                               .rate = mem_need(steps, sizeof(double)),
                               .loss = mem_need(steps, sizeof(double)),
                               .smooth = mem_need(steps, sizeof(double))};
    return run_from_start(session, test);
}

void rate_test_release(struct rate_test *test)
{
    free(test->rate);
    free(test->loss);
    free(test->smooth);
    *test = (struct rate_test){0};
}

/* ---- what it says ---- */

void rate_test_table(const struct rate_test *test, size_t rows, struct text *out)
{
    size_t stride = (test->steps + rows - 1) / rows;
    text_add(out, "learning rate        loss    smoothed\n");
    for (size_t i = 0; i < test->steps; i++)
        if (i % stride == 0 || i + 1 == test->steps)
            text_add(out, "%13.3g  %10.4f  %10.4f\n", test->rate[i], test->loss[i],
                     test->smooth[i]);
    if (test->diverged)
        text_add(out, "diverged at %.3g\n", test->rate[test->steps - 1]);
    if (test->steepest > 0)
        text_add(out, "suggestion: learning_rate: %.2g, where the loss falls most\n",
                 test->rate[test->steepest]);
    else
        text_add(out, "no suggestion: the loss falls at no learning rate\n");
}

void rate_test_csv(const struct rate_test *test, struct text *out)
{
    text_add(out, "step,learning_rate,loss,smoothed_loss\n");
    for (size_t i = 0; i < test->steps; i++) {
        text_add(out, "%zu,", i + 1);
        json_number(out, test->rate[i]);
        text_add(out, ",%.9g,%.9g\n", test->loss[i], test->smooth[i]);
    }
}
