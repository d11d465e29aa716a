/* Checkpoints: one HDF5 file laid out as Keras's legacy whole-model .h5 (model_config,
 * model_weights, training_config), so that keras.models.load_model opens it, plus the group /convoy
 * with everything that resuming needs, followed by a 64-byte trailer with length and checksum that
 * is verified before HDF5 sees a byte. Built in memory (core driver), written atomically. */
#ifndef CONVOY_FORMATS_CHECKPOINT_H
#define CONVOY_FORMATS_CHECKPOINT_H

#include "model/model.h"

enum { CHECKPOINT_VERSION = 1, CHECKPOINT_MAX_SLOTS = 8 };

struct checkpoint {
    int version;
    char *experiment; /* the resolved experiment, YAML */
    uint64_t seed;
    int64_t epoch;            /* epochs finished */
    int64_t step;             /* steps finished since the beginning */
    int64_t position;         /* samples of the current epoch already used; 0 between epochs */
    char digest[DIGEST_SIZE]; /* of params; checkpoint_write works it out itself */
    float *params;            /* model->total floats, in the model's layout */

    char *optimizer; /* its name; NULL: no optimizer state in this file (best.h5) */
    size_t slots;
    const char *slot_name[CHECKPOINT_MAX_SLOTS];
    float *slot[CHECKPOINT_MAX_SLOTS]; /* model->trainable floats each */

    double *solver; /* a second-order method's state, solver_size numbers; NULL: none */
    size_t solver_size;
    char *convergence; /* the text of solver.csv so far, or NULL */

    float *best;      /* parameters that early stopping would restore, or NULL */
    char *state;      /* JSON: epoch sums, callbacks; opaque here */
    char *history;    /* the text of history.csv so far */
    struct pool pool; /* owns all of the above after checkpoint_read */
};

/* What Keras wants to know about training: kinds with Keras's names and arguments. */
struct checkpoint_training {
    const struct variant *loss, *optimizer;
    const struct variant_list *metrics;
};

/* Writes one file. training NULL: Keras does not have the loss, and opens the model uncompiled.
 * Errors: ST_IO, nothing left behind, an older file of that name untouched. */
enum status checkpoint_write(const char *path, const struct model *model,
                             const struct checkpoint_training *training,
                             const struct checkpoint *checkpoint);

/* Reads length, checksum, version and the experiment's text only: enough to build the model.
 * Errors: ST_MODEL with the file and what was found. The result is checkpoint_release'd. */
enum status checkpoint_read_head(const char *path, struct checkpoint *out);

/* Reads all of it for this model. Errors: ST_MODEL; a file of another model names the first layer
 * whose shape differs and both shapes. */
enum status checkpoint_read(const char *path, const struct model *model, struct checkpoint *out);
void checkpoint_release(struct checkpoint *checkpoint);

/* The model_config and training_config JSON, as Keras writes them. */
void keras_model_config(const struct model *model, struct text *out);
void keras_training_config(const struct checkpoint_training *training, struct text *out);

/* Has Keras this optimizer and schedule? Else a file is without training_config, or Keras would not
 * load it. */
bool keras_compiles(const struct checkpoint_training *training);

#endif
