/* RandomZoom: about the middle, by 1 + word 0 down and 1 + word 1 across; across as down where
 * width_factor is null. */
#include "data/augment_affine.h"

struct zoom_args {
    struct affine_args affine;
    struct float_list height_factor, width_factor;
};

static enum status check(const void *args, const char *where, const struct picture *shape)
{
    const struct zoom_args *z = args;
    (void)shape;
    TRY(augment_check_factor(&z->height_factor, where, "height_factor", false));
    return augment_check_factor(&z->width_factor, where, "width_factor", true);
}

static void apply(const void *args, const struct rng_key *key, struct picture *picture)
{
    const struct zoom_args *z = args;
    struct bounds h = augment_bounds(&z->height_factor, -1);
    double down = 1.0 + augment_uniform(key, 0, h.low, h.high), across = down;
    if (z->width_factor.n > 0) {
        struct bounds w = augment_bounds(&z->width_factor, -1);
        across = 1.0 + augment_uniform(key, 1, w.low, w.high);
    }
    double x = 0.5 * (double)(picture->width - 1), y = 0.5 * (double)(picture->height - 1);
    struct affine map = {{across, 0, x * (1.0 - across)}, {0, down, y * (1.0 - down)}};
    affine_apply(&z->affine, &map, picture);
}

static const struct field fields[] = {
    {.key = "height_factor",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct zoom_args, height_factor),
     .min = -0.999999,
     .max = 1,
     .bare = true,
     .help = "f for [-f, f], or [low, high]; positive is out, negative in"},
    {.key = "width_factor",
     .type = FIELD_FLOATS,
     .offset = offsetof(struct zoom_args, width_factor),
     .fallback = "null",
     .min = -0.999999,
     .max = 1,
     .nullable = true,
     .help = "across, where it is not to be as down"},
    {0}};
static const struct schema schema = {"RandomZoom", fields, &affine_schema};

const struct augmentation augment_random_zoom = {
    .kind = {"RandomZoom", &schema, sizeof(struct zoom_args), &augment_random_zoom},
    .check = check,
    .apply = apply,
};
