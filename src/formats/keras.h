/* How Keras sees a model: its list of layers.
 *
 * It differs from ours in three places. The model's input is a layer, InputLayer. And in Keras only
 * some classes take the argument `activation`; behind one that does not, a layer Activation is put,
 * which those read that read the layer. Last, Keras sorts the layers of a graph, and takes the
 * weights in a file to be in that order. */
#ifndef CONVOY_FORMATS_KERAS_H
#define CONVOY_FORMATS_KERAS_H

#include "model/model.h"

enum keras_role {
    KERAS_INPUT,
    KERAS_LAYER,     /* a node of ours; its activation, if any, is not an argument of its class */
    KERAS_ACTIVATED, /* a node of ours with the argument `activation` */
    KERAS_ACTIVATION /* the Activation behind a node */
};

struct keras_layer {
    enum keras_role role;
    const char *name;
    const struct node *node; /* NULL: KERAS_INPUT */
};

struct keras_view {
    bool chain;    /* a Sequential; else a Functional */
    size_t layers; /* in Keras's order; the InputLayer is the first of them */
    struct keras_layer *layer;
    const char **output; /* per node: the name under which its output is read */
    struct pool pool;
};

/* Puts the layers of a graph, which are in the order of the model, into Keras's; for
 * keras_view_init. last[i]: the number of the layer under which the output of node i is read. */
void keras_order(struct keras_view *view, const size_t *last);

void keras_view_init(struct keras_view *view, const struct model *model);
void keras_view_release(struct keras_view *view);

#endif
