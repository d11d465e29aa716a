#include "train/update.h"

#include <math.h>
#include <stdlib.h>

#include "base/vectorized.h"
#include "kernels/blocks.h"
#include "layers/constraints.h"
#include "layers/regularizers.h"

/* A run of a parameter's elements in one of the own pieces. */
struct stretch {
    const struct param *param;
    size_t index;    /* of the parameter among those that are trained */
    size_t first, n; /* in the flat buffers */
    size_t place;    /* in the slots */
    double rate;     /* times the learning rate */
    double decay;    /* times the learning rate and w */
};

/* ---- what needs more than elements ---- */

static const struct optimizer_type *type_of(const struct update_spec *spec)
{
    return spec->optimizer->kind->impl;
}

static bool is_whole(const struct update_spec *spec, const struct param *param, size_t *scratch)
{
    const struct optimizer_type *type = type_of(spec);
    bool whole = type->whole && type->whole(spec->optimizer->args, param, scratch);
    if (constraint_is_whole(param)) {
        size_t doubles = param->size * (sizeof(double) / sizeof(float));
        *scratch = *scratch > doubles ? *scratch : doubles;
    }
    return whole || constraint_is_whole(param) || regularizer_matrix(param);
}

static bool clips_norms(const struct optimizer_common *common)
{
    return !isnan(common->clipnorm) || !isnan(common->global_clipnorm);
}

static bool wants_norms(const struct update_spec *spec)
{
    return type_of(spec)->norms || clips_norms(spec->optimizer->args);
}

static size_t trained(const struct model *model)
{
    size_t count = 0;
    for (size_t p = 0; p < model_param_count(model); p++)
        count += model_param(model, p, NULL)->trainable;
    return count;
}

void update_cuts(const struct update_spec *spec, const struct model *model, struct cuts *cuts)
{
    size_t params = trained(model), scratch = 0;
    bool any = wants_norms(spec);
    for (size_t p = 0; p < params; p++)
        any = is_whole(spec, model_param(model, p, NULL), &scratch) || any;
    *cuts = (struct cuts){0};
    if (!any)
        return;
    size_t *at = mem_need(params + model->trainable / BLOCK_ELEMENTS + 1, sizeof *at);
    for (size_t p = 0; p < params; p++) {
        const struct param *param = model_param(model, p, NULL);
        size_t step = is_whole(spec, param, &scratch) ? param->size : BLOCK_ELEMENTS;
        for (size_t i = 0; i < param->size; i += step)
            at[cuts->count++] = param->offset + i;
    }
    cuts->at = at;
}

/* ---- planning ---- */

/* The spans of a piece, which begins at place among the own ones. */
static size_t plan_piece(const struct updater *u, struct slice piece, size_t place,
                         struct stretch *span)
{
    size_t count = 0, end = piece.first + piece.size;
    for (size_t p = 0; p < u->params; p++) {
        const struct layer *layer;
        const struct param *param = model_param(u->model, p, &layer);
        size_t first = param->offset > piece.first ? param->offset : piece.first;
        size_t last = param->offset + param->size < end ? param->offset + param->size : end;
        if (first >= last)
            continue;
        double decay = isnan(u->common->weight_decay) ? 0.0 : u->common->weight_decay;
        if (u->optimizer->weight_decay)
            decay = u->optimizer->weight_decay(u->common, param);
        if (optimizer_names(u->spec.no_decay, param))
            decay = 0.0;
        const struct layer_common *args = layer->args;
        if (span)
            span[count] = (struct stretch){.param = param,
                                           .index = p,
                                           .first = first,
                                           .n = last - first,
                                           .place = place + first - piece.first,
                                           .rate = args->learning_rate_multiplier,
                                           .decay = decay};
        count++;
    }
    return count;
}

static void plan_spans(struct updater *u)
{
    size_t buckets = u->reducer->buckets.count, count = 0;
    u->bucket_spans = mem_need(buckets + 1, sizeof *u->bucket_spans);
    for (size_t b = 0; b < buckets; b++) {
        count += plan_piece(u, u->reducer->bucket[b].own, 0, NULL);
        u->bucket_spans[b + 1] = count;
    }
    u->span = mem_need(count + 1, sizeof *u->span);
    for (size_t b = 0; b < buckets; b++)
        plan_piece(u, u->reducer->bucket[b].own, u->reducer->bucket[b].place,
                   u->span + u->bucket_spans[b]);
}

static void plan_norms(struct updater *u)
{
    u->first_block = mem_need(u->params + 1, sizeof *u->first_block);
    for (size_t p = 0; p < u->params; p++)
        u->first_block[p + 1] = u->first_block[p] + blocks_of(model_param(u->model, p, NULL)->size);
    if (!wants_norms(&u->spec))
        return;
    u->squares = mem_need(2 * u->first_block[u->params] + 1, sizeof *u->squares);
    u->norms = mem_need(2 * u->params + 1, sizeof *u->norms);
}

static enum status allocate(struct updater *u)
{
    size_t own = reducer_own(u->reducer), scratch = 0;
    void *memory = NULL;
    for (size_t s = 0; s < u->slots; s++) {
        TRY(mem_alloc(&memory, own * sizeof(float), "optimizer state"));
        u->slot[s] = memory;
    }
    for (size_t i = 0; i < u->bucket_spans[u->reducer->buckets.count]; i++) {
        size_t needed = 0;
        is_whole(&u->spec, u->span[i].param, &needed);
        scratch = scratch > needed ? scratch : needed;
    }
    TRY(mem_alloc(&memory, scratch * sizeof(float), "working memory of updates"));
    u->scratch = memory;
    return ST_OK;
}

enum status updater_init(struct updater *updater, const struct update_spec *spec,
                         struct model *model, struct reducer *reducer)
{
    const void *args = spec->optimizer->args;
    const struct optimizer_type *type = type_of(spec);
    *updater = (struct updater){.spec = *spec,
                                .optimizer = type,
                                .common = args,
                                .model = model,
                                .reducer = reducer,
                                .slots = type->slots(args),
                                .params = trained(model)};
    for (size_t s = 0; s < updater->slots; s++)
        updater->slot_name[s] = type->slot_name[s];
    size_t own_slots = updater->slots;
    if (updater->common->use_ema)
        updater->slot_name[updater->slots++] = "average";
    plan_spans(updater);
    plan_norms(updater);
    TRY(allocate(updater));
    for (size_t s = 0; s < own_slots && type->slot_start; s++)
        for (size_t i = 0; i < reducer_own(reducer); i++)
            updater->slot[s][i] = type->slot_start(args, s);
    if (updater->common->use_ema)
        updater->average = updater->slot[own_slots];
    return ST_OK;
}

void updater_release(struct updater *updater)
{
    for (size_t s = 0; s < UPDATER_MAX_SLOTS; s++)
        free(updater->slot[s]);
    free(updater->span);
    free(updater->bucket_spans);
    free(updater->first_block);
    free(updater->squares);
    free(updater->norms);
    free(updater->scratch);
    *updater = (struct updater){0};
}

/* ---- a step ---- */

/* g += l1 sign(w) + 2 l2 w */
VECTORIZED static void add_penalty(struct penalty penalty, size_t n, const float *w, float *g)
{
    float l1 = (float)penalty.l1, l2 = (float)(2.0 * penalty.l2);
    for (size_t i = 0; i < n; i++)
        g[i] += l1 * (float)((w[i] > 0.0f) - (w[i] < 0.0f)) + l2 * w[i];
}

VECTORIZED static void scale(size_t n, float factor, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= factor;
}

VECTORIZED static void clip(size_t n, float most, float *g)
{
    for (size_t i = 0; i < n; i++) {
        float low = g[i] < -most ? -most : g[i];
        g[i] = low > most ? most : low;
    }
}

/* average = momentum average + (1 - momentum) w */
VECTORIZED static void move_average(size_t n, double momentum, const float *w, float *average)
{
    float keep = (float)momentum, rest = (float)(1.0 - momentum);
    for (size_t i = 0; i < n; i++)
        average[i] = keep * average[i] + rest * w[i];
}

static float *gradient_of(const struct updater *u, size_t bucket, const struct stretch *span)
{
    const struct reduce_bucket *b = &u->reducer->bucket[bucket];
    return b->total + (span->first - b->own.first);
}

/* From the sum to the mean, with penalties, and weight decay of w. Clipping by value does not see
 * the decay, and the decay does not see clipping. */
static void prepare_span(const struct updater *u, const struct update_now *now,
                         const struct stretch *span, float *g)
{
    float *w = u->model->params + span->first;
    struct penalty penalty = regularizer_penalty(span->param->regularizer);
    scale(span->n, (float)(1.0 / (double)now->samples), g);
    if (penalty.l1 != 0.0 || penalty.l2 != 0.0)
        add_penalty(penalty, span->n, w, g);
    const struct matrix_regularizer *matrix = regularizer_matrix(span->param);
    if (matrix)
        matrix->penalty(span->param->regularizer->args, span->param, w, g);
    if (!isnan(u->common->clipvalue))
        clip(span->n, (float)u->common->clipvalue, g);
    if (span->decay != 0.0)
        scale(span->n, (float)(1.0 - now->learning_rate * span->rate * span->decay), w);
}

static void step_span(const struct updater *u, const struct update_now *now,
                      const struct stretch *span, float *g,
                      void (*run)(const void *args, const struct optimizer_step *step))
{
    struct optimizer_step step = {.learning_rate = now->learning_rate * span->rate,
                                  .iteration = now->iteration,
                                  .n = span->n,
                                  .w = u->model->params + span->first,
                                  .g = g,
                                  .param = span->param,
                                  .kernels = u->model->kernels,
                                  .scratch = u->scratch};
    size_t own_slots = u->slots - (u->average != NULL);
    for (size_t s = 0; s < own_slots; s++)
        step.slot[s] = u->slot[s] + span->place;
    if (u->norms) {
        step.w_norm = u->norms[2 * span->index];
        step.g_norm = u->norms[2 * span->index + 1];
    }
    run(u->common, &step);
}

static void finish_span(const struct updater *u, const struct update_now *now,
                        const struct stretch *span)
{
    float *w = u->model->params + span->first;
    if (u->average) {
        float *average = u->average + span->place;
        int64_t every = u->common->ema_overwrite_frequency;
        move_average(span->n, now->iteration == 1 ? 0.0 : u->common->ema_momentum, w, average);
        for (size_t i = 0; every != FIELD_NONE && now->iteration % every == 0 && i < span->n; i++)
            w[i] = average[i];
    }
    if (constraint_is(span->param))
        constraint_apply(span->param, span->n, w, (double *)(void *)u->scratch);
}

/* ---- norms ---- */

/* The norms of all trained parameters and of their gradients, from the blocks of all ranks. */
static void take_norms(struct updater *u)
{
    size_t buckets = u->reducer->buckets.count, blocks = u->first_block[u->params];
    for (size_t i = 0; i < 2 * blocks; i++)
        u->squares[i] = 0.0;
    for (size_t b = 0; b < buckets; b++)
        for (size_t s = u->bucket_spans[b]; s < u->bucket_spans[b + 1]; s++) {
            const struct stretch *span = &u->span[s];
            const float *w = u->model->params + span->first, *g = gradient_of(u, b, span);
            size_t block =
                u->first_block[span->index] + (span->first - span->param->offset) / BLOCK_ELEMENTS;
            for (size_t i = 0; i < span->n; i += BLOCK_ELEMENTS, block++) {
                size_t n = span->n - i < BLOCK_ELEMENTS ? span->n - i : BLOCK_ELEMENTS;
                u->squares[block] = block_squares(w + i, n);
                u->squares[blocks + block] = block_squares(g + i, n);
            }
        }
    reducer_unite(u->reducer, u->squares, 2 * blocks);
    for (size_t p = 0; p < u->params; p++)
        for (size_t of = 0; of < 2; of++) {
            size_t first = u->first_block[p], count = u->first_block[p + 1] - first;
            u->norms[2 * p + of] = sqrt(blocks_total(u->squares + of * blocks + first, count));
        }
}

/* The norm of the whole gradient. */
static double global_norm(const struct updater *u)
{
    double *squares = mem_need(u->params + 1, sizeof *squares);
    for (size_t p = 0; p < u->params; p++)
        squares[p] = u->norms[2 * p + 1] * u->norms[2 * p + 1];
    double total = sqrt(blocks_total(squares, u->params));
    free(squares);
    return total;
}

/* g *= most / max(norm, most) */
static void clip_norms(struct updater *u)
{
    const struct optimizer_common *common = u->common;
    bool each = !isnan(common->clipnorm);
    double most = each ? common->clipnorm : common->global_clipnorm;
    double global = each ? 0.0 : global_norm(u);
    for (size_t b = 0; b < u->reducer->buckets.count; b++)
        for (size_t s = u->bucket_spans[b]; s < u->bucket_spans[b + 1]; s++) {
            const struct stretch *span = &u->span[s];
            double norm = each ? u->norms[2 * span->index + 1] : global;
            double factor = isfinite(norm) ? most / norm : (double)NAN;
            if (!(norm <= most))
                scale(span->n, (float)factor, gradient_of(u, b, span));
        }
}

/* ---- the whole ---- */

static void prepare_bucket(struct updater *u, const struct update_now *now, size_t b)
{
    for (size_t s = u->bucket_spans[b]; s < u->bucket_spans[b + 1]; s++)
        prepare_span(u, now, &u->span[s], gradient_of(u, b, &u->span[s]));
}

void updater_begin(struct updater *u, const struct update_now *now)
{
    if (!u->norms || u->params == 0)
        return;
    for (size_t b = 0; b < u->reducer->buckets.count; b++)
        prepare_bucket(u, now, b);
    if (clips_norms(u->common)) {
        take_norms(u);
        clip_norms(u);
    }
    for (size_t b = 0; u->optimizer->direct && b < u->reducer->buckets.count; b++)
        for (size_t s = u->bucket_spans[b]; s < u->bucket_spans[b + 1]; s++)
            step_span(u, now, &u->span[s], gradient_of(u, b, &u->span[s]), u->optimizer->direct);
    if (u->optimizer->norms)
        take_norms(u);
}

void updater_bucket(struct updater *u, const struct update_now *now, size_t bucket)
{
    if (!u->norms)
        prepare_bucket(u, now, bucket);
    for (size_t s = u->bucket_spans[bucket]; s < u->bucket_spans[bucket + 1]; s++) {
        step_span(u, now, &u->span[s], gradient_of(u, bucket, &u->span[s]), u->optimizer->update);
        finish_span(u, now, &u->span[s]);
    }
}

void updater_averages(const struct updater *updater, float *params)
{
    reducer_spread(updater->reducer, updater->average, params);
}
