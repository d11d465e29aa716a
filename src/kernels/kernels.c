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

enum { SUMS = 8, COLUMNS = 16 };

/* sum[0] of each of width columns becomes the sum of its eight, which are stride apart. */
static inline void add_sums(size_t width, size_t stride, float *sum)
{
    for (size_t half = 1; half < SUMS; half *= 2)
        for (size_t k = 0; k < SUMS; k += 2 * half)
            for (size_t i = 0; i < width; i++)
                sum[k * stride + i] += sum[(k + half) * stride + i];
}

/* Few columns: eight rows are next to each other, and so are their sums. */
VECTORIZED static void sum_narrow(size_t rows, size_t f, const float *restrict dy, float *db)
{
    float sum[SUMS * COLUMNS] = {0};
    size_t r = 0;
    for (; r + SUMS <= rows; r += SUMS, dy += SUMS * f)
        for (size_t i = 0; i < SUMS * f; i++)
            sum[i] += dy[i];
    for (size_t i = 0; i < (rows - r) * f; i++)
        sum[i] += dy[i];
    add_sums(f, f, sum);
    memcpy(db, sum, f * sizeof *db);
}

static inline __attribute__((always_inline)) void sum_some(size_t rows, size_t f, size_t width,
                                                           const float *restrict dy, float *db)
{
    float sum[SUMS * COLUMNS] = {0};
    for (size_t r = 0; r < rows; r++, dy += f)
        for (size_t i = 0; i < width; i++)
            sum[r % SUMS * COLUMNS + i] += dy[i];
    add_sums(width, COLUMNS, sum);
    memcpy(db, sum, width * sizeof *db);
}

VECTORIZED static void sum_columns(size_t rows, size_t f, size_t width, const float *dy, float *db)
{
    if (width == COLUMNS)
        sum_some(rows, f, COLUMNS, dy, db);
    else
        sum_some(rows, f, width, dy, db);
}

void kernels_sum_rows(size_t rows, size_t f, const float *dy, float *db)
{
    if (f <= COLUMNS) {
        sum_narrow(rows, f, dy, db);
        return;
    }
    for (size_t first = 0; first < f; first += COLUMNS)
        sum_columns(rows, f, f - first < COLUMNS ? f - first : COLUMNS, dy + first, db + first);
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
