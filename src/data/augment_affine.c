#include "data/augment_affine.h"

#include <math.h>

#include "base/vectorized.h"

enum { FILL_REFLECT, FILL_WRAP, FILL_NEAREST, FILL_CONSTANT };
enum { NEAREST, BILINEAR };

#define ALWAYS_INLINE inline __attribute__((always_inline))

static const char *const fill_modes[] = {[FILL_REFLECT] = "reflect",
                                         [FILL_WRAP] = "wrap",
                                         [FILL_NEAREST] = "nearest",
                                         [FILL_CONSTANT] = "constant",
                                         NULL};
static const char *const interpolations[] = {[NEAREST] = "nearest", [BILINEAR] = "bilinear", NULL};

static const struct field fields[] = {{.key = "fill_mode",
                                       .type = FIELD_CHOICE,
                                       .offset = offsetof(struct affine_args, fill_mode),
                                       .fallback = "reflect",
                                       .choices = fill_modes,
                                       .help = "what lies outside of the picture"},
                                      {.key = "interpolation",
                                       .type = FIELD_CHOICE,
                                       .offset = offsetof(struct affine_args, interpolation),
                                       .fallback = "bilinear",
                                       .choices = interpolations,
                                       .help = "between pixels"},
                                      {.key = "fill_value",
                                       .type = FIELD_FLOAT,
                                       .offset = offsetof(struct affine_args, fill_value),
                                       .fallback = "0.0",
                                       .help = "for fill_mode constant"},
                                      {0}};
const struct schema affine_schema = {"augmentation", fields, NULL};

/* A row's or column's number brought into 0..n-1; -1: nothing is there. */
static int32_t inside(int fill_mode, int32_t i, int32_t n)
{
    if (i >= 0 && i < n)
        return i;
    int32_t period = fill_mode == FILL_REFLECT ? 2 * n : n, rest = i % period;
    rest += rest < 0 ? period : 0;
    switch (fill_mode) {
    case FILL_REFLECT:
        return rest < n ? rest : 2 * n - 1 - rest;
    case FILL_WRAP:
        return rest;
    case FILL_NEAREST:
        return i < 0 ? 0 : n - 1;
    default:
        return -1;
    }
}

static const float *pixel(const struct affine_args *args, const struct picture *picture, int32_t y,
                          int32_t x)
{
    y = inside(args->fill_mode, y, (int32_t)picture->height);
    x = inside(args->fill_mode, x, (int32_t)picture->width);
    if (y < 0 || x < 0)
        return NULL;
    return picture->x + ((size_t)y * picture->width + (size_t)x) * picture->channels;
}

/* floor(x), and what is left. The C library's is a call where the processor may lack it. */
static int32_t split(double x, float *rest)
{
    int32_t whole = (int32_t)x;
    whole -= (double)whole > x;
    *rest = (float)(x - (double)whole);
    return whole;
}

static ALWAYS_INLINE void blend(const float *const corner[4], const float share[4], size_t channels,
                                float *out)
{
    for (size_t c = 0; c < channels; c++)
        out[c] = share[0] * corner[0][c] + share[1] * corner[1][c] + share[2] * corner[2][c] +
                 share[3] * corner[3][c];
}

/* Corners that may lie outside of the picture; fill is a pixel. */
static void find_corners(const struct affine_args *args, const struct picture *picture, int32_t row,
                         int32_t column, const float *fill, const float *corner[4])
{
    for (int k = 0; k < 4; k++) {
        corner[k] = pixel(args, picture, row + k / 2, column + k % 2);
        corner[k] = corner[k] ? corner[k] : fill;
    }
}

static ALWAYS_INLINE void take_bilinear(const struct affine_args *args,
                                        const struct picture *picture, size_t channels, double y,
                                        double x, const float *fill, float *out)
{
    float down, across;
    int32_t row = split(y, &down), column = split(x, &across);
    const float share[4] = {(1.0f - down) * (1.0f - across), (1.0f - down) * across,
                            down * (1.0f - across), down * across};
    size_t line = picture->width * channels;
    const float *corner[4];
    if (row >= 0 && row < (int32_t)picture->height - 1 && column >= 0 &&
        column < (int32_t)picture->width - 1) {
        corner[0] = picture->x + (size_t)row * line + (size_t)column * channels;
        corner[1] = corner[0] + channels;
        corner[2] = corner[0] + line;
        corner[3] = corner[2] + channels;
    } else {
        find_corners(args, picture, row, column, fill, corner);
    }
    blend(corner, share, channels, out);
}

static ALWAYS_INLINE void bilinear(const struct affine_args *args, const struct affine *map,
                                   const struct picture *picture, size_t channels,
                                   const float *fill)
{
    float *out = picture->room;
    for (size_t row = 0; row < picture->height; row++)
        for (size_t column = 0; column < picture->width; column++, out += channels) {
            double y = (double)row, x = (double)column;
            take_bilinear(args, picture, channels, map->b[0] * x + map->b[1] * y + map->b[2],
                          map->a[0] * x + map->a[1] * y + map->a[2], fill, out);
        }
}

/* The usual numbers of channels have loops of their own. */
VECTORIZED static void apply_bilinear(const struct affine_args *args, const struct affine *map,
                                      const struct picture *picture, const float *fill)
{
    if (picture->channels == 1)
        bilinear(args, map, picture, 1, fill);
    else if (picture->channels == 3)
        bilinear(args, map, picture, 3, fill);
    else
        bilinear(args, map, picture, picture->channels, fill);
}

static void apply_nearest(const struct affine_args *args, const struct affine *map,
                          const struct picture *picture, const float *fill)
{
    float *out = picture->room;
    for (size_t row = 0; row < picture->height; row++)
        for (size_t column = 0; column < picture->width; column++) {
            double y = (double)row, x = (double)column;
            const float *from =
                pixel(args, picture, (int32_t)round(map->b[0] * x + map->b[1] * y + map->b[2]),
                      (int32_t)round(map->a[0] * x + map->a[1] * y + map->a[2]));
            from = from ? from : fill;
            for (size_t c = 0; c < picture->channels; c++)
                *out++ = from[c];
        }
}

void affine_apply(const struct affine_args *args, const struct affine *map, struct picture *picture)
{
    float fill[PICTURE_MAX_CHANNELS];
    for (size_t c = 0; c < picture->channels; c++)
        fill[c] = (float)args->fill_value;
    if (args->interpolation == NEAREST)
        apply_nearest(args, map, picture, fill);
    else
        apply_bilinear(args, map, picture, fill);
    augment_swap(picture);
}
