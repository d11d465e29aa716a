/* Writing a checkpoint. What is in the file:
 *
 *   attributes keras_version, backend, model_config, training_config      } as Keras lays out a
 *   model_weights/                 attributes layer_names, backend, ...   } model in one .h5 file
 *   model_weights/LAYER/           attribute weight_names                 }
 *   model_weights/LAYER/LAYER/kernel ...                                  }
 *   convoy/                        attributes version, seed, epoch, step, position
 *   convoy/experiment, digest, optimizer, state, history                  texts
 *   convoy/slots/                  attribute slot_names
 *   convoy/slots/SLOT/LAYER/kernel ...
 *   convoy/solver                  float64: a second-order method's state
 *   convoy/convergence             text: its solver.csv
 *   convoy/best/LAYER/kernel ...
 *
 * The parameters themselves are in model_weights only. Arrays have the shapes of the model, without
 * the padding that they have in memory. What checkpoint_read does not need to be there is left out
 * where the checkpoint has NULL. */
#include "formats/checkpoint.h"

#include <stdlib.h>

#include "base/file.h"
#include "formats/h5.h"
#include "formats/keras.h"
#include "formats/trailer.h"

/* The Keras version whose layout this is, and the backend whose conventions (Keras asks whether
 * convolutions flip their kernels: no). */
#define KERAS_VERSION "3.0.0"
#define KERAS_BACKEND "tensorflow"

static enum status write_keras_marks(struct h5 *h5, const char *object)
{
    TRY(h5_write_string(h5, object, "keras_version", KERAS_VERSION));
    return h5_write_string(h5, object, "backend", KERAS_BACKEND);
}

static enum status write_configs(struct h5 *h5, const struct model *model,
                                 const struct checkpoint_training *training)
{
    struct text text = {0};
    keras_model_config(model, &text);
    enum status status = h5_write_string(h5, "/", "model_config", text.data);
    text_release(&text);
    TRY(status);
    if (!training || !keras_compiles(training))
        return ST_OK;
    keras_training_config(training, &text);
    status = h5_write_string(h5, "/", "training_config", text.data);
    text_release(&text);
    return status;
}

/* Writes the parameters of a layer as group/LAYER/kernel ...; data has the model's layout. */
static enum status write_arrays(struct h5 *h5, const char *group, const struct layer *layer,
                                bool trainable_only, const float *data)
{
    for (size_t p = 0; p < layer->params; p++) {
        const struct param *param = &layer->param[p];
        if (trainable_only && !param->trainable)
            continue;
        const char *path = pool_printf(&h5->scratch, "%s/%s", group, param->path);
        TRY(h5_write_floats(h5, path, &param->shape, data + param->offset));
    }
    return ST_OK;
}

static enum status write_keras_layer(struct h5 *h5, const struct keras_layer *keras,
                                     const float *params)
{
    static const struct layer none;
    bool own = keras->role == KERAS_LAYER || keras->role == KERAS_ACTIVATED;
    const struct layer *layer = own ? &keras->node->layer : &none;
    const char *group = pool_printf(&h5->scratch, "model_weights/%s", keras->name);
    const char *names[LAYER_MAX_PARAMS];
    for (size_t p = 0; p < layer->params; p++)
        names[p] = layer->param[p].path;
    TRY(h5_write_group(h5, group));
    TRY(h5_write_names(h5, group, "weight_names", layer->params, names));
    return write_arrays(h5, group, layer, false, params);
}

/* A Sequential's InputLayer is not among Keras's layers. */
static enum status write_keras_layers(struct h5 *h5, const struct keras_view *view,
                                      const float *params)
{
    size_t first = view->chain ? 1 : 0;
    const char **names = pool_alloc(&h5->scratch, view->layers * sizeof *names);
    for (size_t i = first; i < view->layers; i++)
        names[i] = view->layer[i].name;
    TRY(h5_write_group(h5, "model_weights"));
    TRY(write_keras_marks(h5, "model_weights"));
    TRY(h5_write_names(h5, "model_weights", "layer_names", view->layers - first, names + first));
    for (size_t i = first; i < view->layers; i++)
        TRY(write_keras_layer(h5, &view->layer[i], params));
    return ST_OK;
}

static enum status write_keras(struct h5 *h5, const struct model *model,
                               const struct checkpoint_training *training, const float *params)
{
    TRY(write_keras_marks(h5, "/"));
    TRY(write_configs(h5, model, training));
    struct keras_view view;
    keras_view_init(&view, model);
    enum status status = write_keras_layers(h5, &view, params);
    keras_view_release(&view);
    return status;
}

static enum status write_all_arrays(struct h5 *h5, const char *group, const struct model *model,
                                    bool trainable_only, const float *data)
{
    TRY(h5_write_group(h5, group));
    for (size_t i = 0; i < model->nodes; i++)
        TRY(write_arrays(h5, group, &model->node[i].layer, trainable_only, data));
    return ST_OK;
}

static enum status write_optimizer(struct h5 *h5, const struct model *model,
                                   const struct checkpoint *checkpoint)
{
    if (!checkpoint->optimizer)
        return ST_OK;
    TRY(h5_write_text(h5, "convoy/optimizer", checkpoint->optimizer));
    TRY(h5_write_group(h5, "convoy/slots"));
    TRY(h5_write_names(h5, "convoy/slots", "slot_names", checkpoint->slots, checkpoint->slot_name));
    for (size_t s = 0; s < checkpoint->slots; s++) {
        const char *group = pool_printf(&h5->scratch, "convoy/slots/%s", checkpoint->slot_name[s]);
        TRY(write_all_arrays(h5, group, model, true, checkpoint->slot[s]));
    }
    if (checkpoint->solver)
        TRY(h5_write_doubles(h5, "convoy/solver", checkpoint->solver_size, checkpoint->solver));
    if (checkpoint->convergence)
        TRY(h5_write_text(h5, "convoy/convergence", checkpoint->convergence));
    return ST_OK;
}

static enum status write_convoy(struct h5 *h5, const struct model *model,
                                const struct checkpoint *checkpoint)
{
    char digest[DIGEST_SIZE];
    model_digest(model, checkpoint->params, digest);
    TRY(h5_write_group(h5, "convoy"));
    TRY(h5_write_number(h5, "convoy", "seed", checkpoint->seed));
    TRY(h5_write_number(h5, "convoy", "epoch", (uint64_t)checkpoint->epoch));
    TRY(h5_write_number(h5, "convoy", "step", (uint64_t)checkpoint->step));
    TRY(h5_write_number(h5, "convoy", "position", (uint64_t)checkpoint->position));
    TRY(h5_write_text(h5, "convoy/experiment", checkpoint->experiment));
    TRY(h5_write_text(h5, "convoy/digest", digest));
    TRY(write_optimizer(h5, model, checkpoint));
    if (checkpoint->best)
        TRY(write_all_arrays(h5, "convoy/best", model, false, checkpoint->best));
    if (checkpoint->state)
        TRY(h5_write_text(h5, "convoy/state", checkpoint->state));
    if (checkpoint->history)
        TRY(h5_write_text(h5, "convoy/history", checkpoint->history));
    return ST_OK;
}

/* The file as it is to be on disk. */
static enum status make_file(struct h5 *h5, const struct model *model,
                             const struct checkpoint_training *training,
                             const struct checkpoint *checkpoint, unsigned char **bytes,
                             size_t *size)
{
    TRY(write_keras(h5, model, training, checkpoint->params));
    TRY(write_convoy(h5, model, checkpoint));
    TRY(h5_image(h5, TRAILER_SIZE, bytes, size));
    trailer_seal(*bytes, *size, CHECKPOINT_VERSION);
    *size += TRAILER_SIZE;
    return ST_OK;
}

enum status checkpoint_write(const char *path, const struct model *model,
                             const struct checkpoint_training *training,
                             const struct checkpoint *checkpoint)
{
    MUST(checkpoint->epoch >= 0 && checkpoint->step >= 0 && checkpoint->position >= 0,
         "epoch %lld, step %lld, position %lld", (long long)checkpoint->epoch,
         (long long)checkpoint->step, (long long)checkpoint->position);
    size_t solver = checkpoint->solver_size * sizeof(double),
           arrays = 1 + checkpoint->slots + (checkpoint->best ? 1 : 0);
    struct h5 h5;
    unsigned char *bytes = NULL;
    size_t size = 0;
    enum status status = h5_begin(&h5, path, arrays * model->total * sizeof(float) + solver);
    if (status == ST_OK)
        status = make_file(&h5, model, training, checkpoint, &bytes, &size);
    h5_close(&h5);
    if (status == ST_OK)
        status = file_write_atomic(path, bytes, size);
    free(bytes);
    return status;
}
