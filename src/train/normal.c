#include "train/normal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/vectorized.h"
#include "layers/regularizers.h"

static size_t triangle(size_t n)
{
    return n * (n + 1) / 2;
}

double normal_memory(const struct session *session, size_t n, double *message)
{
    size_t microbatches = session_microbatches(session, session_batch(session));
    double nodes = 2.0 * tree_root(microbatches).level + 2.0, size = (double)n;
    *message = (size * (size + 1.0) / 2.0 + size) * nodes;
    return *message * sizeof(double) * (1.0 + (double)session->world->size);
}

void normal_init(struct normal *normal, const struct session *session)
{
    const struct model *model = session->model;
    size_t width = shape_size(&model->output);
    normal->n = model->trainable_parameters;
    sums_init(&normal->sums, session->world, triangle(normal->n) + normal->n);
    normal->gradient = mem_need(model->trainable, sizeof(float));
    normal->unit = mem_need((size_t)model->microbatch * width + width, sizeof(float));
    normal->row = mem_need(normal->n, sizeof(double));
}

void normal_release(struct normal *normal)
{
    if (!normal->n)
        return;
    sums_release(&normal->sums);
    free(normal->gradient);
    free(normal->unit);
    free(normal->row);
}

VECTORIZED static void add_scaled(size_t n, double factor, const double *restrict row,
                                  double *restrict to)
{
    for (size_t i = 0; i < n; i++)
        to[i] += factor * row[i];
}

/* A += weight row row^T, b += residual row */
static void add_row(const struct normal *normal, double weight, double residual, double *to)
{
    const double *row = normal->row;
    for (size_t i = 0; i < normal->n; i++) {
        add_scaled(normal->n - i, weight * row[i], row + i, to);
        to += normal->n - i;
    }
    add_scaled(normal->n, residual, row, to);
}

/* One sample of a gathered microbatch: the gradient of each output. dy: that of the sample's loss
 * with respect to the outputs, of which the halves are the residuals, weighted. */
static void add_sample(struct normal *normal, struct session *session,
                       const struct model_batch *batch, double sample_weight, const float *dy,
                       double *to)
{
    struct model *model = session->model;
    size_t width = shape_size(&model->output);
    double weight = sample_weight / (double)width;
    float *unit = normal->unit;
    memset(unit, 0, width * sizeof *unit);
    model_forward(model, batch);
    for (size_t o = 0; o < width; o++) {
        unit[o] = 1.0f;
        model_backward(model, batch, unit, normal->gradient, NULL);
        unit[o] = 0.0f;
        model_unpack(model, normal->gradient, normal->row);
        add_row(normal, weight, 0.5 * (double)dy[o], to);
    }
}

static enum status add_microbatch(struct normal *normal, struct trainer *trainer,
                                  const struct trainer_pass *pass, size_t m)
{
    struct session *session = trainer->session;
    struct model_batch batch;
    size_t in = shape_size(&session->model->input), width = shape_size(&session->model->output);
    double *to = sums_next(&normal->sums);
    float *dy = normal->unit + width;
    TRY(trainer_gather(trainer, pass, m, &batch));
    batch.stats = NULL;
    profile_phase(trainer->profile, PHASE_FORWARD);
    session_score(session, batch.n, model_forward(session->model, &batch),
                  sums_next(&trainer->sums), dy);
    profile_phase(trainer->profile, PHASE_BACKWARD);
    memset(to, 0, normal->sums.n * sizeof *to);
    for (size_t s = 0; s < (size_t)batch.n; s++) {
        struct model_batch one = batch;
        one.n = 1;
        one.same_params = true;
        one.ids = batch.ids + s;
        one.x = batch.x + s * in;
        double weight = session->weighted ? (double)session->weights[s] : 1.0;
        add_sample(normal, session, &one, weight, dy + s * width, to);
    }
    return ST_OK;
}

/* The mean, and penalties: l2 w^2 is the square of a residual. */
static void finish(const struct normal *normal, const struct model *model, const double *total,
                   size_t samples, double *a, double *b)
{
    size_t n = normal->n;
    double share = 1.0 / (double)samples;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++)
            a[i * n + j] = share * *total++;
    for (size_t i = 0; i < n; i++)
        b[i] = share * *total++;
    size_t at = 0;
    for (size_t i = 0; i < model->nodes; i++)
        for (size_t p = 0; p < model->node[i].layer.params; p++) {
            const struct param *param = &model->node[i].layer.param[p];
            double l2 = regularizer_penalty(param->regularizer).l2;
            for (size_t e = 0; param->trainable && e < param->size; e++, at++) {
                a[at * (n + 1)] += l2;
                b[at] += l2 * (double)model->params[param->offset + e];
            }
        }
}

enum status normal_make(struct normal *normal, struct trainer *trainer,
                        const struct trainer_pass *pass, double *a, double *b)
{
    struct sums *sums = &normal->sums;
    size_t microbatches = session_microbatches(trainer->session, pass->n);
    enum status status = ST_OK;
    sums_begin(&trainer->sums, microbatches); /* trainer_gather looks at its range */
    sums_begin(sums, microbatches);
    for (size_t m = sums->range.first; m < sums->range.end && status == ST_OK; m++) {
        status = add_microbatch(normal, trainer, pass, m);
        sums_push(sums);
    }
    profile_phase(trainer->profile, PHASE_AGREEMENT);
    TRY(world_agree(trainer->session->world, status));
    finish(normal, trainer->session->model, sums_total(sums), pass->n, a, b);
    return ST_OK;
}
