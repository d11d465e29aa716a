#include "formats/model_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "formats/checkpoint.h"
#include "formats/trailer.h"

enum { DEEPEST = 8, MOST_WEIGHTS = 64 };

static enum status copy_file(const char *path, unsigned char **bytes, size_t *size)
{
    struct file_map map;
    void *memory = NULL;
    TRY(file_map(path, ST_MODEL, &map));
    enum status status = mem_alloc(&memory, map.size, path);
    if (status == ST_OK && map.size > 0)
        memcpy(memory, map.base, map.size);
    *size = map.size;
    *bytes = memory;
    file_unmap(&map);
    return status;
}

void model_file_close(struct model_file *file)
{
    h5_close(&file->h5);
    free(file->bytes);
}

/* The length of the HDF5 image in the file. */
static enum status image_length(const char *path, bool checkpoint, size_t size,
                                struct model_file *file, size_t *length)
{
    *length = size;
    if (!checkpoint && !trailer_there(file->bytes, size))
        return ST_OK;
    return trailer_check(path, file->bytes, size, CHECKPOINT_VERSION, length, &file->version);
}

static enum status open_image(const char *path, size_t length, struct model_file *file)
{
    TRY(h5_open(&file->h5, path, file->bytes, length));
    FAIL_IF(file->version == 0 && h5_has(&file->h5, "convoy"), ST_MODEL,
            "%s: a checkpoint that ends early", path);
    return ST_OK;
}

enum status model_file_open(const char *path, bool checkpoint, struct model_file *file)
{
    size_t size, length;
    *file = (struct model_file){0};
    TRY(copy_file(path, &file->bytes, &size));
    enum status status = image_length(path, checkpoint, size, file, &length);
    if (status != ST_OK) {
        free(file->bytes);
        return status;
    }
    status = open_image(path, length, file);
    if (status != ST_OK)
        model_file_close(file);
    return status;
}

static void weights_room(struct h5 *h5, struct file_weights *weights, size_t layers)
{
    *weights =
        (struct file_weights){.layer = pool_alloc(&h5->scratch, layers * sizeof(char *)),
                              .names = pool_alloc(&h5->scratch, layers * sizeof *weights->names)};
}

/* Keeps the layer whose names were put behind the last one, if it has any. */
static void add_layer(struct file_weights *weights, char *layer)
{
    if (weights->names[weights->layers].n > 0)
        weights->layer[weights->layers++] = layer;
}

/* The layers as the attributes of a checkpoint list them. */
static enum status listed_weights(struct h5 *h5, struct file_weights *weights)
{
    struct string_list all;
    TRY(h5_read_names(h5, "model_weights", "layer_names", &h5->scratch, &all));
    weights_room(h5, weights, all.n);
    for (size_t i = 0; i < all.n; i++) {
        const char *group = pool_printf(&h5->scratch, "model_weights/%s", all.v[i]);
        TRY(h5_read_names(h5, group, "weight_names", &h5->scratch,
                          &weights->names[weights->layers]));
        add_layer(weights, all.v[i]);
    }
    return ST_OK;
}

/* Appends the arrays below group/at, by their path from the group on. */
static enum status find_arrays(struct h5 *h5, const char *group, const char *at, int depth,
                               struct string_list *names)
{
    struct string_list members;
    FAIL_IF(depth > DEEPEST, ST_MODEL, "%s: '%s' has groups in groups, more than %d deep", h5->path,
            group, DEEPEST);
    TRY(h5_read_members(h5, pool_printf(&h5->scratch, "%s%s", group, at), &h5->scratch, &members));
    for (size_t i = 0; i < members.n; i++) {
        const char *path = pool_printf(&h5->scratch, "%s/%s", at, members.v[i]);
        if (!h5_is_dataset(h5, pool_printf(&h5->scratch, "%s%s", group, path))) {
            TRY(find_arrays(h5, group, path, depth + 1, names));
            continue;
        }
        FAIL_IF(names->n >= MOST_WEIGHTS, ST_MODEL, "%s: '%s' has more than %d arrays", h5->path,
                group, MOST_WEIGHTS);
        names->v[names->n++] = pool_strdup(&h5->scratch, path + 1);
    }
    return ST_OK;
}

/* The layers as they lie in the groups of a Keras file. */
static enum status found_weights(struct h5 *h5, struct file_weights *weights)
{
    struct string_list all;
    FAIL_IF(!h5_has(h5, "model_weights"), ST_MODEL,
            "%s: neither a checkpoint nor a whole model that Keras saved as .h5", h5->path);
    TRY(h5_read_members(h5, "model_weights", &h5->scratch, &all));
    weights_room(h5, weights, all.n);
    for (size_t i = 0; i < all.n; i++) {
        struct string_list *names = &weights->names[weights->layers];
        names->v = pool_alloc(&h5->scratch, MOST_WEIGHTS * sizeof(char *));
        TRY(find_arrays(h5, pool_printf(&h5->scratch, "model_weights/%s", all.v[i]), "", 0, names));
        add_layer(weights, all.v[i]);
    }
    return ST_OK;
}

enum status model_file_weights(struct model_file *file, struct file_weights *weights)
{
    return file->version > 0 ? listed_weights(&file->h5, weights)
                             : found_weights(&file->h5, weights);
}

ptrdiff_t model_file_find(const struct file_weights *weights, const char *name)
{
    for (size_t i = 0; i < weights->layers; i++)
        if (strcmp(weights->layer[i], name) == 0)
            return (ptrdiff_t)i;
    return -1;
}
