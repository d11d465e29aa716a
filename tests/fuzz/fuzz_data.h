/* For the fuzz targets of data formats: bytes as a file, opened as a set, all of it read. */
#ifndef CONVOY_FUZZ_DATA_H
#define CONVOY_FUZZ_DATA_H

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/describe.h"
#include "data/source.h"

enum { FUZZ_MAX_DESCRIBED = 1 << 22 };

/* yaml has a %s for the file's name. Whatever the bytes are: an error of one line, or a set whose
 * every number can be read. */
static inline void fuzz_set(const char *yaml, const uint8_t *bytes, size_t size)
{
    char path[64], text[256];
    struct pool pool = {0};
    struct variant source;
    struct dataset *set = NULL;
    struct description description;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    MUST(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "%zu bytes", size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, yaml, path);
#pragma GCC diagnostic pop
    enum status status = source_parse(text, &pool, &source);
    MUST(status == ST_OK, "%s", status_message());
    status = dataset_open(&source, 1, &(struct data_env){0}, &set);
    if (status != ST_OK)
        MUST(!strchr(status_message(), '\n'), "a message of two lines: %s", status_message());
    else if (set->stored * array_elements(&set->x) < FUZZ_MAX_DESCRIBED &&
             dataset_describe(set, &description) == ST_OK)
        description_release(&description);
    dataset_free(set);
    pool_release(&pool);
    close(fd);
}

#endif
