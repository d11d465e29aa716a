/* Muon (K. Jordan et al. 2024; Keras's formulas) for matrices: m = momentum m + g, and the step is
 * the nearest orthogonal matrix to m (with nesterov to g + momentum m), by ns_steps of Newton and
 * Schulz's iteration X = a X + (b A + c A^2) X with A = X X^T, begun at X / |X|, times
 * sqrt(max(rows, columns)) rms_rate (J. Liu et al. 2025) unless rms_rate is null. Every other
 * parameter, and what is excluded, goes by AdamW. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/vectorized.h"
#include "kernels/blocks.h"
#include "optimizers/adam.h"

struct muon_args {
    struct optimizer_common common;
    struct adam_betas betas;
    double adam_weight_decay; /* NAN: none */
    struct string_list exclude_layers;
    bool exclude_embeddings, nesterov;
    double muon_a, muon_b, muon_c, adam_lr_ratio, momentum;
    int64_t ns_steps;
    double rms_rate; /* NAN: none */
};
#define ARGS struct muon_args

static const struct field fields[] = {
    LEARNING_RATE_FIELD("0.001"),
    ADAM_BETAS_FIELDS(ARGS, betas, "adam_beta_1", "adam_beta_2"),
    {.key = "adam_weight_decay",
     .type = FIELD_FLOAT,
     .offset = offsetof(ARGS, adam_weight_decay),
     .fallback = "0.004",
     .nullable = true,
     .min = 0,
     .max = 1e6,
     .help = "weight_decay of what goes by AdamW"},
    WEIGHT_DECAY_FIELD("0.004", true),
    {.key = "exclude_layers",
     .type = FIELD_STRINGS,
     .offset = offsetof(ARGS, exclude_layers),
     .fallback = "[]",
     .help = "parts of the paths of matrices that go by AdamW: the last layer's name"},
    SWITCH_FIELD(ARGS, exclude_embeddings, "true", "embeddings go by AdamW"),
    FACTOR_FIELD(ARGS, muon_a, "3.4445", -100, 100, "of the iteration"),
    FACTOR_FIELD(ARGS, muon_b, "-4.775", -100, 100, "of the iteration"),
    FACTOR_FIELD(ARGS, muon_c, "2.0315", -100, 100, "of the iteration"),
    FACTOR_FIELD(ARGS, adam_lr_ratio, "1.0", 0, 1e6, "AdamW's learning rate, in parts of Muon's"),
    FACTOR_FIELD(ARGS, momentum, "0.95", 0, 1, "part of the last step that is kept"),
    {.key = "ns_steps",
     .type = FIELD_INT,
     .offset = offsetof(ARGS, ns_steps),
     .fallback = "5",
     .min = 0,
     .max = 1000,
     .help = "iterations"},
    SWITCH_FIELD(ARGS, nesterov, "true", "look ahead"),
    {.key = "rms_rate",
     .type = FIELD_FLOAT,
     .offset = offsetof(ARGS, rms_rate),
     .fallback = "0.2",
     .nullable = true,
     .min = 0,
     .max = 1e6,
     .help = "root mean square of a step at learning rate 1; null: as the iteration leaves it"},
    {0}};
static const struct schema schema = {"Muon", fields, &optimizer_common_schema};

static size_t slots(const void *args)
{
    (void)args;
    return 2;
}

static bool is_embedding(const char *path)
{
    static const char word[] = "embedding";
    for (; *path; path++) {
        size_t i = 0;
        while (word[i] && tolower((unsigned char)path[i]) == word[i])
            i++;
        if (!word[i])
            return true;
    }
    return false;
}

static bool by_muon(const ARGS *a, const struct param *param)
{
    return param->shape.rank == 2 && !(a->exclude_embeddings && is_embedding(param->path)) &&
           !optimizer_names(&a->exclude_layers, param);
}

/* Rows and columns of X, of which there are no more columns than rows: else it is transposed. */
struct tall {
    size_t rows, columns;
    bool transposed;
};

static struct tall tall_of(const struct param *param)
{
    size_t rows = (size_t)param->shape.dim[0], columns = (size_t)param->shape.dim[1];
    return rows >= columns ? (struct tall){rows, columns, false}
                           : (struct tall){columns, rows, true};
}

/* X, the next X, A and A^2. */
static bool whole(const void *args, const struct param *param, size_t *scratch)
{
    if (!by_muon(args, param))
        return false;
    struct tall tall = tall_of(param);
    *scratch = 2 * (param->size + tall.columns * tall.columns);
    return true;
}

static double weight_decay(const void *args, const struct param *param)
{
    const ARGS *a = args;
    double decay = by_muon(a, param) ? a->common.weight_decay : a->adam_weight_decay;
    return isnan(decay) ? 0.0 : decay;
}

/* The momentum, and into g the matrix to be made orthogonal. */
VECTORIZED static void gather(const ARGS *a, const struct optimizer_step *s)
{
    float keep = (float)a->momentum, *m = s->slot[0], *g = s->g;
    for (size_t i = 0; i < s->n; i++)
        m[i] = keep * m[i] + g[i];
    for (size_t i = 0; i < s->n; i++)
        g[i] = a->nesterov ? g[i] + keep * m[i] : m[i];
}

/* x, scaled, as a tall matrix; and back. */
static void lay(const float *from, const struct tall *tall, bool back, float scale, float *to)
{
    size_t rows = tall->rows, columns = tall->columns;
    if (!tall->transposed) {
        for (size_t i = 0; i < rows * columns; i++)
            to[i] = from[i] * scale;
        return;
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            size_t own = r * columns + c, other = c * rows + r;
            to[back ? other : own] = from[back ? own : other] * scale;
        }
}

VECTORIZED static void combine(size_t n, float a, const float *x, float b, const float *y, float *z)
{
    for (size_t i = 0; i < n; i++)
        z[i] = a * x[i] + b * y[i];
}

/* The iteration of a tall matrix: X (a + b A + c A^2) with A = X^T X. */
static float *iterate(const ARGS *a, const struct kernels *kernels, const struct tall *tall,
                      float *x)
{
    int rows = (int)tall->rows, columns = (int)tall->columns;
    size_t size = tall->rows * tall->columns, square = tall->columns * tall->columns;
    float *next = x + size, *product = next + size, *squared = product + square;
    const struct dense by_rows = {rows, columns, columns}, by_columns = {columns, columns, columns};
    for (int64_t i = 0; i < a->ns_steps; i++) {
        kernels->dense_backward_weights(&by_rows, x, x, product);
        kernels->dense_forward(&by_columns, product, product, NULL, false, squared);
        combine(square, (float)a->muon_b, product, (float)a->muon_c, squared, product);
        kernels->dense_forward(&by_rows, x, product, NULL, false, next);
        combine(size, (float)a->muon_a, x, 1.0f, next, x);
    }
    return x;
}

static void update_matrix(const ARGS *a, const struct optimizer_step *s)
{
    struct tall tall = tall_of(s->param);
    double adjust = isnan(a->rms_rate) ? 1.0 : sqrt((double)tall.rows) * a->rms_rate;
    gather(a, s);
    lay(s->g, &tall, false, (float)(1.0 / (sqrt(blocks_squares(s->g, s->n)) + 1e-7)), s->scratch);
    const float *x = iterate(a, s->kernels, &tall, s->scratch);
    lay(x, &tall, true, 1.0f, s->g);
    combine(s->n, 1.0f, s->w, (float)(-s->learning_rate * adjust), s->g, s->w);
}

static void update(const void *args, const struct optimizer_step *s)
{
    const ARGS *a = args;
    if (by_muon(a, s->param)) {
        update_matrix(a, s);
        return;
    }
    struct optimizer_step step = *s;
    step.learning_rate *= a->adam_lr_ratio;
    adam_update(&a->betas, &step);
}

const struct optimizer_type optimizer_muon = {
    .kind = {"Muon", &schema, sizeof(ARGS), &optimizer_muon},
    .slot_name = {"momentum", "velocity"},
    .slots = slots,
    .update = update,
    .whole = whole,
    .weight_decay = weight_decay,
};
