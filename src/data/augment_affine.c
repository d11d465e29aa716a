#include "data/augment_affine.h"

#include <math.h>

enum { FILL_REFLECT, FILL_WRAP, FILL_NEAREST, FILL_CONSTANT };
enum { NEAREST, BILINEAR };

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
static int64_t inside(int fill_mode, int64_t i, int64_t n)
{
    if (i >= 0 && i < n)
        return i;
    int64_t period = fill_mode == FILL_REFLECT ? 2 * n : n, rest = i % period;
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

static const float *pixel(const struct affine_args *args, const struct picture *picture, int64_t y,
                          int64_t x)
{
    y = inside(args->fill_mode, y, (int64_t)picture->height);
    x = inside(args->fill_mode, x, (int64_t)picture->width);
    if (y < 0 || x < 0)
        return NULL;
    return picture->x + ((size_t)y * picture->width + (size_t)x) * picture->channels;
}

static void take_bilinear(const struct affine_args *args, const struct picture *picture, double y,
                          double x, float *out)
{
    double top = floor(y), left = floor(x);
    float down = (float)(y - top), across = (float)(x - left), fill = (float)args->fill_value;
    int64_t row = (int64_t)top, column = (int64_t)left;
    const float *corner[4] = {
        pixel(args, picture, row, column), pixel(args, picture, row, column + 1),
        pixel(args, picture, row + 1, column), pixel(args, picture, row + 1, column + 1)};
    const float share[4] = {(1.0f - down) * (1.0f - across), (1.0f - down) * across,
                            down * (1.0f - across), down * across};
    for (size_t c = 0; c < picture->channels; c++) {
        float sum = 0.0f;
        for (int k = 0; k < 4; k++)
            sum += share[k] * (corner[k] ? corner[k][c] : fill);
        out[c] = sum;
    }
}

static void take_nearest(const struct affine_args *args, const struct picture *picture, double y,
                         double x, float *out)
{
    const float *from = pixel(args, picture, (int64_t)round(y), (int64_t)round(x));
    for (size_t c = 0; c < picture->channels; c++)
        out[c] = from ? from[c] : (float)args->fill_value;
}

void affine_apply(const struct affine_args *args, const struct affine *map, struct picture *picture)
{
    float *out = picture->room;
    for (size_t row = 0; row < picture->height; row++)
        for (size_t column = 0; column < picture->width; column++, out += picture->channels) {
            double y = (double)row, x = (double)column;
            double from_y = map->b[0] * x + map->b[1] * y + map->b[2];
            double from_x = map->a[0] * x + map->a[1] * y + map->a[2];
            if (args->interpolation == NEAREST)
                take_nearest(args, picture, from_y, from_x, out);
            else
                take_bilinear(args, picture, from_y, from_x, out);
        }
    augment_swap(picture);
}
