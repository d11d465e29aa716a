#include "sets.h"

#include <lzma.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/source.h"
#include "test.h"

static struct pool paths; /* until the program ends */
static enum status last_status;

const char *set_folder(void)
{
    static const char *folder;
    if (!folder)
        folder = test_folder();
    return folder;
}

const char *set_file(const char *name, const void *bytes, size_t size)
{
    const char *path = pool_printf(&paths, "%s/%s", set_folder(), name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        abort();
    }
    return path;
}

const char *set_text(const char *name, const char *text)
{
    return set_file(name, text, strlen(text));
}

const char *set_gzip(const char *name, const void *bytes, size_t size)
{
    const char *path = pool_printf(&paths, "%s/%s", set_folder(), name);
    gzFile file = gzopen(path, "wb");
    if (!file || gzwrite(file, bytes, (unsigned)size) != (int)size || gzclose(file) != Z_OK) {
        perror(path);
        abort();
    }
    return path;
}

const char *set_xz(const char *name, const void *bytes, size_t size)
{
    size_t room = lzma_stream_buffer_bound(size), used = 0;
    unsigned char *packed = mem_need(room, 1);
    if (lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, bytes, size, packed, &used, room) !=
        LZMA_OK)
        abort();
    const char *path = set_file(name, packed, used);
    free(packed);
    return path;
}

static struct dataset *open_text(const char *yaml)
{
    struct pool pool = {0};
    struct variant source;
    struct dataset *dataset = NULL;
    last_status = source_parse(yaml, &pool, &source);
    if (last_status == ST_OK)
        last_status = dataset_open(&source, 1, &(struct data_env){0}, &dataset);
    pool_release(&pool);
    return dataset;
}

struct dataset *set_open(const char *yaml, ...)
{
    char text[4096];
    va_list args;
    va_start(args, yaml);
    vsnprintf(text, sizeof text, yaml, args);
    va_end(args);
    struct dataset *dataset = open_text(text);
    if (!dataset)
        printf("%s: %s\n", text, status_message());
    return dataset;
}

enum status set_status(void)
{
    return last_status;
}

void set_must_fail(enum status code, const char *part, const char *yaml, ...)
{
    char text[4096];
    va_list args;
    va_start(args, yaml);
    vsnprintf(text, sizeof text, yaml, args);
    va_end(args);
    struct dataset *dataset = open_text(text);
    CU_ASSERT_EQUAL(last_status, code);
    CU_ASSERT_PTR_NULL(dataset);
    bool found = strstr(status_message(), part) != NULL;
    CU_ASSERT(found);
    if (last_status != code || !found)
        printf("%s: found \"%s\", expected \"...%s...\"\n", text,
               last_status == ST_OK ? "success" : status_message(), part);
    dataset_free(dataset);
}
