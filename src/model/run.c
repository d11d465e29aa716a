/* One microbatch through the model, forward and backward. */
#include <string.h>

#include "base/clock.h"
#include "base/vectorized.h"
#include "model/range.h"

static size_t output_size(const struct node *node, int n)
{
    return shape_size(&node->layer.out) * (size_t)n;
}

/* What node i sees; the gradient fields are left to the caller. inputs and weights are storage. */
static struct pass pass_of(struct model *model, const struct node *node,
                           const struct model_batch *batch, const float **inputs, float **weights)
{
    for (size_t k = 0; k < node->layer.inputs; k++)
        inputs[k] = node->from[k] < 0 ? batch->x : model->arena + model->node[node->from[k]].y;
    for (size_t p = 0; p < node->layer.params; p++)
        weights[p] = model->params + node->layer.param[p].offset;
    return (struct pass){.n = batch->n,
                         .training = batch->training,
                         .seed = model->seed,
                         .step = batch->step,
                         .ids = batch->ids,
                         .x = inputs,
                         .y = model->arena + node->before,
                         .w = weights,
                         .packed = model->memory + node->packed,
                         .saved = model->arena + node->saved,
                         .scratch = model->memory + model->scratch,
                         .stats = batch->stats ? batch->stats + node->stats : NULL,
                         .total = node->layer.shared ? batch->total : NULL,
                         .samples = (double)batch->samples};
}

static bool leaves_logits(const struct model *model, const struct node *node)
{
    return model->output_is_logits && node == &model->node[model->nodes - 1];
}

/* The layer's forward, then its activation; where the layer only passes its input on, the
 * activation reads that. */
static void forward_node(const struct model *model, const struct node *node,
                         const struct pass *pass)
{
    const struct layer *layer = &node->layer;
    bool activate =
        layer->activation != ACT_LINEAR && !layer->activates && !leaves_logits(model, node);
    bool skip = activate && layer->passes_input;
    if (!skip)
        layer->type->forward(layer, pass);
    size_t width = (size_t)layer->out.dim[layer->out.rank - 1];
    if (activate)
        activation_forward(layer->activation, output_size(node, pass->n) / width, width,
                           skip ? pass->x[0] : pass->y, model->arena + node->y);
}

/* dy becomes the gradient before the activation. */
static void activation_back(const struct model *model, const struct node *node,
                            const struct pass *pass)
{
    const struct layer *layer = &node->layer;
    const float *before = layer->passes_input ? pass->x[0] : pass->y;
    size_t width = (size_t)layer->out.dim[layer->out.rank - 1];
    if (!leaves_logits(model, node))
        activation_backward(layer->activation, output_size(node, pass->n) / width, width,
                            activation_needs_input(layer->activation) ? before
                                                                      : model->arena + node->y,
                            model->arena + node->dy);
}

static int64_t watch_begin(const struct model *model)
{
    return model->watch ? clock_ns() : 0;
}

static void watch_end(struct model *model, size_t i, int n, bool backward, int64_t begin)
{
    if (model->watch)
        model->watch->ran(model->watch, i, n, backward, begin, clock_ns());
}

void model_forward_range(struct model *model, const struct model_batch *batch, size_t first,
                         size_t end)
{
    MUST(batch->n >= 1 && batch->n <= model->microbatch, "%d samples, at most %d", batch->n,
         model->microbatch);
    for (size_t i = first; i < end; i++) {
        const struct node *node = &model->node[i];
        int64_t begin = watch_begin(model);
        const float *inputs[LAYER_MAX_INPUTS];
        float *weights[LAYER_MAX_PARAMS];
        struct pass pass = pass_of(model, node, batch, inputs, weights);
        if (node->layer.type->prepare && !batch->same_params)
            node->layer.type->prepare(&node->layer, &pass);
        forward_node(model, node, &pass);
        watch_end(model, i, batch->n, false, begin);
    }
}

const float *model_output(const struct model *model)
{
    return model->arena + model->node[model->nodes - 1].y;
}

const float *model_forward(struct model *model, const struct model_batch *batch)
{
    model_forward_range(model, batch, 0, model->nodes);
    return model_output(model);
}

size_t model_next_shared(const struct model *model, size_t first)
{
    while (first < model->nodes && model->node[first].layer.shared == 0)
        first++;
    return first;
}

void model_measure(struct model *model, const struct model_batch *batch, size_t i, double *sums)
{
    const struct node *node = &model->node[i];
    const float *inputs[LAYER_MAX_INPUTS];
    float *weights[LAYER_MAX_PARAMS];
    struct pass pass = pass_of(model, node, batch, inputs, weights);
    node->layer.type->measure(&node->layer, &pass, sums);
}

enum activation model_output_activation(const struct model *model)
{
    return model->node[model->nodes - 1].layer.activation;
}

/* Does a node after i, or an earlier input of i, already write the gradient of input k? */
static bool written_before(const struct model *model, size_t i, size_t k)
{
    int from = model->node[i].from[k];
    for (size_t earlier = 0; earlier < k; earlier++)
        if (model->node[i].from[earlier] == from)
            return true;
    for (size_t j = i + 1; j < model->nodes; j++)
        for (size_t input = 0; input < model->node[j].layer.inputs; input++)
            if (model->node[j].from[input] == from)
                return true;
    return false;
}

VECTORIZED static void add_to(size_t n, const float *restrict from, float *restrict to)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

/* Runs one backward in which the gradients of some inputs are there already: input by input, those
 * through the extra buffer, which is then added. */
static void backward_adding(struct model *model, size_t i, struct pass *pass, float *const *targets)
{
    const struct node *node = &model->node[i];
    for (size_t k = 0; k < node->layer.inputs; k++) {
        float *only[LAYER_MAX_INPUTS] = {NULL};
        bool add = targets[k] && written_before(model, i, k);
        only[k] = add ? model->memory + model->extra : targets[k];
        pass->dx = only;
        node->layer.type->backward(&node->layer, pass);
        size_t n = shape_size(&node->layer.in[k]) * (size_t)pass->n;
        if (add)
            add_to(n, only[k], targets[k]);
    }
}

/* Where the gradient of node i's output goes; NULL where nobody needs it: nothing before it is
 * trained, and the input's gradient is not wanted. */
static float *gradient_of(const struct model *model, int i, bool input_wanted)
{
    const struct node *node = &model->node[i];
    return node->trained || input_wanted ? model->arena + node->dy : NULL;
}

/* The lists of pointers that a pass refers to. */
struct pass_room {
    const float *inputs[LAYER_MAX_INPUTS];
    float *weights[LAYER_MAX_PARAMS], *dw[LAYER_MAX_PARAMS];
};

static struct pass pass_back(struct model *model, const struct node *node,
                             const struct model_batch *batch, float *gradient,
                             struct pass_room *room)
{
    struct pass pass = pass_of(model, node, batch, room->inputs, room->weights);
    pass.dy = model->arena + node->dy;
    pass.dw = room->dw;
    for (size_t p = 0; p < node->layer.params; p++)
        room->dw[p] = node->layer.param[p].trainable ? gradient + node->layer.param[p].offset
                                                     : model->memory + model->frozen;
    return pass;
}

void model_measure_back(struct model *model, const struct model_batch *batch, size_t i,
                        float *gradient, double *sums)
{
    const struct node *node = &model->node[i];
    struct pass_room room;
    struct pass pass = pass_back(model, node, batch, gradient, &room);
    activation_back(model, node, &pass);
    node->layer.type->measure_back(&node->layer, &pass, sums);
}

static void backward_node(struct model *model, size_t i, const struct model_batch *batch,
                          float *gradient, float *dx)
{
    const struct node *node = &model->node[i];
    float *targets[LAYER_MAX_INPUTS];
    struct pass_room room;
    struct pass pass = pass_back(model, node, batch, gradient, &room);
    pass.dx = targets;
    if (!pass.total) /* else model_measure_back has done it */
        activation_back(model, node, &pass);
    bool adding = false;
    for (size_t k = 0; k < node->layer.inputs; k++) {
        targets[k] = node->from[k] < 0 ? dx : gradient_of(model, node->from[k], dx != NULL);
        adding = adding || (targets[k] && written_before(model, i, k));
    }
    if (adding)
        backward_adding(model, i, &pass, targets);
    else
        node->layer.type->backward(&node->layer, &pass);
}

/* Where the layer's gradients begin; behind says what if it has none. Trainable parameters lie in
 * the order of the layers, which is also the order of the forward pass. */
static size_t gradient_start(const struct layer *layer, size_t behind)
{
    for (size_t p = 0; p < layer->params; p++)
        if (layer->param[p].trainable)
            return layer->param[p].offset;
    return behind;
}

size_t model_gradient_starts(const struct model *model, size_t *starts)
{
    size_t count = 0;
    for (size_t i = 0; i < model->nodes; i++) {
        size_t start = gradient_start(&model->node[i].layer, model->trainable);
        if (start < model->trainable)
            starts[count++] = start;
    }
    return count;
}

void model_backward_begin(struct model *model, const struct model_batch *batch, const float *dy)
{
    const struct node *last = &model->node[model->nodes - 1];
    memcpy(model->arena + last->dy, dy, output_size(last, batch->n) * sizeof *dy);
}

void model_backward_range(struct model *model, const struct model_batch *batch, size_t first,
                          size_t end, float *gradient, float *dx)
{
    size_t offset = model->trainable;
    for (size_t i = end; i-- > first;) {
        const struct node *node = &model->node[i];
        if (!node->trained && !dx)
            continue;
        int64_t begin = watch_begin(model);
        backward_node(model, i, batch, gradient, dx);
        watch_end(model, i, batch->n, true, begin);
        offset = gradient_start(&node->layer, offset);
        if (batch->finished)
            batch->finished(batch->context, offset);
    }
}

void model_backward(struct model *model, const struct model_batch *batch, const float *dy,
                    float *gradient, float *dx)
{
    model_backward_begin(model, batch, dy);
    model_backward_range(model, batch, 0, model->nodes, gradient, dx);
}

void model_update_stats(struct model *model, const double *stats, double samples)
{
    for (size_t i = 0; i < model->nodes; i++) {
        const struct node *node = &model->node[i];
        float *weights[LAYER_MAX_PARAMS];
        for (size_t p = 0; p < node->layer.params; p++)
            weights[p] = model->params + node->layer.param[p].offset;
        if (node->layer.type->update)
            node->layer.type->update(&node->layer, stats + node->stats, samples, weights);
    }
}
