/* Dropout (N. Srivastava et al. 2014, in Keras's inverted form): in training each element is kept
 * with probability 1 - rate and divided by it; else it is 0. SpatialDropout1D and 2D drop whole
 * channels of a sample (J. Tompson et al. 2015). The mask is a function of (seed, step, layer,
 * sample id, element or channel), so that it is drawn again in backward and never stored. */
#include "base/vectorized.h"
#include "layers/draws.h"
#include "layers/identity.h"
#include "layers/window.h"

struct dropout_args {
    struct layer_common common;
    double rate;
};

static const struct field fields[] = {{.key = "rate",
                                       .type = FIELD_FLOAT,
                                       .offset = offsetof(struct dropout_args, rate),
                                       .min = 0,
                                       .max = 0.999999,
                                       .bare = true,
                                       .help = "fraction of the inputs to drop"},
                                      {0}};

/* Numbers of a sample that have a draw of their own: all, or the channels. */
static size_t *infer_draws(struct layer *layer, struct pool *pool)
{
    size_t *draws = layer->plan = pool_alloc(pool, sizeof *draws);
    *draws = shape_size(&layer->in[0]);
    layer->out = layer->in[0];
    return draws;
}

static enum status infer(struct layer *layer, struct pool *pool)
{
    layer->scratch = *infer_draws(layer, pool);
    return ST_OK;
}

static enum status infer_spatial(struct layer *layer, struct pool *pool)
{
    layer->scratch = *infer_draws(layer, pool) = (size_t)image_of(&layer->in[0]).c;
    return ST_OK;
}

static enum status infer_1d(struct layer *layer, struct pool *pool)
{
    TRY(window_need_sequence(layer));
    return infer_spatial(layer, pool);
}

static enum status infer_2d(struct layer *layer, struct pool *pool)
{
    TRY(window_need_image(layer));
    return infer_spatial(layer, pool);
}

VECTORIZED static void mask_with(size_t n, const uint32_t *restrict words, float rate,
                                 const float *restrict from, float *restrict to)
{
    float scale = 1.0f / (1.0f - rate);
    for (size_t i = 0; i < n; i++)
        to[i] = rng_uniform(words[i]) >= rate ? from[i] * scale : 0.0f;
}

/* to[i] = from[i] * mask[i] for the n samples of the pass. */
static void apply_mask(const struct layer *layer, const struct pass *p, const float *from,
                       float *to)
{
    float rate = (float)((const struct dropout_args *)layer->args)->rate;
    size_t draws = *(const size_t *)layer->plan, size = shape_size(&layer->out);
    for (int s = 0; s < p->n; s++) {
        const uint32_t *words = draws_of(layer, p, s, draws);
        for (size_t done = 0; done < size; done += draws, from += draws, to += draws)
            mask_with(draws, words, rate, from, to);
    }
}

static void forward(const struct layer *layer, const struct pass *p)
{
    if (p->training)
        apply_mask(layer, p, p->x[0], p->y);
    else
        identity_forward(layer, p);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    if (p->dx[0])
        apply_mask(layer, p, p->dy, p->dx[0]);
}

#define DROPOUT(symbol, name_, infer_)                                                             \
    static const struct schema symbol##_schema = {name_, fields, &layer_common_schema};            \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &symbol##_schema, sizeof(struct dropout_args), &symbol},                   \
        .infer = infer_,                                                                           \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
        .form = FORM_LINEAR,                                                                       \
        .random = true,                                                                            \
    }

DROPOUT(layer_dropout, "Dropout", infer);
DROPOUT(layer_spatialdropout1d, "SpatialDropout1D", infer_1d);
DROPOUT(layer_spatialdropout2d, "SpatialDropout2D", infer_2d);
