/* MaxNorm, MinMaxNorm, UnitNorm: with |w| the norm over the axes, w is multiplied by
 * desired / (1e-7 + |w|); desired is clip(|w|, 0, max_value), rate clip(|w|, min_value, max_value)
 * + (1 - rate) |w|, or 1. NonNeg: w is at least 0. */
#include "layers/constraints.h"

#include <math.h>

struct norm_args {
    double min_value, max_value, rate;
    struct int_list axis;
};

#define NUMBER(key_, default_, max_, help_)                                                        \
    {                                                                                              \
        .key = #key_, .type = FIELD_FLOAT, .offset = offsetof(struct norm_args, key_),             \
        .fallback = default_, .min = 0, .max = max_, .help = help_                                 \
    }
#define AXIS                                                                                       \
    {                                                                                              \
        .key = "axis", .type = FIELD_INTS, .offset = offsetof(struct norm_args, axis),             \
        .fallback = "[0]", .min = -SHAPE_MAX_RANK, .max = SHAPE_MAX_RANK - 1,                      \
        .help = "the axes over which the norm is taken"                                            \
    }

static const struct field max_fields[] = {NUMBER(max_value, "2", 1e30, "largest norm"), AXIS, {0}};
static const struct field min_max_fields[] = {NUMBER(min_value, "0.0", 1e30, "smallest norm"),
                                              NUMBER(max_value, "1.0", 1e30, "largest norm"),
                                              NUMBER(rate, "1.0", 1, "how far an update obeys"),
                                              AXIS,
                                              {0}};
static const struct field unit_fields[] = {AXIS, {0}};

static double max_desired(const struct norm_args *a, double norm)
{
    return norm > a->max_value ? a->max_value : norm;
}

static double min_max_desired(const struct norm_args *a, double norm)
{
    double clipped = norm < a->min_value ? a->min_value : norm;
    clipped = clipped > a->max_value ? a->max_value : clipped;
    return a->rate * clipped + (1.0 - a->rate) * norm;
}

static double unit_desired(const struct norm_args *a, double norm)
{
    (void)a;
    (void)norm;
    return 1.0;
}

struct constraint {
    double (*desired)(const struct norm_args *args, double norm); /* NULL: NonNeg */
};
static const struct constraint max_norm = {max_desired}, min_max_norm = {min_max_desired},
                               unit_norm = {unit_desired}, non_neg = {NULL};

static const struct schema max_schema = {"MaxNorm", max_fields, NULL};
static const struct schema min_max_schema = {"MinMaxNorm", min_max_fields, NULL};
static const struct schema unit_schema = {"UnitNorm", unit_fields, NULL};
static const struct kind max_kind = {"MaxNorm", &max_schema, sizeof(struct norm_args), &max_norm};
static const struct kind min_max_kind = {"MinMaxNorm", &min_max_schema, sizeof(struct norm_args),
                                         &min_max_norm};
static const struct kind unit_kind = {"UnitNorm", &unit_schema, sizeof(struct norm_args),
                                      &unit_norm};
static const struct kind non_neg_kind = {"NonNeg", NULL, 0, &non_neg};

const struct kind *const constraint_kinds[] = {&max_kind, &min_max_kind, &non_neg_kind, &unit_kind,
                                               NULL};

bool constraint_is(const struct param *param)
{
    return param->constraint && param->constraint->kind;
}

bool constraint_is_whole(const struct param *param)
{
    return constraint_is(param) &&
           ((const struct constraint *)param->constraint->kind->impl)->desired;
}

/* From 0, where -1 was the last; beyond the rank where there is no such axis. */
static int64_t axis_of(const struct param *param, int64_t axis)
{
    return axis < 0 ? axis + param->shape.rank : axis;
}

enum status constraint_check(const struct layer *layer, const struct param *param)
{
    if (!constraint_is_whole(param))
        return ST_OK;
    const struct norm_args *args = param->constraint->args;
    for (size_t i = 0; i < args->axis.n; i++) {
        int64_t axis = axis_of(param, args->axis.v[i]);
        LAYER_FAIL_IF(layer, axis < 0 || axis >= param->shape.rank,
                      "%s_constraint: %s has no axis %lld in the shape %s", param->name,
                      param->constraint->kind->name, (long long)args->axis.v[i],
                      shape_text(&param->shape));
    }
    return ST_OK;
}

/* How far apart the norms of neighbours along each axis are, padded in front to SHAPE_MAX_RANK
 * axes; 0: they have the same. Returns how many norms there are. */
static size_t norm_strides(const struct param *param, const struct int_list *axis,
                           size_t dim[SHAPE_MAX_RANK], size_t stride[SHAPE_MAX_RANK])
{
    size_t norms = 1;
    for (int a = SHAPE_MAX_RANK - 1; a >= 0; a--) {
        int own = a - (SHAPE_MAX_RANK - param->shape.rank);
        bool summed = own < 0;
        for (size_t i = 0; i < axis->n; i++)
            summed = summed || axis_of(param, axis->v[i]) == own;
        dim[a] = own < 0 ? 1 : (size_t)param->shape.dim[own];
        stride[a] = summed ? 0 : norms;
        norms *= summed ? 1 : dim[a];
    }
    return norms;
}

/* Each norm is one sum, in the order of the elements. */
static void bound_norms(const struct param *param, float *w, double *norm)
{
    const struct norm_args *args = param->constraint->args;
    const struct constraint *type = param->constraint->kind->impl;
    size_t d[SHAPE_MAX_RANK], s[SHAPE_MAX_RANK], norms = norm_strides(param, &args->axis, d, s);
    for (size_t k = 0; k < norms; k++)
        norm[k] = 0.0;
    for (int pass = 0; pass < 2; pass++) {
        float *at = w;
        for (size_t i = 0; i < d[0]; i++)
            for (size_t j = 0; j < d[1]; j++)
                for (size_t k = 0; k < d[2]; k++)
                    for (size_t l = 0; l < d[3]; l++, at++) {
                        double *n = &norm[i * s[0] + j * s[1] + k * s[2] + l * s[3]];
                        if (pass == 0)
                            *n += (double)*at * (double)*at;
                        else
                            *at = (float)((double)*at * *n);
                    }
        for (size_t k = 0; k < norms && pass == 0; k++) {
            double size = sqrt(norm[k]);
            norm[k] = type->desired(args, size) / (1e-7 + size);
        }
    }
}

void constraint_apply(const struct param *param, size_t n, float *w, double *scratch)
{
    if (constraint_is_whole(param)) {
        bound_norms(param, w, scratch);
        return;
    }
    for (size_t i = 0; i < n; i++)
        w[i] = w[i] > 0.0f || w[i] != w[i] ? w[i] : 0.0f;
}
