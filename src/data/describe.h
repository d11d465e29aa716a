/* What is in a set: ranges, moments, class counts. */
#ifndef CONVOY_DATA_DESCRIBE_H
#define CONVOY_DATA_DESCRIBE_H

#include "data/dataset.h"

/* Over the finite numbers of a channel; all NaN where there are none. */
struct channel_summary {
    double min, max, mean, deviation;
    uint64_t count;
};

struct description {
    size_t channels; /* length of the last axis */
    struct channel_summary *channel;
    size_t *class_count;  /* dataset->classes of them; NULL where there are none */
    uint64_t not_finite;  /* inputs that are infinite or NaN */
    uint64_t bad_targets; /* likewise, of targets that are values */
    size_t first_bad;     /* stored number of the first sample that has one of them */
};

/* Reads every sample in use and its target, twice. Errors: ST_DATA, ST_IO (memory). */
enum status dataset_describe(const struct dataset *dataset, struct description *out);
void description_release(struct description *description);

#endif
