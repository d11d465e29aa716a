#include "data/storage.h"

#include <stdlib.h>
#include <string.h>

#include "data/guard.h"
#include "data/unpack.h"

bool storage_is_leader(const struct data_env *env)
{
    return !env->share || env->share->leader;
}

struct storage_place storage_place(const struct data_env *env)
{
    if (!env->share)
        return (struct storage_place){0, 1};
    return (struct storage_place){(size_t)env->share->rank, (size_t)env->share->ranks};
}

enum status storage_agree(const struct data_env *env, struct dataset *dataset, enum status mine)
{
    if (!env->share)
        return mine;
    enum status common = env->share->agree(env->share, mine);
    if (common != ST_OK)
        dataset->failed_together = true;
    return common;
}

enum status storage_tell(const struct data_env *env, void *bytes, size_t size)
{
    return env->share ? env->share->tell(env->share, bytes, size) : ST_OK;
}

enum status storage_check_size(const char *what, size_t size)
{
    double machine = mem_physical();
    FAIL_IF((double)size > machine, ST_DATA,
            "%s: needs %.1f GiB of memory, this machine has %.1f GiB", what, (double)size * 0x1p-30,
            machine * 0x1p-30);
    return ST_OK;
}

struct shared_block {
    struct share *share;
    void *memory;
};

static void drop_shared(void *what)
{
    struct shared_block *block = what;
    block->share->drop(block->share, block->memory);
}

enum status storage_get(const struct data_env *env, struct dataset *dataset, size_t size,
                        const char *what, void **memory)
{
    TRY(storage_agree(env, dataset, storage_check_size(what, size)));
    if (!env->share) {
        *memory = calloc(size ? size : 1, 1);
        FAIL_IF(!*memory, ST_DATA, "%s: not enough memory for %.1f MiB", what,
                (double)size * 0x1p-20);
        dataset_on_free(dataset, free, *memory);
        return ST_OK;
    }
    enum status status = env->share->get(env->share, size, memory);
    if (status == ST_OK) {
        struct shared_block *block = pool_alloc(&dataset->pool, sizeof *block);
        *block = (struct shared_block){env->share, *memory};
        dataset_on_free(dataset, drop_shared, block);
    }
    return storage_agree(env, dataset, status);
}

static void undo_map(void *what)
{
    guard_unmap(what);
}

/* Unpacking in two steps, since between them all ranks must get the memory for the result. */
struct unpacking {
    const char *path;
    storage_measure *measure;
    struct unpacker *unpacker;
    unsigned char head[STORAGE_HEAD];
    size_t head_size;
    unsigned char *whole; /* where nothing measures it: all of it */
    size_t total;         /* bytes of the result */
    size_t have;          /* bytes that the file holds, where that is something else */
};

/* Unpacks all there is, as far as the machine's memory goes. */
static enum status unpack_whole(struct unpacking *job)
{
    size_t room = 1 << 20, got = 0;
    do {
        if (job->total == room || !job->whole) {
            room = job->whole ? room * 2 : room;
            TRY(storage_check_size(job->path, room));
            unsigned char *grown = realloc(job->whole, room);
            FAIL_IF(!grown, ST_DATA, "%s: not enough memory for %.1f MiB", job->path,
                    (double)room * 0x1p-20);
            job->whole = grown;
        }
        TRY(unpack_read(job->unpacker, job->whole + job->total, room - job->total, &got));
        job->total += got;
    } while (job->total == room);
    return ST_OK;
}

static enum status unpack_begin(struct unpacking *job, const struct file_map *packed)
{
    TRY(unpack_open(job->path, packed->base, packed->size, &job->unpacker));
    if (!job->measure)
        return unpack_whole(job);
    TRY(unpack_read(job->unpacker, job->head, sizeof job->head, &job->head_size));
    TRY(job->measure(job->path, job->head, job->head_size, &job->total));
    FAIL_IF(job->total > unpack_most(unpack_kind(packed->base, packed->size), packed->size),
            ST_DATA, "%s: promises %zu bytes, which its %zu packed bytes cannot hold", job->path,
            job->total, packed->size);
    return ST_OK;
}

/* Counts what is left of the stream, to say how much too long it is; not beyond any reason. */
static enum status count_rest(struct unpacking *job)
{
    unsigned char scrap[16384];
    size_t got;
    do {
        TRY(unpack_read(job->unpacker, scrap, sizeof scrap, &got));
        job->have += got;
    } while (got == sizeof scrap && job->have / 2 <= job->total);
    return ST_OK;
}

static enum status unpack_finish(struct unpacking *job, unsigned char *memory)
{
    if (job->whole) {
        memcpy(memory, job->whole, job->total);
        job->have = job->total;
        return ST_OK;
    }
    size_t first = job->head_size < job->total ? job->head_size : job->total, got;
    memcpy(memory, job->head, first);
    TRY(unpack_read(job->unpacker, memory + first, job->total - first, &got));
    job->have = first == job->head_size ? first + got : job->head_size;
    return job->have < job->total ? ST_OK : count_rest(job);
}

static enum status unpack_shared(const struct data_env *env, struct dataset *dataset,
                                 struct unpacking *job, const struct file_map *packed,
                                 struct file_bytes *out)
{
    bool leader = storage_is_leader(env);
    TRY(storage_agree(env, dataset, leader ? unpack_begin(job, packed) : ST_OK));
    TRY(storage_tell(env, &job->total, sizeof job->total));
    void *memory;
    TRY(storage_get(env, dataset, job->total, job->path, &memory));
    TRY(storage_agree(env, dataset, leader ? unpack_finish(job, memory) : ST_OK));
    TRY(storage_tell(env, &job->have, sizeof job->have));
    FAIL_IF(job->have == 0, ST_DATA, "%s: unpacks to nothing", job->path);
    *out = (struct file_bytes){memory, job->have, job->path, STORED_UNPACKED};
    return ST_OK;
}

static enum status find_and_map(const struct data_env *env, struct dataset *dataset,
                                const char *name, const char **path, struct file_map *map)
{
    TRY(data_find(name, env, &dataset->pool, path));
    return guard_map(*path, map);
}

enum status storage_file(const struct data_env *env, struct dataset *dataset, const char *name,
                         storage_measure *measure, struct file_bytes *out)
{
    const char *path = name;
    struct file_map map = {0};
    enum status status = storage_agree(env, dataset, find_and_map(env, dataset, name, &path, &map));
    if (status == ST_OK && unpack_kind(map.base, map.size) == PACKING_NONE) {
        struct file_map *kept = pool_alloc(&dataset->pool, sizeof *kept);
        *kept = map;
        dataset_on_free(dataset, undo_map, kept);
        *out = (struct file_bytes){map.base, map.size, path, STORED_MAPPED};
        return ST_OK;
    }
    if (status == ST_OK) {
        struct unpacking job = {.path = path, .measure = measure};
        status = unpack_shared(env, dataset, &job, &map, out);
        unpack_close(job.unpacker);
        free(job.whole);
    }
    guard_unmap(&map);
    return status;
}
