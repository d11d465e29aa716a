/* Random numbers in the shape of a set: to measure speed where the real samples are not at hand.
 * Bytes as inputs; class numbers as targets, or numbers in [0,1). Always the same ones. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/dataset.h"

struct synthetic_args {
    struct data_common common;
    struct int_list shape;
    int64_t samples, targets;
};

static enum status add_array(struct dataset *out, struct array *array, enum dtype dtype)
{
    struct array_part *part = pool_alloc(&out->pool, sizeof *part);
    void *memory = NULL;
    size_t bytes = 0;
    array->dtype = dtype;
    array->stride = array_elements(array) * dtype_size(dtype);
    TRY(mem_mul(array->stride, out->stored, &bytes));
    TRY(mem_alloc(&memory, bytes, "synthetic samples"));
    dataset_on_free(out, free, memory);
    *part = (struct array_part){.base = memory, .file = "synthetic", .storage = STORED_UNPACKED};
    array->parts = 1;
    array->part = part;
    return ST_OK;
}

/* The bytes of an array that add_array has just made. */
static unsigned char *memory_of(const struct array *array)
{
    return (unsigned char *)(uintptr_t)array->part[0].base;
}

static void fill_bytes(unsigned char *out, size_t n)
{
    struct rng_key key = rng_key(0, RNG_SYNTHETIC, 0, 0, 0);
    uint32_t words[4];
    for (size_t i = 0; i < n; i += sizeof words) {
        rng_block(&key, (uint32_t)(i / sizeof words), words);
        memcpy(out + i, words, n - i < sizeof words ? n - i : sizeof words);
    }
}

static enum status add_labels(struct dataset *out, size_t classes)
{
    struct rng_key key = rng_key(0, RNG_SYNTHETIC, 1, 0, 0);
    out->classes = classes;
    TRY(add_array(out, &out->y, DTYPE_I32));
    int32_t *label = (int32_t *)(void *)memory_of(&out->y);
    for (size_t i = 0; i < out->stored; i++)
        label[i] = (int32_t)(rng_word(&key, i) % classes);
    return ST_OK;
}

static enum status add_values(struct dataset *out, size_t width)
{
    struct rng_key key = rng_key(0, RNG_SYNTHETIC, 1, 0, 0);
    out->y.rank = 1;
    out->y.shape[0] = width;
    TRY(add_array(out, &out->y, DTYPE_F32));
    float *value = (float *)(void *)memory_of(&out->y);
    for (size_t i = 0; i < out->stored * width; i++)
        value[i] = rng_uniform(rng_word(&key, i));
    return ST_OK;
}

static enum status open_synthetic(const void *args, const struct data_env *env, struct dataset *out)
{
    const struct synthetic_args *a = args;
    (void)env;
    FAIL_IF(a->shape.n != 1 && a->shape.n != 3, ST_USAGE,
            "synthetic: shape has %zu numbers; expected [features] or [height, width, channels]",
            a->shape.n);
    out->stored = (size_t)a->samples;
    out->x.rank = (int)a->shape.n;
    for (size_t i = 0; i < a->shape.n; i++)
        out->x.shape[i] = (size_t)a->shape.v[i];
    TRY(add_array(out, &out->x, DTYPE_U8));
    fill_bytes(memory_of(&out->x), out->stored * out->x.stride);
    if (a->targets != FIELD_NONE)
        return add_values(out, (size_t)a->targets);
    return add_labels(out, a->common.classes == FIELD_NONE ? 10 : (size_t)a->common.classes);
}

static const struct field fields[] = {
    {.key = "shape",
     .type = FIELD_INTS,
     .offset = offsetof(struct synthetic_args, shape),
     .min = 1,
     .max = 1 << 20,
     .help = "of a sample: [height, width, channels] or [features]"},
    {.key = "samples",
     .type = FIELD_INT,
     .offset = offsetof(struct synthetic_args, samples),
     .fallback = "1024",
     .min = 1,
     .max = 1 << 24,
     .help = "how many"},
    {.key = "targets",
     .type = FIELD_INT,
     .offset = offsetof(struct synthetic_args, targets),
     .fallback = "null",
     .min = 1,
     .max = 1 << 20,
     .nullable = true,
     .help = "numbers to learn for each sample; null: a class, of 10 unless 'classes' says more"},
    {0}};

static const struct schema schema = {"synthetic", fields, &data_common_schema};

const struct format format_synthetic = {
    .kind = {"synthetic", &schema, sizeof(struct synthetic_args), &format_synthetic},
    .open = open_synthetic,
};
