#include "leaves.h"

#include <math.h>
#include <stdint.h>

enum { TOP = 10 }; /* level of a node that covers all microbatches of any test */

double leaf_element(size_t microbatch, size_t i)
{
    uint64_t x = (microbatch * 1000003 + i + 1) * 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 32;
    double value = ldexp((double)(x >> 11) * 0x1p-53 + 0.5, (int)(x % 12));
    return x & 4096 ? -value : value;
}

static float node_float(size_t microbatches, int level, size_t index, size_t i)
{
    if (level == 0)
        return (float)leaf_element(index, i);
    float left = node_float(microbatches, level - 1, 2 * index, i);
    if ((2 * index + 1) << (level - 1) >= microbatches)
        return left;
    return left + node_float(microbatches, level - 1, 2 * index + 1, i);
}

static double node_double(size_t microbatches, int level, size_t index, size_t i)
{
    if (level == 0)
        return leaf_element(index, i);
    double left = node_double(microbatches, level - 1, 2 * index, i);
    if ((2 * index + 1) << (level - 1) >= microbatches)
        return left;
    return left + node_double(microbatches, level - 1, 2 * index + 1, i);
}

float leaves_sum_float(size_t microbatches, size_t i)
{
    return node_float(microbatches, TOP, 0, i);
}

double leaves_sum_double(size_t microbatches, size_t i)
{
    return node_double(microbatches, TOP, 0, i);
}
