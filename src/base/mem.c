#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CHUNK_SIZE = 16384, HUGE_PAGE = 2 << 20 };

struct pool_chunk {
    struct pool_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

void *mem_grow(void *old, size_t count, size_t size)
{
    MUST(size == 0 || count <= SIZE_MAX / size, "%zu items of %zu bytes", count, size);
    void *grown = realloc(old, count == 0 || size == 0 ? 1 : count * size);
    if (!grown) {
        fprintf(stderr, "convoy: error: out of memory (%zu bytes wanted)\n", count * size);
        abort();
    }
    return grown;
}

void *mem_need(size_t count, size_t size)
{
    void *fresh = mem_grow(NULL, count, size);
    memset(fresh, 0, count * size);
    return fresh;
}

void *pool_alloc(struct pool *pool, size_t size)
{
    MUST(size <= PTRDIFF_MAX, "%zu bytes", size);
    size = mem_round(size, sizeof(max_align_t));
    struct pool_chunk *chunk = pool->chunks;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t data = size > CHUNK_SIZE ? size : (size_t)CHUNK_SIZE;
        chunk = mem_need(1, sizeof *chunk + data);
        chunk->size = data;
        chunk->next = pool->chunks;
        pool->chunks = chunk;
    }
    void *result = chunk->data + chunk->used;
    chunk->used += size;
    return result;
}

char *pool_strdup(struct pool *pool, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(pool_alloc(pool, size), text, size);
}

char *pool_printf(struct pool *pool, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = (size_t)(length < 0 ? 0 : length) + 1;
    char *result = pool_alloc(pool, size);
    vsnprintf(result, size, format, again);
    va_end(again);
    return result;
}

void pool_release(struct pool *pool)
{
    while (pool->chunks) {
        struct pool_chunk *next = pool->chunks->next;
        free(pool->chunks);
        pool->chunks = next;
    }
}

enum status mem_alloc(void **out, size_t bytes, const char *what)
{
    size_t align = bytes >= HUGE_PAGE ? (size_t)HUGE_PAGE : (size_t)MEM_ALIGN;
    *out = NULL;
    FAIL_IF(bytes > SIZE_MAX - align, ST_IO, "%s: %zu bytes is more than can be addressed", what,
            bytes);
    size_t size = mem_round(bytes ? bytes : 1, align);
    void *fresh = aligned_alloc(align, size);
    FAIL_IF(!fresh, ST_IO, "%s: not enough memory for %.1f MiB", what, (double)bytes / 1048576.0);
#ifdef MADV_HUGEPAGE
    if (align == HUGE_PAGE)
        (void)madvise(fresh, size, MADV_HUGEPAGE); /* a hint: small pages serve as well */
#endif
    memset(fresh, 0, size);
    *out = fresh;
    return ST_OK;
}

double mem_physical(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (double)pages * (double)page : (double)INFINITY;
}

enum status mem_mul(size_t a, size_t b, size_t *product)
{
    FAIL_IF(__builtin_mul_overflow(a, b, product), ST_DATA, "size overflow: %zu times %zu", a, b);
    return ST_OK;
}

static void text_reserve(struct text *text, size_t more)
{
    if (text->capacity - text->length > more)
        return;
    text->capacity = (text->length + more + 64) * 2;
    text->data = mem_grow(text->data, text->capacity, 1);
}

void text_append(struct text *text, const char *bytes, size_t length)
{
    text_reserve(text, length);
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_add(struct text *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length > 0) {
        text_reserve(text, (size_t)length);
        vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void text_release(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}
