#include "data/source.h"

#include <string.h>
#include <sys/stat.h>

#include "data/guard.h"
#include "data/unpack.h"

enum { HEAD = 512 };

/* A packed file's size is found by unpacking it, up to here; beyond it is not known. */
#define MAX_COUNTED ((size_t)512 << 20)

struct holder {
    struct variant source;
};

static const struct field fields[] = {{.key = "set",
                                       .type = FIELD_TAGGED,
                                       .offset = offsetof(struct holder, source),
                                       .kinds = format_kinds,
                                       .tag = "format",
                                       .help = "a data set"},
                                      {0}};

static const struct schema schema = {.name = "", .fields = fields};

enum status source_parse(const char *text, struct pool *pool, struct variant *out)
{
    struct holder holder = {0};
    TRY(schema_read_text(pool_printf(pool, "set: %s", text), &schema, &holder, pool));
    *out = holder.source;
    return ST_OK;
}

static enum status count_bytes(struct unpacker *unpacker, size_t *size)
{
    unsigned char scrap[16384];
    size_t got;
    do {
        TRY(unpack_read(unpacker, scrap, sizeof scrap, &got));
        *size += got;
    } while (got == sizeof scrap && *size <= MAX_COUNTED);
    *size = *size > MAX_COUNTED ? 0 : *size;
    return ST_OK;
}

/* The first bytes and the size, unpacked; size 0: not known. */
static enum status read_head(const char *path, const struct file_map *map, unsigned char *head,
                             size_t *head_size, size_t *size)
{
    if (unpack_kind(map->base, map->size) == PACKING_NONE) {
        *size = map->size;
        *head_size = map->size < HEAD ? map->size : (size_t)HEAD;
        memcpy(head, map->base, *head_size);
        return ST_OK;
    }
    struct unpacker *unpacker;
    TRY(unpack_open(path, map->base, map->size, &unpacker));
    enum status status = unpack_read(unpacker, head, HEAD, head_size);
    *size = *head_size;
    if (status == ST_OK)
        status = count_bytes(unpacker, size);
    unpack_close(unpacker);
    return status;
}

static enum status find_folder_format(const char *path, const struct format **out)
{
    for (const struct kind *const *kind = format_kinds; *kind; kind++) {
        *out = (*kind)->impl;
        if ((*out)->folder)
            return ST_OK;
    }
    FAIL(ST_DATA, "%s: is a folder, expected a file", path);
}

static enum status find_format(const char *path, const struct format **out)
{
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return find_folder_format(path, out);
    struct file_map map = {0};
    unsigned char head[HEAD];
    size_t head_size, size;
    enum status status = guard_map(path, &map);
    if (status == ST_OK)
        status = read_head(path, &map, head, &head_size, &size);
    guard_unmap(&map);
    TRY(status);
    for (const struct kind *const *kind = format_kinds; *kind; kind++) {
        *out = (*kind)->impl;
        if ((*out)->recognise && (*out)->recognise(head, head_size, size))
            return ST_OK;
    }
    FAIL(ST_DATA, "%s: its format is not known; name it: {format: ..., ...}", path);
}

static size_t count_keys(const struct format *format)
{
    size_t n = 0;
    while (format->file_keys[n])
        n++;
    return n;
}

enum status source_guess(char *const *files, size_t n, const struct data_env *env,
                         struct pool *pool, const char **text)
{
    const char *first;
    const struct format *format;
    TRY(data_find(files[0], env, pool, &first));
    TRY(find_format(first, &format));
    size_t keys = count_keys(format);
    FAIL_IF(!format->file_list && n > keys, ST_USAGE,
            "%s: is %s, which has %zu file%s a set, %zu are given", first, format->kind.name, keys,
            keys == 1 ? "" : "s", n);
    struct text yaml = {0};
    text_add(&yaml, "{format: %s", format->kind.name);
    for (size_t i = 0; i < n; i++) {
        text_add(&yaml, ", ");
        if (!format->file_list)
            text_add(&yaml, "%s: ", format->file_keys[i]);
        else if (i == 0)
            text_add(&yaml, "%s: [", format->file_keys[0]);
        json_string(&yaml, files[i]);
    }
    text_add(&yaml, format->file_list ? "]}" : "}");
    *text = pool_strdup(pool, yaml.data);
    text_release(&yaml);
    return ST_OK;
}

enum status source_resolve(char *const *words, size_t n, const struct data_env *env,
                           struct pool *pool, struct variant *out)
{
    const char *text = words[0];
    FAIL_IF(*text == '{' && n > 1, ST_USAGE, "\"%s\" follows the set %s, expected one set",
            words[1], text);
    if (*text != '{')
        TRY(source_guess(words, n, env, pool, &text));
    return source_parse(text, pool, out);
}
