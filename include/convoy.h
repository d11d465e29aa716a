/* libconvoy: train neural networks over MPI from a C program, to the same bits on any number of
 * ranks.
 *
 *     convoy_init(NULL, NULL);
 *     convoy_experiment *experiment;
 *     convoy_model *model;
 *     if (convoy_experiment_load("lenet5.yaml", &experiment) != CONVOY_OK ||
 *         convoy_train(experiment, "runs/lenet5", CONVOY_TRAIN_OVERWRITE, &model) != CONVOY_OK)
 *         fprintf(stderr, "%s\n", convoy_error());
 *     convoy_finalize();
 *
 * Started alone the program is one rank; under mpirun or srun it is one of many, and every call
 * marked collective must be made by all of them, with the same arguments, in the same order. A call
 * that fails on one rank fails on all, with the same status and message. The library is not for use
 * by several threads at once. */
#ifndef CONVOY_H
#define CONVOY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CONVOY_API __attribute__((visibility("default")))
#else
#define CONVOY_API
#endif

/* What a call ends with; also the exit codes of the program convoy. */
typedef enum convoy_status {
    CONVOY_OK = 0,
    CONVOY_USAGE = 2,    /* the experiment, or an argument */
    CONVOY_DATA = 3,     /* a data file */
    CONVOY_MODEL = 4,    /* no usable checkpoint or model */
    CONVOY_IO = 5,       /* a file cannot be written, memory is out */
    CONVOY_DIVERGED = 6, /* NaN or infinity */
    CONVOY_STOPPED =
        75, /* stopped by a signal, with a checkpoint: call again with CONVOY_TRAIN_RESUME */
    CONVOY_STALLED = 76 /* a rank does not answer */
} convoy_status;

typedef struct convoy_experiment convoy_experiment;
typedef struct convoy_model convoy_model;

/* "0.1.0" */
CONVOY_API const char *convoy_version(void);

/* One line that says what the last failed call found and expected; valid until the next call. */
CONVOY_API const char *convoy_error(void);

/* Starts MPI unless the program has done so. Collective over MPI_COMM_WORLD. argc and argv may be
 * NULL. */
CONVOY_API convoy_status convoy_init(int *argc, char ***argv);
/* Ends what convoy_init started. Collective. */
CONVOY_API void convoy_finalize(void);

CONVOY_API int convoy_rank(void);
CONVOY_API int convoy_ranks(void);

/* Has USR1, INT and TERM stop training after the step under way, with a checkpoint. */
CONVOY_API void convoy_catch_signals(void);

/* ---- experiments ---- */

/* Reads an experiment file. Collective. */
CONVOY_API convoy_status convoy_experiment_load(const char *path, convoy_experiment **out);
/* The same with changes, each like "fit.epochs=3". Collective. */
CONVOY_API convoy_status convoy_experiment_load_with(const char *path, char *const *changes,
                                                     size_t count, convoy_experiment **out);
/* Reads an experiment from text; name is for messages. Collective. */
CONVOY_API convoy_status convoy_experiment_parse(const char *name, const char *text,
                                                 convoy_experiment **out);
/* The resolved experiment, every default visible; free() it. */
CONVOY_API char *convoy_experiment_text(const convoy_experiment *experiment);
CONVOY_API void convoy_experiment_free(convoy_experiment *experiment);

/* ---- training ---- */

typedef enum convoy_train_mode {
    CONVOY_TRAIN_FRESH,    /* fails where the folder holds an earlier run */
    CONVOY_TRAIN_RESUME,   /* goes on from the newest checkpoint, if there is one */
    CONVOY_TRAIN_OVERWRITE /* begins anew */
} convoy_train_mode;

/* Trains and writes the run into folder. model, if not NULL, receives the final model. Prints
 * nothing. Collective. */
CONVOY_API convoy_status convoy_train(const convoy_experiment *experiment, const char *folder,
                                      convoy_train_mode mode, convoy_model **model);

/* ---- models ---- */

/* Loads a checkpoint file, or the model of a run's folder. Collective. */
CONVOY_API convoy_status convoy_model_load(const char *path, convoy_model **out);
/* Writes the model as a Keras .h5 file that convoy_model_load reads. Collective; rank 0 writes. */
CONVOY_API convoy_status convoy_model_save(const convoy_model *model, const char *path);
CONVOY_API void convoy_model_free(convoy_model *model);

/* Numbers in one sample, and in one output. */
CONVOY_API size_t convoy_model_inputs(const convoy_model *model);
CONVOY_API size_t convoy_model_outputs(const convoy_model *model);

/* The digest of the parameters: 32 hex digits and a NUL. */
CONVOY_API void convoy_model_digest(const convoy_model *model, char digest[33]);

/* y[n, outputs] for x[n, inputs], row-major float32 images in height, width, channel order, as they
 * are stored: the experiment's rescale and standardize are applied here. Not collective. */
CONVOY_API convoy_status convoy_model_predict(convoy_model *model, const float *x, size_t n,
                                              float *y);

/* Loss and metrics on a set of the experiment, "test", "validation" or "train", or on one given as
 * "{format: idx, images: ..., labels: ...}". Collective. */
typedef struct convoy_scores {
    size_t samples;
    size_t count;         /* of values: the loss, then the metrics */
    const char *name[17]; /* "loss", "accuracy", ...; valid while the model lives */
    double value[17];
} convoy_scores;
CONVOY_API convoy_status convoy_model_evaluate(convoy_model *model, const char *set,
                                               convoy_scores *out);

#ifdef __cplusplus
}
#endif

#endif
