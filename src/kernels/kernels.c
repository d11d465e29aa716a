#include "kernels/kernels.h"

#include <string.h>

const struct kernels *const kernels_all[] = {&kernels_blas, &kernels_reference, NULL};

const struct kernels *kernels_find(const char *name)
{
    for (size_t i = 0; kernels_all[i]; i++)
        if (strcmp(kernels_all[i]->name, name) == 0)
            return kernels_all[i];
    return NULL;
}

void kernels_sum_rows(size_t rows, size_t f, const float *dy, float *db)
{
    memset(db, 0, f * sizeof *db);
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < f; i++)
            db[i] += dy[r * f + i];
}

void kernels_add_bias(size_t rows, size_t f, const float *b, float *y)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < f; i++)
            y[r * f + i] += b[i];
}
