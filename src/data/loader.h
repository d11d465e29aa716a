/* From dataset to network: which samples are used, how they are split, scaled and gathered. */
#ifndef CONVOY_DATA_LOADER_H
#define CONVOY_DATA_LOADER_H

#include "data/dataset.h"

/* The samples that one purpose (training, validation, test) uses: ids into a dataset. */
struct selection {
    const struct dataset *dataset;
    uint32_t *ids; /* n of them, ascending */
    size_t n;
};

/* A fraction (0..1, rounded to the nearest count) or, where that is 0, a count of samples, drawn by
 * the seed, goes to *held_out; what is left to *kept. stratified: each class gives its share
 * (largest remainder, the lower class where remainders are equal). Errors: ST_DATA when either
 * would be empty, or when stratified without class labels. */
enum status selection_split(const struct dataset *dataset, double fraction, size_t count,
                            bool stratified, uint64_t seed, struct selection *kept,
                            struct selection *held_out);
enum status selection_all(const struct dataset *dataset, struct selection *out);
void selection_release(struct selection *selection);

/* x' = (x * rescale + offset - mean[c]) * (1 / deviation[c]), per channel (last axis) or per
 * feature. Computed in float32 with rescale, offset and the inverse rounded to float32 first, each
 * of the four operations rounded, in this order; where n is 0, x * rescale + offset. So a value
 * does not depend on the processor. */
struct scaling {
    double rescale, offset;
    size_t n; /* 0: no standardization; else channels or features */
    float *mean, *deviation;
};

/* Statistics over the selection (deviation 0 becomes 1). per_feature: one per element of a sample,
 * else one per channel. Mean, then mean square distance from it (two passes), of the float32 values
 * x * rescale + offset, in float64: a sum per element in the order of ids, then the elements of a
 * channel in order. Errors: ST_DATA naming file and sample for an input that is not finite. */
enum status scaling_fit(const struct selection *selection, double rescale, double offset,
                        bool standardize, bool per_feature, struct scaling *out);
void scaling_release(struct scaling *scaling);

enum target_form {
    TARGET_LABEL,   /* int32 class numbers: one, or as many as the array has a sample */
    TARGET_ONE_HOT, /* classes float32 */
    TARGET_VALUE    /* the array's own numbers as float32 */
};

/* Gathers samples: x gets count x (H,W,C) or (features) float32, scaled; y gets int32 or float32 by
 * form; either may be NULL. ids are dataset sample numbers (0..n-1). scaling NULL: the numbers as
 * they are. Errors: ST_DATA for a label outside 0..classes-1 (file, sample number, value found),
 * for targets of another kind than form needs. Not collective. */
enum status loader_gather(const struct dataset *dataset, const struct scaling *scaling,
                          enum target_form form, const uint32_t *ids, size_t count, float *x,
                          void *y);

/* The samples' weights: those of the set, or 1. Not collective. */
void loader_weights(const struct dataset *dataset, const uint32_t *ids, size_t count, float *out);

/* Checks in one pass that every stored label is an integer 0..classes-1 (counted as part of
 * opening). Errors: ST_DATA with file, sample number, value and range. */
enum status dataset_check_labels(const struct dataset *dataset, size_t classes);

#endif
