/* RandomFlip: if word 0 is at most a half; horizontal_and_vertical flips both ways or none, as
 * Keras 3 does. */
#include "data/augment.h"

enum { HORIZONTAL, VERTICAL, BOTH };

struct flip_args {
    int mode;
};

static void apply(const void *args, const struct rng_key *key, struct picture *picture)
{
    int mode = ((const struct flip_args *)args)->mode;
    size_t height = picture->height, width = picture->width, channels = picture->channels;
    if (augment_uniform(key, 0, 0, 1) > 0.5)
        return;
    float *out = picture->room;
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            size_t row = mode == HORIZONTAL ? y : height - 1 - y;
            size_t column = mode == VERTICAL ? x : width - 1 - x;
            const float *in = picture->x + (row * width + column) * channels;
            for (size_t c = 0; c < channels; c++)
                *out++ = in[c];
        }
    augment_swap(picture);
}

static const char *const modes[] = {
    [HORIZONTAL] = "horizontal", [VERTICAL] = "vertical", [BOTH] = "horizontal_and_vertical", NULL};
static const struct field fields[] = {{.key = "mode",
                                       .type = FIELD_CHOICE,
                                       .offset = offsetof(struct flip_args, mode),
                                       .fallback = "horizontal_and_vertical",
                                       .choices = modes,
                                       .bare = true,
                                       .help = "half of the samples are flipped this way"},
                                      {0}};
static const struct schema schema = {"RandomFlip", fields, NULL};

const struct augmentation augment_random_flip = {
    .kind = {"RandomFlip", &schema, sizeof(struct flip_args), &augment_random_flip},
    .apply = apply,
};
