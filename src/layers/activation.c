/* Activation: an activation function as a layer of its own. The function is the common argument
 * `activation`, which the model applies in place; the layer itself passes its input on. */
#include "layers/identity.h"

static const struct field fields[] = {{.key = "activation",
                                       .type = FIELD_CHOICE,
                                       .offset = offsetof(struct layer_common, activation),
                                       .choices = activation_names,
                                       .bare = true,
                                       .help = "which function"},
                                      {0}};
static const struct schema schema = {"Activation", fields, &layer_common_schema};

const struct layer_type layer_activation = {
    .kind = {"Activation", &schema, sizeof(struct layer_common), &layer_activation},
    .infer = identity_infer,
    .forward = identity_forward,
    .backward = identity_backward,
    .copies_gradient = true,
    .form = FORM_LINEAR,
};
