#include "data/labels.h"

#include "data/loader.h"

bool labels_are_integers(const struct dataset *dataset)
{
    const struct array *y = &dataset->y;
    return y->parts > 0 && y->rank == 0 && dtype_is_integer(y->dtype);
}

int64_t labels_get(const struct dataset *dataset, size_t stored_id)
{
    const struct array *y = &dataset->y;
    return element_integer(y->dtype, y->big_endian, array_sample(y, stored_id));
}

enum status labels_fail(const struct dataset *dataset, size_t stored_id, int64_t label,
                        size_t classes)
{
    const struct array_part *part = array_part_of(&dataset->y, stored_id);
    FAIL(ST_DATA, "%s: sample %zu has label %lld, expected 0..%zu", part->file,
         stored_id - part->first, (long long)label, classes - 1);
}

enum status dataset_check_labels(const struct dataset *dataset, size_t classes)
{
    FAIL_IF(!labels_are_integers(dataset), ST_DATA, "%s: its targets are not class labels",
            dataset->source);
    for (size_t i = 0; i < dataset->stored; i++) {
        int64_t label = labels_get(dataset, i);
        if (label < 0 || (uint64_t)label >= classes)
            return labels_fail(dataset, i, label, classes);
    }
    return ST_OK;
}

static enum status largest_label(const struct dataset *dataset, int64_t *largest)
{
    *largest = 0;
    for (size_t i = 0; i < dataset->stored; i++) {
        int64_t label = labels_get(dataset, i);
        const struct array_part *part = array_part_of(&dataset->y, i);
        FAIL_IF(label < 0, ST_DATA,
                "%s: sample %zu has label %lld; class labels start at 0 (targets that are values "
                "must be stored as floats)",
                part->file, i - part->first, (long long)label);
        FAIL_IF(label >= DATA_MAX_CLASSES, ST_DATA,
                "%s: sample %zu has label %lld; class labels go up to %d (targets that are values "
                "must be stored as floats)",
                part->file, i - part->first, (long long)label, DATA_MAX_CLASSES - 1);
        *largest = label > *largest ? label : *largest;
    }
    return ST_OK;
}

enum status labels_settle(struct dataset *dataset, int64_t asserted)
{
    if (asserted != FIELD_NONE) {
        size_t classes = (size_t)asserted;
        FAIL_IF(dataset->y.parts == 0, ST_DATA, "%s: classes: %zu is given, but it has no labels",
                dataset->source, classes);
        FAIL_IF(!labels_are_integers(dataset), ST_DATA,
                "%s: classes: %zu is given, but its targets are %s %s, not one integer a sample",
                dataset->y.part[0].file, classes, array_shape_text(&dataset->y),
                dtype_name(dataset->y.dtype));
        FAIL_IF(dataset->class_names && dataset->classes != classes, ST_DATA,
                "%s: classes: %zu is given, but it has %zu named classes", dataset->source, classes,
                dataset->classes);
        dataset->classes = classes;
    } else if (!dataset->classes && labels_are_integers(dataset)) {
        int64_t largest;
        TRY(largest_label(dataset, &largest));
        dataset->classes = (size_t)largest + 1;
        return ST_OK;
    }
    return dataset->classes ? dataset_check_labels(dataset, dataset->classes) : ST_OK;
}
