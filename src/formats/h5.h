/* HDF5 files as images in memory, with as much of HDF5 as a checkpoint needs.
 *
 * Objects are named by their path from the root. Written are: groups, float32 arrays, lists of
 * float64, texts (scalar datasets of one fixed-length string), and attributes: unsigned integers,
 * strings and lists of names. Nothing written depends on the time or the machine: equal contents
 * give equal images.
 *
 * Reading trusts nothing: paths go over hard links only (a soft, external or user-defined link may
 * lead to other files), datasets must lie in this image as one block (chunks, filters, external and
 * virtual storage run more code than we need), types must be exactly those that we write, and
 * nothing is allocated that is larger than the image or than what the caller expects. Errors of
 * HDF5 are not printed. */
#ifndef CONVOY_FORMATS_H5_H
#define CONVOY_FORMATS_H5_H

#include <hdf5.h>

#include "config/schema.h"
#include "layers/layer.h"

struct h5 {
    const char *path; /* of the file, for messages */
    size_t size;      /* of the image that is read; 0 when writing */
    hid_t file;
    hid_t links, datasets; /* creation properties */
    struct pool scratch;   /* for paths inside the file */
    H5E_auto2_t printer;   /* of errors, as it was before */
    void *printer_data;
};

/* ---- The image; each begun or opened one is to be closed, also after an error ---- */

/* Begins an empty image; expected is about how large it will be. Errors: ST_IO. */
enum status h5_begin(struct h5 *h5, const char *path, size_t expected);

/* The image in fresh memory (free() it) with extra bytes of room behind it. Errors: ST_IO. */
enum status h5_image(struct h5 *h5, size_t extra, unsigned char **bytes, size_t *size);

/* Opens an image for reading; it is used in place and must stay until h5_close. Errors: ST_MODEL.
 */
enum status h5_open(struct h5 *h5, const char *path, unsigned char *image, size_t size);
void h5_close(struct h5 *h5);

/* ---- Writing. Groups on the way are created. Errors: ST_IO with the object's path ---- */

enum status h5_write_group(struct h5 *h5, const char *group);
enum status h5_write_floats(struct h5 *h5, const char *dataset, const struct shape *shape,
                            const float *data);
enum status h5_write_doubles(struct h5 *h5, const char *dataset, size_t count, const double *data);
enum status h5_write_text(struct h5 *h5, const char *dataset, const char *text);
enum status h5_write_number(struct h5 *h5, const char *object, const char *name, uint64_t value);

/* Of any length: it is stored outside of the object's header, as Keras stores its JSON. */
enum status h5_write_string(struct h5 *h5, const char *object, const char *name, const char *value);

/* As Keras does: fixed-length strings; what does not fit into an object's header (64,512 bytes) is
 * split over the attributes name0, name1, ... */
enum status h5_write_names(struct h5 *h5, const char *object, const char *name, size_t n,
                           const char *const *names);

/* ---- Reading. Results come from pool. Errors: ST_MODEL with the object's path ---- */

/* Is there such a dataset or group? */
bool h5_has(const struct h5 *h5, const char *object);
/* Of a float32 array of at most SHAPE_MAX_RANK axes. */
enum status h5_read_shape(const struct h5 *h5, const char *dataset, struct shape *shape);
/* An array of exactly count elements. */
enum status h5_read_floats(const struct h5 *h5, const char *dataset, size_t count, float *data);
enum status h5_read_doubles(const struct h5 *h5, const char *dataset, struct pool *pool,
                            size_t *count, double **data);
enum status h5_read_text(const struct h5 *h5, const char *dataset, struct pool *pool, char **text);
enum status h5_read_number(const struct h5 *h5, const char *object, const char *name, uint64_t most,
                           uint64_t *value);
/* The names of what a group holds directly, over hard links; at most H5_MOST_MEMBERS. */
enum { H5_MOST_MEMBERS = 100000 };
enum status h5_read_members(const struct h5 *h5, const char *group, struct pool *pool,
                            struct string_list *names);
/* Is it an array, and not a group? */
bool h5_is_dataset(const struct h5 *h5, const char *object);
enum status h5_read_names(const struct h5 *h5, const char *object, const char *name,
                          struct pool *pool, struct string_list *names);

#endif
