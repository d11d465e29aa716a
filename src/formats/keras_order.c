/* The order in which Keras has the layers of a Functional model, and so their weights: by their
 * longest way to the output, longest first; among equals, in the order in which a search from the
 * output, depth first and through the inputs in order, comes to them.
 * Source: Keras 3, ops/function.py, map_graph. */
#include <stdlib.h>

#include "formats/keras.h"

struct place {
    size_t layer, depth, reached;
};

/* The number in the list of what layer at reads as its input k; last[i] is the number under which
 * the output of node i is read. */
static size_t input_of(const struct keras_view *view, const size_t *last, size_t at, size_t k)
{
    const struct keras_layer *layer = &view->layer[at];
    if (layer->role == KERAS_ACTIVATION)
        return at - 1;
    return layer->node->from[k] < 0 ? 0 : last[layer->node->from[k]];
}

static size_t inputs_of(const struct keras_layer *layer)
{
    if (layer->role == KERAS_INPUT)
        return 0;
    return layer->role == KERAS_ACTIVATION ? 1 : layer->node->layer.inputs;
}

/* Fills in reached; the last layer is the output. */
static void search(const struct keras_view *view, const size_t *last, struct place *place)
{
    size_t waiting = 1, count = 1, edges = 1;
    for (size_t at = 0; at < view->layers; at++)
        edges += inputs_of(&view->layer[at]);
    size_t *stack = mem_need(edges, sizeof *stack);
    stack[0] = view->layers - 1;
    while (waiting > 0) {
        size_t at = stack[--waiting];
        if (place[at].reached)
            continue;
        place[at].reached = count++;
        for (size_t k = inputs_of(&view->layer[at]); k-- > 0;)
            stack[waiting++] = input_of(view, last, at, k);
    }
    free(stack);
}

static int compare(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->depth != b->depth)
        return a->depth > b->depth ? -1 : 1;
    return a->reached < b->reached ? -1 : 1;
}

void keras_order(struct keras_view *view, const size_t *last)
{
    struct place *place = mem_need(view->layers, sizeof *place);
    struct keras_layer *ordered = pool_alloc(&view->pool, view->layers * sizeof *ordered);
    for (size_t at = view->layers; at-- > 0;) {
        place[at].layer = at;
        for (size_t k = 0; k < inputs_of(&view->layer[at]); k++) {
            size_t *depth = &place[input_of(view, last, at, k)].depth;
            *depth = *depth > place[at].depth ? *depth : place[at].depth + 1;
        }
    }
    search(view, last, place);
    qsort(place, view->layers, sizeof *place, compare);
    for (size_t i = 0; i < view->layers; i++)
        ordered[i] = view->layer[place[i].layer];
    view->layer = ordered;
    free(place);
}
