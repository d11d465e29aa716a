#include "train/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define CHECKPOINT_FOLDER "checkpoints"

const char *run_folder_file(struct run_folder *folder, const char *name)
{
    return pool_printf(&folder->pool, "%s/%s", folder->path, name);
}

const char *run_folder_checkpoint(struct run_folder *folder, int64_t step)
{
    return pool_printf(&folder->pool, "%s/" CHECKPOINT_FOLDER "/step-%08" PRId64 ".h5",
                       folder->path, step);
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

enum status run_folder_checkpoints(struct run_folder *folder, int64_t **steps, size_t *n)
{
    const char *path = run_folder_file(folder, CHECKPOINT_FOLDER);
    *steps = NULL;
    *n = 0;
    DIR *directory = opendir(path);
    FAIL_IF(!directory && errno != ENOENT, ST_IO, "%s: cannot read: %s", path, strerror(errno));
    if (!directory)
        return ST_OK;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int64_t step = 0;
        int end = 0;
        if (sscanf(entry->d_name, "step-%" SCNd64 ".h5%n", &step, &end) != 1 || end == 0 ||
            entry->d_name[end] != '\0' || step < 0)
            continue;
        *steps = mem_grow(*steps, *n + 1, sizeof **steps);
        (*steps)[(*n)++] = step;
    }
    closedir(directory);
    if (*n)
        qsort(*steps, *n, sizeof **steps, newest_first);
    return ST_OK;
}

void run_folder_prune(struct run_folder *folder, size_t keep)
{
    int64_t *steps = NULL;
    size_t n = 0;
    if (run_folder_checkpoints(folder, &steps, &n) != ST_OK) {
        log_warn("%s", status_message());
        return;
    }
    for (size_t i = keep; i < n; i++) {
        const char *path = run_folder_checkpoint(folder, steps[i]);
        if (unlink(path) != 0 && errno != EISDIR) /* a folder in its place is not ours */
            log_warn("%s: cannot remove this old checkpoint: %s", path, strerror(errno));
    }
    free(steps);
}

/* What writes that were killed have left; the lock is held, so nobody is writing now. */
static void clear_unfinished(struct run_folder *folder, const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (!file_is_temporary(entry->d_name))
            continue;
        const char *file = pool_printf(&folder->pool, "%s/%s", path, entry->d_name);
        if (unlink(file) != 0)
            log_warn("%s: cannot remove this unfinished file: %s", file, strerror(errno));
    }
    closedir(directory);
}

static bool has_run(struct run_folder *folder)
{
    return file_exists(run_folder_file(folder, "experiment.yaml")) ||
           file_exists(run_folder_file(folder, CHECKPOINT_FOLDER));
}

/* What an earlier run has left, so that nothing of it is taken for the new one's. */
static enum status forget_run(struct run_folder *folder)
{
    static const char *const names[] = {"experiment.yaml", "model.h5",      "best.h5",
                                        "log.txt",         "confusion.csv", "solver.csv",
                                        "watch.csv",       "report.html",   NULL};
    for (size_t i = 0; names[i]; i++) {
        const char *path = run_folder_file(folder, names[i]);
        FAIL_IF(unlink(path) != 0 && errno != ENOENT, ST_IO, "%s: cannot remove: %s", path,
                strerror(errno));
    }
    run_folder_prune(folder, 0);
    return ST_OK;
}

static enum status take_lock(struct run_folder *folder)
{
    bool held = false;
    const char *path = run_folder_file(folder, ".lock");
    enum status status = file_lock(path, &folder->lock, &held);
    FAIL_IF(held, ST_IO, "%s: another run is training into this folder; choose another with --out",
            folder->path);
    return status;
}

enum status run_folder_open(struct run_folder *folder, const char *path, enum run_start start)
{
    *folder = (struct run_folder){.lock = -1};
    folder->path = pool_strdup(&folder->pool, path);
    TRY(file_make_folder(path));
    TRY(take_lock(folder));
    FAIL_IF(start == RUN_FRESH && has_run(folder), ST_USAGE,
            "%s holds an earlier run: go on with it by --resume, begin anew by --overwrite, or "
            "choose another folder by --out",
            path);
    if (start == RUN_OVERWRITE)
        TRY(forget_run(folder));
    if (has_run(folder)) { /* else the folder is somebody's, not yet a run's */
        clear_unfinished(folder, path);
        clear_unfinished(folder, run_folder_file(folder, CHECKPOINT_FOLDER));
    }
    return file_make_folder(run_folder_file(folder, CHECKPOINT_FOLDER));
}

void run_folder_close(struct run_folder *folder)
{
    if (folder->path)
        file_unlock(folder->lock);
    pool_release(&folder->pool);
    *folder = (struct run_folder){0};
}

enum status run_find_model(const char *name, struct pool *pool, const char **path)
{
    struct stat info;
    FAIL_IF(stat(name, &info) != 0, ST_MODEL, "%s: cannot read: %s", name, strerror(errno));
    if (!S_ISDIR(info.st_mode)) {
        *path = pool_strdup(pool, name);
        return ST_OK;
    }
    *path = pool_printf(pool, "%s/model.h5", name);
    if (file_exists(*path))
        return ST_OK;
    struct run_folder folder = {.lock = -1};
    folder.path = pool_strdup(pool, name);
    int64_t *steps = NULL;
    size_t n = 0;
    enum status status = run_folder_checkpoints(&folder, &steps, &n);
    if (status == ST_OK && n == 0)
        status = status_fail(ST_MODEL, "%s: holds neither model.h5 nor a checkpoint", name);
    if (status == ST_OK)
        *path = pool_strdup(pool, run_folder_checkpoint(&folder, steps[0]));
    free(steps);
    pool_release(&folder.pool);
    return status;
}
