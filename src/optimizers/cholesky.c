/* Right-looking by panels of rows (G. Golub and C. Van Loan, Matrix Computations, 4.2.5-4.2.9): a
 * panel is finished, then subtracted from all rows below while they are in the cache. The order of
 * the subtractions in an element is that of the plain algorithm, k = 0, 1, ... */
#include "optimizers/cholesky.h"

#include <math.h>

#include "base/vectorized.h"
#include "optimizers/vectors.h"

enum { PANEL = 32 };

/* row -= factor above, from the diagonal on */
VECTORIZED static void subtract(size_t n, double factor, const double *restrict above,
                                double *restrict row)
{
    for (size_t j = 0; j < n; j++)
        row[j] -= factor * above[j];
}

/* Subtracts the finished rows first..end-1 from row i. */
static void subtract_rows(size_t n, double *a, size_t first, size_t end, size_t i)
{
    for (size_t k = first; k < end; k++)
        subtract(n - i, a[k * n + i], a + k * n + i, a + i * n + i);
}

bool cholesky_factor(size_t n, double *a)
{
    for (size_t first = 0; first < n; first += PANEL) {
        size_t end = n - first < PANEL ? n : first + PANEL;
        for (size_t i = first; i < end; i++) {
            double *row = a + i * n;
            subtract_rows(n, a, first, i, i);
            if (!(row[i] > 0.0) || !isfinite(row[i]))
                return false;
            double root = sqrt(row[i]);
            row[i] = root;
            for (size_t j = i + 1; j < n; j++)
                row[j] /= root;
        }
        for (size_t i = end; i < n; i++)
            subtract_rows(n, a, first, end, i);
    }
    return true;
}

void cholesky_solve(size_t n, const double *u, double *b)
{
    for (size_t i = 0; i < n; i++) {
        b[i] /= u[i * n + i];
        subtract(n - i - 1, b[i], u + i * n + i + 1, b + i + 1);
    }
    for (size_t i = n; i-- > 0;)
        b[i] = (b[i] - vector_dot(n - i - 1, u + i * n + i + 1, b + i + 1)) / u[i * n + i];
}
