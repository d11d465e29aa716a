/* Maps of data files that somebody else may shorten while they are read.
 *
 * Touching a mapped page that the file no longer has raises SIGBUS. The handler turns that into one
 * line that names the file, and exit code 3; every map of a data file is registered here. */
#ifndef CONVOY_DATA_GUARD_H
#define CONVOY_DATA_GUARD_H

#include "base/file.h"

/* Installs the handler; once, when the program starts. A SIGBUS elsewhere keeps its effect. */
void data_guard_maps(void);

/* Maps a file of data and registers it. Errors: ST_DATA; an empty file is one. */
enum status guard_map(const char *path, struct file_map *map);
void guard_unmap(struct file_map *map);

#endif
