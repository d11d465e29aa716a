/* Parameters as a numbered list: initial values and the digest. */
#include <stdio.h>
#include <xxhash.h>

#include "layers/initializers.h"
#include "model/model.h"

size_t model_param_count(const struct model *model)
{
    size_t count = 0;
    for (size_t i = 0; i < model->nodes; i++)
        count += model->node[i].layer.params;
    return count;
}

const struct param *model_param(const struct model *model, size_t index, const struct layer **layer)
{
    for (int trainable = 1; trainable >= 0; trainable--)
        for (size_t i = 0; i < model->nodes; i++) {
            const struct layer *at = &model->node[i].layer;
            for (size_t p = 0; p < at->params; p++) {
                if (at->param[p].trainable != (trainable == 1) || index-- > 0)
                    continue;
                if (layer)
                    *layer = at;
                return &at->param[p];
            }
        }
    return NULL;
}

void model_init(struct model *model)
{
    for (size_t i = 0; i < model->nodes; i++)
        for (size_t p = 0; p < model->node[i].layer.params; p++) {
            const struct param *param = &model->node[i].layer.param[p];
            initializer_fill(param, model->seed, model->params + param->offset);
        }
}

void model_unpack(const struct model *model, const float *from, double *to)
{
    for (size_t i = 0; i < model->nodes; i++)
        for (size_t p = 0; p < model->node[i].layer.params; p++) {
            const struct param *param = &model->node[i].layer.param[p];
            for (size_t e = 0; param->trainable && e < param->size; e++)
                *to++ = (double)from[param->offset + e];
        }
}

void model_pack(const struct model *model, const double *from, float *to)
{
    for (size_t i = 0; i < model->nodes; i++)
        for (size_t p = 0; p < model->node[i].layer.params; p++) {
            const struct param *param = &model->node[i].layer.param[p];
            for (size_t e = 0; param->trainable && e < param->size; e++)
                to[param->offset + e] = (float)*from++;
        }
}

void model_digest(const struct model *model, const float *params, char digest[DIGEST_SIZE])
{
    /* The floats are hashed as they lie in memory. */
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
                   "digests are of little-endian floats");
    XXH3_state_t *state = XXH3_createState();
    MUST(state, "%s", "no memory for a hash state");
    XXH3_128bits_reset(state);
    size_t count = model_param_count(model);
    for (size_t i = 0; i < count; i++) {
        const struct param *param = model_param(model, i, NULL);
        XXH3_128bits_update(state, params + param->offset, param->size * sizeof *params);
    }
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    for (size_t i = 0; i < sizeof canonical.digest; i++)
        snprintf(digest + 2 * i, 3, "%02x", canonical.digest[i]);
}
