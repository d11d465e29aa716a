/* What an experiment says about the model, and patterns of layers' names in it. */
#include <fnmatch.h>

#include "model/model.h"

static const char *const mismatch_names[] = {"fail", "skip", NULL};

static const struct field weights_fields[] = {
    {.key = "file",
     .type = FIELD_STRING,
     .offset = offsetof(struct weights_spec, file),
     .help = "a checkpoint, a Keras .h5, or a run's folder"},
    {.key = "layers",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct weights_spec, layers),
     .fallback = "['*']",
     .help = "names of layers that take over the weights of the layer of their name; patterns"},
    {.key = "skip",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct weights_spec, skip),
     .fallback = "[]",
     .help = "names of layers that do not, such as a new head; patterns"},
    {.key = "mismatch",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct weights_spec, mismatch),
     .fallback = "fail",
     .choices = mismatch_names,
     .help = "what to do with a layer that the file lacks or has in another shape"},
    {0}};
static const struct schema weights_schema = {"weights", weights_fields, NULL};

static const struct field model_fields[] = {
    {.key = "input",
     .type = FIELD_INTS,
     .offset = offsetof(struct model_spec, input),
     .min = 1,
     .max = 1 << 24,
     .help = "shape of a sample: [height, width, channels] or [features]"},
    {.key = "layers",
     .type = FIELD_VARIANTS,
     .offset = offsetof(struct model_spec, layers),
     .kinds = layer_kinds,
     .help = "in order; each reads the one before unless inputs says more"},
    {.key = "weights",
     .type = FIELD_STRUCT,
     .offset = offsetof(struct model_spec, weights),
     .schema = &weights_schema,
     .size = sizeof(struct weights_spec),
     .fallback = "null",
     .nullable = true,
     .hidden = true,
     .help = "another model's weights to start from"},
    {.key = "freeze",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct model_spec, freeze),
     .fallback = "[]",
     .hidden = true,
     .help = "names of layers that stay as they are, as by trainable: false; patterns"},
    {0}};
const struct schema model_schema = {"model", model_fields, NULL};

bool model_name_matches(const struct string_list *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->n; i++)
        if (fnmatch(patterns->v[i], name, 0) == 0)
            return true;
    return false;
}

enum status model_check_patterns(const struct model *model, const char *key,
                                 const struct string_list *patterns)
{
    for (size_t i = 0; i < patterns->n; i++) {
        const struct string_list one = {1, &patterns->v[i]};
        bool found = false;
        for (size_t n = 0; n < model->nodes && !found; n++)
            found = model_name_matches(&one, model->node[n].layer.name);
        FAIL_IF(!found, ST_USAGE, "%s: '%s' is no layer of the model", key, patterns->v[i]);
    }
    return ST_OK;
}
