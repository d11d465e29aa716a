/* A set of samples, wherever its bytes are: mapped from a file, unpacked into memory that the ranks
 * of a node share, or embedded in the program.
 *
 * A format turns its files into one struct dataset: two arrays (inputs and targets) that say where
 * sample number i starts and how its numbers are stored. Nothing is converted until data/loader
 * gathers the samples of a microbatch. */
#ifndef CONVOY_DATA_DATASET_H
#define CONVOY_DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/status.h"
#include "config/schema.h"
#include "data/element.h"

enum { DATA_MAX_RANK = 3, DATA_MAX_DIMS = 4 /* with the axis of samples */ };

/* Where the bytes of a part live. */
enum storage { STORED_MAPPED, STORED_UNPACKED, STORED_EMBEDDED };

/* n samples stored at regular distances in one or more parts (files). Sample i of part p starts at
 * part[p].base + (i - part[p].first) * stride. */
struct array_part {
    const unsigned char *base;
    size_t first;     /* the number of its first sample */
    const char *file; /* for messages */
    enum storage storage;
};
struct array {
    enum dtype dtype;
    bool big_endian;
    bool channels_first; /* bytes stored as planes (3,H,W); shape is (H,W,3) all the same */
    int rank;            /* axes of one sample: 0 a scalar, 1 a vector, 3 an image (H,W,C) */
    size_t shape[DATA_MAX_RANK];
    size_t stride; /* bytes from a sample to the next */
    size_t parts;
    struct array_part *part;
};

/* Sample number i of the set (0..n-1, what users of the set see) is sample subset[i] of the arrays,
 * or sample i where there is no subset. Messages give the number in the arrays. */
struct dataset {
    size_t n;               /* samples in use */
    size_t stored;          /* samples in the arrays; more than n where a subset was drawn */
    const uint32_t *subset; /* n ascending numbers below stored, or NULL: all of them */
    struct array x, y;      /* y.parts is 0 where the set has no targets */
    struct array weight;    /* of the samples, a scalar each; parts is 0: they all count alike */
    size_t classes;         /* number of classes where y holds class labels 0..classes-1, else 0 */
    char **class_names;     /* classes of them, or NULL */
    const char *source;     /* the first file, for messages */
    struct pool pool;       /* owns names, parts, copies */
    struct cleanup *cleanups;
    bool failed_together; /* while opening: all ranks of the node know already that one failed */
};

/* The sample of the arrays that sample i of the set is. */
static inline size_t dataset_stored_id(const struct dataset *dataset, size_t i)
{
    return dataset->subset ? dataset->subset[i] : i;
}

/* The part that holds a stored sample, and the sample's first byte. */
const struct array_part *array_part_of(const struct array *array, size_t sample);
const unsigned char *array_sample(const struct array *array, size_t sample);

/* Sets rank and shape from all axes of what is stored, samples first: (n) and (n,k) are vectors,
 * (n,H,W) and (n,H,W,C) images; (H,W) becomes (H,W,1). */
void array_set_shape(struct array *array, const size_t *dim, int dims);

/* Numbers in one sample. */
size_t array_elements(const struct array *array);

/* "28x28x1", "64", "scalar". In a static ring of buffers. */
const char *array_shape_text(const struct array *array);

/* Adds what dataset_free must undo (a map, a file, shared memory); undone in reverse order. */
void dataset_on_free(struct dataset *dataset, void (*undo)(void *), void *what);
/* Not collective, but what share->drop asks for holds: every rank frees the same sets in the same
 * order, before the share itself ends. NULL is allowed. */
void dataset_free(struct dataset *dataset);

/* Do the samples of other fit a model made for those of reference: same input shape, and classes of
 * the same names in the same order where both have names? Errors: ST_DATA naming both files. */
enum status dataset_match(const struct dataset *reference, const struct dataset *other);

/* How a format gets memory that all ranks of a node see, without knowing MPI. leader: this process
 * is the one that unpacks. A NULL struct share * means a process on its own. Collective over the
 * node: every rank of a node opens the same sets in the same order. */
struct share {
    bool leader;
    /* Sends bytes (fixed size) from the leader to the others. Collective. */
    enum status (*tell)(struct share *share, void *bytes, size_t size);
    /* Memory of size bytes seen by all; freed by drop. Collective. */
    enum status (*get)(struct share *share, size_t size, void **memory);
    void (*drop)(struct share *share, void *memory);
    /* Has every rank got here with ok? ST_OK, or the first rank's error, on all. Collective. */
    enum status (*agree)(struct share *share, enum status mine);
    void *context;
    int rank, ranks; /* of this process among those of the node, which may share out work */
};

/* Where relative names are looked up. */
struct data_env {
    const char *experiment_folder; /* of the experiment file; may be NULL */
    struct share *share;           /* may be NULL */
};

/* What every format accepts besides its own arguments; the first member of its argument struct. */
struct data_common {
    int64_t subset;  /* use this many samples, drawn by the seed; FIELD_NONE: all */
    int64_t classes; /* labels must be 0..classes-1; FIELD_NONE: the largest label says it */
};
extern const struct schema data_common_schema;

enum { DATA_MAX_CLASSES = 1000000 };

/* A file format: one file and one line in formats.def. */
struct format {
    const struct kind kind; /* name, schema, argument size; impl points to this struct */
    /* The keys that bare file names fill in order; ends with NULL. NULL: it reads no files. */
    const char *const *file_keys;
    bool file_list; /* the first of file_keys takes a list, of all the names given */
    bool folder;    /* the first of file_keys is a folder */
    /* Could a file that starts with these (unpacked) bytes be of this format? NULL: never guessed.
     * size is that of the whole file, 0 where it is not known. */
    bool (*recognise)(const unsigned char *head, size_t head_size, size_t size);
    /* Opens the set. Errors: ST_DATA with file and what was found and expected. Collective over the
     * node when env->share is set. */
    enum status (*open)(const void *args, const struct data_env *env, struct dataset *out);
};

/* NULL-terminated, for FIELD_TAGGED with tag "format". */
extern const struct kind *const format_kinds[];

/* Opens one configured set and draws its subset. Collective over the node when shared. */
enum status dataset_open(const struct variant *source, uint64_t seed, const struct data_env *env,
                         struct dataset **out);

/* Finds a data file: absolute as it is; else below $CONVOY_DATA_DIR, the experiment's folder, the
 * current folder, ~/.local/share/convoy, /usr/local/share/datasets, /usr/share/datasets. Errors:
 * ST_DATA, naming where it was looked for. */
enum status data_find(const char *name, const struct data_env *env, struct pool *pool,
                      const char **path);

#endif
