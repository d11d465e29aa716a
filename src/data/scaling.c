/* Standardization: mean and deviation of the training samples. */
#include <math.h>
#include <stdlib.h>

#include "data/loader.h"

/* One pass over the selection: adds to sum[e], for every element e of a sample, its value (centre
 * NULL) or its squared distance from centre[e % period]. */
static enum status add_up(const struct selection *selection, const struct scaling *plain,
                          const double *centre, size_t period, double *sum, float *row)
{
    const struct dataset *dataset = selection->dataset;
    size_t elements = array_elements(&dataset->x);
    for (size_t i = 0; i < selection->n; i++) {
        TRY(loader_gather(dataset, plain, TARGET_VALUE, &selection->ids[i], 1, row, NULL));
        if (!centre) {
            for (size_t e = 0; e < elements; e++)
                sum[e] += (double)row[e];
            continue;
        }
        for (size_t start = 0; start < elements; start += period)
            for (size_t j = 0; j < period; j++) {
                double distance = (double)row[start + j] - centre[j];
                sum[start + j] += distance * distance;
            }
    }
    return ST_OK;
}

/* mean[j] = sum of the elements e with e % period == j, over their number. */
static void fold(const double *sum, size_t elements, size_t period, size_t samples, double *mean)
{
    for (size_t j = 0; j < period; j++) {
        double total = 0;
        for (size_t e = j; e < elements; e += period)
            total += sum[e];
        mean[j] = total / ((double)samples * (double)(elements / period));
    }
}

/* Which sample made the sums infinite or NaN; called when one of them is. */
static enum status fail_not_finite(const struct selection *selection, const struct scaling *plain,
                                   float *row)
{
    const struct dataset *dataset = selection->dataset;
    size_t elements = array_elements(&dataset->x);
    for (size_t i = 0; i < selection->n; i++) {
        TRY(loader_gather(dataset, plain, TARGET_VALUE, &selection->ids[i], 1, row, NULL));
        size_t id = dataset_stored_id(dataset, selection->ids[i]);
        const struct array_part *part = array_part_of(&dataset->x, id);
        for (size_t e = 0; e < elements; e++)
            FAIL_IF(!isfinite(row[e]), ST_DATA, "%s: sample %zu, element %zu is %g", part->file,
                    id - part->first, e, (double)row[e]);
    }
    FAIL(ST_DATA, "%s: its values are too large to standardize", dataset->source);
}

/* Both passes. sum has room for an element each, mean and square for a period. */
static enum status measure(const struct selection *selection, const struct scaling *plain,
                           size_t period, double *sum, double *mean, double *square, float *row)
{
    size_t elements = array_elements(&selection->dataset->x);
    TRY(add_up(selection, plain, NULL, period, sum, row));
    fold(sum, elements, period, selection->n, mean);
    for (size_t e = 0; e < elements; e++)
        sum[e] = 0;
    TRY(add_up(selection, plain, mean, period, sum, row));
    fold(sum, elements, period, selection->n, square);
    for (size_t j = 0; j < period; j++)
        if (!isfinite(square[j]))
            return fail_not_finite(selection, plain, row);
    return ST_OK;
}

enum status scaling_fit(const struct selection *selection, double rescale, double offset,
                        bool standardize, bool per_feature, struct scaling *out)
{
    *out = (struct scaling){.rescale = rescale, .offset = offset};
    if (!standardize)
        return ST_OK;
    const struct array *x = &selection->dataset->x;
    size_t elements = array_elements(x);
    size_t period = per_feature || x->rank == 0 ? elements : x->shape[x->rank - 1];
    void *room;
    TRY(mem_alloc(&room, elements * (3 * sizeof(double) + sizeof(float)), "standardization"));
    double *sum = room, *mean = sum + elements, *square = mean + elements;
    float *row = (float *)(square + elements);
    enum status status = measure(selection, out, period, sum, mean, square, row);
    if (status == ST_OK) {
        out->n = period;
        out->mean = mem_need(period, sizeof *out->mean);
        out->deviation = mem_need(period, sizeof *out->deviation);
        for (size_t j = 0; j < period; j++) {
            float deviation = (float)sqrt(square[j]);
            out->mean[j] = (float)mean[j];
            out->deviation[j] = deviation > 0 ? deviation : 1;
        }
    }
    free(room);
    return status;
}

void scaling_release(struct scaling *scaling)
{
    free(scaling->mean);
    free(scaling->deviation);
    *scaling = (struct scaling){0};
}
