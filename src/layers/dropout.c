/* Dropout (N. Srivastava et al. 2014, in Keras's inverted form): in training each element is kept
 * with probability 1 - rate and divided by it; else it is 0. The mask is a function of (seed, step,
 * layer, sample id, element), so that it is drawn again in backward and never stored. */
#include "base/rng.h"
#include "base/vectorized.h"
#include "layers/identity.h"

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
static const struct schema schema = {"Dropout", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    layer->out = layer->in[0];
    layer->scratch = shape_size(&layer->out);
    return ST_OK;
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
    size_t size = shape_size(&layer->out);
    uint32_t *words = (uint32_t *)(void *)p->scratch;
    for (int s = 0; s < p->n; s++, from += size, to += size) {
        struct rng_key key =
            rng_key(p->seed, RNG_DROPOUT, p->step, (uint64_t)layer->index, p->ids[s]);
        rng_words(&key, size, words);
        mask_with(size, words, rate, from, to);
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

const struct layer_type layer_dropout = {
    .kind = {"Dropout", &schema, sizeof(struct dropout_args), &layer_dropout},
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
