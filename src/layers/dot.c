/* Dot: of each sample, y[r,c] = sum over k of a[r,k] b[c,k], where k runs along one axis of each
 * input, r over the other axes of the first, c over those of the second. normalize divides each
 * a[r,.] and b[c,.] by its length (at least 1e-7) first. */
#include <math.h>
#include <string.h>

#include "base/vectorized.h"
#include "layers/axes.h"

struct dot_args {
    struct layer_common common;
    int64_t axes[2];
    bool normalize;
};

static const struct field fields[] = {{.key = "axes",
                                       .type = FIELD_PAIR,
                                       .offset = offsetof(struct dot_args, axes),
                                       .min = -SHAPE_MAX_RANK,
                                       .max = SHAPE_MAX_RANK,
                                       .help = "the axis of each input, or one number for both"},
                                      {.key = "normalize",
                                       .type = FIELD_BOOL,
                                       .offset = offsetof(struct dot_args, normalize),
                                       .fallback = "false",
                                       .help = "divide by the lengths: the cosine proximity"},
                                      {0}};
static const struct schema schema = {"Dot", fields, &layer_common_schema};

/* rows[i]: how many vectors input i has, each of depth numbers. */
struct plan {
    struct axis_view view[2];
    size_t rows[2], depth;
};

static enum status infer(struct layer *layer, struct pool *pool)
{
    const struct dot_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    LAYER_FAIL_IF(layer, layer->in[0].rank + layer->in[1].rank - 2 > SHAPE_MAX_RANK,
                  "its inputs %s and %s have too many axes; the output may have %d",
                  shape_text(&layer->in[0]), shape_text(&layer->in[1]), SHAPE_MAX_RANK);
    layer->out.rank = 0;
    for (int i = 0; i < 2; i++) {
        const struct shape *in = &layer->in[i];
        int axis;
        TRY(axis_find(layer, in, args->axes[i], &axis));
        plan->view[i] = axis_view(in, axis);
        plan->rows[i] = plan->view[i].outer * plan->view[i].inner;
        for (int a = 0; a < in->rank; a++)
            if (a != axis)
                layer->out.dim[layer->out.rank++] = in->dim[a];
    }
    LAYER_FAIL_IF(layer, plan->view[0].axis != plan->view[1].axis,
                  "its inputs %s and %s have %zu and %zu numbers in the axes %lld and %lld",
                  shape_text(&layer->in[0]), shape_text(&layer->in[1]), plan->view[0].axis,
                  plan->view[1].axis, (long long)args->axes[0], (long long)args->axes[1]);
    if (layer->out.rank == 0)
        layer->out = (struct shape){1, {1}};
    plan->depth = plan->view[0].axis;
    size_t vectors = plan->rows[0] + plan->rows[1];
    layer->scratch = 2 * vectors * plan->depth + vectors;
    layer->flops = 2.0 * (double)shape_size(&layer->out) * (double)plan->depth;
    return ST_OK;
}

/* Between an input's layout and vectors [rows, depth]. */
static void move(const struct axis_view *v, const float *from, float *to, bool gather)
{
    for (size_t o = 0; o < v->outer; o++)
        for (size_t i = 0; i < v->inner; i++)
            for (size_t k = 0; k < v->axis; k++) {
                size_t there = (o * v->axis + k) * v->inner + i;
                size_t here = (o * v->inner + i) * v->axis + k;
                to[gather ? here : there] = from[gather ? there : here];
            }
}

/* The vectors of both inputs of a sample, what each was multiplied by, and room for as many. */
struct work {
    float *vector[2], *inverse[2], *more;
};

static const float longest = 1e7f; /* of 1/length */

static struct work prepare(const struct layer *layer, const struct pass *p, size_t sample)
{
    const struct plan *plan = layer->plan;
    size_t depth = plan->depth, size = plan->rows[0] * depth, other = plan->rows[1] * depth;
    float *behind = p->scratch + size + other;
    struct work work = {{p->scratch, p->scratch + size},
                        {behind, behind + plan->rows[0]},
                        behind + plan->rows[0] + plan->rows[1]};
    for (int i = 0; i < 2; i++) {
        move(&plan->view[i], p->x[i] + sample * shape_size(&layer->in[i]), work.vector[i], true);
        for (size_t r = 0; r < plan->rows[i]; r++) {
            float *v = work.vector[i] + r * depth;
            double square = 0.0;
            if (!((const struct dot_args *)layer->args)->normalize)
                continue;
            for (size_t k = 0; k < depth; k++)
                square += (double)v[k] * (double)v[k];
            float inverse = (float)(1.0 / sqrt(square));
            inverse = inverse > longest ? longest : inverse;
            for (size_t k = 0; k < depth; k++)
                v[k] *= inverse;
            work.inverse[i][r] = inverse;
        }
    }
    return work;
}

/* y[r,c] = sum over k of a[r,k] b[k,c]; a's neighbours lie row and column numbers apart. */
struct factors {
    size_t rows, depth, columns;
    const float *a;
    size_t row, column;
    const float *b;
};

VECTORIZED static void multiply(const struct factors *f, float *restrict y)
{
    memset(y, 0, f->rows * f->columns * sizeof *y);
    for (size_t r = 0; r < f->rows; r++, y += f->columns)
        for (size_t k = 0; k < f->depth; k++) {
            float a = f->a[r * f->row + k * f->column];
            const float *b = f->b + k * f->columns;
            for (size_t c = 0; c < f->columns; c++)
                y[c] += a * b[c];
        }
}

static void forward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    size_t depth = plan->depth;
    for (size_t s = 0; s < (size_t)p->n; s++) {
        struct work work = prepare(layer, p, s);
        struct axis_view turned = {1, depth, plan->rows[1]};
        move(&turned, work.vector[1], work.more, false);
        struct factors f = {plan->rows[0], depth, plan->rows[1], work.vector[0],
                            depth,         1,     work.more};
        multiply(&f, p->y + s * shape_size(&layer->out));
    }
}

/* d, the gradient of the normalized u = x inverse, becomes that of x: inverse (d - u (u d)). */
static void normalize_back(size_t depth, const float *u, float inverse, float *d)
{
    double along = 0.0;
    for (size_t k = 0; k < depth && inverse < longest; k++)
        along += (double)u[k] * (double)d[k];
    for (size_t k = 0; k < depth; k++)
        d[k] = inverse * (float)((double)d[k] - (double)u[k] * along);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    size_t depth = plan->depth, rows = plan->rows[0], columns = plan->rows[1];
    for (size_t s = 0; s < (size_t)p->n; s++) {
        struct work work = prepare(layer, p, s);
        const float *dy = p->dy + s * shape_size(&layer->out);
        const struct factors f[2] = {{rows, columns, depth, dy, columns, 1, work.vector[1]},
                                     {columns, rows, depth, dy, 1, columns, work.vector[0]}};
        for (int i = 0; i < 2; i++) {
            if (!p->dx[i])
                continue;
            multiply(&f[i], work.more);
            if (((const struct dot_args *)layer->args)->normalize)
                for (size_t r = 0; r < plan->rows[i]; r++)
                    normalize_back(depth, work.vector[i] + r * depth, work.inverse[i][r],
                                   work.more + r * depth);
            move(&plan->view[i], work.more, p->dx[i] + s * shape_size(&layer->in[i]), false);
        }
    }
}

const struct layer_type layer_dot = {
    .kind = {"Dot", &schema, sizeof(struct dot_args), &layer_dot},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .min_inputs = 2,
    .max_inputs = 2,
};
