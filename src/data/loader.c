/* Gathering: stored numbers of chosen samples to rows of float32.
 *
 * Every value goes through the same four float32 operations in the same order (see struct scaling),
 * so the result depends neither on the vector width nor on the path taken. The innermost loops run
 * over blocks of a fixed length, which compilers turn into vector code at -O2. */
#include "data/loader.h"

#include <string.h>

#include "data/labels.h"

enum { LANES = 16, TILE = 192, PIXELS = 256 };

/* What a call needs to know about scaling: mean and deviation repeat along a row with a period.
 * Where that is a few channels, they are written out over a longer period, here. */
struct scaler {
    float rescale, offset;
    size_t period; /* 0: no standardization */
    const float *mean;
    const float *inverse;   /* 1 / deviation; NULL for a long period, */
    const float *deviation; /* where it is taken from here piece by piece */
    float tile_mean[TILE], tile_inverse[TILE];
};

static void prepare(struct scaler *scaler, const struct scaling *scaling)
{
    scaler->rescale = scaling ? (float)scaling->rescale : 1;
    scaler->offset = scaling ? (float)scaling->offset : 0;
    size_t n = scaling ? scaling->n : 0;
    scaler->period = n;
    if (n == 0)
        return;
    scaler->mean = scaling->mean;
    scaler->deviation = scaling->deviation;
    scaler->inverse = NULL;
    if (n > TILE)
        return;
    size_t repeats = n * LANES <= TILE ? TILE / (n * LANES) * LANES : TILE / n;
    scaler->period = n * repeats;
    for (size_t i = 0; i < scaler->period; i++) {
        scaler->tile_mean[i] = scaling->mean[i % n];
        scaler->tile_inverse[i] = 1.0f / scaling->deviation[i % n];
    }
    scaler->mean = scaler->tile_mean;
    scaler->inverse = scaler->tile_inverse;
}

/* row[i] = AT(i), i < n, in blocks. */
#define FOR_BLOCKS(AT)                                                                             \
    size_t i = 0;                                                                                  \
    for (; i + LANES <= n; i += LANES)                                                             \
        for (size_t j = i; j < i + LANES; j++)                                                     \
            out[j] = AT(j);                                                                        \
    for (; i < n; i++)                                                                             \
    out[i] = AT(i)

#define AFFINE(j) (float)in[j] * rescale + offset
#define AFFINE_OWN(j) out[j] * rescale + offset
#define STANDARD(j) ((float)in[j] * rescale + offset - mean[j]) * inverse[j]
#define STANDARD_OWN(j) (out[j] * rescale + offset - mean[j]) * inverse[j]

static void affine_bytes(const struct scaler *scaler, const unsigned char *restrict in, size_t n,
                         float *restrict out)
{
    float rescale = scaler->rescale, offset = scaler->offset;
    FOR_BLOCKS(AFFINE);
}

static void affine_floats(const struct scaler *scaler, size_t n, float *out)
{
    float rescale = scaler->rescale, offset = scaler->offset;
    FOR_BLOCKS(AFFINE_OWN);
}

static void standard_bytes(const struct scaler *scaler, const float *restrict mean,
                           const float *restrict inverse, const unsigned char *restrict in,
                           size_t n, float *restrict out)
{
    float rescale = scaler->rescale, offset = scaler->offset;
    FOR_BLOCKS(STANDARD);
}

static void standard_floats(const struct scaler *scaler, const float *restrict mean,
                            const float *restrict inverse, size_t n, float *restrict out)
{
    float rescale = scaler->rescale, offset = scaler->offset;
    FOR_BLOCKS(STANDARD_OWN);
}

/* Scales n numbers of a sample, the first of which is its element number start: from bytes, or in
 * place where in is NULL. */
static void scale(const struct scaler *scaler, size_t start, const unsigned char *in, size_t n,
                  float *out)
{
    if (scaler->period == 0) {
        if (in)
            affine_bytes(scaler, in, n, out);
        else
            affine_floats(scaler, n, out);
        return;
    }
    float piece[TILE];
    for (size_t done = 0, length; done < n; done += length) {
        size_t first = (start + done) % scaler->period;
        const float *inverse = scaler->inverse ? scaler->inverse + first : piece;
        const float *mean = scaler->mean + first;
        length = scaler->period - first < TILE ? scaler->period - first : (size_t)TILE;
        length = n - done < length ? n - done : length;
        if (!scaler->inverse)
            for (size_t i = 0; i < length; i++)
                piece[i] = 1.0f / scaler->deviation[first + i];
        if (in)
            standard_bytes(scaler, mean, inverse, in + done, length, out + done);
        else
            standard_floats(scaler, mean, inverse, length, out + done);
    }
}

/* Red, green and blue planes of bytes to pixels, through a block of pixels that stays in the cache.
 */
static void gather_planes(const struct scaler *scaler, const unsigned char *in, size_t pixels,
                          float *out)
{
    unsigned char block[3 * PIXELS];
    for (size_t done = 0, n; done < pixels; done += n) {
        const unsigned char *red = in + done, *green = red + pixels, *blue = green + pixels;
        n = pixels - done < PIXELS ? pixels - done : (size_t)PIXELS;
        for (size_t p = 0; p < n; p++) {
            block[3 * p] = red[p];
            block[3 * p + 1] = green[p];
            block[3 * p + 2] = blue[p];
        }
        scale(scaler, 3 * done, block, 3 * n, out + 3 * done);
    }
}

static void gather_inputs(const struct dataset *dataset, const struct scaling *scaling,
                          const uint32_t *ids, size_t count, float *out)
{
    const struct array *x = &dataset->x;
    size_t elements = array_elements(x);
    struct scaler scaler;
    MUST(!x->channels_first || (x->dtype == DTYPE_U8 && x->shape[2] == 3), "%s",
         dtype_name(x->dtype));
    prepare(&scaler, scaling);
    for (size_t i = 0; i < count; i++, out += elements) {
        const unsigned char *in = array_sample(x, dataset_stored_id(dataset, ids[i]));
        if (x->channels_first) {
            gather_planes(&scaler, in, elements / 3, out);
        } else if (x->dtype == DTYPE_U8) {
            scale(&scaler, 0, in, elements, out);
        } else {
            element_floats(x->dtype, x->big_endian, in, elements, out);
            scale(&scaler, 0, NULL, elements, out);
        }
    }
}

void loader_weights(const struct dataset *dataset, const uint32_t *ids, size_t count, float *out)
{
    const struct array *w = &dataset->weight;
    for (size_t i = 0; i < count; i++) {
        out[i] = 1.0f;
        if (w->parts)
            element_floats(w->dtype, w->big_endian,
                           array_sample(w, dataset_stored_id(dataset, ids[i])), 1, out + i);
    }
}

/* Several labels a sample: their range is the reader's affair. */
static enum status gather_label_arrays(const struct dataset *dataset, const uint32_t *ids,
                                       size_t count, int32_t *label)
{
    const struct array *y = &dataset->y;
    size_t elements = array_elements(y), size = dtype_size(y->dtype);
    FAIL_IF(!dtype_is_integer(y->dtype), ST_DATA, "%s: its targets are not class labels",
            dataset->source);
    for (size_t i = 0; i < count; i++) {
        size_t id = dataset_stored_id(dataset, ids[i]);
        const unsigned char *in = array_sample(y, id);
        for (size_t e = 0; e < elements; e++) {
            int64_t value = element_integer(y->dtype, y->big_endian, in + e * size);
            if (value < 0 || value >= DATA_MAX_CLASSES)
                return labels_fail(dataset, id, value, DATA_MAX_CLASSES);
            *label++ = (int32_t)value;
        }
    }
    return ST_OK;
}

static enum status gather_labels(const struct dataset *dataset, const uint32_t *ids, size_t count,
                                 int32_t *label, float *one_hot)
{
    size_t classes = dataset->classes;
    FAIL_IF(classes == 0 || !labels_are_integers(dataset), ST_DATA,
            "%s: its targets are not class labels", dataset->source);
    for (size_t i = 0; i < count; i++) {
        size_t id = dataset_stored_id(dataset, ids[i]);
        int64_t value = labels_get(dataset, id);
        if (value < 0 || (uint64_t)value >= classes)
            return labels_fail(dataset, id, value, classes);
        if (label)
            label[i] = (int32_t)value;
        if (one_hot) {
            memset(one_hot + i * classes, 0, classes * sizeof *one_hot);
            one_hot[i * classes + (size_t)value] = 1;
        }
    }
    return ST_OK;
}

static enum status gather_values(const struct dataset *dataset, const uint32_t *ids, size_t count,
                                 float *out)
{
    const struct array *y = &dataset->y;
    FAIL_IF(y->parts == 0, ST_DATA, "%s: it has no targets", dataset->source);
    size_t elements = array_elements(y);
    for (size_t i = 0; i < count; i++)
        element_floats(y->dtype, y->big_endian, array_sample(y, dataset_stored_id(dataset, ids[i])),
                       elements, out + i * elements);
    return ST_OK;
}

enum status loader_gather(const struct dataset *dataset, const struct scaling *scaling,
                          enum target_form form, const uint32_t *ids, size_t count, float *x,
                          void *y)
{
    if (x)
        gather_inputs(dataset, scaling, ids, count, x);
    if (!y)
        return ST_OK;
    if (form == TARGET_VALUE)
        return gather_values(dataset, ids, count, y);
    bool numbers = form == TARGET_LABEL;
    if (numbers && dataset->y.rank > 0 && dataset->y.parts > 0)
        return gather_label_arrays(dataset, ids, count, y);
    return gather_labels(dataset, ids, count, numbers ? y : NULL, numbers ? NULL : y);
}
