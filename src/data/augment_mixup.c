/* MixUp: w x + (1 - w) x', and the same of the targets, w from Beta(alpha, alpha) by words 4 on.
 * Source: H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018. */
#include <float.h>

#include "data/augment.h"

struct mixup_args {
    double alpha;
};

static void blend(float weight, const float *other, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = weight * x[i] + (1.0f - weight) * other[i];
}

static void mix(const void *args, const struct rng_key *key, struct picture *picture,
                const struct mixture *mixture)
{
    float weight = (float)augment_beta(key, 4, ((const struct mixup_args *)args)->alpha);
    blend(weight, mixture->other, picture->height * picture->width * picture->channels, picture->x);
    blend(weight, mixture->other_y, mixture->targets, mixture->y);
}

static const struct field fields[] = {{.key = "alpha",
                                       .type = FIELD_FLOAT,
                                       .offset = offsetof(struct mixup_args, alpha),
                                       .fallback = "0.2",
                                       .min = DBL_MIN,
                                       .max = 1e6,
                                       .bare = true,
                                       .help = "the smaller, the less is mixed"},
                                      {0}};
static const struct schema schema = {"MixUp", fields, NULL};

const struct augmentation augment_mix_up = {
    .kind = {"MixUp", &schema, sizeof(struct mixup_args), &augment_mix_up},
    .mix = mix,
};
