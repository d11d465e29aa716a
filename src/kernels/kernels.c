#include "kernels/kernels.h"

#include <string.h>

#include "base/vectorized.h"
#include "kernels/isa.h"

const char *const conv_method_names[] = {"auto", "direct", "winograd", NULL};

#define ISA(name) extern const struct kernels kernels_native_##name;
ISA_LIST(ISA)
#undef ISA

const struct kernels *const *kernels_all(void)
{
    static const struct kernels *const native[] = {
#define ISA(name) &kernels_native_##name,
        ISA_LIST(ISA)
#undef ISA
    };
    static const struct kernels *all[ISA_COUNT + 3];
    size_t n = 0;
    for (size_t i = ISA_COUNT; i-- > 0;)
        if (isa_available((enum isa)i))
            all[n++] = native[i];
    all[n++] = &kernels_blas;
    all[n] = &kernels_reference;
    return all;
}

enum status kernels_find(const char *name, const struct kernels **out)
{
    enum isa isa;
    TRY(isa_choose(&isa));
    const struct kernels *const *all = kernels_all();
    for (size_t i = 0; all[i]; i++)
        if (strcmp(all[i]->name, name) == 0 &&
            (!all[i]->isa || strcmp(all[i]->isa, isa_names[isa]) == 0)) {
            *out = all[i];
            return ST_OK;
        }
    return status_fail(ST_USAGE, "unknown backend '%s'", name);
}

enum { SUMS = 8 };

VECTORIZED void kernels_sum_rows(size_t rows, size_t f, const float *dy, float *db)
{
    enum { BLOCK = 16 };
    for (size_t first = 0; first < f; first += BLOCK) {
        float sum[SUMS][BLOCK] = {{0}};
        size_t width = f - first < BLOCK ? f - first : BLOCK;
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < width; i++)
                sum[r % SUMS][i] += dy[r * f + first + i];
        for (size_t half = 1; half < SUMS; half *= 2)
            for (size_t k = 0; k < SUMS; k += 2 * half)
                for (size_t i = 0; i < width; i++)
                    sum[k][i] += sum[k + half][i];
        memcpy(db + first, sum[0], width * sizeof *db);
    }
}

VECTORIZED void kernels_finish(size_t rows, size_t f, const float *b, bool relu, float *y)
{
    for (size_t r = 0; r < rows; r++, y += f) {
        for (size_t i = 0; b && i < f; i++)
            y[i] += b[i];
        for (size_t i = 0; relu && i < f; i++) /* NaN stays NaN: a diverged run must be seen */
            y[i] = y[i] < 0.0f ? 0.0f : y[i];
    }
}
