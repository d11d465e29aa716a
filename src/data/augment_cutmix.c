/* CutMix: a rectangle comes from another sample, and its share of the area is the other target's.
 * Source: S. Yun et al., "CutMix", ICCV 2019; Keras's layer, which draws alpha from factor.
 *
 * Word 1: alpha; words 4 on: w from Beta(alpha, alpha), the rectangle's sides are sqrt(1 - w) of
 * the picture's; words 2, 3: its left and top. */
#include <math.h>

#include "data/augment.h"

struct cutmix_args {
    struct float_list factor;
};

static enum status check(const void *args, const char *where, const struct picture *shape)
{
    (void)shape;
    return augment_check_factor(&((const struct cutmix_args *)args)->factor, where, "factor",
                                false);
}

static void mix(const void *args, const struct rng_key *key, struct picture *picture,
                const struct mixture *mixture)
{
    struct bounds factor = augment_bounds(&((const struct cutmix_args *)args)->factor, 0);
    double alpha = augment_uniform(key, 1, factor.low, factor.high) + 1e-6;
    double share = sqrt(1.0 - augment_beta(key, 4, alpha));
    struct cutout cutout = augment_cutout(share, share, augment_uniform(key, 2, 0, 1),
                                          augment_uniform(key, 3, 0, 1), picture);
    augment_paste(&cutout, mixture->other, picture);
    double area = (cutout.right - cutout.left) * (cutout.bottom - cutout.top);
    float weight = (float)(1.0 - area / (double)(picture->width * picture->height));
    for (size_t i = 0; i < mixture->targets; i++)
        mixture->y[i] = weight * mixture->y[i] + (1.0f - weight) * mixture->other_y[i];
}

static const struct field fields[] = {
    {.key = "factor",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct cutmix_args, factor),
     .fallback = "1.0",
     .min = 0,
     .max = 1,
     .bare = true,
     .help = "alpha of the beta distribution: f for one drawn from [0, f], or [low, high]"},
    {0}};
static const struct schema schema = {"CutMix", fields, NULL};

const struct augmentation augment_cut_mix = {
    .kind = {"CutMix", &schema, sizeof(struct cutmix_args), &augment_cut_mix},
    .check = check,
    .mix = mix,
};
