/* RandomRotation: about the middle, counter-clockwise by word 0, in full turns. */
#include "data/augment_affine.h"
#include "kernels/vmath.h"

struct rotation_args {
    struct affine_args affine;
    struct float_list factor;
};

static enum status check(const void *args, const char *where, const struct picture *shape)
{
    (void)shape;
    return augment_check_factor(&((const struct rotation_args *)args)->factor, where, "factor",
                                false);
}

static void apply(const void *args, const struct rng_key *key, struct picture *picture)
{
    const struct rotation_args *rotation = args;
    struct bounds turn = augment_bounds(&rotation->factor, -1);
    double angle = augment_uniform(key, 0, turn.low, turn.high) * 6.283185307179586;
    double sine = dm_sin(angle), cosine = dm_cos(angle);
    double x = 0.5 * (double)(picture->width - 1), y = 0.5 * (double)(picture->height - 1);
    struct affine map = {{cosine, -sine, x - x * cosine + y * sine},
                         {sine, cosine, y - x * sine - y * cosine}};
    affine_apply(&rotation->affine, &map, picture);
}

static const struct field fields[] = {{.key = "factor",
                                       .type = FIELD_FLOATS,
                                       .offset = offsetof(struct rotation_args, factor),
                                       .min = -1,
                                       .max = 1,
                                       .bare = true,
                                       .help = "of a full turn: f for [-f, f], or [low, high]"},
                                      {0}};
static const struct schema schema = {"RandomRotation", fields, &affine_schema};

const struct augmentation augment_random_rotation = {
    .kind = {"RandomRotation", &schema, sizeof(struct rotation_args), &augment_random_rotation},
    .check = check,
    .apply = apply,
};
