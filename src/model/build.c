/* From the list of layers in an experiment to a planned model. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/constraints.h"
#include "layers/regularizers.h"
#include "model/gradients.h"
#include "model/model.h"
#include "model/plan.h"

/* "MaxPooling2D" to "max_pooling2d", as Keras does. */
static void snake(const char *name, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; name[i] && used + 2 < size; i++) {
        bool upper = isupper((unsigned char)name[i]);
        bool next_lower = islower((unsigned char)name[i + 1]);
        bool before_lower = i > 0 && islower((unsigned char)name[i - 1]);
        if (upper && i > 0 && (before_lower || next_lower))
            out[used++] = '_';
        out[used++] = (char)tolower((unsigned char)name[i]);
    }
    out[used] = '\0';
}

static int find_node(const struct model *model, size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++)
        if (strcmp(model->node[i].layer.name, name) == 0)
            return (int)i;
    return -2;
}

/* The layer's own name, or Keras's automatic one: the first is "conv2d", then "conv2d_1", ... */
static enum status name_layer(struct model *model, size_t index)
{
    struct layer *layer = &model->node[index].layer;
    const struct layer_common *common = layer->args;
    if (common->name) {
        layer->name = common->name;
        FAIL_IF(common->name[0] == '\0' || common->name[0] == '.' || strchr(common->name, '/') ||
                    strcmp(common->name, "input") == 0,
                ST_USAGE,
                "%slayer name \"%s\": expected one that is not 'input', has no '/' and no '.' in "
                "front",
                position_text(layer->position), common->name);
        FAIL_IF(find_node(model, index, common->name) >= 0, ST_USAGE,
                "%slayer name '%s' is used twice", position_text(layer->position), common->name);
        return ST_OK;
    }
    char base[64], name[80];
    snake(layer->type->kind.name, base, sizeof base);
    snprintf(name, sizeof name, "%s", base);
    int same = 0; /* Keras counts the automatic names of a class only */
    for (size_t i = 0; i < index; i++)
        if (model->node[i].layer.type == layer->type &&
            !((const struct layer_common *)model->node[i].layer.args)->name)
            same++;
    if (same)
        snprintf(name, sizeof name, "%s_%d", base, same);
    while (find_node(model, index, name) >= 0)
        snprintf(name, sizeof name, "%s_%d", base, ++same);
    layer->name = pool_strdup(&model->pool, name);
    return ST_OK;
}

static enum status connect(struct model *model, size_t index)
{
    struct node *node = &model->node[index];
    struct layer *layer = &node->layer;
    const struct string_list *inputs = &((const struct layer_common *)layer->args)->inputs;
    size_t least = layer->type->max_inputs ? layer->type->min_inputs : 1;
    size_t most = layer->type->max_inputs ? layer->type->max_inputs : 1;
    layer->inputs = inputs->n ? inputs->n : 1;
    LAYER_FAIL_IF(layer, layer->inputs < least || layer->inputs > most,
                  "has %zu inputs; expected %zu%s", layer->inputs, least,
                  most > least ? " or more, named by 'inputs'" : "");
    if (!inputs->n)
        node->from[0] = (int)index - 1;
    for (size_t i = 0; i < inputs->n; i++) {
        const char *name = inputs->v[i];
        node->from[i] = strcmp(name, "input") == 0 ? -1 : find_node(model, index, name);
        LAYER_FAIL_IF(layer, node->from[i] == -2,
                      "input '%s' is no layer above it; a layer may only read those before it",
                      name);
    }
    for (size_t i = 0; i < layer->inputs; i++) {
        int from = node->from[i];
        layer->in[i] = from < 0 ? model->input : model->node[from].layer.out;
        if (from >= 0)
            model->node[from].consumers++;
    }
    return ST_OK;
}

static enum status add_layer(struct model *model, size_t index, const struct variant *variant,
                             const struct string_list *freeze)
{
    struct node *node = &model->node[index];
    struct layer *layer = &node->layer;
    const struct layer_common *common = variant->args;
    *layer = (struct layer){.type = variant->kind->impl,
                            .args = variant->args,
                            .position = variant->position,
                            .index = (int)index,
                            .kernels = model->kernels,
                            .conv = model->conv,
                            .microbatch = model->microbatch,
                            .activation = (enum activation)common->activation};
    TRY(name_layer(model, index));
    layer->trainable = common->trainable && !model_name_matches(freeze, layer->name);
    TRY(connect(model, index));
    TRY(layer->type->infer(layer, &model->pool));
    double per_batch = (double)shape_size(&layer->out) * (double)model->microbatch;
    LAYER_FAIL_IF(layer, per_batch > 1e12,
                  "its output %s for %d samples has more than 10^12 numbers",
                  shape_text(&layer->out), model->microbatch);
    for (size_t p = 0; p < layer->params; p++) {
        struct param *param = &layer->param[p];
        param->path = pool_printf(&model->pool, "%s/%s", layer->name, param->name);
        param->trainable = param->trainable && layer->trainable;
        node->trained = node->trained || param->trainable;
        TRY(constraint_check(layer, param));
        TRY(regularizer_check(layer, param));
    }
    for (size_t i = 0; i < layer->inputs; i++)
        node->trained = node->trained || (node->from[i] >= 0 && model->node[node->from[i]].trained);
    return ST_OK;
}

/* Places of all parameters: trainable ones first, then the others. */
static void place_params(struct model *model)
{
    size_t offset = 0;
    for (int trainable = 1; trainable >= 0; trainable--) {
        for (size_t i = 0; i < model->nodes; i++) {
            struct layer *layer = &model->node[i].layer;
            for (size_t p = 0; p < layer->params; p++) {
                struct param *param = &layer->param[p];
                if (param->trainable != (trainable == 1))
                    continue;
                param->offset = offset;
                offset += mem_round(param->size, 16);
                model->parameters += param->size;
                model->trainable_parameters += trainable ? param->size : 0;
            }
        }
        if (trainable)
            model->trainable = offset;
    }
    model->total = offset;
}

/* The moment of the backward pass that first writes the gradient of node i. */
static int first_written(const struct model *model, int i)
{
    int layers = (int)model->nodes;
    for (int j = layers - 1; j > i; j--)
        for (size_t k = 0; k < model->node[j].layer.inputs; k++)
            if (model->node[j].from[k] == i)
                return 2 * layers - 1 - j;
    return 2 * layers - 1 - i;
}

/* Is the output before the activation needed when the activation has been applied? */
static bool keeps_before(const struct layer *layer)
{
    if (layer->activation == ACT_LINEAR || layer->activates || layer->passes_input)
        return false;
    return layer->type->reads_output || activation_needs_input(layer->activation);
}

/* Lifetimes, in moments: forward of node i is i, its backward is 2L-1-i. An output is kept until
 * its own backward; a gradient lives from the backward of its last consumer to its own, or that of
 * the first node that shares its buffer. */
static void place_buffers(struct model *model)
{
    int layers = (int)model->nodes;
    size_t n = 0, batch = (size_t)model->microbatch;
    struct buffer *buffers = mem_need(model->nodes * 4, sizeof *buffers);
    int *place = mem_need(model->nodes, sizeof *place);
    gradients_share(model, place);
    for (int i = 0; i < layers; i++) {
        struct node *node = &model->node[i];
        size_t size = shape_size(&node->layer.out) * batch;
        int own = 2 * layers - 1 - i, last = own;
        for (int j = i - 1; j >= 0; j--)
            last = place[j] == i ? 2 * layers - 1 - j : last;
        buffers[n++] = (struct buffer){size, i, own, &node->y};
        buffers[n++] = (struct buffer){node->layer.saved, i, own, &node->saved};
        if (keeps_before(&node->layer))
            buffers[n++] = (struct buffer){size, i, own, &node->before};
        if (place[i] == i)
            buffers[n++] = (struct buffer){size, first_written(model, i), last, &node->dy};
    }
    model->arena_size = plan_buffers(buffers, n);
    for (int i = 0; i < layers; i++) {
        struct node *node = &model->node[i];
        node->dy = model->node[place[i]].dy;
        if (!keeps_before(&node->layer))
            node->before = node->y;
    }
    free(place);
    free(buffers);
}

static void widen(size_t *size, size_t wanted)
{
    *size = wanted > *size ? wanted : *size;
}

/* Working memory behind the planned buffers, and the statistics' places. */
static void place_working_memory(struct model *model)
{
    size_t scratch = 0, extra = 0, frozen = 0, batch = (size_t)model->microbatch;
    int input_readers = 0;
    for (size_t i = 0; i < model->nodes; i++) {
        struct node *node = &model->node[i];
        node->stats = model->stats;
        model->stats += node->layer.stats;
        widen(&model->shared, node->layer.shared);
        widen(&scratch, node->layer.scratch);
        if (node->consumers > 1)
            widen(&extra, shape_size(&node->layer.out) * batch);
        for (size_t k = 0; k < node->layer.inputs; k++)
            input_readers += node->from[k] < 0;
        for (size_t p = 0; p < node->layer.params; p++)
            if (!node->layer.param[p].trainable)
                widen(&frozen, node->layer.param[p].size);
    }
    if (input_readers > 1)
        widen(&extra, shape_size(&model->input) * batch);
    model->scratch = model->arena_size;
    model->extra = model->scratch + mem_round(scratch, 16);
    model->frozen = model->extra + mem_round(extra, 16);
    model->arena_size = model->frozen + mem_round(frozen, 16);
    for (size_t i = 0; i < model->nodes; i++) {
        model->node[i].packed = model->arena_size;
        model->arena_size += mem_round(model->node[i].layer.packed, 16);
    }
}

static enum status build(struct model *model, const struct model_spec *spec)
{
    FAIL_IF(spec->input.n < 1 || spec->input.n > 3, ST_USAGE,
            "model.input has %zu numbers; expected [features] or [height, width, channels]",
            spec->input.n);
    FAIL_IF(spec->layers.n < 1, ST_USAGE, "model.layers is empty; expected at least one layer");
    model->input.rank = (int)spec->input.n;
    for (size_t i = 0; i < spec->input.n; i++)
        model->input.dim[i] = spec->input.v[i];
    model->node = pool_alloc(&model->pool, spec->layers.n * sizeof *model->node);
    for (size_t i = 0; i < spec->layers.n; i++) {
        TRY(add_layer(model, i, &spec->layers.v[i], &spec->freeze));
        model->nodes = i + 1;
    }
    for (size_t i = 0; i + 1 < model->nodes; i++)
        LAYER_FAIL_IF(
            &model->node[i].layer, model->node[i].consumers == 0,
            "nobody reads its output %s, and only the last layer may be the model's output",
            shape_text(&model->node[i].layer.out));
    TRY(model_check_patterns(model, "model.freeze", &spec->freeze));
    model->output = model->node[model->nodes - 1].layer.out;
    place_params(model);
    place_buffers(model);
    place_working_memory(model);
    void *memory = NULL;
    TRY(mem_alloc(&memory, model->total * sizeof(float), "the model's parameters"));
    model->params = memory;
    TRY(mem_alloc(&memory, model->arena_size * sizeof(float), "the model's activations"));
    model->memory = model->arena = memory;
    return ST_OK;
}

enum status model_build(const struct model_spec *spec, const struct model_options *options,
                        struct model **out)
{
    struct model *model = mem_need(1, sizeof *model);
    *out = NULL;
    model->name = pool_strdup(&model->pool, options->name);
    model->kernels = options->kernels;
    model->conv = options->conv;
    model->microbatch = options->microbatch;
    model->seed = options->seed;
    enum status status = build(model, spec);
    if (status != ST_OK) {
        model_free(model);
        return status;
    }
    *out = model;
    return ST_OK;
}

void model_free(struct model *model)
{
    if (!model)
        return;
    free(model->params);
    free(model->memory);
    pool_release(&model->pool);
    free(model);
}
