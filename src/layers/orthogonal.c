/* Keras's OrthogonalRegularizer: with v_i the rows (or columns) of a matrix, each over its norm,
 * the penalty is factor / pairs times the sum over pairs i < j of |v_i . v_j|. Its gradient with
 * respect to v_i is d_i = factor / pairs times the sum over j of sign(v_i . v_j) v_j, and so with
 * respect to the row (d_i - (v_i . d_i) v_i) / norm. In double, every sum in the order of the
 * elements. */
#include <math.h>
#include <stdlib.h>

#include "layers/regularizers.h"

enum mode { MODE_ROWS, MODE_COLUMNS };
static const char *const mode_names[] = {"rows", "columns", NULL};

struct orthogonal_args {
    double factor;
    int mode; /* enum mode */
};

static const struct field fields[] = {{.key = "factor",
                                       .type = FIELD_FLOAT,
                                       .offset = offsetof(struct orthogonal_args, factor),
                                       .fallback = "0.01",
                                       .min = 0,
                                       .max = 1e30,
                                       .bare = true,
                                       .help = "of the penalty"},
                                      {.key = "mode",
                                       .type = FIELD_CHOICE,
                                       .offset = offsetof(struct orthogonal_args, mode),
                                       .fallback = "rows",
                                       .choices = mode_names,
                                       .help = "what is to be orthogonal"},
                                      {0}};
static const struct schema schema = {"OrthogonalRegularizer", fields, NULL};

/* The vectors: count of them, of length numbers each. */
struct vectors {
    size_t count, length, stride, step; /* where they begin, and their elements, in w */
    double *v, *norm;
};

static struct vectors vectors_of(const struct orthogonal_args *args, const struct param *param,
                                 const float *w)
{
    size_t rows = (size_t)param->shape.dim[0], columns = (size_t)param->shape.dim[1];
    struct vectors u = {rows, columns, columns, 1, NULL, NULL};
    if (args->mode == MODE_COLUMNS)
        u = (struct vectors){columns, rows, 1, columns, NULL, NULL};
    u.v = mem_need(u.count * u.length, sizeof *u.v);
    u.norm = mem_need(u.count, sizeof *u.norm);
    for (size_t i = 0; i < u.count; i++) {
        double squares = 0.0;
        for (size_t k = 0; k < u.length; k++) {
            double value = (double)w[i * u.stride + k * u.step];
            u.v[i * u.length + k] = value;
            squares += value * value;
        }
        u.norm[i] = sqrt(squares) > 1e-7 ? sqrt(squares) : 1e-7;
        for (size_t k = 0; k < u.length; k++)
            u.v[i * u.length + k] /= u.norm[i];
    }
    return u;
}

static double product(const double *a, const double *b, size_t n)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

/* The sum over j != i of |v_i . v_j|, and into d of sign(v_i . v_j) v_j. */
static double meet(const struct vectors *u, size_t i, double *d)
{
    double sum = 0.0;
    for (size_t k = 0; k < u->length; k++)
        d[k] = 0.0;
    for (size_t j = 0; j < u->count; j++) {
        double p = j == i ? 0.0 : product(u->v + i * u->length, u->v + j * u->length, u->length);
        double sign = (double)((p > 0.0) - (p < 0.0));
        sum += fabs(p);
        for (size_t k = 0; k < u->length; k++)
            d[k] += sign * u->v[j * u->length + k];
    }
    return sum;
}

static double penalty(const void *args, const struct param *param, const float *w, float *g)
{
    const struct orthogonal_args *a = args;
    struct vectors u = vectors_of(a, param, w);
    double pairs = (double)u.count * ((double)u.count - 1.0) / 2.0, sum = 0.0;
    double *d = mem_need(u.length, sizeof *d);
    for (size_t i = 0; i < u.count; i++) {
        const double *v = u.v + i * u.length;
        sum += meet(&u, i, d);
        double along = product(v, d, u.length), factor = a->factor / pairs / u.norm[i];
        for (size_t k = 0; k < u.length && g; k++) {
            float *at = &g[i * u.stride + k * u.step];
            *at += (float)(factor * (d[k] - along * v[k]));
        }
    }
    free(d);
    free(u.v);
    free(u.norm);
    return a->factor * 0.5 * sum / pairs;
}

static const struct matrix_regularizer type = {penalty};
const struct kind regularizer_orthogonal = {"OrthogonalRegularizer", &schema,
                                            sizeof(struct orthogonal_args), &type};
