/* The folder of a run: experiment.yaml, history.csv, log.txt, confusion.csv, watch.csv,
 * report.html, checkpoints/, best.h5, model.h5. Only rank 0 touches it. */
#ifndef CONVOY_TRAIN_RUN_FOLDER_H
#define CONVOY_TRAIN_RUN_FOLDER_H

#include "train/experiment.h"

struct run_folder {
    char *path;
    int lock;
    struct pool pool;
};

enum run_start { RUN_FRESH, RUN_RESUME, RUN_OVERWRITE };

/* Makes or enters the folder and locks it. Errors: ST_IO when it cannot be written or another
 * process trains into it; ST_USAGE when RUN_FRESH finds an earlier run. */
enum status run_folder_open(struct run_folder *folder, const char *path, enum run_start start);
void run_folder_close(struct run_folder *folder);

/* path/name, owned by the folder. */
const char *run_folder_file(struct run_folder *folder, const char *name);

/* Checkpoints in the folder, newest first: their steps; n of them (free the list). */
enum status run_folder_checkpoints(struct run_folder *folder, int64_t **steps, size_t *n);
const char *run_folder_checkpoint(struct run_folder *folder, int64_t step);

/* Removes all but the newest keep checkpoints; what cannot be removed is a warning. */
void run_folder_prune(struct run_folder *folder, size_t keep);

/* The model that a name stands for: a file as it is; for a run's folder model.h5, else its newest
 * checkpoint. Errors: ST_MODEL. */
enum status run_find_model(const char *name, struct pool *pool, const char **path);

#endif
