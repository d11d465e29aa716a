/* Where data files are looked for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/dataset.h"

/* Folders in order; an unset one is left out, "" is the current folder. */
struct places {
    size_t n;
    const char *folder[6];
};

static void add_place(struct places *places, const char *folder)
{
    if (folder)
        places->folder[places->n++] = folder;
}

static void list_places(struct places *places, const struct data_env *env, struct pool *pool)
{
    const char *named = getenv("CONVOY_DATA_DIR"), *home = getenv("HOME");
    *places = (struct places){0};
    add_place(places, named && *named ? named : NULL);
    add_place(places, env->experiment_folder);
    add_place(places, "");
    add_place(places, home && *home ? pool_printf(pool, "%s/.local/share/convoy", home) : NULL);
    add_place(places, "/usr/local/share/datasets");
    add_place(places, "/usr/share/datasets");
}

enum status data_find(const char *name, const struct data_env *env, struct pool *pool,
                      const char **path)
{
    FAIL_IF(!*name, ST_DATA, "a data file has an empty name");
    if (*name == '/') {
        *path = pool_strdup(pool, name);
        FAIL_IF(!file_exists(name), ST_DATA, "%s: %s", name, strerror(errno));
        return ST_OK;
    }
    struct places places;
    struct text looked = {0};
    list_places(&places, env, pool);
    for (size_t i = 0; i < places.n; i++) {
        const char *folder = places.folder[i];
        *path = pool_printf(pool, "%s%s%s", folder, *folder ? "/" : "", name);
        if (file_exists(*path)) {
            text_release(&looked);
            return ST_OK;
        }
        text_add(&looked, "%s%s", i ? ", " : "", *folder ? folder : "the current folder");
    }
    *path = pool_strdup(pool, name);
    status_fail(ST_DATA, "%s: no such file in %s", name, looked.data);
    text_release(&looked);
    return ST_DATA;
}
