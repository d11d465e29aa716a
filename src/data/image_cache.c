#include "data/image_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/log.h"
#include "data/guard.h"

_Static_assert(sizeof(struct image_header) == 128, "pixels are aligned");

static const char magic[8] = "CNVYIMG";
enum { VERSION = 1 };

static void hash(const void *bytes, size_t size, unsigned char out[16])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
    memcpy(out, canonical.digest, 16);
}

static void hash_header(const struct image_header *header, unsigned char out[16])
{
    hash(header, offsetof(struct image_header, own), out);
}

/* ---- Finding one ---- */

/* Why a cache cannot be used, or NULL. */
static const char *fault_of(const struct file_map *map, const struct image_block *block,
                            const unsigned char key[16])
{
    const struct image_header *h = (const struct image_header *)(const void *)map->base;
    unsigned char own[16];
    hash_header(h, own);
    if (memcmp(own, h->own, 16) != 0)
        return "is damaged";
    if (h->version != VERSION || memcmp(h->key, key, 16) != 0 || h->files != block->files ||
        h->stride != block->stride || h->good > h->files)
        return "was made from other files, or in another way";
    if (map->size != image_block_offset(block->files) + h->good * h->stride)
        return "is incomplete";
    hash(h + 1, map->size - sizeof *h, own);
    return memcmp(own, h->sum, 16) != 0 ? "is damaged" : NULL;
}

/* The leader's decision. Errors: ST_DATA for a file of somebody else. */
static enum status look(const struct image_block *block, const unsigned char key[16], bool *usable)
{
    struct file_map map = {0};
    *usable = false;
    if (!file_exists(block->path))
        return ST_OK;
    TRY(guard_map(block->path, &map));
    const char *fault = NULL;
    bool ours = map.size >= sizeof(struct image_header) && memcmp(map.base, magic, 8) == 0;
    if (ours)
        fault = fault_of(&map, block, key);
    guard_unmap(&map);
    FAIL_IF(!ours, ST_DATA,
            "%s: the file is there and is no cache of convoy; name another one as 'cache'",
            block->path);
    if (fault)
        log_warn("%s: the cache %s; it is made anew", block->path, fault);
    *usable = !fault;
    return ST_OK;
}

static void undo_guard(void *what)
{
    guard_unmap(what);
}

static enum status map_found(struct dataset *dataset, struct image_block *block)
{
    struct file_map *map = pool_alloc(&dataset->pool, sizeof *map);
    TRY(guard_map(block->path, map));
    dataset_on_free(dataset, undo_guard, map);
    block->header = (struct image_header *)(uintptr_t)map->base;
    block->size = map->size;
    block->complete = true;
    FAIL_IF(map->size < sizeof *block->header ||
                map->size != image_block_offset(block->files) + block->header->good * block->stride,
            ST_DATA, "%s: the file was changed while it was read", block->path);
    return ST_OK;
}

/* ---- Making one ---- */

static void undo_close(void *what)
{
    struct image_block *block = what;
    if (block->header && !block->complete)
        munmap(block->header, block->size);
    if (block->fd >= 0)
        close(block->fd);
    if (block->temporary)
        unlink(block->temporary);
}

/* The leader's part: a file with room for all. */
static enum status make_file(struct image_block *block, struct dataset *dataset, char *name,
                             size_t room)
{
    char host[64] = ""; /* machines may share the folder */
    gethostname(host, sizeof host - 1);
    int length = snprintf(name, room, "%s.tmp.%s.%ld", block->path, host, (long)getpid());
    FAIL_IF(length < 0 || (size_t)length >= room, ST_DATA, "%s: the name is too long", block->path);
    block->fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    FAIL_IF(block->fd < 0, ST_IO, "%s: cannot make the cache: %s", name, strerror(errno));
    block->temporary = pool_strdup(&dataset->pool, name);
    int failed = posix_fallocate(block->fd, 0, (off_t)block->size);
    FAIL_IF(failed, ST_IO, "%s: cannot make the cache of %.1f MiB: %s", name,
            (double)block->size * 0x1p-20, strerror(failed));
    return ST_OK;
}

static enum status map_file(struct image_block *block, const char *name)
{
    if (block->fd < 0)
        block->fd = open(name, O_RDWR | O_CLOEXEC);
    FAIL_IF(block->fd < 0, ST_IO, "%s: %s", name, strerror(errno));
    void *memory = mmap(NULL, block->size, PROT_READ | PROT_WRITE, MAP_SHARED, block->fd, 0);
    FAIL_IF(memory == MAP_FAILED, ST_IO, "%s: cannot map it: %s", name, strerror(errno));
    block->header = memory;
    return ST_OK;
}

static enum status start_file(const struct data_env *env, struct dataset *dataset,
                              struct image_block *block)
{
    char name[512] = "";
    bool leader = storage_is_leader(env);
    dataset_on_free(dataset, undo_close, block);
    TRY(storage_agree(env, dataset, leader ? make_file(block, dataset, name, sizeof name) : ST_OK));
    TRY(storage_tell(env, name, sizeof name));
    return storage_agree(env, dataset, map_file(block, name));
}

enum status image_block_open(const struct data_env *env, struct dataset *dataset, const char *what,
                             const char *cache, const unsigned char key[16], size_t files,
                             size_t stride, struct image_block *block)
{
    bool usable = false;
    void *memory = NULL;
    *block = (struct image_block){.files = files, .stride = stride, .path = cache, .fd = -1};
    bool overflow = __builtin_mul_overflow(files, stride, &block->size) ||
                    __builtin_add_overflow(block->size, image_block_offset(files), &block->size);
    TRY(storage_agree(env, dataset,
                      overflow ? status_fail(ST_DATA, "%s: %zu pictures are too many", what, files)
                               : ST_OK));
    if (!cache) {
        TRY(storage_get(env, dataset, block->size, what, &memory));
        block->header = memory;
        return ST_OK;
    }
    block->mapped = true;
    TRY(storage_agree(env, dataset, storage_is_leader(env) ? look(block, key, &usable) : ST_OK));
    TRY(storage_tell(env, &usable, sizeof usable));
    if (usable)
        return storage_agree(env, dataset, map_found(dataset, block));
    return start_file(env, dataset, block);
}

/* ---- Finishing ---- */

static void compact(const struct image_block *block, const unsigned char key[16])
{
    const unsigned char *good = image_block_good(block);
    unsigned char *pixels = image_block_pixels(block);
    struct image_header *h = block->header;
    *h = (struct image_header){.version = VERSION, .files = block->files, .stride = block->stride};
    memcpy(h->magic, magic, sizeof magic);
    memcpy(h->key, key, sizeof h->key);
    for (size_t i = 0; i < block->files; i++) {
        if (!good[i])
            continue;
        if (h->good != i)
            memmove(pixels + h->good * block->stride, pixels + i * block->stride, block->stride);
        h->good++;
    }
}

/* What is behind the flags up to the pixels is zero: the file is new. */
static enum status write_file(struct image_block *block)
{
    struct image_header *h = block->header;
    size_t size = image_block_offset(block->files) + h->good * block->stride;
    hash(h + 1, size - sizeof *h, h->sum);
    hash_header(h, h->own);
    bool failed = msync(h, block->size, MS_SYNC) != 0 || ftruncate(block->fd, (off_t)size) != 0 ||
                  fsync(block->fd) != 0 || rename(block->temporary, block->path) != 0;
    FAIL_IF(failed, ST_IO, "%s: cannot write the cache: %s", block->path, strerror(errno));
    block->temporary = NULL;
    return ST_OK;
}

/* From here on the file is read like one that was found. */
static enum status finish_file(const struct data_env *env, struct dataset *dataset,
                               struct image_block *block)
{
    bool leader = storage_is_leader(env);
    TRY(storage_agree(env, dataset, leader ? write_file(block) : ST_OK));
    munmap(block->header, block->size);
    block->complete = true;
    return storage_agree(env, dataset, map_found(dataset, block));
}

enum status image_block_finish(const struct data_env *env, struct dataset *dataset,
                               const unsigned char key[16], struct image_block *block)
{
    if (block->complete)
        return ST_OK;
    if (storage_is_leader(env))
        compact(block, key);
    if (block->path)
        return finish_file(env, dataset, block);
    block->complete = true;
    return storage_agree(env, dataset, ST_OK);
}
