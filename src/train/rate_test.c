#include "train/rate_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/vmath.h"
#include "train/trainer.h"
#include "train/transfer.h"

#define LOWEST 1e-7
#define HIGHEST 10.0
#define SMOOTHING 0.9 /* of the loss: the part of the average that is kept, */
enum { LAG = 9 };     /* and the average age of what is in it: 0.9 / (1 - 0.9) */

static double rate_of(size_t step, size_t steps)
{
    double part = (double)step / (double)(steps - 1);
    return LOWEST * dm_pow(HIGHEST / LOWEST, part);
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

/* ---- the picture ---- */

enum { WIDTH = 640, HEIGHT = 360, LEFT = 60, RIGHT = 20, TOP = 20, BOTTOM = 40 };

struct axes {
    double low, high; /* of the loss */
};

static double x_of(double rate)
{
    double part = dm_log(rate / LOWEST) / dm_log(HIGHEST / LOWEST);
    return LEFT + part * (WIDTH - LEFT - RIGHT);
}

/* What is beyond the axes lies on their edge. */
static double y_of(const struct axes *axes, double loss)
{
    double part = (loss - axes->low) / (axes->high - axes->low);
    part = part >= 0.0 ? part : 0.0;
    part = part <= 1.0 ? part : 1.0;
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
}

/* From the least smoothed loss to the first one, and as much above. */
static struct axes axes_of(const struct rate_test *test)
{
    double least = test->smooth[0], first = test->smooth[0];
    for (size_t i = 0; i < test->steps; i++)
        least = test->smooth[i] < least ? test->smooth[i] : least;
    double room = first - least > 1e-6 * fabs(first) ? 0.25 * (first - least) : fabs(first) + 1e-9;
    return (struct axes){least - room, first + 2.0 * room};
}

static void add_curve(struct text *out, const struct rate_test *test, const struct axes *axes,
                      const double *loss, const char *style)
{
    text_add(out, "<polyline fill=\"none\" %s points=\"", style);
    for (size_t i = 0; i < test->steps; i++)
        if (isfinite(loss[i]))
            text_add(out, "%.1f,%.1f ", x_of(test->rate[i]), y_of(axes, loss[i]));
    text_add(out, "\"/>\n");
}

static void add_axes(struct text *out, const struct axes *axes)
{
    for (int power = -7; power <= 1; power++) {
        double x = LEFT + (power + 7) / 8.0 * (WIDTH - LEFT - RIGHT);
        text_add(out,
                 "<path stroke=\"#ddd\" d=\"M%.1f %d V%d\"/>"
                 "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">1e%d</text>\n",
                 x, TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 16, power);
    }
    for (int i = 0; i <= 4; i++) {
        double loss = axes->low + (axes->high - axes->low) * i / 4.0, y = y_of(axes, loss);
        text_add(out,
                 "<path stroke=\"#ddd\" d=\"M%d %.1f H%d\"/>"
                 "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>\n",
                 LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4.0, loss);
    }
    text_add(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">learning rate</text>\n",
             (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6);
}

void rate_test_svg(const struct rate_test *test, struct text *out)
{
    struct axes axes = axes_of(test);
    text_add(out,
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
             "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
             "<title>Loss by learning rate</title>\n"
             "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
             WIDTH, HEIGHT, WIDTH, HEIGHT);
    add_axes(out, &axes);
    add_curve(out, test, &axes, test->loss, "stroke=\"#9cc\"");
    add_curve(out, test, &axes, test->smooth, "stroke=\"#146\" stroke-width=\"2\"");
    if (test->steepest > 0)
        text_add(out,
                 "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"#c31\"><title>%.2g</title>"
                 "</circle>\n",
                 x_of(test->rate[test->steepest]), y_of(&axes, test->smooth[test->steepest]),
                 test->rate[test->steepest]);
    text_add(out, "</svg>\n");
}
