#include "train/experiment.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "optimizers/optimizer.h"
#include "train/callbacks.h"
#include "train/metrics.h"

static const struct field split_fields[] = {
    {.key = "split",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct split_args, split),
     .min = 0,
     .max = 4e9,
     .help = "held out from train: a fraction below 1, or a count of samples"},
    {.key = "stratify",
     .type = FIELD_BOOL,
     .offset = offsetof(struct split_args, stratify),
     .fallback = "false",
     .help = "every class gives its share"},
    {0}};
static const struct schema split_schema = {"validation", split_fields, NULL};
const struct kind split_kind = {"split", &split_schema, sizeof(struct split_args), NULL};

#define FORMAT(name) extern const struct format format_##name;
#include "data/formats.def"
#undef FORMAT

static const struct kind *const validation_kinds[] = {&split_kind,
#define FORMAT(name) &format_##name.kind,
#include "data/formats.def"
#undef FORMAT
                                                      NULL};

static const char *const standardize_names[] = {"none", "channel", "feature", NULL};

static const struct field data_fields[] = {
    {.key = "folder",
     .type = FIELD_STRING,
     .offset = offsetof(struct data_spec, folder),
     .fallback = "null",
     .nullable = true,
     .help = "where relative file names start; by default the experiment's folder"},
    {.key = "train",
     .type = FIELD_TAGGED,
     .offset = offsetof(struct data_spec, train),
     .kinds = format_kinds,
     .tag = "format",
     .help = "the training set"},
    {.key = "validation",
     .type = FIELD_TAGGED,
     .offset = offsetof(struct data_spec, validation),
     .kinds = validation_kinds,
     .tag = "format",
     .fallback = "null",
     .nullable = true,
     .help = "{split: 0.1} of train, or a set of its own"},
    {.key = "test",
     .type = FIELD_TAGGED,
     .offset = offsetof(struct data_spec, test),
     .kinds = format_kinds,
     .tag = "format",
     .fallback = "null",
     .nullable = true,
     .help = "the set that convoy evaluate uses"},
    {.key = "rescale",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct data_spec, rescale),
     .fallback = "1.0",
     .help = "inputs are multiplied by this first"},
    {.key = "offset",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct data_spec, offset),
     .fallback = "0.0",
     .help = "then this is added"},
    {.key = "standardize",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct data_spec, standardize),
     .fallback = "none",
     .choices = standardize_names,
     .help = "mean 0, deviation 1 per channel or per feature, measured on the training samples"},
    {.key = "one_hot",
     .type = FIELD_BOOL,
     .offset = offsetof(struct data_spec, one_hot),
     .fallback = "false",
     .help = "class numbers become vectors"},
    {.key = "augment",
     .type = FIELD_VARIANTS,
     .offset = offsetof(struct data_spec, augment),
     .kinds = augment_kinds,
     .fallback = "[]",
     .help = "what changes training samples at random, in this order"},
    {0}};
static const struct schema data_schema = {"data", data_fields, NULL};

/* model.layers may begin with Keras's augmentation layers: they are moved to data.augment. */
#define AUGMENTATION(name) extern const struct augmentation augment_##name;
#include "data/augment.def"
#undef AUGMENTATION
#define LAYER(symbol) extern const struct layer_type symbol;
#include "layers/layers.def"
#undef LAYER

static const struct kind *const layer_or_augment_kinds[] = {
#define LAYER(symbol) &symbol.kind,
#include "layers/layers.def"
#undef LAYER
#define AUGMENTATION(name) &augment_##name.kind,
#include "data/augment.def"
#undef AUGMENTATION
    NULL};

static const struct field layers_fields[] = {
    {.key = "layers",
     .type = FIELD_VARIANTS,
     .offset = offsetof(struct model_spec, layers),
     .kinds = layer_or_augment_kinds,
     .help = "in order; each reads the one before unless inputs says more"},
    {0}};
static const struct schema layers_schema = {"model", layers_fields, &model_schema};

static const char *const scale_names[] = {"none", "linear", "sqrt", NULL};

static const struct field compile_fields[] = {
    {.key = "optimizer",
     .type = FIELD_VARIANT,
     .offset = offsetof(struct compile_spec, optimizer),
     .kinds = optimizer_kinds,
     .fallback = "Adam",
     .help = "how the parameters move"},
    {.key = "loss",
     .type = FIELD_VARIANT,
     .offset = offsetof(struct compile_spec, loss),
     .kinds = loss_kinds,
     .aliases = loss_aliases,
     .help = "what is minimised"},
    {.key = "metrics",
     .type = FIELD_VARIANTS,
     .offset = offsetof(struct compile_spec, metrics),
     .kinds = metric_kinds,
     .aliases = metric_aliases,
     .fallback = "[]",
     .help = "what is watched: accuracy, AUC, mae"},
    {.key = "exclude_from_weight_decay",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct compile_spec, exclude_from_weight_decay),
     .fallback = "[]",
     .help = "parts of the paths of parameters that do "
             "not decay (bias, gamma, beta)"},
    {.key = "warmup_steps",
     .type = FIELD_INT,
     .offset = offsetof(struct compile_spec, warmup_steps),
     .fallback = "0",
     .min = 0,
     .max = 1e15,
     .help = "steps in which the learning rate rises to "
             "where its schedule then starts"},
    {.key = "scale_with_batch",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct compile_spec, scale_with_batch),
     .fallback = "none",
     .choices = scale_names,
     .help = "learning rate times batch_size / "
             "reference_batch_size, or its root"},
    {.key = "reference_batch_size",
     .type = FIELD_INT,
     .offset = offsetof(struct compile_spec, reference_batch_size),
     .fallback = "256",
     .min = 1,
     .max = 1 << 30,
     .help = "the batch that the learning rate is meant "
             "for"},
    {0}};
static const struct schema compile_schema = {"compile", compile_fields, NULL};

static const char *const class_weight_names[] = {"balanced", NULL};

static const struct field fit_fields[] = {
    {.key = "batch_size",
     .type = FIELD_INT,
     .offset = offsetof(struct fit_spec, batch_size),
     .fallback = "64",
     .min = 1,
     .max = 1 << 30,
     .word = "full",
     .help = "samples a step, over all ranks; full: all training samples"},
    {.key = "microbatch_size",
     .type = FIELD_INT,
     .offset = offsetof(struct fit_spec, microbatch_size),
     .fallback = "16",
     .min = 1,
     .max = 1 << 20,
     .help = "samples at once: the unit that is shared out to the ranks"},
    {.key = "epochs",
     .type = FIELD_INT,
     .offset = offsetof(struct fit_spec, epochs),
     .fallback = "10",
     .min = 1,
     .max = 1 << 30,
     .help = "passes over the training set"},
    {.key = "shuffle",
     .type = FIELD_BOOL,
     .offset = offsetof(struct fit_spec, shuffle),
     .fallback = "true",
     .help = "another order every epoch"},
    {.key = "class_weight",
     .type = FIELD_NUMBERS,
     .offset = offsetof(struct fit_spec, class_weight),
     .fallback = "null",
     .max = 1e30,
     .choices = class_weight_names,
     .nullable = true,
     .help =
         "{class: weight in the training loss}; balanced: rare classes count as much as others"},
    {.key = "callbacks",
     .type = FIELD_VARIANTS,
     .offset = offsetof(struct fit_spec, callbacks),
     .kinds = callback_kinds,
     .fallback = "[]",
     .help = "what happens between steps and epochs"},
    {0}};
static const struct schema fit_schema = {"fit", fit_fields, NULL};

static const struct field kernels_fields[] = {
    {.key = "conv",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct kernels_spec, conv),
     .fallback = "auto",
     .choices = conv_method_names,
     .help = "direct, winograd where it can, or auto: by shape"},
    {0}};
static const struct schema kernels_schema = {"kernels", kernels_fields, NULL};

const char *const backend_names[] = {"native", "blas", "reference", NULL};

static const struct field experiment_fields[] = {{.key = "name",
                                                  .type = FIELD_STRING,
                                                  .offset = offsetof(struct experiment, name),
                                                  .help = "names the run and its folder"},
                                                 {.key = "seed",
                                                  .type = FIELD_INT,
                                                  .offset = offsetof(struct experiment, seed),
                                                  .fallback = "0",
                                                  .min = 0,
                                                  .max = 9e18,
                                                  .help = "of everything that is drawn"},
                                                 {.key = "data",
                                                  .type = FIELD_STRUCT,
                                                  .offset = offsetof(struct experiment, data),
                                                  .schema = &data_schema,
                                                  .help = "the samples"},
                                                 {.key = "model",
                                                  .type = FIELD_STRUCT,
                                                  .offset = offsetof(struct experiment, model),
                                                  .schema = &layers_schema,
                                                  .help = "the network"},
                                                 {.key = "compile",
                                                  .type = FIELD_STRUCT,
                                                  .offset = offsetof(struct experiment, compile),
                                                  .schema = &compile_schema,
                                                  .help = "loss, optimizer, metrics"},
                                                 {.key = "fit",
                                                  .type = FIELD_STRUCT,
                                                  .offset = offsetof(struct experiment, fit),
                                                  .schema = &fit_schema,
                                                  .fallback = "{}",
                                                  .help = "how it is trained"},
                                                 {.key = "backend",
                                                  .type = FIELD_CHOICE,
                                                  .offset = offsetof(struct experiment, backend),
                                                  .fallback = "native",
                                                  .choices = backend_names,
                                                  .help = "who does the arithmetic"},
                                                 {.key = "kernels",
                                                  .type = FIELD_STRUCT,
                                                  .offset = offsetof(struct experiment, kernels),
                                                  .schema = &kernels_schema,
                                                  .fallback = "{}",
                                                  .help = "how the native backend does it"},
                                                 {0}};
const struct schema experiment_schema = {"experiment", experiment_fields, NULL};

static enum status check(const struct experiment *e)
{
    const char *name = e->name;
    FAIL_IF(name[0] == '\0' || name[0] == '.' || strchr(name, '/'), ST_USAGE,
            "%s: name: found \"%s\", expected a name that can be a folder's", e->path, name);
    FAIL_IF(e->fit.batch_size != FIELD_NONE && e->fit.microbatch_size > e->fit.batch_size, ST_USAGE,
            "%s: fit.microbatch_size: found %lld, expected at most fit.batch_size, which is %lld",
            e->path, (long long)e->fit.microbatch_size, (long long)e->fit.batch_size);
    TRY(optimizer_check(&e->compile.optimizer));
    return callbacks_check(&e->fit.callbacks, e->compile.optimizer.args);
}

static bool is_augmentation(const struct variant *layer)
{
    for (const struct kind *const *kind = augment_kinds; *kind; kind++)
        if (layer->kind == *kind)
            return true;
    return false;
}

/* The leading augmentations of model.layers go behind those of data.augment, which act first. */
static enum status move_augmentations(struct experiment *e)
{
    struct variant_list *layers = &e->model.layers, *augment = &e->data.augment;
    size_t leading = 0, had = augment->n;
    while (leading < layers->n && is_augmentation(&layers->v[leading]))
        leading++;
    for (size_t i = leading; i < layers->n; i++)
        FAIL_IF(is_augmentation(&layers->v[i]), ST_USAGE,
                "%slayer %s: samples are augmented before the first layer only; put it there or "
                "into data.augment",
                position_text(layers->v[i].position), layers->v[i].kind->name);
    if (leading == 0)
        return ST_OK;
    e->augment = mem_need(had + leading, sizeof *e->augment);
    for (size_t i = 0; i < had + leading; i++)
        e->augment[i] = i < had ? augment->v[i] : layers->v[i - had];
    *augment = (struct variant_list){had + leading, e->augment};
    layers->v += leading;
    layers->n -= leading;
    log_info("%s: the first %zu of model.layers augment: they are taken as data.augment", e->path,
             leading);
    return ST_OK;
}

static char *folder_of(const char *path)
{
    char *folder = mem_need(strlen(path) + 2, 1);
    const char *slash = strrchr(path, '/');
    if (slash)
        memcpy(folder, path, slash == path ? 1 : (size_t)(slash - path));
    else
        folder[0] = '.';
    return folder;
}

/* The other model's file is absolute too. */
static void resolve_weights(struct experiment *e)
{
    struct weights_spec *weights = e->model.weights;
    char *path = weights ? realpath(weights->file, NULL) : NULL;
    if (path)
        weights->file = e->weights_file = path;
}

/* data.folder is absolute from here on, so that the run's own copy of the experiment finds the
 * data. */
static void resolve_folder(struct experiment *e)
{
    const char *named = e->data.folder;
    char *beside = folder_of(e->path);
    struct text folder = {0};
    text_add(&folder, "%s%s%s", named && *named == '/' ? "" : beside, named ? "/" : "",
             named ? named : "");
    e->folder = realpath(folder.data, NULL);
    if (!e->folder) { /* not there: data_find will say where it looked */
        e->folder = mem_need(folder.length + 1, 1);
        strcpy(e->folder, folder.data);
    }
    e->data.folder = e->folder;
    text_release(&folder);
    free(beside);
}

static enum status read_document(struct document *document, const char *path,
                                 struct experiment **out)
{
    struct experiment *e = mem_need(1, sizeof *e);
    e->document = document;
    e->path = mem_need(strlen(path) + 1, 1);
    strcpy(e->path, path);
    enum status status = document_read(document, &experiment_schema, e);
    if (status == ST_OK)
        status = check(e);
    if (status == ST_OK)
        status = move_augmentations(e);
    if (status == ST_OK) {
        resolve_folder(e);
        resolve_weights(e);
    }
    if (status != ST_OK) {
        experiment_free(e);
        return status;
    }
    *out = e;
    return ST_OK;
}

enum status experiment_load(const char *path, char *const *overrides, size_t count,
                            struct experiment **out)
{
    struct document *document = NULL;
    *out = NULL;
    TRY(document_load(path, &document));
    for (size_t i = 0; i < count; i++) {
        enum status status = document_set(document, overrides[i]);
        if (status != ST_OK) {
            document_free(document);
            return status;
        }
    }
    return read_document(document, path, out);
}

enum status experiment_parse(const char *name, const char *text, struct experiment **out)
{
    struct document *document = NULL;
    *out = NULL;
    TRY(document_parse(name, text, strlen(text), &document));
    return read_document(document, name, out);
}

void experiment_free(struct experiment *experiment)
{
    if (!experiment)
        return;
    document_free(experiment->document);
    free(experiment->path);
    free(experiment->folder);
    free(experiment->weights_file);
    free(experiment->augment);
    free(experiment);
}

enum status experiment_build(const struct experiment *experiment, struct model **model)
{
    const struct kernels *kernels = NULL;
    TRY(kernels_find(backend_names[experiment->backend], &kernels));
    FAIL_IF(experiment->kernels.conv == CONV_WINOGRAD && !kernels->conv2d_pack, ST_USAGE,
            "%s: kernels.conv: winograd needs 'backend: native', found '%s'", experiment->path,
            kernels->name);
    struct model_options options = {.name = experiment->name,
                                    .kernels = kernels,
                                    .conv = (enum conv_method)experiment->kernels.conv,
                                    .microbatch = (int)experiment->fit.microbatch_size,
                                    .seed = (uint64_t)experiment->seed};
    return model_build(&experiment->model, &options, model);
}

void experiment_write(const struct experiment *experiment, struct text *out)
{
    schema_write(out, 0, &experiment_schema, experiment);
}

/* The lines on which the numbers of a run depend. */
static void essential_text(const struct experiment *experiment, struct text *out)
{
    struct experiment copy = *experiment;
    copy.data.folder = NULL;
    copy.model.weights = NULL; /* what it gave is in the checkpoint */
    copy.fit.epochs = 1;
    copy.fit.callbacks = (struct variant_list){0};
    experiment_write(&copy, out);
}

enum status experiment_continues(const struct experiment *old, const struct experiment *fresh)
{
    struct text was = {0}, is = {0};
    essential_text(old, &was);
    essential_text(fresh, &is);
    enum status status = ST_OK;
    const char *a = was.data, *b = is.data;
    while (status == ST_OK && (*a || *b)) {
        size_t m = strcspn(a, "\n"), n = strcspn(b, "\n");
        if (m != n || memcmp(a, b, m) != 0)
            status = status_fail(ST_USAGE,
                                 "the run cannot be continued with another experiment: it has "
                                 "\"%.*s\", %s now says \"%.*s\"",
                                 (int)m, a, fresh->path, (int)n, b);
        a += m + (a[m] == '\n');
        b += n + (b[n] == '\n');
    }
    text_release(&was);
    text_release(&is);
    return status;
}
