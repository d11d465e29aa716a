/* RandomCrop: a part of the picture with a border of `padding` pixels around, of the picture's own
 * size; its top by word 0, its left by word 1. As in K. He et al., "Deep Residual Learning for
 * Image Recognition", CVPR 2016, section 4.2. (Keras's layer has no padding and makes pictures
 * smaller; here the model sees the same shape in training and evaluation.) */
#include "data/augment.h"

struct crop_args {
    int64_t height, width, padding;
    double fill_value;
};

static enum status check(const void *args, const char *where, const struct picture *shape)
{
    const struct crop_args *crop = args;
    size_t height = crop->height == FIELD_NONE ? shape->height : (size_t)crop->height;
    size_t width = crop->width == FIELD_NONE ? shape->width : (size_t)crop->width;
    FAIL_IF(
        height != shape->height || width != shape->width, ST_USAGE,
        "%sRandomCrop to %zux%zu: the samples are %zux%zu, and the model sees the same shape in "
        "training and evaluation; give the set that image_size and use 'padding'",
        where, height, width, shape->height, shape->width);
    FAIL_IF(crop->padding == 0, ST_USAGE,
            "%sRandomCrop without padding leaves pictures of %zux%zu as they are; say how many "
            "pixels: padding: 4",
            where, height, width);
    return ST_OK;
}

static void apply(const void *args, const struct rng_key *key, struct picture *picture)
{
    const struct crop_args *crop = args;
    double places = (double)(2 * crop->padding + 1);
    int64_t top = (int64_t)augment_uniform(key, 0, 0, places) - crop->padding;
    int64_t left = (int64_t)augment_uniform(key, 1, 0, places) - crop->padding;
    int64_t height = (int64_t)picture->height, width = (int64_t)picture->width;
    size_t channels = picture->channels;
    float *out = picture->room;
    for (int64_t y = top; y < top + height; y++)
        for (int64_t x = left; x < left + width; x++, out += channels) {
            bool inside = y >= 0 && y < height && x >= 0 && x < width;
            const float *in = picture->x + (size_t)(inside ? y * width + x : 0) * channels;
            for (size_t c = 0; c < channels; c++)
                out[c] = inside ? in[c] : (float)crop->fill_value;
        }
    augment_swap(picture);
}

static const struct field fields[] = {{.key = "height",
                                       .type = FIELD_INT,
                                       .offset = offsetof(struct crop_args, height),
                                       .fallback = "null",
                                       .min = 1,
                                       .max = 1 << 20,
                                       .nullable = true,
                                       .help = "of the samples, which is the default"},
                                      {.key = "width",
                                       .type = FIELD_INT,
                                       .offset = offsetof(struct crop_args, width),
                                       .fallback = "null",
                                       .min = 1,
                                       .max = 1 << 20,
                                       .nullable = true,
                                       .help = "of the samples, which is the default"},
                                      {.key = "padding",
                                       .type = FIELD_INT,
                                       .offset = offsetof(struct crop_args, padding),
                                       .fallback = "0",
                                       .min = 0,
                                       .max = 1 << 20,
                                       .help = "pixels that are added on each side before"},
                                      {.key = "fill_value",
                                       .type = FIELD_FLOAT,
                                       .offset = offsetof(struct crop_args, fill_value),
                                       .fallback = "0.0",
                                       .help = "what they hold"},
                                      {0}};
static const struct schema schema = {"RandomCrop", fields, NULL};

const struct augmentation augment_random_crop = {
    .kind = {"RandomCrop", &schema, sizeof(struct crop_args), &augment_random_crop},
    .check = check,
    .apply = apply,
};
