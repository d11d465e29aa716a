/* The JSON by which Keras rebuilds a model and compiles it.
 *
 * Layers, initializers, regularizers and optimizers bear Keras's names and arguments, so that one
 * mapping from schema to JSON serves them all: nothing here knows a layer. The form is the one of
 * Keras 2, which Keras 3 reads as well (tried with 2.15 and 3.15): batch_input_shape, inbound_nodes
 * as lists, {"class_name": ..., "config": {...}} for every object. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "formats/checkpoint.h"
#include "formats/keras.h"
#include "optimizers/optimizer.h"

static void add_fields(struct text *out, const struct schema *schema, const void *args);

/* "he_normal" to "HeNormal", "l1_l2" to "L1L2"; "Adam" stays. */
static void add_class_name(struct text *out, const char *name)
{
    char class_name[64];
    size_t used = 0;
    for (size_t i = 0; name[i] && used + 1 < sizeof class_name; i++)
        if (name[i] != '_')
            class_name[used++] =
                i == 0 || name[i - 1] == '_' ? (char)toupper((unsigned char)name[i]) : name[i];
    class_name[used] = '\0';
    json_string(out, class_name);
}

/* module: where Keras finds the class; NULL: it knows by the argument. */
static void add_class(struct text *out, const struct variant *variant, const char *module)
{
    if (!variant->kind) {
        text_add(out, "null");
        return;
    }
    text_add(out, "{");
    if (module)
        text_add(out, "\"module\": \"%s\", \"registered_name\": null, ", module);
    text_add(out, "\"class_name\": ");
    add_class_name(out, variant->kind->name);
    text_add(out, ", \"config\": {");
    if (variant->kind->schema)
        add_fields(out, variant->kind->schema, variant->args);
    text_add(out, "}}");
}

static void add_object(struct text *out, const struct variant *variant)
{
    add_class(out, variant, NULL);
}

static void add_integer(struct text *out, int64_t value)
{
    if (value == FIELD_NONE)
        text_add(out, "null");
    else
        text_add(out, "%lld", (long long)value);
}

/* Python distinguishes 1 from 1.0. */
static void add_float(struct text *out, double value)
{
    size_t start = out->length;
    json_number(out, value);
    if (isfinite(value) && !strpbrk(out->data + start, ".eE"))
        text_add(out, ".0");
}

static void add_text(struct text *out, const char *value)
{
    if (value)
        json_string(out, value);
    else
        text_add(out, "null");
}

/* Comma between the items of a list. */
static void separate(struct text *out, size_t index)
{
    if (index > 0)
        text_add(out, ", ");
}

static void add_list(struct text *out, const struct field *field, const void *value)
{
    const struct variant_list *variants = value;
    const struct string_list *strings = value;
    const struct float_list *floats = value;
    const struct int_list *ints = value;
    if (field->nullable && !ints->v) {
        text_add(out, "null");
        return;
    }
    text_add(out, "[");
    for (size_t i = 0; i < ints->n; i++) { /* n is the first member of each of them */
        separate(out, i);
        if (field->type == FIELD_VARIANTS)
            add_object(out, &variants->v[i]);
        else if (field->type == FIELD_STRINGS)
            add_text(out, strings->v[i]);
        else if (field->type == FIELD_FLOATS)
            add_float(out, floats->v[i]);
        else
            add_integer(out, ints->v[i]);
    }
    text_add(out, "]");
}

/* [a, b] */
static void add_pair(struct text *out, const int64_t pair[2])
{
    text_add(out, "[%lld, %lld]", (long long)pair[0], (long long)pair[1]);
}

static void add_struct(struct text *out, const struct field *field, const void *value)
{
    const void *inner = field->nullable ? *(const void *const *)value : value;
    text_add(out, inner ? "{" : "null");
    if (inner) {
        add_fields(out, field->schema, inner);
        text_add(out, "}");
    }
}

/* A kind that a number alone stands for is the number. */
static void add_variant(struct text *out, const struct field *field, const struct variant *variant)
{
    if (!field->plain || variant->kind != field->plain) {
        add_class(out, variant,
                  field->kinds == schedule_kinds ? "keras.optimizers.schedules" : NULL);
        return;
    }
    const struct field *bare = schema_bare(variant->kind->schema);
    add_float(out, *(const double *)(const void *)((const char *)variant->args + bare->offset));
}

static void add_value(struct text *out, const struct field *field, const void *value)
{
    const int64_t *pairs = value;
    int choice;
    switch (field->type) {
    case FIELD_BOOL:
        text_add(out, *(const bool *)value ? "true" : "false");
        break;
    case FIELD_INT:
        add_integer(out, *(const int64_t *)value);
        break;
    case FIELD_FLOAT:
        add_float(out, *(const double *)value);
        break;
    case FIELD_STRING:
        add_text(out, *(char *const *)value);
        break;
    case FIELD_CHOICE:
        choice = *(const int *)value;
        add_text(out, choice < 0 ? NULL : field->choices[choice]);
        break;
    case FIELD_PAIR:
        if (pairs[0] == FIELD_NONE)
            text_add(out, "null");
        else
            add_pair(out, pairs);
        break;
    case FIELD_MARGINS:
        text_add(out, "[");
        add_pair(out, pairs);
        text_add(out, ", ");
        add_pair(out, pairs + 2);
        text_add(out, "]");
        break;
    case FIELD_NUMBERS: /* nothing of Keras's has one */
        MUST(false, "field '%s'", field->key);
        break;
    case FIELD_STRUCT:
        add_struct(out, field, value);
        break;
    case FIELD_VARIANT:
    case FIELD_TAGGED:
        add_variant(out, field, value);
        break;
    case FIELD_INTS:
    case FIELD_FLOATS:
    case FIELD_STRINGS:
    case FIELD_VARIANTS:
        add_list(out, field, value);
        break;
    }
}

/* "key": value, for all fields of the schema and its base, but for what every layer has: that is
 * not Keras's, or not where Keras has it. Hidden fields go without saying. */
static void add_part(struct text *out, const struct schema *whole, const struct schema *part,
                     const void *args)
{
    if (part->base && part->base != &layer_common_schema)
        add_part(out, whole, part->base, args);
    for (const struct field *field = part->fields; field->key; field++) {
        if (field->hidden || schema_replaces(whole, part, field))
            continue;
        separate(out, out->data[out->length - 1] == '{' ? 0 : 1);
        json_string(out, field->key);
        text_add(out, ": ");
        add_value(out, field, (const char *)args + field->offset);
    }
}

static void add_fields(struct text *out, const struct schema *schema, const void *args)
{
    add_part(out, schema, schema, args);
}

/* ---- The model ---- */

/* Does the layer name several axes? Keras 3 forgets such a list when it reads a layer in the form
 * of Keras 2, and one in its own form has a module. */
static bool has_axes(const struct layer *layer)
{
    for (const struct field *field = layer->type->kind.schema->fields; field->key; field++)
        if (field->type == FIELD_INTS && strcmp(field->key, "axis") == 0)
            return ((const struct int_list *)(const void *)((const char *)layer->args +
                                                            field->offset))
                       ->n > 1;
    return false;
}

/* name, trainable, dtype: what each of Keras's layers has */
static void add_layer_head(struct text *out, const char *class_name, const char *name)
{
    text_add(out, "{\"class_name\": ");
    json_string(out, class_name);
    text_add(out, ", \"config\": {\"name\": ");
    json_string(out, name);
    text_add(out, ", \"dtype\": \"float32\"");
}

static void add_input_layer(struct text *out, const char *name, const struct shape *shape)
{
    add_layer_head(out, "InputLayer", name);
    text_add(out, ", \"batch_input_shape\": [null");
    for (int i = 0; i < shape->rank; i++)
        text_add(out, ", %lld", (long long)shape->dim[i]);
    text_add(out, "]}");
}

static void add_activation(struct text *out, const struct layer_common *common)
{
    text_add(out, ", \"activation\": ");
    json_string(out, activation_names[common->activation]);
}

static void add_layer(struct text *out, const struct keras_layer *self)
{
    const struct layer *layer = &self->node->layer;
    const struct layer_common *common = layer->args;
    if (self->role == KERAS_ACTIVATION) {
        add_layer_head(out, "Activation", self->name);
        add_activation(out, common);
    } else {
        add_layer_head(out, layer->type->kind.name, self->name);
        if (layer->params > 0) /* not all of Keras's classes take it */
            text_add(out, ", \"trainable\": %s", layer->trainable ? "true" : "false");
        if (self->role == KERAS_ACTIVATED)
            add_activation(out, common);
        add_fields(out, layer->type->kind.schema, layer->args);
    }
    text_add(out, "}%s",
             self->role != KERAS_ACTIVATION && has_axes(layer) ? ", \"module\": \"keras.layers\""
                                                               : "");
}

/* ["conv2d", 0, 0]: the first output of the layer's first call; then arguments of the call. */
static void add_tensor(struct text *out, const char *layer, const char *more)
{
    text_add(out, "[");
    json_string(out, layer);
    text_add(out, ", 0, 0%s]", more);
}

static void add_inbound_nodes(struct text *out, const struct keras_view *view,
                              const struct keras_layer *layer)
{
    text_add(out, ", \"name\": ");
    json_string(out, layer->name);
    text_add(out, ", \"inbound_nodes\": [");
    if (layer->role == KERAS_ACTIVATION) {
        text_add(out, "[");
        add_tensor(out, layer->node->layer.name, ", {}");
        text_add(out, "]");
    } else if (layer->role != KERAS_INPUT) {
        text_add(out, "[");
        for (size_t i = 0; i < layer->node->layer.inputs; i++) {
            int from = layer->node->from[i];
            separate(out, i);
            add_tensor(out, from < 0 ? view->layer[0].name : view->output[from], ", {}");
        }
        text_add(out, "]");
    }
    text_add(out, "]");
}

static void add_layers(struct text *out, const struct keras_view *view, const struct model *model)
{
    text_add(out, "\"layers\": [");
    for (size_t i = 0; i < view->layers; i++) {
        separate(out, i);
        if (view->layer[i].role != KERAS_INPUT)
            add_layer(out, &view->layer[i]);
        else
            add_input_layer(out, view->layer[i].name, &model->input);
        if (!view->chain)
            add_inbound_nodes(out, view, &view->layer[i]);
        text_add(out, "}");
    }
    text_add(out, "]");
}

void keras_model_config(const struct model *model, struct text *out)
{
    struct keras_view view;
    keras_view_init(&view, model);
    text_add(out, "{\"class_name\": \"%s\", \"config\": {\"name\": ",
             view.chain ? "Sequential" : "Functional");
    json_string(out, model->name);
    text_add(out, ", \"trainable\": true, ");
    add_layers(out, &view, model);
    if (!view.chain) {
        text_add(out, ", \"input_layers\": [");
        add_tensor(out, view.layer[0].name, "");
        text_add(out, "], \"output_layers\": [");
        add_tensor(out, view.output[model->nodes - 1], "");
        text_add(out, "]");
    }
    text_add(out, "}}");
    keras_view_release(&view);
}

/* A name that says it all, where the arguments are the default ones; else an object. */
static void add_named(struct text *out, const struct variant *variant)
{
    struct pool pool = {0};
    struct text plain = {0}, own = {0};
    struct variant fresh = {.kind = variant->kind};
    const struct schema *schema = variant->kind->schema;
    if (schema) {
        fresh.args = pool_alloc(&pool, variant->kind->size);
        enum status status = schema_read_text("{}", schema, fresh.args, &pool);
        MUST(status == ST_OK, "%s: %s", variant->kind->name, status_message());
    }
    add_object(&plain, &fresh);
    add_object(&own, variant);
    if (strcmp(plain.data, own.data) == 0)
        json_string(out, variant->kind->name);
    else
        text_add(out, "%s", own.data);
    text_release(&plain);
    text_release(&own);
    pool_release(&pool);
}

void keras_training_config(const struct checkpoint_training *training, struct text *out)
{
    text_add(out, "{\"loss\": ");
    add_named(out, training->loss);
    text_add(out, ", \"metrics\": [");
    for (size_t i = 0; i < training->metrics->n; i++) {
        separate(out, i);
        add_named(out, &training->metrics->v[i]);
    }
    text_add(out, "], \"weighted_metrics\": null, \"loss_weights\": null, \"optimizer_config\": ");
    add_object(out, training->optimizer);
    text_add(out, "}");
}

bool keras_compiles(const struct checkpoint_training *training)
{
    const struct optimizer_type *optimizer = training->optimizer->kind->impl;
    const struct optimizer_common *common = training->optimizer->args;
    const struct kind *schedule = common->learning_rate.kind;
    return !optimizer->ours && (schedule == &schedule_constant ||
                                !((const struct schedule_type *)schedule->impl)->ours);
}
