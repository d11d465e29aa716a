#include "layers/regularizers.h"

#define REGULARIZER(NAME, ...)                                                                     \
    static const struct field NAME##_fields[] = {__VA_ARGS__, {0}};                                \
    static const struct schema NAME##_schema = {#NAME, NAME##_fields, NULL};                       \
    static const struct kind NAME##_kind = {#NAME, &NAME##_schema, sizeof(struct penalty), NULL};

#define FACTOR(name_, bare_)                                                                       \
    {                                                                                              \
        .key = #name_, .type = FIELD_FLOAT, .offset = offsetof(struct penalty, name_),             \
        .fallback = "0.01", .min = 0, .max = 1e30, .bare = bare_                                   \
    }

REGULARIZER(L1, FACTOR(l1, true))
REGULARIZER(L2, FACTOR(l2, true))
REGULARIZER(L1L2, FACTOR(l1, false), FACTOR(l2, false))

const struct kind *const regularizer_kinds[] = {&L1_kind, &L2_kind, &L1L2_kind,
                                                &regularizer_orthogonal, NULL};

struct penalty regularizer_penalty(const struct variant *regularizer)
{
    if (!regularizer || !regularizer->kind || regularizer->kind->impl)
        return (struct penalty){0.0, 0.0};
    return *(const struct penalty *)regularizer->args;
}

const struct matrix_regularizer *regularizer_matrix(const struct param *param)
{
    return param->regularizer && param->regularizer->kind ? param->regularizer->kind->impl : NULL;
}

enum status regularizer_check(const struct layer *layer, const struct param *param)
{
    bool pairs = param->shape.rank == 2 && param->shape.dim[0] > 1 && param->shape.dim[1] > 1;
    LAYER_FAIL_IF(layer, regularizer_matrix(param) && !pairs,
                  "%s_regularizer: %s takes a matrix of several rows and columns; found the shape "
                  "%s",
                  param->name, param->regularizer->kind->name, shape_text(&param->shape));
    return ST_OK;
}
