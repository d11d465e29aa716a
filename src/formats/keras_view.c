#include "formats/keras.h"

#include <string.h>

/* Is `activation` among the layer's own arguments, as of Activation? The mapping writes it then. */
static bool has_own_activation(const struct layer *layer)
{
    for (const struct field *field = layer->type->kind.schema->fields; field->key; field++)
        if (strcmp(field->key, "activation") == 0)
            return true;
    return false;
}

/* Keras's rule: the layers that multiply by a kernel take an `activation` (Dense, Conv*,
 * DepthwiseConv2D with its depthwise_kernel, recurrent ones with a recurrent_kernel), those that
 * normalize, pool, reshape or merge do not. */
static bool has_kernel(const struct layer *layer)
{
    for (size_t p = 0; p < layer->params; p++) {
        const char *name = layer->param[p].name;
        size_t length = strlen(name), tail = strlen("kernel");
        if (length >= tail && strcmp(name + length - tail, "kernel") == 0)
            return true;
    }
    return false;
}

static bool is_taken(const struct keras_view *view, const struct model *model, const char *name)
{
    for (size_t i = 0; i < model->nodes; i++)
        if (strcmp(model->node[i].layer.name, name) == 0)
            return true;
    for (size_t i = 0; i < view->layers; i++)
        if (strcmp(view->layer[i].name, name) == 0)
            return true;
    return false;
}

/* base, or the first of base_1, base_2, ... that no layer has. */
static const char *free_name(struct keras_view *view, const struct model *model, const char *base)
{
    const char *name = pool_strdup(&view->pool, base);
    for (int i = 1; is_taken(view, model, name); i++)
        name = pool_printf(&view->pool, "%s_%d", base, i);
    return name;
}

static bool is_chain(const struct model *model)
{
    for (size_t i = 0; i < model->nodes; i++)
        if (model->node[i].layer.inputs != 1 || model->node[i].from[0] != (int)i - 1)
            return false;
    return true;
}

static void add_layer(struct keras_view *view, enum keras_role role, const char *name,
                      const struct node *node)
{
    view->layer[view->layers++] = (struct keras_layer){role, name, node};
}

static void add_node(struct keras_view *view, const struct model *model, const struct node *node)
{
    const struct layer *layer = &node->layer;
    int activation = ((const struct layer_common *)layer->args)->activation;
    bool apart = activation != ACT_LINEAR && !has_own_activation(layer);
    bool argument = apart && has_kernel(layer);
    add_layer(view, argument ? KERAS_ACTIVATED : KERAS_LAYER, layer->name, node);
    if (apart && !argument) {
        const char *base =
            pool_printf(&view->pool, "%s_%s", layer->name, activation_names[activation]);
        add_layer(view, KERAS_ACTIVATION, free_name(view, model, base), node);
    }
}

void keras_view_init(struct keras_view *view, const struct model *model)
{
    *view = (struct keras_view){.chain = is_chain(model)};
    view->layer = pool_alloc(&view->pool, (1 + 2 * model->nodes) * sizeof *view->layer);
    view->output = pool_alloc(&view->pool, model->nodes * sizeof *view->output);
    size_t *last = pool_alloc(&view->pool, model->nodes * sizeof *last);
    add_layer(view, KERAS_INPUT, free_name(view, model, "input_layer"), NULL);
    for (size_t i = 0; i < model->nodes; i++) {
        add_node(view, model, &model->node[i]);
        last[i] = view->layers - 1;
        view->output[i] = view->layer[last[i]].name;
    }
    if (!view->chain)
        keras_order(view, last);
}

void keras_view_release(struct keras_view *view)
{
    pool_release(&view->pool);
}
