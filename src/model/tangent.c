#include "model/tangent.h"

#include <stdlib.h>
#include <string.h>

enum place { RY, DY, RDY, PACKED, PLACES };

static bool has_second_derivative(enum activation activation)
{
    return activation == ACT_LINEAR || activation == ACT_RELU || activation == ACT_SIGMOID ||
           activation == ACT_TANH || activation == ACT_SOFTMAX;
}

enum status tangent_check(const struct model *model)
{
    for (size_t i = 0; i < model->nodes; i++) {
        const struct layer *layer = &model->node[i].layer;
        LAYER_FAIL_IF(layer, layer->type->form == FORM_OTHER,
                      "products with the Hessian are not known for %s; use an optimizer that needs "
                      "gradients only, such as LBFGS",
                      layer->type->kind.name);
        LAYER_FAIL_IF(layer, !has_second_derivative(layer->activation),
                      "the second derivative of '%s' is not known; use an optimizer that needs "
                      "gradients only, such as LBFGS",
                      activation_names[layer->activation]);
    }
    return ST_OK;
}

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

enum status tangent_init(struct tangent *tangent, struct model *model)
{
    size_t batch = (size_t)model->microbatch, total = 0;
    size_t widest = shape_size(&model->input) * batch, params = 16;
    *tangent =
        (struct tangent){.model = model, .node = mem_need(model->nodes * PLACES, sizeof(size_t))};
    for (size_t i = 0; i < model->nodes; i++) {
        const struct layer *layer = &model->node[i].layer;
        size_t out = shape_size(&layer->out) * batch, own = 0;
        for (int place = RY; place < PLACES; place++) {
            tangent->node[i * PLACES + (size_t)place] = total;
            total += mem_round(place == PACKED ? layer->packed : out, 16);
        }
        for (size_t p = 0; p < layer->params; p++)
            own += mem_round(layer->param[p].size, 16);
        params = largest(params, own);
        widest = largest(widest, out);
    }
    void *memory = NULL;
    widest = mem_round(widest, 16);
    size_t zeros = largest(widest, params);
    TRY(mem_alloc(&memory, (total + zeros + widest + params) * sizeof(float), "the tangents"));
    tangent->memory = memory;
    tangent->zeros = tangent->memory + total;
    tangent->extra = tangent->zeros + zeros;
    tangent->weights = tangent->extra + widest;
    return ST_OK;
}

void tangent_release(struct tangent *tangent)
{
    free(tangent->memory);
    free(tangent->node);
    *tangent = (struct tangent){0};
}

static float *place_of(const struct tangent *tangent, size_t node, enum place place)
{
    return tangent->memory + tangent->node[node * PLACES + (size_t)place];
}

static void add(size_t n, const float *from, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

/* One layer's passes: what it sees in them, and the lists that struct pass points to. */
struct view {
    const struct node *node;
    struct layer linear; /* the layer without its activation */
    struct pass pass;
    const float *x[LAYER_MAX_INPUTS], *rx[LAYER_MAX_INPUTS];
    float *w[LAYER_MAX_PARAMS], *rw[LAYER_MAX_PARAMS], *only[LAYER_MAX_PARAMS];
    float *dx[LAYER_MAX_INPUTS];
    float *packed, *rpacked;
    size_t size, width; /* of all outputs; of a row of them */
};

static void view_of(const struct tangent *tangent, size_t i, const struct model_batch *batch,
                    const float *v, struct view *view)
{
    struct model *model = tangent->model;
    const struct node *node = &model->node[i];
    const struct layer *layer = &node->layer;
    *view = (struct view){.node = node, .linear = *layer};
    view->linear.activates = false;
    view->size = shape_size(&layer->out) * (size_t)batch->n;
    view->width = (size_t)layer->out.dim[layer->out.rank - 1];
    view->packed = model->memory + node->packed;
    view->rpacked = place_of(tangent, i, PACKED);
    for (size_t k = 0; k < layer->inputs; k++) {
        int from = node->from[k];
        view->x[k] = from < 0 ? batch->x : model->arena + model->node[from].y;
        view->rx[k] = from < 0 ? tangent->zeros : place_of(tangent, (size_t)from, RY);
    }
    for (size_t p = 0; p < layer->params; p++) {
        const struct param *param = &layer->param[p];
        view->w[p] = model->params + param->offset;
        /* read only, as parameters are in all passes */
        view->rw[p] = param->trainable ? (float *)(uintptr_t)(v + param->offset) : tangent->zeros;
        view->only[p] = p == 0 ? view->w[p] : tangent->zeros;
    }
    view->pass = (struct pass){.n = batch->n,
                               .training = true,
                               .seed = model->seed,
                               .step = batch->step,
                               .ids = batch->ids,
                               .x = view->x,
                               .w = view->w,
                               .dx = view->dx,
                               .packed = view->packed,
                               .scratch = model->memory + model->scratch};
}

static bool activated(const struct model *model, size_t i)
{
    return !(model->output_is_logits && i == model->nodes - 1);
}

static void forward_node(const struct tangent *tangent, size_t i, const struct model_batch *batch,
                         const float *v)
{
    struct view view;
    view_of(tangent, i, batch, v, &view);
    const struct layer_type *type = view.linear.type;
    float *ry = place_of(tangent, i, RY);
    view.pass.y = ry;
    view.pass.w = view.only;
    if (type->tangent) {
        type->tangent(&view.linear, &view.pass, view.rx[0]);
    } else {
        view.pass.x = view.rx;
        type->forward(&view.linear, &view.pass);
    }
    if (type->form == FORM_PRODUCT) {
        view.pass.x = view.x;
        view.pass.y = tangent->extra;
        view.pass.w = view.rw;
        view.pass.packed = view.rpacked;
        if (type->prepare && !batch->same_params)
            type->prepare(&view.linear, &view.pass);
        type->forward(&view.linear, &view.pass);
        add(view.size, tangent->extra, ry);
    }
    if (activated(tangent->model, i))
        activation_backward(view.linear.activation, view.size / view.width, view.width,
                            tangent->model->arena + view.node->y, ry);
}

const float *tangent_forward(struct tangent *tangent, const struct model_batch *batch,
                             const float *v)
{
    for (size_t i = 0; i < tangent->model->nodes; i++)
        forward_node(tangent, i, batch, v);
    return place_of(tangent, tangent->model->nodes - 1, RY);
}

/* R{f'(a)} dy with the f' that activation_backward has, from y and R{y}: tanh -2 y R{y} dy; sigmoid
 * (1 - 2y) R{y} dy; softmax R{y_i} (dy_i - y.dy) - y_i R{y}.dy. */
static void activation_second(const struct layer *layer, const struct view *view, const float *y,
                              const float *ry, const float *dy, float *out)
{
    memset(out, 0, view->size * sizeof *out);
    if (layer->activation == ACT_TANH)
        for (size_t i = 0; i < view->size; i++)
            out[i] = -2.0f * y[i] * ry[i] * dy[i];
    if (layer->activation == ACT_SIGMOID)
        for (size_t i = 0; i < view->size; i++)
            out[i] = (1.0f - 2.0f * y[i]) * ry[i] * dy[i];
    for (size_t at = 0; layer->activation == ACT_SOFTMAX && at < view->size; at += view->width) {
        float dot = 0.0f, rdot = 0.0f;
        for (size_t i = at; i < at + view->width; i++) {
            dot += y[i] * dy[i];
            rdot += ry[i] * dy[i];
        }
        for (size_t i = at; i < at + view->width; i++)
            out[i] = ry[i] * (dy[i] - dot) - y[i] * rdot;
    }
}

static void backward_activation(const struct tangent *tangent, size_t i, const struct view *view)
{
    const struct layer *layer = &view->linear;
    const float *y = tangent->model->arena + view->node->y;
    float *dy = place_of(tangent, i, DY), *rdy = place_of(tangent, i, RDY);
    size_t rows = view->size / view->width;
    activation_second(layer, view, y, place_of(tangent, i, RY), dy, tangent->extra);
    activation_backward(layer->activation, rows, view->width, y, dy);
    activation_backward(layer->activation, rows, view->width, y, rdy);
    add(view->size, tangent->extra, rdy);
}

/* Runs backward with pass as it is, input by input, and adds the gradient to the place of each. */
static void backward_to(const struct tangent *tangent, struct view *view, enum place place)
{
    const struct layer *layer = &view->linear;
    for (size_t k = 0; k < layer->inputs; k++) {
        int from = view->node->from[k];
        view->dx[k] = from < 0 ? NULL : tangent->extra;
        if (from >= 0 || layer->params > 0)
            layer->type->backward(layer, &view->pass);
        view->dx[k] = NULL;
        if (from >= 0)
            add(shape_size(&layer->in[k]) * (size_t)view->pass.n, tangent->extra,
                place_of(tangent, (size_t)from, place));
    }
}

/* The parameters' gradients of this layer: those that count go to product. */
static void backward_node(const struct tangent *tangent, size_t i, const struct model_batch *batch,
                          const float *v, bool full, float *product)
{
    struct view view;
    float *unused[LAYER_MAX_PARAMS], *wanted[LAYER_MAX_PARAMS];
    view_of(tangent, i, batch, v, &view);
    const struct layer *layer = &view.linear;
    if (activated(tangent->model, i))
        backward_activation(tangent, i, &view);
    float *room = tangent->weights;
    for (size_t p = 0; p < layer->params; p++) {
        const struct param *param = &layer->param[p];
        unused[p] = room;
        wanted[p] = param->trainable ? product + param->offset : room;
        room += mem_round(param->size, 16);
    }
    view.pass.dw = wanted;
    view.pass.dy = place_of(tangent, i, RDY);
    backward_to(tangent, &view, RDY);
    if (!full)
        return;
    view.pass.dw = unused;
    view.pass.dy = place_of(tangent, i, DY);
    backward_to(tangent, &view, DY);
    if (layer->type->form != FORM_PRODUCT)
        return;
    view.pass.x = view.rx;
    view.pass.w = view.rw;
    view.pass.packed = view.rpacked;
    backward_to(tangent, &view, RDY);
    if (layer->param[0].trainable)
        add(layer->param[0].size, unused[0], wanted[0]);
}

void tangent_backward(struct tangent *tangent, const struct model_batch *batch, const float *v,
                      const float *dy, const float *rdy, float *product)
{
    struct model *model = tangent->model;
    size_t last = model->nodes - 1, size = shape_size(&model->output) * (size_t)batch->n;
    for (size_t i = 0; i < model->nodes; i++) {
        size_t out = shape_size(&model->node[i].layer.out) * (size_t)batch->n;
        memset(place_of(tangent, i, DY), 0, out * sizeof(float));
        memset(place_of(tangent, i, RDY), 0, out * sizeof(float));
    }
    memcpy(place_of(tangent, last, RDY), rdy, size * sizeof *rdy);
    if (dy)
        memcpy(place_of(tangent, last, DY), dy, size * sizeof *dy);
    for (size_t i = model->nodes; i-- > 0;)
        backward_node(tangent, i, batch, v, dy != NULL, product);
}
