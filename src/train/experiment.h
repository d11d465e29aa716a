/* The experiment file as a struct: what is trained, on what, how. */
#ifndef CONVOY_TRAIN_EXPERIMENT_H
#define CONVOY_TRAIN_EXPERIMENT_H

#include "data/augment.h"
#include "model/model.h"

struct split_args {
    double split; /* below 1: a fraction; else a count */
    bool stratify;
};

struct data_spec {
    char *folder;                           /* absolute once it is loaded */
    struct variant train, validation, test; /* of format_kinds; validation may be the kind split */
    double rescale, offset;
    struct variant_list augment; /* of augment_kinds */
    int standardize;             /* enum standardize */
    bool one_hot;
};
enum standardize { STANDARDIZE_NONE, STANDARDIZE_CHANNEL, STANDARDIZE_FEATURE };

enum batch_scale { SCALE_NONE, SCALE_LINEAR, SCALE_SQRT };

struct compile_spec {
    struct variant optimizer, loss;
    struct variant_list metrics;
    struct string_list exclude_from_weight_decay;
    int64_t warmup_steps;
    int scale_with_batch; /* enum batch_scale */
    int64_t reference_batch_size;
};

struct fit_spec {
    int64_t batch_size; /* FIELD_NONE: all training samples */
    int64_t microbatch_size, epochs;
    bool shuffle;
    struct number_map class_weight; /* choice: enum class_weight; null: none */
    struct variant_list callbacks;
};

enum class_weight { CLASS_WEIGHT_BALANCED };

struct kernels_spec {
    int conv; /* enum conv_method */
};

struct experiment {
    char *name;
    int64_t seed;
    struct data_spec data;
    struct model_spec model;
    struct compile_spec compile;
    struct fit_spec fit;
    int backend; /* index into backend_names */
    struct kernels_spec kernels;
    /* not from the file: */
    struct document *document; /* owns everything above */
    char *path;                /* of the file */
    char *folder;              /* data.folder, absolute */
    char *weights_file;        /* model.weights.file, absolute, where it is there */
    struct variant *augment;   /* data.augment, where model.layers added to it */
};

extern const struct schema experiment_schema;
extern const struct kind split_kind; /* validation: {split: 0.1} */
extern const char *const backend_names[];

/* Loads a file and applies count overrides ("fit.epochs=3"). Errors: ST_USAGE with position. */
enum status experiment_load(const char *path, char *const *overrides, size_t count,
                            struct experiment **out);
/* The same from text that a checkpoint carries; name is for messages. */
enum status experiment_parse(const char *name, const char *text, struct experiment **out);
void experiment_free(struct experiment *experiment);

/* Builds its model, for microbatches of its size, on its backend. Errors: ST_USAGE, ST_IO. */
enum status experiment_build(const struct experiment *experiment, struct model **model);

/* The resolved experiment, every default visible; reads back to the same. */
void experiment_write(const struct experiment *experiment, struct text *out);

/* May a run of `old` be continued by `fresh`? Epochs, callbacks and the data's
 * folder may differ; anything else gives
 * ST_USAGE with the first line that differs. */
enum status experiment_continues(const struct experiment *old, const struct experiment *fresh);

#endif
