/* Dropout (N. Srivastava et al. 2014, in Keras's inverted form): in training each element is kept
 * with probability 1 - rate and divided by it; else it is 0. The mask is a function of (seed, step,
 * layer, sample id, element), so that it is drawn again in backward and never stored. */
#include "base/rng.h"
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
    return ST_OK;
}

/* to[i] = from[i] * mask[i] for the n samples of the pass. */
static void apply_mask(const struct layer *layer, const struct pass *p, const float *from,
                       float *to)
{
    float rate = (float)((const struct dropout_args *)layer->args)->rate;
    float scale = 1.0f / (1.0f - rate);
    size_t size = shape_size(&layer->out);
    for (int s = 0; s < p->n; s++, from += size, to += size) {
        struct rng_key key =
            rng_key(p->seed, RNG_DROPOUT, p->step, (uint64_t)layer->index, p->ids[s]);
        for (size_t i = 0; i < size; i += 4) {
            uint32_t words[4];
            rng_block(&key, (uint32_t)(i / 4), words);
            for (size_t j = 0; j < 4 && i + j < size; j++)
                to[i + j] = rng_uniform(words[j]) >= rate ? from[i + j] * scale : 0.0f;
        }
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
