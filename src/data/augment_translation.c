/* RandomTranslation: down by word 0 and right by word 1, in shares of height and width. */
#include "data/augment_affine.h"

struct translation_args {
    struct affine_args affine;
    struct float_list height_factor, width_factor;
};

static enum status check(const void *args, const char *where, const struct picture *shape)
{
    const struct translation_args *t = args;
    (void)shape;
    TRY(augment_check_factor(&t->height_factor, where, "height_factor", false));
    return augment_check_factor(&t->width_factor, where, "width_factor", false);
}

static void apply(const void *args, const struct rng_key *key, struct picture *picture)
{
    const struct translation_args *t = args;
    struct bounds h = augment_bounds(&t->height_factor, -1);
    struct bounds w = augment_bounds(&t->width_factor, -1);
    double down = augment_uniform(key, 0, h.low, h.high) * (double)picture->height;
    double right = augment_uniform(key, 1, w.low, w.high) * (double)picture->width;
    struct affine map = {{1, 0, -right}, {0, 1, -down}};
    affine_apply(&t->affine, &map, picture);
}

static const struct field fields[] = {
    {.key = "height_factor",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct translation_args, height_factor),
     .min = -1,
     .max = 1,
     .help = "share of the height: f for [-f, f], or [low, high]; positive is down"},
    {.key = "width_factor",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct translation_args, width_factor),
     .min = -1,
     .max = 1,
     .help = "share of the width; positive is to the right"},
    {0}};
static const struct schema schema = {"RandomTranslation", fields, &affine_schema};

const struct augmentation augment_random_translation = {
    .kind = {"RandomTranslation", &schema, sizeof(struct translation_args),
             &augment_random_translation},
    .check = check,
    .apply = apply,
};
