/* Files: whole reads, atomic writes, memory maps, locks. */
#ifndef CONVOY_BASE_FILE_H
#define CONVOY_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Writes bytes to path so that a reader sees the old file or the whole new one, also after a power
 * failure: temporary file in the same folder, fsync, rename, fsync of the folder.
 * Errors: ST_IO, with nothing left behind and the old file untouched. */
enum status file_write_atomic(const char *path, const void *bytes, size_t size);

/* Is name that of a temporary file of file_write_atomic, which only a killed write leaves? */
bool file_is_temporary(const char *name);

/* Reads a whole file into *bytes (free() it). Errors: ST_IO; larger than limit: ST_IO. */
enum status file_read(const char *path, size_t limit, unsigned char **bytes, size_t *size);

/* Maps a file read-only. An empty file gives size 0 and base NULL. Errors: code given. */
struct file_map {
    const unsigned char *base;
    size_t size;
};
enum status file_map(const char *path, enum status code, struct file_map *map);
void file_unmap(struct file_map *map);

/* Makes a folder and its parents. Errors: ST_IO. */
enum status file_make_folder(const char *path);

bool file_exists(const char *path);

/* Takes an exclusive lock on path (created when missing), held until the process ends or
 * file_unlock. Errors: ST_IO; *held_by_other is set when another process has it. */
enum status file_lock(const char *path, int *handle, bool *held_by_other);
void file_unlock(int handle);

#endif
