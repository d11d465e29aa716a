#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "config/tree.h"
#include "data/labels.h"
#include "data/storage.h"

#define FORMAT(name) extern const struct format format_##name;
#include "data/formats.def"
#undef FORMAT

const struct kind *const format_kinds[] = {
#define FORMAT(name) &format_##name.kind,
#include "data/formats.def"
#undef FORMAT
    NULL};

static const struct field common_fields[] = {
    {.key = "subset",
     .type = FIELD_INT,
     .offset = offsetof(struct data_common, subset),
     .fallback = "null",
     .min = 1,
     .max = UINT32_MAX,
     .nullable = true,
     .help = "use only this many samples, drawn by the seed"},
    {.key = "classes",
     .type = FIELD_INT,
     .offset = offsetof(struct data_common, classes),
     .fallback = "null",
     .min = 1,
     .max = DATA_MAX_CLASSES,
     .nullable = true,
     .help = "labels must lie in 0..classes-1; null: the largest label decides"},
    {0}};

const struct schema data_common_schema = {.name = "data set", .fields = common_fields};

/* ---- Arrays ---- */

const struct array_part *array_part_of(const struct array *array, size_t sample)
{
    size_t low = 0, high = array->parts;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (array->part[middle].first <= sample)
            low = middle;
        else
            high = middle;
    }
    return &array->part[low];
}

const unsigned char *array_sample(const struct array *array, size_t sample)
{
    const struct array_part *part = array_part_of(array, sample);
    return part->base + (sample - part->first) * array->stride;
}

void array_set_shape(struct array *array, const size_t *dim, int dims)
{
    array->rank = dims <= 2 ? 1 : 3;
    array->shape[0] = array->shape[1] = array->shape[2] = 1;
    for (int i = 1; i < dims; i++)
        array->shape[i - 1] = dim[i];
}

size_t array_elements(const struct array *array)
{
    size_t elements = 1;
    for (int axis = 0; axis < array->rank; axis++)
        elements *= array->shape[axis];
    return elements;
}

const char *array_shape_text(const struct array *array)
{
    static char ring[4][80];
    static unsigned turn;
    char *text = ring[turn++ % 4];
    const size_t *d = array->shape;
    if (array->rank == 0)
        snprintf(text, sizeof ring[0], "scalar");
    else if (array->rank == 1)
        snprintf(text, sizeof ring[0], "%zu", d[0]);
    else if (array->rank == 2)
        snprintf(text, sizeof ring[0], "%zux%zu", d[0], d[1]);
    else
        snprintf(text, sizeof ring[0], "%zux%zux%zu", d[0], d[1], d[2]);
    return text;
}

/* ---- A set's life ---- */

struct cleanup {
    void (*undo)(void *);
    void *what;
    struct cleanup *next;
};

void dataset_on_free(struct dataset *dataset, void (*undo)(void *), void *what)
{
    struct cleanup *cleanup = pool_alloc(&dataset->pool, sizeof *cleanup);
    *cleanup = (struct cleanup){undo, what, dataset->cleanups};
    dataset->cleanups = cleanup;
}

void dataset_free(struct dataset *dataset)
{
    if (!dataset)
        return;
    for (struct cleanup *c = dataset->cleanups; c; c = c->next)
        c->undo(c->what);
    pool_release(&dataset->pool);
    free(dataset);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static enum status draw_subset(struct dataset *dataset, int64_t count, uint64_t seed)
{
    if (count == FIELD_NONE)
        return ST_OK;
    size_t n = (size_t)count;
    FAIL_IF(n > dataset->stored, ST_DATA, "%s: subset: %zu samples wanted, it has %zu",
            dataset->source, n, dataset->stored);
    uint32_t *all = mem_need(dataset->stored, sizeof *all);
    struct rng_key key = rng_key(seed, RNG_SUBSET, 0, 0, 0);
    rng_permutation(&key, all, dataset->stored);
    qsort(all, n, sizeof *all, ascending);
    dataset_on_free(dataset, free, all);
    dataset->subset = all;
    dataset->n = n;
    return ST_OK;
}

static enum status check_weights(const struct dataset *dataset)
{
    const struct array *w = &dataset->weight;
    for (size_t i = 0; w->parts && i < dataset->stored; i++) {
        float value;
        element_floats(w->dtype, w->big_endian, array_sample(w, i), 1, &value);
        FAIL_IF(!(value >= 0.0f) || !isfinite(value), ST_DATA,
                "%s: sample %zu has the weight %g, expected a finite number of at least 0",
                array_part_of(w, i)->file, i - array_part_of(w, i)->first, (double)value);
    }
    return ST_OK;
}

/* What holds for every format once its arrays are in place. */
static enum status complete(struct dataset *dataset, const struct data_common *common,
                            uint64_t seed)
{
    FAIL_IF(dataset->stored == 0, ST_DATA, "%s: holds no samples", dataset->source);
    FAIL_IF(dataset->stored > UINT32_MAX, ST_DATA, "%s: %zu samples, %u is the most",
            dataset->source, dataset->stored, UINT32_MAX);
    dataset->n = dataset->stored;
    TRY(labels_settle(dataset, common->classes));
    TRY(check_weights(dataset));
    return draw_subset(dataset, common->subset, seed);
}

enum status dataset_open(const struct variant *source, uint64_t seed, const struct data_env *env,
                         struct dataset **out)
{
    const struct format *format = source->kind->impl;
    struct dataset *dataset = mem_need(1, sizeof *dataset);
    dataset->source = source->kind->name;
    enum status status = format->open(source->args, env, dataset);
    if (status == ST_OK)
        status = complete(dataset, source->args, seed);
    if (!dataset->failed_together)
        status = storage_agree(env, dataset, status);
    if (status != ST_OK)
        dataset_free(dataset);
    else
        *out = dataset;
    return status;
}

enum status dataset_match(const struct dataset *reference, const struct dataset *other)
{
    const struct array *a = &reference->x, *b = &other->x;
    bool same = a->rank == b->rank;
    for (int axis = 0; same && axis < a->rank; axis++)
        same = a->shape[axis] == b->shape[axis];
    FAIL_IF(!same, ST_DATA, "%s: samples are %s, those of %s are %s", other->source,
            array_shape_text(b), reference->source, array_shape_text(a));
    if (!reference->class_names || !other->class_names)
        return ST_OK;
    for (size_t i = 0; i < reference->classes && i < other->classes; i++)
        FAIL_IF(strcmp(reference->class_names[i], other->class_names[i]) != 0, ST_DATA,
                "%s: class %zu is \"%s\", in %s it is \"%s\"", other->source, i,
                text_shown(other->class_names[i]), reference->source,
                text_shown(reference->class_names[i]));
    FAIL_IF(reference->classes != other->classes, ST_DATA, "%s: has %zu classes, %s has %zu",
            other->source, other->classes, reference->source, reference->classes);
    return ST_OK;
}
