/* A picture seen through an affine map: for translation, rotation, zoom. */
#ifndef CONVOY_DATA_AUGMENT_AFFINE_H
#define CONVOY_DATA_AUGMENT_AFFINE_H

#include "data/augment.h"

/* The arguments that these augmentations share, and their fields. */
struct affine_args {
    int fill_mode, interpolation;
    double fill_value;
};
extern const struct schema affine_schema; /* for a struct that begins with struct affine_args */

/* Output pixel (y, x) is taken from (b[0] x + b[1] y + b[2], a[0] x + a[1] y + a[2]). */
struct affine {
    double a[3], b[3];
};

/* bilinear: the four pixels around, each by its share, shares and sums in float32; nearest: halves
 * away from zero. A pixel outside of the picture is, by fill_mode: reflect (d c b a | a b c d |
 * d c b a), wrap (a b c d | a b c d | a b c d), nearest (a a a a | a b c d | d d d d), constant
 * fill_value. */
void affine_apply(const struct affine_args *args, const struct affine *map,
                  struct picture *picture);

#endif
