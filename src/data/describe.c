#include "data/describe.h"

#include <math.h>
#include <stdlib.h>

#include "data/labels.h"
#include "data/loader.h"

static void note_bad(const struct dataset *dataset, struct description *d, size_t i, uint64_t bad)
{
    if (bad && d->not_finite + d->bad_targets == 0)
        d->first_bad = dataset_stored_id(dataset, i);
}

/* Range and sum of a sample's numbers; mean holds the sum meanwhile. */
static uint64_t add_range(struct description *d, const float *row, size_t elements)
{
    uint64_t bad = 0;
    for (size_t e = 0; e < elements; e++) {
        struct channel_summary *c = &d->channel[e % d->channels];
        double v = (double)row[e];
        bad += isfinite(v) ? 0 : 1;
        if (!isfinite(v))
            continue;
        c->min = c->count && c->min < v ? c->min : v;
        c->max = c->count && c->max > v ? c->max : v;
        c->mean += v;
        c->count++;
    }
    return bad;
}

static void add_squares(struct description *d, const float *row, size_t elements)
{
    for (size_t e = 0; e < elements; e++) {
        struct channel_summary *c = &d->channel[e % d->channels];
        double distance = (double)row[e] - c->mean;
        c->deviation += isfinite(distance) ? distance * distance : 0;
    }
}

static enum status look_at_inputs(const struct dataset *dataset, struct description *d, float *row)
{
    size_t elements = array_elements(&dataset->x);
    for (uint32_t i = 0; i < dataset->n; i++) {
        TRY(loader_gather(dataset, NULL, TARGET_VALUE, &i, 1, row, NULL));
        uint64_t bad = add_range(d, row, elements);
        note_bad(dataset, d, i, bad);
        d->not_finite += bad;
    }
    for (size_t k = 0; k < d->channels; k++)
        d->channel[k].mean /= (double)d->channel[k].count;
    for (uint32_t i = 0; i < dataset->n; i++) {
        TRY(loader_gather(dataset, NULL, TARGET_VALUE, &i, 1, row, NULL));
        add_squares(d, row, elements);
    }
    for (size_t k = 0; k < d->channels; k++) {
        struct channel_summary *c = &d->channel[k];
        c->deviation = sqrt(c->deviation / (double)c->count);
        if (c->count == 0)
            c->min = c->max = NAN;
    }
    return ST_OK;
}

static enum status look_at_targets(const struct dataset *dataset, struct description *d, float *row)
{
    size_t elements = array_elements(&dataset->y);
    for (uint32_t i = 0; i < dataset->n && dataset->y.parts; i++) {
        if (dataset->classes) {
            int32_t label = 0;
            TRY(loader_gather(dataset, NULL, TARGET_LABEL, &i, 1, NULL, &label));
            d->class_count[label]++;
            continue;
        }
        uint64_t bad = 0;
        TRY(loader_gather(dataset, NULL, TARGET_VALUE, &i, 1, NULL, row));
        for (size_t e = 0; e < elements; e++)
            bad += isfinite(row[e]) ? 0 : 1;
        note_bad(dataset, d, i, bad);
        d->bad_targets += bad;
    }
    return ST_OK;
}

enum status dataset_describe(const struct dataset *dataset, struct description *out)
{
    const struct array *x = &dataset->x;
    size_t nx = array_elements(x), ny = array_elements(&dataset->y);
    void *row;
    TRY(mem_alloc(&row, (nx > ny ? nx : ny) * sizeof(float), "a sample"));
    *out = (struct description){.channels = x->rank ? x->shape[x->rank - 1] : 1};
    out->channel = mem_need(out->channels, sizeof *out->channel);
    if (dataset->classes)
        out->class_count = mem_need(dataset->classes, sizeof *out->class_count);
    enum status status = look_at_inputs(dataset, out, row);
    if (status == ST_OK)
        status = look_at_targets(dataset, out, row);
    if (status != ST_OK)
        description_release(out);
    free(row);
    return status;
}

void description_release(struct description *description)
{
    free(description->channel);
    free(description->class_count);
    *description = (struct description){0};
}
