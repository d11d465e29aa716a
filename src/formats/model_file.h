/* A file with a model's weights, open for reading: a checkpoint or a Keras .h5. */
#ifndef CONVOY_FORMATS_MODEL_FILE_H
#define CONVOY_FORMATS_MODEL_FILE_H

#include "formats/h5.h"

struct model_file {
    unsigned char *bytes;
    int version; /* of the checkpoint's format; 0: it is no checkpoint */
    struct h5 h5;
};

/* Opens a copy of the file, so that nobody can change it between the check and the reading. A
 * checkpoint's checksum must be right; checkpoint says that it must be one. Errors: ST_MODEL. */
enum status model_file_open(const char *path, bool checkpoint, struct model_file *file);
void model_file_close(struct model_file *file);

/* The layers of the file that have weights, in its order, each with the names of its weights; in
 * the file's scratch. Errors: ST_MODEL. */
struct file_weights {
    size_t layers;
    char **layer;
    struct string_list *names;
};
enum status model_file_weights(struct model_file *file, struct file_weights *weights);

/* The number of the layer of that name; -1: there is none. */
ptrdiff_t model_file_find(const struct file_weights *weights, const char *name);

#endif
