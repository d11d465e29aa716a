/* What several augmentations need: factors, ranges, draws, rectangles. */
#include <math.h>

#include "data/augment.h"
#include "kernels/vmath.h"

double augment_uniform(const struct rng_key *key, uint64_t index, double low, double high)
{
    return low + (high - low) * (double)rng_uniform(rng_word(key, index));
}

/* In (0, 1). */
static double open_uniform(const struct rng_key *key, uint64_t index)
{
    return ((double)(rng_word(key, index) >> 8) + 0.5) * 0x1p-24;
}

/* The logarithm of a number drawn from Gamma(shape), shape > 0, from words first, first + 1, ...
 * Source: G. Marsaglia and W. Tsang, "A Simple Method for Generating Gamma Variables", ACM TOMS 26
 * (2000), section 4 and, for shape < 1, section 6: Gamma(a) = Gamma(a + 1) U^(1/a). */
static double log_gamma_draw(const struct rng_key *key, uint64_t first, double shape)
{
    double d = (shape < 1.0 ? shape + 1.0 : shape) - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    double boost = shape < 1.0 ? dm_log(open_uniform(key, first)) / shape : 0.0;
    for (uint64_t at = first + 1;; at += 2) {
        double normal = dm_normal_quantile(open_uniform(key, at)), v = 1.0 + c * normal;
        if (v <= 0.0)
            continue;
        v = v * v * v;
        double limit = 0.5 * normal * normal + d - d * v + d * dm_log(v);
        if (dm_log(open_uniform(key, at + 1)) < limit)
            return dm_log(d * v) + boost;
    }
}

double augment_beta(const struct rng_key *key, uint64_t first, double alpha)
{
    enum { APART = 1 << 20 }; /* more words than anybody draws */
    double a = log_gamma_draw(key, first, alpha), b = log_gamma_draw(key, first + APART, alpha);
    return 1.0 / (1.0 + dm_exp(b - a));
}

struct bounds augment_bounds(const struct float_list *factor, double bound)
{
    double a = factor->v[0], b = factor->n > 1 ? factor->v[1] : a;
    if (factor->n == 1) {
        b = fabs(a);
        a = -b < bound ? bound : -b;
    }
    return a < b ? (struct bounds){a, b} : (struct bounds){b, a};
}

enum status augment_check_factor(const struct float_list *factor, const char *where,
                                 const char *name, bool optional)
{
    FAIL_IF(factor->n > 2 || (factor->n == 0 && !optional), ST_USAGE,
            "%s%s: found a list of %zu numbers, expected one number or two", where, name,
            factor->n);
    return ST_OK;
}

struct bounds augment_range(const struct float_list *given, const struct picture *picture)
{
    if (given->n == 2)
        return given->v[0] < given->v[1] ? (struct bounds){given->v[0], given->v[1]}
                                         : (struct bounds){given->v[1], given->v[0]};
    if (picture->ranged)
        return (struct bounds){(double)picture->low, (double)picture->high};
    return (struct bounds){-(double)INFINITY, (double)INFINITY};
}

enum status augment_check_range(const struct float_list *given, const char *where,
                                const struct picture *shape)
{
    FAIL_IF(given->n != 0 && given->n != 2, ST_USAGE,
            "%svalue_range: found a list of %zu numbers, expected two", where, given->n);
    FAIL_IF(
        given->n == 0 && !shape->ranged, ST_USAGE,
        "%svalue_range is not given, and is known only for bytes that are not standardized; say "
        "what numbers the samples hold after scaling: value_range: [low, high]",
        where);
    return ST_OK;
}

void augment_swap(struct picture *picture)
{
    float *x = picture->x;
    picture->x = picture->room;
    picture->room = x;
}

struct cutout augment_cutout(double share_across, double share_down, double u_across, double u_down,
                             const struct picture *picture)
{
    double width = (double)picture->width, height = (double)picture->height;
    double across = share_across * width, down = share_down * height;
    double left = u_across * (width - across), top = u_down * (height - down);
    return (struct cutout){left, left + across, top, top + down};
}

void augment_paste(const struct cutout *cutout, const float *from, struct picture *picture)
{
    for (size_t pixel = 0; pixel < picture->height * picture->width; pixel++)
        if (augment_cut(cutout, pixel / picture->width, pixel % picture->width))
            for (size_t c = 0; c < picture->channels; c++)
                picture->x[pixel * picture->channels + c] = from[pixel * picture->channels + c];
}
