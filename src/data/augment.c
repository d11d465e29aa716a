#include "data/augment.h"

#include <stdlib.h>
#include <string.h>

#define AUGMENTATION(name) extern const struct augmentation augment_##name;
#include "data/augment.def"
#undef AUGMENTATION

const struct kind *const augment_kinds[] = {
#define AUGMENTATION(name) &augment_##name.kind,
#include "data/augment.def"
#undef AUGMENTATION
    NULL};

/* ---- Setting up ---- */

static enum status check_targets(const struct augmenter *a, const struct variant *variant)
{
    const char *where = position_text(variant->position), *name = variant->kind->name;
    FAIL_IF(
        a->form == TARGET_LABEL, ST_USAGE,
        "%s%s mixes targets, which must be vectors, and %s has class numbers; say 'data.one_hot: "
        "true' and use categorical_crossentropy",
        where, name, a->dataset->source);
    return ST_OK;
}

static enum status add_mix(struct augmenter *a, size_t mixes, const struct variant *variant)
{
    void *memory;
    TRY(check_targets(a, variant));
    FAIL_IF(mixes == AUGMENT_MAX_MIXES, ST_USAGE, "%sMixUp and CutMix: more than %d in all",
            position_text(variant->position), AUGMENT_MAX_MIXES);
    TRY(mem_alloc(&memory, (a->elements + a->targets) * sizeof(float), "augmentation"));
    a->other[mixes] = memory;
    return ST_OK;
}

static enum status set_up(struct augmenter *a)
{
    size_t mixes = 0;
    void *memory;
    for (size_t i = 0; i < a->list->n; i++) {
        const struct variant *variant = &a->list->v[i];
        const struct augmentation *augmentation = variant->kind->impl;
        const char *where = position_text(variant->position);
        FAIL_IF(a->dataset->x.rank != 3, ST_USAGE, "%s%s needs images; the samples of %s are %s",
                where, variant->kind->name, a->dataset->source, array_shape_text(&a->dataset->x));
        FAIL_IF(a->shape.channels > PICTURE_MAX_CHANNELS || a->shape.height > PICTURE_MAX_SIDE ||
                    a->shape.width > PICTURE_MAX_SIDE,
                ST_USAGE, "%s%s takes images of at most %d channels and %d pixels a side", where,
                variant->kind->name, PICTURE_MAX_CHANNELS, PICTURE_MAX_SIDE);
        if (augmentation->check)
            TRY(augmentation->check(variant->args, where, &a->shape));
        if (augmentation->mix)
            TRY(add_mix(a, mixes++, variant));
    }
    TRY(mem_alloc(&memory, a->elements * sizeof(float), "augmentation"));
    a->room = memory;
    return ST_OK;
}

/* What bytes become; other types, and standardized ones, may hold anything. */
static void set_range(struct augmenter *a)
{
    a->shape.ranged = a->scaling->n == 0 && a->dataset->x.dtype == DTYPE_U8;
    float zero = (float)a->scaling->offset;
    float full = 255.0f * (float)a->scaling->rescale + (float)a->scaling->offset;
    a->shape.low = zero < full ? zero : full;
    a->shape.high = zero < full ? full : zero;
}

enum status augmenter_init(struct augmenter *augmenter, const struct variant_list *list,
                           const struct dataset *dataset, const struct scaling *scaling,
                           enum target_form form, uint64_t seed)
{
    const size_t *shape = dataset->x.shape;
    *augmenter =
        (struct augmenter){.list = list,
                           .dataset = dataset,
                           .scaling = scaling,
                           .form = form,
                           .seed = seed,
                           .shape = {.height = shape[0], .width = shape[1], .channels = shape[2]},
                           .elements = array_elements(&dataset->x)};
    augmenter->targets = form == TARGET_VALUE ? array_elements(&dataset->y) : dataset->classes;
    set_range(augmenter);
    return list->n ? set_up(augmenter) : ST_OK;
}

void augmenter_release(struct augmenter *augmenter)
{
    free(augmenter->room);
    for (int i = 0; i < AUGMENT_MAX_MIXES; i++)
        free(augmenter->other[i]);
    *augmenter = (struct augmenter){0};
}

/* ---- Running ---- */

static struct rng_key key_of(const struct augmenter *a, const struct augment_step *step,
                             size_t stage, uint32_t id)
{
    return rng_key(a->seed, RNG_AUGMENT, step->epoch, stage, id);
}

static enum status apply_stages(struct augmenter *a, const struct augment_step *step, size_t place,
                                size_t stages, size_t depth, float *x, float *y);

/* Another sample of the step, chosen by word 0, as it is before this stage; a step of one has none.
 */
static enum status mix(struct augmenter *a, const struct augment_step *step, size_t place,
                       size_t stage, size_t depth, struct picture *picture, float *y)
{
    const struct variant *variant = &a->list->v[stage];
    const struct augmentation *augmentation = variant->kind->impl;
    struct rng_key key = key_of(a, step, stage, step->ids[place]);
    if (step->n < 2)
        return ST_OK;
    size_t further = 1 + (size_t)((uint64_t)rng_word(&key, 0) * (step->n - 1) >> 32);
    size_t partner = (place + further) % step->n;
    float *other = a->other[depth], *other_y = other + a->elements;
    TRY(loader_gather(a->dataset, a->scaling, a->form, &step->ids[partner], 1, other, other_y));
    TRY(apply_stages(a, step, partner, stage, depth + 1, other, other_y));
    struct mixture mixture = {other, y, other_y, a->targets};
    augmentation->mix(variant->args, &key, picture, &mixture);
    return ST_OK;
}

/* The first stages of the list on one sample. */
static enum status apply_stages(struct augmenter *a, const struct augment_step *step, size_t place,
                                size_t stages, size_t depth, float *x, float *y)
{
    struct picture picture = a->shape;
    picture.x = x;
    for (size_t i = 0; i < stages; i++) {
        const struct variant *variant = &a->list->v[i];
        const struct augmentation *augmentation = variant->kind->impl;
        struct rng_key key = key_of(a, step, i, step->ids[place]);
        picture.room = a->room;
        if (augmentation->mix)
            TRY(mix(a, step, place, i, depth, &picture, y));
        else
            augmentation->apply(variant->args, &key, &picture);
        if (picture.x != x) {
            memcpy(x, picture.x, a->elements * sizeof *x);
            picture.x = x;
        }
    }
    return ST_OK;
}

enum status augmenter_run(struct augmenter *augmenter, const struct augment_step *step,
                          size_t first, size_t count, float *x, void *y)
{
    size_t width = augmenter->form == TARGET_LABEL ? 0 : augmenter->targets;
    for (size_t i = 0; i < count; i++)
        TRY(apply_stages(augmenter, step, first + i, augmenter->list->n, 0,
                         x + i * augmenter->elements, (float *)y + i * width));
    return ST_OK;
}
