#include "layers/algorithm.h"

#include <string.h>

/* The choice is the same for every instruction set, so any of them can be asked. */
#define NATIVE_ISA generic
#include "kernels/native/winograd.h"

void algorithm_of_conv2d(const struct kernels *kernels, const struct conv2d *g,
                         const char *algorithm[LAYER_PASSES])
{
    bool native = strcmp(kernels->name, "native") == 0;
    const char *chosen = NATIVE(winograd_used)(g) ? "winograd" : "direct";
    for (int pass = 0; pass < LAYER_PASSES; pass++)
        algorithm[pass] = native ? chosen : NULL;
}
