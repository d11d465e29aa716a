/* RandomBrightness: x + f (high - low), f from word 0; then clipped. */
#include "data/augment.h"

struct brightness_args {
    struct float_list factor, value_range;
};

static enum status check(const void *args, const char *where, const struct picture *shape)
{
    const struct brightness_args *brightness = args;
    TRY(augment_check_factor(&brightness->factor, where, "factor", false));
    return augment_check_range(&brightness->value_range, where, shape);
}

static void apply(const void *args, const struct rng_key *key, struct picture *picture)
{
    const struct brightness_args *brightness = args;
    struct bounds factor = augment_bounds(&brightness->factor, -1);
    struct bounds range = augment_range(&brightness->value_range, picture);
    double share = augment_uniform(key, 0, factor.low, factor.high);
    float delta = (float)(share * (range.high - range.low));
    float low = (float)range.low, high = (float)range.high;
    for (size_t i = 0; i < picture->height * picture->width * picture->channels; i++) {
        float x = picture->x[i] + delta;
        x = x < low ? low : x;
        picture->x[i] = x > high ? high : x;
    }
}

static const struct field fields[] = {
    {.key = "factor",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct brightness_args, factor),
     .min = -1,
     .max = 1,
     .bare = true,
     .help = "share of the range that is added: f for [-f, f], or [low, high]"},
    {.key = "value_range",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct brightness_args, value_range),
     .fallback = "null",
     .nullable = true,
     .help = "[low, high] of the samples after scaling; null: 0 and 255, scaled"},
    {0}};
static const struct schema schema = {"RandomBrightness", fields, NULL};

const struct augmentation augment_random_brightness = {
    .kind = {"RandomBrightness", &schema, sizeof(struct brightness_args),
             &augment_random_brightness},
    .check = check,
    .apply = apply,
};
