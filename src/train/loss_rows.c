/* Losses of a row as a whole, with vectors as targets. Formulas as in Keras, but for the last. */
#include <math.h>

#include "kernels/vmath.h"
#include "train/losses.h"

static double clip(double p)
{
    return p < LOSS_EPSILON ? LOSS_EPSILON : p > 1.0 ? 1.0 : p;
}

/* sum of t log(t / x), both clipped to epsilon..1 */
static double kl_divergence(const void *args, const struct loss_row *row, float *d)
{
    double total = 0.0;
    (void)args;
    for (size_t i = 0; i < row->n; i++) {
        double t = clip((double)row->t[i]), raw = (double)row->x[i], x = clip(raw);
        total += t * (dm_log(t) - dm_log(x));
        if (d)
            d[i] = raw < LOSS_EPSILON || raw > 1.0 ? 0.0f : (float)(-t / x);
    }
    return total;
}

/* max(0, 1 + max((1 - t) x) - sum(t x)) */
static double categorical_hinge(const void *args, const struct loss_row *row, float *d)
{
    double right = 0.0, wrong = 0.0;
    size_t at = 0;
    (void)args;
    for (size_t i = 0; i < row->n; i++) {
        double t = (double)row->t[i], x = (double)row->x[i], other = (1.0 - t) * x;
        right += t * x;
        if (i == 0 || other > wrong || other != other) {
            wrong = other;
            at = i;
        }
    }
    double loss = wrong - right + 1.0;
    for (size_t i = 0; d && i < row->n; i++) {
        float t = row->t[i], slope = (i == at ? 1.0f - t : 0.0f) - t;
        d[i] = loss > 0.0 ? slope : loss == loss ? 0.0f : (float)loss;
    }
    return loss < 0.0 ? 0.0 : loss;
}

/* 1 / |x|, at most 1 / epsilon. */
static double inverse_norm(const float *x, size_t n)
{
    double squares = 0.0;
    for (size_t i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    double inverse = 1.0 / sqrt(squares);
    return inverse > 1.0 / LOSS_EPSILON ? 1.0 / LOSS_EPSILON : inverse;
}

/* -x.t / (|x| |t|); the slope is (x (x.t) / |x|^2 - t) / (|x| |t|) */
static double cosine_similarity(const void *args, const struct loss_row *row, float *d)
{
    double ix = inverse_norm(row->x, row->n), it = inverse_norm(row->t, row->n), dot = 0.0;
    (void)args;
    for (size_t i = 0; i < row->n; i++)
        dot += (double)row->x[i] * (double)row->t[i];
    double along = ix < 1.0 / LOSS_EPSILON ? dot * ix * ix : 0.0;
    for (size_t i = 0; d && i < row->n; i++)
        d[i] = (float)(((double)row->x[i] * along - (double)row->t[i]) * ix * it);
    return -dot * ix * it;
}

/* The score of the class that the target names less than the best of all: max(x) - x[target], and
 * for one output max(0, -t x) with t = -1 (or 0) or 1. Its gradient step is F. Rosenblatt's rule
 * (The perceptron, Psychological Review 65, 1958); the form with several classes is that of
 * M. Collins (EMNLP 2002). Of equal scores the first is the prediction. A score of 0 counts as
 * wrong, or a model of zeros would never begin to learn. */
static double perceptron(const void *args, const struct loss_row *row, float *d)
{
    size_t best = 0, target = 0;
    (void)args;
    if (row->n == 1) {
        double t = row->t[0] > 0.0f ? 1.0 : -1.0, loss = -t * (double)row->x[0];
        if (d)
            d[0] = loss >= 0.0 ? (float)-t : loss == loss ? 0.0f : (float)loss;
        return loss < 0.0 ? 0.0 : loss;
    }
    for (size_t i = 1; i < row->n; i++) {
        target = row->t && row->t[i] > row->t[target] ? i : target;
        best = row->x[i] > row->x[best] || row->x[i] != row->x[i] ? i : best;
    }
    target = row->t ? target : (size_t)row->label;
    double loss = (double)row->x[best] - (double)row->x[target];
    for (size_t i = 0; d && i < row->n; i++)
        d[i] = loss == loss ? (float)(i == best) - (float)(i == target) : (float)loss;
    return loss;
}

const struct loss_type loss_kl_divergence = {
    .kind = {.name = "kl_divergence", .impl = &loss_kl_divergence}, .row = kl_divergence};
const struct loss_type loss_categorical_hinge = {
    .kind = {.name = "categorical_hinge", .impl = &loss_categorical_hinge},
    .row = categorical_hinge};
const struct loss_type loss_cosine_similarity = {
    .kind = {.name = "cosine_similarity", .impl = &loss_cosine_similarity},
    .row = cosine_similarity};
const struct loss_type loss_perceptron = {.kind = {.name = "perceptron", .impl = &loss_perceptron},
                                          .takes_labels = true,
                                          .keras = KERAS_HAS_NOT,
                                          .row = perceptron};
