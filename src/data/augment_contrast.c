/* RandomContrast: (x - mean) * f + mean, mean of the channel, f from word 0; then clipped. */
#include "data/augment.h"

struct contrast_args {
    struct float_list factor, value_range;
};

static enum status check(const void *args, const char *where, const struct picture *shape)
{
    const struct contrast_args *contrast = args;
    TRY(augment_check_factor(&contrast->factor, where, "factor", false));
    return augment_check_range(&contrast->value_range, where, shape);
}

static float channel_mean(const struct picture *picture, size_t channel)
{
    size_t pixels = picture->height * picture->width;
    double sum = 0.0;
    for (size_t i = 0; i < pixels; i++)
        sum += (double)picture->x[i * picture->channels + channel];
    return (float)(sum / (double)pixels);
}

static void apply(const void *args, const struct rng_key *key, struct picture *picture)
{
    const struct contrast_args *contrast = args;
    const double *f = contrast->factor.v;
    double below = f[0], above = contrast->factor.n > 1 ? f[1] : f[0];
    float factor = (float)augment_uniform(key, 0, 1.0 - below, 1.0 + above);
    struct bounds range = augment_range(&contrast->value_range, picture);
    float low = (float)range.low, high = (float)range.high;
    for (size_t c = 0; c < picture->channels; c++) {
        float mean = channel_mean(picture, c);
        for (size_t i = c; i < picture->height * picture->width * picture->channels;
             i += picture->channels) {
            float x = (picture->x[i] - mean) * factor + mean;
            x = x < low ? low : x;
            picture->x[i] = x > high ? high : x;
        }
    }
}

static const struct field fields[] = {
    {.key = "factor",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct contrast_args, factor),
     .min = 0,
     .max = 1,
     .bare = true,
     .help = "[lower, upper]: contrast times 1 - lower to 1 + upper; one number stands for both"},
    {.key = "value_range",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct contrast_args, value_range),
     .fallback = "null",
     .nullable = true,
     .help = "[low, high] of the samples after scaling; null: 0 and 255, scaled"},
    {0}};
static const struct schema schema = {"RandomContrast", fields, NULL};

const struct augmentation augment_random_contrast = {
    .kind = {"RandomContrast", &schema, sizeof(struct contrast_args), &augment_random_contrast},
    .check = check,
    .apply = apply,
};
