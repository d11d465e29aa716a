/* RandomErasing (Cutout): a rectangle is filled with fill_value, or with noise.
 * Sources: Z. Zhong et al., "Random Erasing Data Augmentation", AAAI 2020; T. DeVries and G.
 * Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017; Keras's
 * layer.
 *
 * Words 0, 1: the squares of the rectangle's shares of width and height, from scale; 2, 3: its left
 * and top; 4: the probability, from factor; 5: it is erased if this is smaller; 8 + i: the noise of
 * element i, normal, times the largest value. Everything is clipped to the range. */
#include <math.h>

#include "data/augment.h"
#include "kernels/vmath.h"

struct erasing_args {
    struct float_list factor, scale, fill_value, value_range;
};

static enum status check(const void *args, const char *where, const struct picture *shape)
{
    const struct erasing_args *erasing = args;
    size_t values = erasing->fill_value.n;
    TRY(augment_check_factor(&erasing->factor, where, "factor", false));
    TRY(augment_check_factor(&erasing->scale, where, "scale", false));
    FAIL_IF(values > 1 && values != shape->channels, ST_USAGE,
            "%sfill_value: found %zu numbers, expected one, or one for each of %zu channels", where,
            values, shape->channels);
    if (values == 0 || erasing->value_range.n)
        return augment_check_range(&erasing->value_range, where, shape);
    return ST_OK;
}

static float clip(double x, struct bounds range)
{
    x = x < range.low ? range.low : x;
    return (float)(x > range.high ? range.high : x);
}

/* The rectangle's pixels, into room. */
static void fill(const struct erasing_args *erasing, const struct rng_key *key,
                 const struct cutout *cutout, const struct picture *picture)
{
    struct bounds range = augment_range(&erasing->value_range, picture);
    const struct float_list *values = &erasing->fill_value;
    for (size_t pixel = 0; pixel < picture->height * picture->width; pixel++) {
        if (!augment_cut(cutout, pixel / picture->width, pixel % picture->width))
            continue;
        for (size_t c = 0; c < picture->channels; c++) {
            size_t i = pixel * picture->channels + c;
            double x = values->n ? values->v[c % values->n] : 0.0;
            if (values->n == 0) {
                double u = ((double)(rng_word(key, 8 + i) >> 8) + 0.5) * 0x1p-24;
                x = dm_normal_quantile(u) * range.high;
            }
            picture->room[i] = clip(x, range);
        }
    }
}

static void apply(const void *args, const struct rng_key *key, struct picture *picture)
{
    const struct erasing_args *erasing = args;
    struct bounds scale = augment_bounds(&erasing->scale, 0);
    struct bounds factor = augment_bounds(&erasing->factor, 0);
    double probability = augment_uniform(key, 4, factor.low, factor.high);
    if (augment_uniform(key, 5, 0, 1) >= probability)
        return;
    struct cutout cutout =
        augment_cutout(sqrt(augment_uniform(key, 0, scale.low, scale.high)),
                       sqrt(augment_uniform(key, 1, scale.low, scale.high)),
                       augment_uniform(key, 2, 0, 1), augment_uniform(key, 3, 0, 1), picture);
    fill(erasing, key, &cutout, picture);
    augment_paste(&cutout, picture->room, picture);
}

static const struct field fields[] = {
    {.key = "factor",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct erasing_args, factor),
     .fallback = "1.0",
     .min = 0,
     .max = 1,
     .bare = true,
     .help = "probability: p for one drawn from [0, p], or [low, high]"},
    {.key = "scale",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct erasing_args, scale),
     .fallback = "[0.02, 0.33]",
     .min = 0,
     .max = 1,
     .help = "share of the area"},
    {.key = "fill_value",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct erasing_args, fill_value),
     .fallback = "null",
     .nullable = true,
     .help = "what it is filled with: a number, or one a channel; null: noise"},
    {.key = "value_range",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct erasing_args, value_range),
     .fallback = "null",
     .nullable = true,
     .help = "[low, high] of the samples after scaling; null: 0 and 255, scaled"},
    {0}};
static const struct schema schema = {"RandomErasing", fields, NULL};

const struct augmentation augment_random_erasing = {
    .kind = {"RandomErasing", &schema, sizeof(struct erasing_args), &augment_random_erasing},
    .check = check,
    .apply = apply,
};
