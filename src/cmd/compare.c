/* convoy compare: runs, or an experiment with one optimizer after the other, beside each other. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/signals.h"
#include "cmd/cmd.h"
#include "data/guard.h"
#include "optimizers/optimizer.h"
#include "report/compare.h"
#include "train/fit.h"

static const char usage[] =
    "usage: convoy compare RUN RUN... [options]\n"
    "       convoy compare EXPERIMENT.yaml OPTIMIZER OPTIMIZER... [options]\n"
    "\n"
    "Prints a table of runs, and writes a page with their losses against epochs, passes over the\n"
    "training samples, and seconds. With an experiment each run is trained first, with that\n"
    "optimizer: 'SGD', '{LBFGS: {history: 5}}'. Second-order methods get all samples in a batch,\n"
    "unless --set says another fit.batch_size. What was trained before is not trained again.\n"
    "\n"
    "options:\n"
    "  -n, --ranks N          processes to start (default: one a core)\n"
    "  -o, --out DIR          where runs and compare.html go (default: runs/NAME-compare;\n"
    "                         for runs that are there already: compare.html in this folder)\n"
    "  -s, --set KEY=VALUE    change the experiment: --set fit.epochs=3; may be repeated\n"
    "      --overwrite        train anew what was trained before\n"
    "  -h, --help             this text\n";

enum { OPT_OVERWRITE = 256 };

struct compare_options {
    char **words; /* runs, or the experiment and optimizers */
    size_t count;
    char *out; /* NULL: the default */
    struct overrides overrides;
    long ranks; /* 0: one a core */
    bool overwrite, help, batch_given;
};

static const struct option long_options[] = {
    {"ranks", required_argument, NULL, 'n'}, {"out", required_argument, NULL, 'o'},
    {"set", required_argument, NULL, 's'},   {"overwrite", no_argument, NULL, OPT_OVERWRITE},
    {"help", no_argument, NULL, 'h'},        {0}};

static int parse_option(int code, struct compare_options *o)
{
    switch (code) {
    case 'n':
        return cmd_number("compare", "-n", optarg, 4096, &o->ranks);
    case 'o':
        o->out = optarg;
        return 0;
    case 's':
        o->batch_given = o->batch_given || strncmp(optarg, "fit.batch_size=", 15) == 0;
        return cmd_override("compare", &o->overrides, optarg);
    case OPT_OVERWRITE:
        o->overwrite = true;
        return 0;
    case 'h':
        o->help = true;
        return 0;
    default:
        return cmd_usage("compare", "unknown option");
    }
}

static int parse(int argc, char **argv, struct compare_options *o)
{
    int code, bad = 0;
    opterr = 0;
    optind = 1;
    while (!bad && (code = getopt_long(argc, argv, "n:o:s:h", long_options, NULL)) != -1)
        bad = parse_option(code, o);
    if (bad || o->help)
        return bad;
    o->words = argv + optind;
    o->count = (size_t)(argc - optind);
    if (o->count < 2)
        return cmd_usage("compare", "expected two runs or more, or an experiment and optimizers");
    if (o->count > COMPARE_MAX)
        return cmd_usage("compare", "at most %d at a time", COMPARE_MAX);
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The table to standard output, and the page to a file. */
static enum status show(const struct comparison *comparison, const char *title, const char *path)
{
    struct text table = {0}, page = {0};
    compare_table(comparison, &table);
    compare_html(comparison, title, &page);
    enum status status = file_write_atomic(path, page.data, page.length);
    if (status == ST_OK) {
        text_add(&table, "page: %s\n", path);
        cmd_print(NULL, &table);
    }
    text_release(&table);
    text_release(&page);
    return status;
}

/* ---- Runs that are there ---- */

static enum status compare_runs(const struct compare_options *o)
{
    struct comparison comparison = {0};
    enum status status = ST_OK;
    for (size_t i = 0; i < o->count && status == ST_OK; i++)
        status = compare_add(&comparison, o->words[i], o->words[i]);
    const char *path =
        o->out ? pool_printf(&comparison.pool, "%s/compare.html", o->out) : "compare.html";
    if (status == ST_OK && o->out)
        status = file_make_folder(o->out);
    if (status == ST_OK)
        status = show(&comparison, "Runs compared", path);
    compare_release(&comparison);
    return status;
}

/* ---- An experiment with optimizers ---- */

static enum status load(struct compare_options *o, const char *optimizer, struct experiment **out)
{
    struct text choice = {0};
    size_t count = o->overrides.n;
    text_add(&choice, "compile.optimizer=%s", optimizer);
    o->overrides.v[count++] = choice.data;
    enum status status = experiment_load(o->words[0], o->overrides.v, count, out);
    if (status == ST_OK && !o->batch_given &&
        ((const struct optimizer_type *)(*out)->compile.optimizer.kind->impl)->solver) {
        static char full[] = "fit.batch_size=full";
        o->overrides.v[count++] = full;
        experiment_free(*out);
        status = experiment_load(o->words[0], o->overrides.v, count, out);
    }
    text_release(&choice);
    return status;
}

/* "LBFGS", or "LBFGS-2" where there is one already. */
static const char *name_run(struct comparison *names, const char *kind)
{
    const char *name = kind;
    for (int number = 2;; number++) {
        bool taken = false;
        for (size_t i = 0; i < names->runs; i++)
            taken = taken || strcmp(names->run[i].name, name) == 0;
        if (!taken)
            break;
        name = pool_printf(&names->pool, "%s-%d", kind, number);
    }
    return name;
}

static enum status train(const struct experiment *e, const struct compare_options *o,
                         struct world *world, const char *folder)
{
    struct session session;
    struct fit_result result;
    struct fit_options options = {.folder = folder,
                                  .start = o->overwrite ? RUN_OVERWRITE : RUN_RESUME,
                                  .progress = PROGRESS_AUTO};
    enum status status = session_open(&session, e, world);
    if (status == ST_OK)
        status = fit(&session, &options, &result);
    session_close(&session);
    return status;
}

static enum status train_one(struct compare_options *o, struct world *world, const char *optimizer,
                             struct comparison *comparison, const char **folder)
{
    struct experiment *e = NULL;
    TRY(world_agree(world, load(o, optimizer, &e)));
    const char *name = name_run(comparison, e->compile.optimizer.kind->name);
    *folder = o->out ? o->out : pool_printf(&comparison->pool, "runs/%s-compare", e->name);
    const char *run = pool_printf(&comparison->pool, "%s/%s", *folder, name);
    log_info("%s", optimizer);
    enum status status = train(e, o, world, run);
    experiment_free(e);
    TRY(status);
    /* all ranks need the names */
    status = world->rank == 0 ? compare_add(comparison, name, run) : ST_OK;
    if (world->rank != 0)
        comparison->run[comparison->runs++].name = pool_strdup(&comparison->pool, name);
    return world_agree(world, status);
}

static enum status compare_optimizers(struct compare_options *o, struct world *world)
{
    struct comparison comparison = {0};
    const char *folder = NULL;
    enum status status = ST_OK;
    for (size_t i = 1; i < o->count && status == ST_OK; i++)
        status = train_one(o, world, o->words[i], &comparison, &folder);
    if (status == ST_OK && world->rank == 0)
        status = show(&comparison, o->words[0],
                      pool_printf(&comparison.pool, "%s/compare.html", folder));
    compare_release(&comparison);
    return world_agree(world, status);
}

static int compare_in_world(struct compare_options *o)
{
    struct world world;
    enum status status = world_init(&world);
    if (status != ST_OK)
        return cmd_end(status, &world);
    kernels_blas_init();
    data_guard_maps();
    signals_watch();
    return cmd_end(compare_optimizers(o, &world), &world);
}

/* Before processes are started: are the experiments sound? */
static int check_alone(struct compare_options *o)
{
    for (size_t i = 1; i < o->count; i++) {
        struct experiment *e = NULL;
        enum status status = load(o, o->words[i], &e);
        if (status != ST_OK)
            return cmd_finish(status);
        experiment_free(e);
    }
    return ST_OK;
}

int cmd_compare(int argc, char **argv)
{
    struct compare_options o = {0};
    int bad = parse(argc, argv, &o);
    if (bad)
        return bad;
    if (o.help) {
        fputs(usage, stdout);
        return ST_OK;
    }
    if (is_folder(o.words[0]))
        return cmd_finish(compare_runs(&o));
    if (launch_in_job() && !launch_by_us() && o.ranks)
        return cmd_usage("compare", "-n: mpirun or srun has already chosen the ranks");
    if (!launch_in_job()) {
        int code = check_alone(&o);
        if (code)
            return code;
        long ranks = o.ranks ? o.ranks : launch_cores();
        code = ranks > 1 ? launch_ranks((int)ranks, argv - 1) : -1;
        if (code >= 0)
            return code;
    }
    return compare_in_world(&o);
}
