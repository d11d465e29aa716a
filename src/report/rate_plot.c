#include "report/rate_plot.h"

#include <math.h>

#include "report/plot.h"

/* From the least smoothed loss to the first one, and as much above. */
static void set_range(const struct rate_test *test, struct plot_axis *axis)
{
    double least = test->smooth[0], first = test->smooth[0];
    for (size_t i = 0; i < test->steps; i++)
        least = test->smooth[i] < least ? test->smooth[i] : least;
    double room = first - least > 1e-6 * fabs(first) ? 0.25 * (first - least) : fabs(first) + 1e-9;
    axis->low = least - room;
    axis->high = first + 2.0 * room;
}

void rate_plot(const struct rate_test *test, struct text *out)
{
    struct plot plot = {
        .title = "Loss by learning rate",
        .x = {.label = "learning rate", .log = true, .low = RATE_LOWEST, .high = RATE_HIGHEST},
        .y = {.label = "loss"},
        .legend = true,
        .count = 2,
        .series = {{"each step", test->steps, test->rate, test->loss, 0, true},
                   {"smoothed", test->steps, test->rate, test->smooth, 0, false}}};
    struct text suggestion = {0};
    set_range(test, &plot.y);
    if (test->steepest > 0) {
        double rate = test->rate[test->steepest];
        text_add(&suggestion, "suggestion: %.2g", rate);
        plot.mark = (struct plot_mark){rate, test->smooth[test->steepest], suggestion.data};
    }
    plot_svg(&plot, true, out);
    text_release(&suggestion);
}
