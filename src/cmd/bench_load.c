/* Which experiment a benchmark is of, and the middle of what was measured. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/bench.h"

/* The experiments that come with convoy: beside the program where it was built or installed, or
 * below the current folder. */
static void find_named(const char *name, char path[PATH_MAX])
{
    static const char *const places[] = {"/../share/convoy/experiments", "/../launch/experiments",
                                         "/../../launch/experiments", NULL};
    char program[PATH_MAX] = "";
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = length > 0 ? strrchr(program, '/') : NULL;
    int folder = slash ? (int)(slash - program) : 0;
    snprintf(path, PATH_MAX, "launch/experiments/%s.yaml", name);
    for (size_t i = 0; places[i] && !file_exists(path); i++)
        snprintf(path, PATH_MAX, "%.*s%s/%s.yaml", folder, program, places[i], name);
}

static void change(struct experiment *e, const struct bench_options *o)
{
    if (o->batch)
        e->fit.batch_size = o->batch;
    if (e->fit.microbatch_size > e->fit.batch_size)
        e->fit.microbatch_size = e->fit.batch_size;
    for (int i = 0; o->backend && backend_names[i]; i++)
        if (strcmp(backend_names[i], o->backend) == 0)
            e->backend = i;
}

enum status bench_load(const struct bench_options *options, const char *name,
                       char *const *overrides, size_t count, struct experiment **out)
{
    char path[PATH_MAX] = "";
    char **all = mem_need(options->overrides.n + count + 1, sizeof *all);
    memcpy(all, options->overrides.v, options->overrides.n * sizeof *all);
    for (size_t i = 0; i < count; i++)
        all[options->overrides.n + i] = overrides[i];
    if (!strchr(name, '/') && !strchr(name, '.'))
        find_named(name, path);
    enum status status = experiment_load(*path && file_exists(path) ? path : name, all,
                                         options->overrides.n + count, out);
    free(all);
    if (status == ST_OK && !options->batch && (*out)->fit.batch_size == FIELD_NONE)
        status =
            status_fail(ST_USAGE, "%s: fit.batch_size is full; give a number by --batch", name);
    if (status == ST_OK)
        change(*out, options);
    return status;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, ascending);
    return 0.5 * (values[(n - 1) / 2] + values[n / 2]);
}
