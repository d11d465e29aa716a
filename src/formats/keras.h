/* How Keras sees a model: its list of layers.
 *
 * It differs from ours in two places. The model's input is a layer, InputLayer. And in Keras only
 * some classes take the argument `activation`; behind one that does not, a layer Activation is put,
 * which those read that read the layer. */
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
    size_t layers; /* the InputLayer is the first of them */
    struct keras_layer *layer;
    const char **output; /* per node: the name under which its output is read */
    struct pool pool;
};

void keras_view_init(struct keras_view *view, const struct model *model);
void keras_view_release(struct keras_view *view);

#endif
