/* Memory: small objects that live as long as their owner come from a pool that is freed at once;
 * large numeric buffers come from mem_floats and friends, whose failure is an ordinary error. */
#ifndef CONVOY_BASE_MEM_H
#define CONVOY_BASE_MEM_H

#include <stddef.h>

#include "base/status.h"

enum { MEM_ALIGN = 64 };

/* A pool of small allocations. Out of memory here is fatal: one line, then abort. */
struct pool {
    struct pool_chunk *chunks;
};

/* size zeroed bytes, aligned for any type, freed by pool_release. */
void *pool_alloc(struct pool *pool, size_t size);
char *pool_strdup(struct pool *pool, const char *text);
char *pool_printf(struct pool *pool, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pool_release(struct pool *pool);

/* bytes of zeroed, 64-byte aligned memory in *out; free() it. what names it in the error.
 * Large requests ask the system for huge pages. Errors: ST_IO when there is not enough memory. */
enum status mem_alloc(void **out, size_t bytes, const char *what);

/* Bytes of memory that this machine has; infinity where it does not say. */
double mem_physical(void);

/* a * b, or an error if it does not fit. */
enum status mem_mul(size_t a, size_t b, size_t *product);

/* value rounded up to a multiple of unit. */
static inline size_t mem_round(size_t value, size_t unit)
{
    return (value + unit - 1) / unit * unit;
}

/* calloc and realloc that abort with one line when memory is out (small sizes only). */
void *mem_need(size_t count, size_t size);
void *mem_grow(void *old, size_t count, size_t size);

/* A growing text. Zero-initialise; free with text_release. */
struct text {
    char *data; /* always NUL-terminated once something was added */
    size_t length;
    size_t capacity;
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_append(struct text *text, const char *bytes, size_t length);
void text_release(struct text *text);

#endif
