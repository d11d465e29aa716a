/* The table that convoy summary prints. */
#include <stdio.h>
#include <string.h>

#include "model/summary.h"

size_t summary_parameters(const struct layer *layer)
{
    size_t count = 0;
    for (size_t p = 0; p < layer->params; p++)
        count += layer->param[p].size;
    return count;
}

const char *summary_number(size_t number)
{
    enum { RING = 6, LENGTH = 32 };
    static char ring[RING][LENGTH];
    static int next;
    char digits[LENGTH], *out = ring[next++ % RING];
    int length = snprintf(digits, sizeof digits, "%zu", number), used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}

const char *summary_flops(double flops)
{
    enum { RING = 4, LENGTH = 32 };
    static char ring[RING][LENGTH];
    static int next;
    static const char *const unit[] = {"", "K", "M", "G", "T"};
    char *out = ring[next++ % RING];
    int u = 0;
    while (flops >= 1000.0 && u < 4) {
        flops /= 1000.0;
        u++;
    }
    snprintf(out, LENGTH, u ? "%.2f %s" : "%.0f%s", flops, unit[u]);
    return out;
}

static const char *name_of(const struct model *model, int from)
{
    return from < 0 ? "input" : model->node[from].layer.name;
}

void summary_inputs(const struct model *model, size_t i, struct text *out)
{
    const struct node *node = &model->node[i];
    if (node->layer.inputs == 1 && node->from[0] == (int)i - 1)
        return;
    for (size_t k = 0; k < node->layer.inputs; k++)
        text_add(out, "%s%s", k ? ", " : "", name_of(model, node->from[k]));
}

static void add_inputs(const struct model *model, size_t i, struct text *out)
{
    struct text names = {0};
    summary_inputs(model, i, &names);
    if (names.length)
        text_add(out, "  reads %s", names.data);
    text_release(&names);
}

/* "  winograd", or where the passes differ "  direct, winograd, direct" */
static void add_algorithm(const struct layer *layer, struct text *out)
{
    const char *const *a = layer->algorithm;
    if (!a[0])
        return;
    if (a[PASS_INPUT] == a[PASS_FORWARD] && a[PASS_WEIGHTS] == a[PASS_FORWARD])
        text_add(out, "  %s", a[PASS_FORWARD]);
    else
        text_add(out, "  %s, %s, %s", a[PASS_FORWARD], a[PASS_INPUT], a[PASS_WEIGHTS]);
}

static double model_flops(const struct model *model)
{
    double flops = 0.0;
    for (size_t i = 0; i < model->nodes; i++)
        flops += model->node[i].layer.flops;
    return flops;
}

static void table(const struct model *model, bool explain, struct text *out)
{
    text_add(out, "%-38s %-18s %12s %10s\n", "layer (type)", "output shape", "parameters", "FLOPs");
    text_add(out, "%-38s %-18s %12s %10s\n", "input", shape_text(&model->input), "", "");
    for (size_t i = 0; i < model->nodes; i++) {
        const struct layer *layer = &model->node[i].layer;
        char title[128];
        snprintf(title, sizeof title, "%s (%s%s%s)", layer->name, layer->type->kind.name,
                 layer->activation == ACT_LINEAR ? "" : ", ",
                 layer->activation == ACT_LINEAR ? "" : activation_names[layer->activation]);
        text_add(out, "%-38s %-18s %12s %10s", title, shape_text(&layer->out),
                 summary_number(summary_parameters(layer)), summary_flops(layer->flops));
        add_algorithm(layer, out);
        add_inputs(model, i, out);
        text_add(out, "\n");
        if (explain && layer->type->explain) {
            text_add(out, "    ");
            layer->type->explain(layer, out);
            text_add(out, "\n");
        }
    }
}

void model_summary(const struct model *model, bool explain, struct text *out)
{
    text_add(out, "model %s\n\n", model->name);
    table(model, explain, out);
    text_add(out, "\nparameters: %s (%s trainable)\n", summary_number(model->parameters),
             summary_number(model->trainable_parameters));
    text_add(out, "FLOPs per sample: %s forward, about %s trained\n",
             summary_flops(model_flops(model)), summary_flops(3.0 * model_flops(model)));
    text_add(out, "memory per rank: %.2f MiB of parameters, %.2f MiB for microbatches of %d\n",
             (double)(model->total * sizeof(float)) / 1048576.0,
             (double)(model->arena_size * sizeof(float)) / 1048576.0, model->microbatch);
}

static void json_shape(const struct shape *shape, struct text *out)
{
    text_add(out, "[");
    for (int i = 0; i < shape->rank; i++)
        text_add(out, "%s%lld", i ? ", " : "", (long long)shape->dim[i]);
    text_add(out, "]");
}

static void json_layer(const struct model *model, size_t i, struct text *out)
{
    const struct layer *layer = &model->node[i].layer;
    text_add(out, "    {\"name\": ");
    json_string(out, layer->name);
    text_add(out, ", \"type\": \"%s\", \"activation\": \"%s\", \"inputs\": [",
             layer->type->kind.name, activation_names[layer->activation]);
    for (size_t k = 0; k < layer->inputs; k++) {
        text_add(out, k ? ", " : "");
        json_string(out, name_of(model, model->node[i].from[k]));
    }
    text_add(out, "], \"output_shape\": ");
    json_shape(&layer->out, out);
    text_add(out, ", \"parameters\": %zu, \"flops\": %.0f", summary_parameters(layer),
             layer->flops);
    const char *const *a = layer->algorithm;
    if (a[0])
        text_add(out,
                 ", \"algorithm\": {\"forward\": \"%s\", \"input_gradient\": \"%s\", "
                 "\"weight_gradient\": \"%s\"}",
                 a[PASS_FORWARD], a[PASS_INPUT], a[PASS_WEIGHTS]);
    text_add(out, "}");
}

void model_summary_json(const struct model *model, struct text *out)
{
    text_add(out, "{\n  \"name\": ");
    json_string(out, model->name);
    text_add(out, ",\n  \"input_shape\": ");
    json_shape(&model->input, out);
    text_add(out, ",\n  \"layers\": [\n");
    for (size_t i = 0; i < model->nodes; i++) {
        json_layer(model, i, out);
        text_add(out, i + 1 < model->nodes ? ",\n" : "\n");
    }
    text_add(out, "  ],\n  \"parameters\": %zu,\n  \"trainable_parameters\": %zu,\n",
             model->parameters, model->trainable_parameters);
    text_add(out,
             "  \"flops\": %.0f,\n  \"parameter_bytes\": %zu,\n  \"activation_bytes\": %zu\n}\n",
             model_flops(model), model->total * sizeof(float), model->arena_size * sizeof(float));
}
