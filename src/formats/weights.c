#include "formats/weights.h"

#include <string.h>

#include "formats/model_file.h"

/* The path in the file of a layer's weight that is called name ("kernel"), whatever the names of
 * the models around it ("sequential/dense/kernel"); NULL: there is none. */
static const char *find_weight(struct h5 *h5, const struct file_weights *weights, size_t layer,
                               const char *name)
{
    const struct string_list *names = &weights->names[layer];
    for (size_t i = 0; i < names->n; i++) {
        const char *slash = strrchr(names->v[i], '/'), *last = slash ? slash + 1 : names->v[i];
        size_t length = strcspn(last, ":"); /* "kernel:0" of older versions */
        if (strlen(name) == length && strncmp(last, name, length) == 0)
            return pool_printf(&h5->scratch, "model_weights/%s/%s", weights->layer[layer],
                               names->v[i]);
    }
    return NULL;
}

/* The paths of all of a layer's parameters, where the file has them in the right shapes; else the
 * reason. */
static enum status find_weights(struct h5 *h5, const struct file_weights *weights,
                                const struct layer *layer, const char **path,
                                struct weights_report *report, struct weights_match *match)
{
    ptrdiff_t at = model_file_find(weights, layer->name);
    if (at < 0) {
        match->why = pool_strdup(&report->pool, "is not in the file");
        return ST_OK;
    }
    for (size_t p = 0; p < layer->params && !match->why; p++) {
        const struct param *param = &layer->param[p];
        struct shape shape;
        path[p] = find_weight(h5, weights, (size_t)at, param->name);
        if (!path[p]) {
            match->why = pool_printf(&report->pool, "has no %s there", param->name);
            break;
        }
        TRY(h5_read_shape(h5, path[p], &shape));
        if (!shape_same(&shape, &param->shape))
            match->why = pool_printf(&report->pool, "%s is %s there and %s here", param->name,
                                     shape_text(&shape), shape_text(&param->shape));
    }
    return ST_OK;
}

static enum status take_layer(struct h5 *h5, const struct file_weights *weights,
                              struct model *model, const struct layer *layer,
                              struct weights_report *report, struct weights_match *match)
{
    const char *path[LAYER_MAX_PARAMS];
    TRY(find_weights(h5, weights, layer, path, report, match));
    if (match->why)
        return ST_OK;
    for (size_t p = 0; p < layer->params; p++)
        TRY(h5_read_floats(h5, path[p], layer->param[p].size,
                           model->params + layer->param[p].offset));
    match->taken = true;
    return ST_OK;
}

static bool model_has(const struct model *model, const char *layer)
{
    for (size_t i = 0; i < model->nodes; i++)
        if (strcmp(model->node[i].layer.name, layer) == 0)
            return true;
    return false;
}

static enum status read_all(struct model_file *file, struct model *model, const bool *wanted,
                            struct weights_report *report)
{
    struct file_weights weights;
    TRY(model_file_weights(file, &weights));
    report->match = pool_alloc(&report->pool, model->nodes * sizeof *report->match);
    for (size_t i = 0; i < model->nodes; i++)
        if (wanted[i] && model->node[i].layer.params > 0)
            TRY(take_layer(&file->h5, &weights, model, &model->node[i].layer, report,
                           &report->match[i]));
    report->unused.v = pool_alloc(&report->pool, weights.layers * sizeof(char *));
    for (size_t i = 0; i < weights.layers; i++)
        if (!model_has(model, weights.layer[i]))
            report->unused.v[report->unused.n++] = pool_strdup(&report->pool, weights.layer[i]);
    return ST_OK;
}

enum status weights_read(const char *path, struct model *model, const bool *wanted,
                         struct weights_report *report)
{
    struct model_file file;
    *report = (struct weights_report){0};
    TRY(model_file_open(path, false, &file));
    enum status status = read_all(&file, model, wanted, report);
    model_file_close(&file);
    return status;
}

void weights_release(struct weights_report *report)
{
    pool_release(&report->pool);
    *report = (struct weights_report){0};
}
