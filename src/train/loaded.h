/* A trained model with what is needed to use it: its experiment and the scaling of its data. */
#ifndef CONVOY_TRAIN_LOADED_H
#define CONVOY_TRAIN_LOADED_H

#include "train/session.h"

struct loaded {
    struct pool pool;
    struct experiment *experiment;
    struct session session;
    const char *path; /* of the file */
    char digest[DIGEST_SIZE];
};

/* Loads a checkpoint file, or the model of a run's folder. Collective. Errors: ST_MODEL; release
 * it after an error too. */
enum status load_model(const char *name, struct world *world, struct loaded *loaded);
void load_release(struct loaded *loaded);

/* The set that words name: one {format: ...}, the files of a set, or "train", "validation" or
 * "test" of the experiment (a split has the kind split_kind). Not collective. Errors: ST_USAGE,
 * ST_DATA. */
enum status load_source(struct loaded *loaded, char *const *words, size_t n,
                        struct variant *source);

/* Loss and metrics on the set that words name. Collective. */
struct evaluation {
    const char *set; /* its first file */
    size_t samples;
    double value[1 + METRICS_MAX]; /* the loss, then session.metric */
    /* counts of (class, prediction), see train/confusion.h; classes 0: the model does not classify.
     * They and the names (NULL: there are none) live while the model does. */
    size_t classes;
    double *confusion;
    char **class_name;
};
enum status load_evaluate(struct loaded *loaded, char *const *words, size_t n,
                          struct evaluation *out);

/* Outputs y[count, width] of the samples first.. of a set, a microbatch at most. Not collective. */
enum status load_predict(struct loaded *loaded, const struct dataset *set, size_t first,
                         size_t count, const float **y);

#endif
