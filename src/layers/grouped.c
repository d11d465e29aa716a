#include "layers/grouped.h"

#include <string.h>

static size_t inputs(const struct grouped *g)
{
    return (size_t)g->part.n * (size_t)g->part.h * (size_t)g->part.w;
}

static size_t outputs(const struct grouped *g)
{
    return (size_t)g->part.n * (size_t)g->part.oh * (size_t)g->part.ow;
}

/* Rows of the kernel, each of which has the filters of all groups. */
static size_t taps(const struct grouped *g)
{
    return (size_t)g->part.kh * (size_t)g->part.kw * (size_t)g->part.c;
}

static size_t kernel_size(const struct grouped *g)
{
    return g->kernels->conv2d_pack ? g->kernels->conv2d_packed(&g->part)
                                   : taps(g) * (size_t)g->part.f;
}

size_t grouped_packed(const struct grouped *g)
{
    return (size_t)g->groups * kernel_size(g);
}

/* Working memory: channels of the input, of the output, a kernel, and what the kernels need. Each
 * starts at a multiple of 16 floats. */
struct room {
    size_t y, w, rest; /* x is at 0 */
};

static struct room room_of(const struct grouped *g)
{
    struct room room = {.y = mem_round(inputs(g) * (size_t)g->part.c, 16)};
    room.w = room.y + mem_round(outputs(g) * (size_t)g->part.f, 16);
    room.rest = room.w + mem_round(taps(g) * (size_t)g->part.f, 16);
    return room;
}

size_t grouped_scratch(const struct grouped *g)
{
    return room_of(g).rest + g->kernels->conv2d_scratch(&g->part);
}

/* The columns of a group, width of them, between a matrix of all groups and one of its own. */
static void take(const struct grouped *g, int group, size_t rows, int width, const float *from,
                 float *to)
{
    size_t stride = (size_t)g->groups * (size_t)width;
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * (size_t)width, from + r * stride + (size_t)group * (size_t)width,
               (size_t)width * sizeof *to);
}

static void put(const struct grouped *g, int group, size_t rows, int width, const float *from,
                float *to)
{
    size_t stride = (size_t)g->groups * (size_t)width;
    for (size_t r = 0; r < rows; r++)
        memcpy(to + r * stride + (size_t)group * (size_t)width, from + r * (size_t)width,
               (size_t)width * sizeof *to);
}

void grouped_pack(const struct grouped *g, const float *w, float *packed, float *scratch)
{
    struct room room = room_of(g);
    for (int k = 0; k < g->groups; k++, packed += kernel_size(g)) {
        float *kernel = g->kernels->conv2d_pack ? scratch + room.w : packed;
        take(g, k, taps(g), g->part.f, w, kernel);
        if (g->kernels->conv2d_pack)
            g->kernels->conv2d_pack(&g->part, kernel, packed);
    }
}

void grouped_forward(const struct grouped *g, int n, const float *x, const float *packed,
                     const float *bias, bool relu, float *y, float *scratch)
{
    struct room room = room_of(g);
    float *part_x = scratch, *part_y = scratch + room.y, *rest = scratch + room.rest;
    struct grouped now = *g;
    now.part.n = n;
    for (int k = 0; k < g->groups; k++, packed += kernel_size(g)) {
        take(g, k, inputs(&now), g->part.c, x, part_x);
        g->kernels->conv2d_forward(&now.part, part_x, packed, bias ? bias + k * g->part.f : NULL,
                                   relu, part_y, rest);
        put(g, k, outputs(&now), g->part.f, part_y, y);
    }
}

void grouped_backward(const struct grouped *g, int n, const float *x, const float *dy,
                      const float *packed, float *dw, float *dx, float *scratch)
{
    struct room room = room_of(g);
    float *part_x = scratch, *part_y = scratch + room.y, *rest = scratch + room.rest;
    struct grouped now = *g;
    now.part.n = n;
    for (int k = 0; k < g->groups; k++, packed += kernel_size(g)) {
        take(g, k, inputs(&now), g->part.c, x, part_x);
        take(g, k, outputs(&now), g->part.f, dy, part_y);
        g->kernels->conv2d_backward_weights(&now.part, part_x, part_y, scratch + room.w, rest);
        put(g, k, taps(g), g->part.f, scratch + room.w, dw);
        if (!dx)
            continue;
        g->kernels->conv2d_backward_data(&now.part, part_y, packed, part_x, rest);
        put(g, k, inputs(&now), g->part.c, part_x, dx);
    }
}
