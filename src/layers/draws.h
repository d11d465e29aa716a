/* What random layers draw: a function of (seed, step, layer, sample id), the same in backward. */
#ifndef CONVOY_LAYERS_DRAWS_H
#define CONVOY_LAYERS_DRAWS_H

#include "base/rng.h"
#include "layers/layer.h"

/* The n random words of sample number s of the pass, in its scratch; n floats of it are used. */
static inline const uint32_t *draws_of(const struct layer *layer, const struct pass *p, int s,
                                       size_t n)
{
    uint32_t *words = (uint32_t *)(void *)p->scratch;
    struct rng_key key = rng_key(p->seed, RNG_DROPOUT, p->step, (uint64_t)layer->index, p->ids[s]);
    rng_words(&key, n, words);
    return words;
}

#endif
