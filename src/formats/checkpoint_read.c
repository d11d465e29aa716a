/* Reading a checkpoint: the trailer first, then, if the file is whole and unchanged, what is
 * inside. See checkpoint.c for what there is. */
#include <stdlib.h>
#include <string.h>

#include "formats/checkpoint.h"
#include "formats/model_file.h"

/* ---- The file's model against ours ---- */

/* "'dense' (kernel (84, 10))" */
static enum status describe_layer(struct h5 *h5, const struct file_weights *weights, size_t index,
                                  const char **text)
{
    const char *layer = weights->layer[index], *weight = weights->names[index].v[0];
    struct shape shape;
    TRY(h5_read_shape(h5, pool_printf(&h5->scratch, "model_weights/%s/%s", layer, weight), &shape));
    const char *slash = strrchr(weight, '/');
    *text = pool_printf(&h5->scratch, "'%s' (%s %s)", layer, slash ? slash + 1 : weight,
                        shape_text(&shape));
    return ST_OK;
}

/* Fails if the file has no such layer: where this model has it as number index of those with
 * weights, the file has another. */
static enum status need_layer(struct h5 *h5, const struct file_weights *weights, size_t index,
                              const struct layer *layer, size_t *at)
{
    ptrdiff_t found = model_file_find(weights, layer->name);
    const char *other = "";
    *at = (size_t)found;
    if (found >= 0)
        return ST_OK;
    FAIL_IF(index >= weights->layers, ST_MODEL,
            "%s: of another model: %zu of its layers have weights; this model goes on with '%s' "
            "(%s %s)",
            h5->path, weights->layers, layer->name, layer->param[0].name,
            shape_text(&layer->param[0].shape));
    TRY(describe_layer(h5, weights, index, &other));
    FAIL(ST_MODEL, "%s: of another model: has the layer %s where this model has '%s' (%s %s)",
         h5->path, other, layer->name, layer->param[0].name, shape_text(&layer->param[0].shape));
}

/* Fails if the file has a layer with weights that the model has not. */
static enum status no_more_layers(struct h5 *h5, const struct file_weights *weights,
                                  const bool *used)
{
    for (size_t i = 0; i < weights->layers; i++) {
        const char *found;
        if (used[i])
            continue;
        TRY(describe_layer(h5, weights, i, &found));
        FAIL(ST_MODEL, "%s: of another model: has the layer %s, which this model has not", h5->path,
             found);
    }
    return ST_OK;
}

/* Reads group/LAYER/param, of the model's shape, to its place in data. */
static enum status read_array(struct h5 *h5, const char *group, const struct layer *layer,
                              const struct param *param, float *data)
{
    const char *path = pool_printf(&h5->scratch, "%s/%s", group, param->path);
    struct shape shape;
    TRY(h5_read_shape(h5, path, &shape));
    FAIL_IF(
        !shape_same(&shape, &param->shape), ST_MODEL,
        "%s: of another model: layer '%s': the %s has the shape %s in the file, %s in this model",
        h5->path, layer->name, param->name, shape_text(&shape), shape_text(&param->shape));
    return h5_read_floats(h5, path, param->size, data + param->offset);
}

static enum status read_arrays(struct h5 *h5, const char *group, const struct layer *layer,
                               bool trainable_only, float *data)
{
    for (size_t p = 0; p < layer->params; p++)
        if (layer->param[p].trainable || !trainable_only)
            TRY(read_array(h5, group, layer, &layer->param[p], data));
    return ST_OK;
}

static enum status read_params(struct model_file *file, const struct model *model, float *data)
{
    struct h5 *h5 = &file->h5;
    struct file_weights weights;
    size_t next = 0;
    TRY(model_file_weights(file, &weights));
    bool *used = pool_alloc(&h5->scratch, weights.layers * sizeof *used);
    for (size_t i = 0; i < model->nodes; i++) {
        const struct layer *layer = &model->node[i].layer;
        size_t at;
        if (layer->params == 0)
            continue;
        TRY(need_layer(h5, &weights, next++, layer, &at));
        used[at] = true;
        const char *group = pool_printf(&h5->scratch, "model_weights/%s", layer->name);
        TRY(read_arrays(h5, group, layer, false, data));
        FAIL_IF(weights.names[at].n != layer->params, ST_MODEL,
                "%s: of another model: layer '%s' has %zu weights in the file, %zu in this model",
                h5->path, layer->name, weights.names[at].n, layer->params);
    }
    return no_more_layers(h5, &weights, used);
}

/* ---- The rest ---- */

static enum status read_all_arrays(struct h5 *h5, const char *group, const struct model *model,
                                   bool trainable_only, float *data)
{
    for (size_t i = 0; i < model->nodes; i++)
        TRY(read_arrays(h5, group, &model->node[i].layer, trainable_only, data));
    return ST_OK;
}

static enum status read_text_if_there(struct h5 *h5, const char *name, struct pool *pool,
                                      char **text)
{
    return h5_has(h5, name) ? h5_read_text(h5, name, pool, text) : ST_OK;
}

static enum status read_optimizer(struct h5 *h5, const struct model *model, struct checkpoint *out)
{
    if (!h5_has(h5, "convoy/optimizer"))
        return ST_OK;
    struct string_list names;
    TRY(h5_read_text(h5, "convoy/optimizer", &out->pool, &out->optimizer));
    TRY(h5_read_names(h5, "convoy/slots", "slot_names", &out->pool, &names));
    FAIL_IF(names.n > CHECKPOINT_MAX_SLOTS, ST_MODEL,
            "%s: 'convoy/slots' has %zu slots; expected at most %d", h5->path, names.n,
            CHECKPOINT_MAX_SLOTS);
    for (; out->slots < names.n; out->slots++) {
        size_t s = out->slots;
        const char *group = pool_printf(&h5->scratch, "convoy/slots/%s", names.v[s]);
        out->slot_name[s] = names.v[s];
        out->slot[s] = pool_alloc(&out->pool, model->trainable * sizeof(float));
        TRY(read_all_arrays(h5, group, model, true, out->slot[s]));
    }
    if (h5_has(h5, "convoy/solver"))
        TRY(h5_read_doubles(h5, "convoy/solver", &out->pool, &out->solver_size, &out->solver));
    return read_text_if_there(h5, "convoy/convergence", &out->pool, &out->convergence);
}

static enum status read_count(struct h5 *h5, const char *name, int64_t *value)
{
    uint64_t found;
    TRY(h5_read_number(h5, "convoy", name, INT64_MAX, &found));
    *value = (int64_t)found;
    return ST_OK;
}

static enum status read_progress(struct h5 *h5, struct checkpoint *out)
{
    char *digest;
    TRY(h5_read_number(h5, "convoy", "seed", UINT64_MAX, &out->seed));
    TRY(read_count(h5, "epoch", &out->epoch));
    TRY(read_count(h5, "step", &out->step));
    TRY(read_count(h5, "position", &out->position));
    TRY(h5_read_text(h5, "convoy/digest", &h5->scratch, &digest));
    FAIL_IF(strlen(digest) != DIGEST_SIZE - 1 ||
                strspn(digest, "0123456789abcdef") != DIGEST_SIZE - 1,
            ST_MODEL, "%s: 'convoy/digest' is not a digest", h5->path);
    memcpy(out->digest, digest, DIGEST_SIZE);
    TRY(read_text_if_there(h5, "convoy/state", &out->pool, &out->state));
    return read_text_if_there(h5, "convoy/history", &out->pool, &out->history);
}

static enum status read_head(struct model_file *file, struct checkpoint *out)
{
    out->version = file->version;
    return h5_read_text(&file->h5, "convoy/experiment", &out->pool, &out->experiment);
}

static enum status read_all(struct model_file *file, const struct model *model,
                            struct checkpoint *out)
{
    struct h5 *h5 = &file->h5;
    TRY(read_head(file, out));
    TRY(read_progress(h5, out));
    out->params = pool_alloc(&out->pool, model->total * sizeof(float));
    TRY(read_params(file, model, out->params));
    TRY(read_optimizer(h5, model, out));
    if (!h5_has(h5, "convoy/best"))
        return ST_OK;
    out->best = pool_alloc(&out->pool, model->total * sizeof(float));
    return read_all_arrays(h5, "convoy/best", model, false, out->best);
}

enum status checkpoint_read_head(const char *path, struct checkpoint *out)
{
    struct model_file file;
    *out = (struct checkpoint){0};
    TRY(model_file_open(path, true, &file));
    enum status status = read_head(&file, out);
    model_file_close(&file);
    if (status != ST_OK)
        checkpoint_release(out);
    return status;
}

enum status checkpoint_read(const char *path, const struct model *model, struct checkpoint *out)
{
    struct model_file file;
    *out = (struct checkpoint){0};
    TRY(model_file_open(path, true, &file));
    enum status status = read_all(&file, model, out);
    model_file_close(&file);
    if (status != ST_OK)
        checkpoint_release(out);
    return status;
}

void checkpoint_release(struct checkpoint *checkpoint)
{
    pool_release(&checkpoint->pool);
    *checkpoint = (struct checkpoint){0};
}
