/* learning-rate.svg: what --find-learning-rate has found. */
#ifndef CONVOY_REPORT_RATE_PLOT_H
#define CONVOY_REPORT_RATE_PLOT_H

#include "train/rate_test.h"

void rate_plot(const struct rate_test *test, struct text *out);

#endif
