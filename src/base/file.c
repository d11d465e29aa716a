#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static enum status write_all(int fd, const char *path, const unsigned char *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        FAIL_IF(n < 0, ST_IO, "%s: cannot write: %s", path, strerror(errno));
        done += (size_t)n;
    }
    FAIL_IF(fsync(fd) != 0, ST_IO, "%s: cannot write: %s", path, strerror(errno));
    return ST_OK;
}

static enum status sync_folder_of(const char *path)
{
    char *folder = mem_need(strlen(path) + 2, 1);
    strcpy(folder, path);
    char *slash = strrchr(folder, '/');
    if (!slash)
        strcpy(folder, ".");
    else
        slash[slash == folder] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    /* Some file systems cannot sync a folder (EINVAL); they order renames themselves. */
    bool bad = fd < 0 || (fsync(fd) != 0 && errno != EINVAL);
    int reason = errno;
    if (fd >= 0)
        close(fd);
    FAIL_IF(bad, ST_IO, "%s: cannot sync its folder: %s", path, strerror(reason));
    return ST_OK;
}

#define TEMPORARY ".tmp."

bool file_is_temporary(const char *name)
{
    const char *mark = strstr(name, TEMPORARY);
    const char *process = mark ? mark + strlen(TEMPORARY) : "";
    return *process != '\0' && strspn(process, "0123456789") == strlen(process);
}

enum status file_write_atomic(const char *path, const void *bytes, size_t size)
{
    size_t room = strlen(path) + 32;
    char *temporary = mem_need(room, 1);
    snprintf(temporary, room, "%s" TEMPORARY "%ld", path, (long)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    enum status status = ST_OK;
    if (fd < 0) {
        status = status_fail(ST_IO, "%s: cannot write: %s", path, strerror(errno));
    } else {
        status = write_all(fd, path, bytes, size);
        if (close(fd) != 0 && status == ST_OK)
            status = status_fail(ST_IO, "%s: cannot write: %s", path, strerror(errno));
        if (status == ST_OK && rename(temporary, path) != 0)
            status = status_fail(ST_IO, "%s: cannot rename: %s", path, strerror(errno));
        if (status == ST_OK)
            status = sync_folder_of(path);
        else
            unlink(temporary);
    }
    free(temporary);
    return status;
}

enum status file_read(const char *path, size_t limit, unsigned char **bytes, size_t *size)
{
    *bytes = NULL;
    FILE *file = fopen(path, "rb");
    FAIL_IF(!file, ST_IO, "%s: cannot read: %s", path, strerror(errno));
    size_t used = 0, room = 65536;
    unsigned char *data = mem_grow(NULL, room + 1, 1);
    for (size_t n; (n = fread(data + used, 1, room - used, file)) > 0;) {
        used += n;
        if (used > limit)
            break;
        if (used == room)
            data = mem_grow(data, (room *= 2) + 1, 1);
    }
    bool bad = ferror(file) != 0;
    int reason = errno;
    fclose(file);
    if (bad || used > limit)
        free(data);
    FAIL_IF(bad, ST_IO, "%s: cannot read: %s", path, strerror(reason));
    FAIL_IF(used > limit, ST_IO, "%s: larger than %zu bytes, the most that is read here", path,
            limit);
    data[used] = '\0'; /* so that text can be read as a string */
    *bytes = data;
    *size = used;
    return ST_OK;
}

enum status file_map(const char *path, enum status code, struct file_map *map)
{
    *map = (struct file_map){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    FAIL_IF(fd < 0, code, "%s: cannot open: %s", path, strerror(errno));
    struct stat info;
    void *base = NULL;
    int reason = 0;
    if (fstat(fd, &info) != 0) {
        reason = errno;
    } else if (!S_ISREG(info.st_mode)) {
        reason = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    } else if (info.st_size > 0) {
        base = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (base == MAP_FAILED)
            reason = errno;
    }
    close(fd);
    FAIL_IF(reason, code, "%s: cannot map: %s", path, strerror(reason));
    map->base = base;
    map->size = (size_t)info.st_size;
    return ST_OK;
}

void file_unmap(struct file_map *map)
{
    if (map->base)
        munmap((void *)(uintptr_t)map->base, map->size);
    *map = (struct file_map){0};
}

enum status file_make_folder(const char *path)
{
    char *partial = mem_need(strlen(path) + 1, 1);
    int reason = 0;
    for (size_t i = 0; path[i] && !reason; i++) {
        partial[i] = path[i];
        bool end = path[i + 1] == '\0' || path[i + 1] == '/';
        if (end && mkdir(partial, 0777) != 0 && errno != EEXIST && errno != EISDIR)
            reason = path[i + 1] == '\0' || errno != EROFS ? errno : 0;
    }
    free(partial);
    struct stat info;
    if (!reason && stat(path, &info) != 0)
        reason = errno;
    else if (!reason && !S_ISDIR(info.st_mode))
        reason = ENOTDIR;
    FAIL_IF(reason, ST_IO, "%s: cannot make this folder: %s", path, strerror(reason));
    return ST_OK;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

enum status file_lock(const char *path, int *handle, bool *held_by_other)
{
    *held_by_other = false;
    *handle = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    FAIL_IF(*handle < 0, ST_IO, "%s: cannot write: %s", path, strerror(errno));
    if (flock(*handle, LOCK_EX | LOCK_NB) == 0)
        return ST_OK;
    int reason = errno;
    *held_by_other = reason == EWOULDBLOCK;
    close(*handle);
    *handle = -1;
    FAIL(ST_IO, "%s: cannot lock: %s", path, strerror(reason));
}

void file_unlock(int handle)
{
    if (handle >= 0)
        close(handle);
}
