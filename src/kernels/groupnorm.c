#include "kernels/groupnorm.h"

#include <math.h>
#include <string.h>

#include "base/vectorized.h"
#include "kernels/channels.h"

/* Working memory, a number for each channel. */
struct room {
    double *sum, *product, *dgamma, *dbeta;
    float *zero, *mean, *scale, *shift, *slope;
};

enum { DOUBLES = 4, FLOATS = 5 };

static size_t channels_of(const struct groupnorm *g)
{
    return g->groups * g->width;
}

size_t groupnorm_saved(const struct groupnorm *g)
{
    return 2 * g->samples * g->groups; /* mean, 1/sqrt(variance + epsilon) */
}

size_t groupnorm_scratch(const struct groupnorm *g)
{
    return (2 * DOUBLES + FLOATS) * channels_of(g);
}

static struct room room_of(const struct groupnorm *g, float *scratch)
{
    size_t c = channels_of(g);
    double *d = (double *)(void *)scratch;
    float *f = (float *)(d + DOUBLES * c);
    memset(scratch, 0, groupnorm_scratch(g) * sizeof *scratch);
    return (struct room){d, d + c, d + 2 * c, d + 3 * c, f, f + c, f + 2 * c, f + 3 * c, f + 4 * c};
}

/* The sum of v[n]: eight sums of every eighth number, then in pairs. */
VECTORIZED static double sum_of(size_t n, const double *v)
{
    enum { SUMS = 8 };
    double sum[SUMS] = {0};
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (size_t k = 0; k < SUMS; k++)
            sum[k] += v[i + k];
    for (size_t k = 0; i + k < n; k++)
        sum[k] += v[i + k];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

static void spread(const struct groupnorm *g, const float *of_group, float *of_channel)
{
    for (size_t k = 0; k < g->groups; k++)
        for (size_t c = 0; c < g->width; c++)
            of_channel[k * g->width + c] = of_group[k];
}

/* Mean and inverse deviation of the groups of one sample. The deviations are from the rounded mean,
 * so what is left of them is taken off. */
static void measure(const struct groupnorm *g, const float *x, const struct room *room, float *mean,
                    float *inverse)
{
    size_t channels = channels_of(g);
    double count = (double)(g->pixels * g->width);
    channels_sum(g->pixels, channels, &(struct channels_pair){x, room->zero, x, room->zero},
                 room->sum, room->product);
    for (size_t k = 0; k < g->groups; k++)
        mean[k] = (float)(sum_of(g->width, room->sum + k * g->width) / count);
    spread(g, mean, room->mean);
    channels_sum(g->pixels, channels, &(struct channels_pair){x, room->mean, x, room->mean},
                 room->sum, room->product);
    for (size_t k = 0; k < g->groups; k++) {
        double left = sum_of(g->width, room->sum + k * g->width) / count;
        double variance = sum_of(g->width, room->product + k * g->width) / count - left * left;
        variance = variance < 0.0 ? 0.0 : variance; /* NaN stays NaN */
        inverse[k] = (float)(1.0 / sqrt(variance + g->epsilon));
    }
}

/* scale[c] = gamma[c] inverse[c's group] */
static void scale_channels(const struct groupnorm *g, const float *inverse, const float *gamma,
                           float *scale)
{
    spread(g, inverse, scale);
    for (size_t c = 0; gamma && c < channels_of(g); c++)
        scale[c] *= gamma[c];
}

void groupnorm_forward(const struct groupnorm *g, const float *x, const float *gamma,
                       const float *beta, bool relu, float *y, float *saved, float *scratch)
{
    struct room room = room_of(g, scratch);
    size_t channels = channels_of(g), size = g->pixels * channels;
    float *mean = saved, *inverse = saved + g->samples * g->groups;
    for (size_t s = 0; s < g->samples; s++) {
        measure(g, x, &room, mean, inverse);
        scale_channels(g, inverse, gamma, room.scale);
        channels_scale(g->pixels, channels, x, room.mean, room.scale, beta ? beta : room.zero, relu,
                       y);
        x += size, y += size, mean += g->groups, inverse += g->groups;
    }
}

/* dx = scale[c] dy - (shift[c] + (x - mean[c]) slope[c]) */
VECTORIZED static void scale_back(size_t rows, size_t channels, const float *restrict dy,
                                  const float *restrict x, const struct room *room,
                                  float *restrict dx)
{
    const float *restrict mean = room->mean, *restrict scale = room->scale;
    const float *restrict shift = room->shift, *restrict slope = room->slope;
    for (size_t r = 0; r < rows; r++, x += channels, dy += channels, dx += channels)
        for (size_t c = 0; c < channels; c++)
            dx[c] = scale[c] * dy[c] - (shift[c] + (x[c] - mean[c]) * slope[c]);
}

/* With xh = (x - mean) inverse and N numbers in the group:
 * dx = inverse (gamma dy - sum(gamma dy)/N - xh sum(gamma dy xh)/N). The sums of dy and of
 * dy (x - mean) of each channel are there; they become those times gamma. */
static void backward_factors(const struct groupnorm *g, const float *gamma, const float *inverse,
                             const struct room *room)
{
    double count = (double)(g->pixels * g->width);
    for (size_t c = 0; gamma && c < channels_of(g); c++) {
        room->sum[c] *= (double)gamma[c];
        room->product[c] *= (double)gamma[c];
    }
    for (size_t k = 0; k < g->groups; k++) {
        double scale = (double)inverse[k];
        size_t first = k * g->width;
        float shift = (float)(scale * sum_of(g->width, room->sum + first) / count);
        float slope =
            (float)(scale * scale * scale * (sum_of(g->width, room->product + first) / count));
        for (size_t c = first; c < first + g->width; c++) {
            room->shift[c] = shift;
            room->slope[c] = slope;
        }
    }
}

static void add_parameters(const struct groupnorm *g, const float *inverse, const struct room *room)
{
    for (size_t k = 0; k < g->groups; k++)
        for (size_t c = k * g->width; c < (k + 1) * g->width; c++) {
            room->dgamma[c] += room->product[c] * (double)inverse[k];
            room->dbeta[c] += room->sum[c];
        }
}

void groupnorm_backward(const struct groupnorm *g, const float *x, const float *dy,
                        const float *gamma, const float *saved, float *dgamma, float *dbeta,
                        float *dx, float *scratch)
{
    struct room room = room_of(g, scratch);
    size_t channels = channels_of(g), size = g->pixels * channels;
    const float *mean = saved, *inverse = saved + g->samples * g->groups;
    for (size_t s = 0; s < g->samples; s++, mean += g->groups, inverse += g->groups) {
        spread(g, mean, room.mean);
        channels_sum(g->pixels, channels,
                     &(struct channels_pair){dy + s * size, room.zero, x + s * size, room.mean},
                     room.sum, room.product);
        add_parameters(g, inverse, &room);
        if (!dx)
            continue;
        backward_factors(g, gamma, inverse, &room);
        scale_channels(g, inverse, gamma, room.scale);
        scale_back(g->pixels, channels, dy + s * size, x + s * size, &room, dx + s * size);
    }
    for (size_t c = 0; c < channels; c++) {
        if (dgamma)
            dgamma[c] = (float)room.dgamma[c];
        if (dbeta)
            dbeta[c] = (float)room.dbeta[c];
    }
}
