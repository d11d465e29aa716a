/* Second derivatives of losses with respect to the model's outputs, times a vector: of those losses
 * that have useful ones. Crossentropies must be taken from logits. */

#include "kernels/vmath.h"
#include "train/losses.h"

extern const struct loss_type loss_sparse_categorical_crossentropy;
extern const struct loss_type loss_categorical_crossentropy;
extern const struct loss_type loss_binary_crossentropy, loss_mean_squared_error;

/* weight (diag(p) - p p^T) v, p being the softmax of the row; hv is first used for p. */
static void softmax_hessian(const struct loss_row *row, float weight, const float *v, float *hv)
{
    float dot = 0.0f;
    activation_forward(ACT_SOFTMAX, 1, row->n, row->x, hv);
    for (size_t i = 0; i < row->n; i++)
        dot += hv[i] * v[i];
    for (size_t i = 0; i < row->n; i++)
        hv[i] = weight * (hv[i] * (v[i] - dot));
}

static void sparse(const void *args, const struct loss_row *row, const float *v, float *hv)
{
    (void)args;
    softmax_hessian(row, 1.0f, v, hv);
}

static void categorical(const void *args, const struct loss_row *row, const float *v, float *hv)
{
    const struct crossentropy_args *a = args;
    double weight = 0.0;
    for (size_t i = 0; i < row->n; i++)
        weight += row->t ? (double)row->t[i] : i == (size_t)row->label ? 1.0 : 0.0;
    weight = weight * (1.0 - a->label_smoothing) + a->label_smoothing;
    softmax_hessian(row, (float)weight, v, hv);
}

static void binary(const void *args, const struct loss_row *row, const float *v, float *hv)
{
    (void)args;
    float share = (float)(1.0 / (double)row->n);
    for (size_t i = 0; i < row->n; i++) {
        float p = vm_sigmoid(row->x[i]);
        hv[i] = p * (1.0f - p) * v[i] * share;
    }
}

static void squares(const void *args, const struct loss_row *row, const float *v, float *hv)
{
    (void)args;
    float factor = (float)(2.0 / (double)row->n);
    for (size_t i = 0; i < row->n; i++)
        hv[i] = factor * v[i];
}

static const struct {
    const struct loss_type *type;
    loss_hessian row;
} known[] = {{&loss_sparse_categorical_crossentropy, sparse},
             {&loss_categorical_crossentropy, categorical},
             {&loss_binary_crossentropy, binary},
             {&loss_mean_squared_error, squares}};

loss_hessian loss_hessian_of(const struct loss_type *type)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].type == type)
            return known[i].row;
    return NULL;
}

bool loss_is_squares(const struct loss_type *type)
{
    return type == &loss_mean_squared_error;
}
