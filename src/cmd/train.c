/* convoy train: run an experiment. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/signals.h"
#include "cmd/cmd.h"
#include "data/guard.h"
#include "report/rate_plot.h"
#include "train/fit.h"
#include "train/rate_test.h"

static const char usage[] =
    "usage: convoy train EXPERIMENT.yaml [options]\n"
    "       convoy train --resume --out RUN [options]\n"
    "\n"
    "Trains the experiment. Started by itself it runs one process a core; under mpirun or srun it\n"
    "uses the ranks that it is given. The result is the same to the last bit on any number of\n"
    "them. The run's folder gets experiment.yaml, history.csv, log.txt, checkpoints/, best.h5,\n"
    "model.h5 and report.html.\n"
    "\n"
    "options:\n"
    "  -n, --ranks N          processes to start (default: one a core)\n"
    "  -o, --out DIR          the run's folder (default: runs/NAME)\n"
    "  -s, --set KEY=VALUE    change the experiment: --set fit.epochs=3; may be repeated\n"
    "  -r, --resume           go on from the newest checkpoint in the run's folder, if any\n"
    "      --overwrite        begin anew where the folder holds an earlier run\n"
    "      --dry-run          print the experiment with every default, train nothing\n"
    "      --find-learning-rate[=STEPS]\n"
    "                         train so many steps (100) with a growing learning rate, and print\n"
    "                         which would do; writes nothing but learning-rate.csv and .svg in\n"
    "                         the run's folder\n"
    "      --profile          end with a table of where the time went; RUN/trace.json shows steps\n"
    "                         in a viewer (Perfetto, chrome://tracing)\n"
    "      --watch WHAT       gradients, activations, weights, or several with commas: numbers of\n"
    "                         each layer at the end of each epoch, in RUN/watch.csv and, of the\n"
    "                         last one, as a table; warns of vanishing and exploding gradients\n"
    "                         and of dead ReLUs\n"
    "      --watch-every K    every K steps instead\n"
    "      --no-report        do not end with RUN/report.html\n"
    "      --progress MODE    auto, live, lines or quiet (default: auto)\n"
    "      --json             end with the result as JSON\n"
    "  -h, --help             this text\n"
    "\n"
    "USR1 or INT (Ctrl-C) writes a checkpoint after the step under way and exits with 75.\n";

enum option_code {
    OPT_OVERWRITE = 256,
    OPT_DRY_RUN,
    OPT_FIND_RATE,
    OPT_PROFILE,
    OPT_WATCH,
    OPT_WATCH_EVERY,
    OPT_NO_REPORT,
    OPT_PROGRESS,
    OPT_JSON
};

struct train_options {
    const char *file;
    char *out; /* NULL: runs/NAME */
    struct overrides overrides;
    long ranks;       /* 0: one a core */
    long rate_steps;  /* of --find-learning-rate; 0: not asked for */
    unsigned watch;   /* enum watch_what; 0: nothing */
    long watch_every; /* steps; 0: once an epoch */
    enum run_start start;
    enum progress_mode progress;
    bool dry_run, profile, no_report, json, help;
};

static const struct option long_options[] = {
    {"ranks", required_argument, NULL, 'n'},
    {"out", required_argument, NULL, 'o'},
    {"set", required_argument, NULL, 's'},
    {"resume", no_argument, NULL, 'r'},
    {"overwrite", no_argument, NULL, OPT_OVERWRITE},
    {"dry-run", no_argument, NULL, OPT_DRY_RUN},
    {"find-learning-rate", optional_argument, NULL, OPT_FIND_RATE},
    {"profile", no_argument, NULL, OPT_PROFILE},
    {"watch", required_argument, NULL, OPT_WATCH},
    {"watch-every", required_argument, NULL, OPT_WATCH_EVERY},
    {"no-report", no_argument, NULL, OPT_NO_REPORT},
    {"progress", required_argument, NULL, OPT_PROGRESS},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, 'h'},
    {0}};

static int parse_progress(const char *text, enum progress_mode *mode)
{
    static const char *const names[] = {"auto", "live", "lines", "quiet"};
    for (int i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *mode = (enum progress_mode)i;
            return 0;
        }
    return cmd_usage("train", "--progress: found '%s', expected auto, live, lines or quiet", text);
}

static int parse_option(int code, struct train_options *o)
{
    switch (code) {
    case 'n':
        return cmd_number("train", "-n", optarg, 4096, &o->ranks);
    case 'o':
        o->out = optarg;
        return 0;
    case 's':
        return cmd_override("train", &o->overrides, optarg);
    case 'r':
    case OPT_OVERWRITE:
        if (o->start != RUN_FRESH && o->start != (code == 'r' ? RUN_RESUME : RUN_OVERWRITE))
            return cmd_usage("train", "--resume and --overwrite exclude each other");
        o->start = code == 'r' ? RUN_RESUME : RUN_OVERWRITE;
        return 0;
    case OPT_DRY_RUN:
        o->dry_run = true;
        return 0;
    case OPT_FIND_RATE:
        o->rate_steps = 100;
        return optarg ? cmd_number("train", "--find-learning-rate", optarg, 1000000, &o->rate_steps)
                      : 0;
    case OPT_PROFILE:
        o->profile = true;
        return 0;
    case OPT_WATCH:
        o->watch = watch_parse(optarg);
        return o->watch ? 0
                        : cmd_usage("train",
                                    "--watch: found '%s', expected gradients, activations, weights "
                                    "or several of them with commas between",
                                    optarg);
    case OPT_WATCH_EVERY:
        return cmd_number("train", "--watch-every", optarg, 1000000000, &o->watch_every);
    case OPT_NO_REPORT:
        o->no_report = true;
        return 0;
    case OPT_PROGRESS:
        return parse_progress(optarg, &o->progress);
    case OPT_JSON:
        o->json = true;
        return 0;
    case 'h':
        o->help = true;
        return 0;
    default:
        return cmd_usage("train", "unknown option or missing value");
    }
}

static int parse(int argc, char **argv, struct train_options *o)
{
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, "n:o:s:rh", long_options, NULL)) != -1;) {
        int bad = parse_option(code, o);
        if (bad)
            return bad;
    }
    if (o->help)
        return 0;
    if (o->rate_steps && (o->rate_steps < 20 || o->start == RUN_RESUME || o->profile || o->json))
        return cmd_usage("train", "--find-learning-rate: expected at least 20 steps, and none of "
                                  "--resume, --profile and --json");
    if (o->rate_steps && (o->watch || o->no_report))
        return cmd_usage("train", "--find-learning-rate: there is nothing to watch or to report");
    if (o->watch_every && !o->watch)
        return cmd_usage("train", "--watch-every: needs --watch, which says what");
    if (argc - optind > 1)
        return cmd_usage("train", "one experiment at a time; found '%s' and '%s'", argv[optind],
                         argv[optind + 1]);
    if (optind < argc)
        o->file = argv[optind];
    else if (!(o->start == RUN_RESUME && o->out))
        return cmd_usage("train", "no experiment file is given");
    return 0;
}

static enum status load_experiment(const struct train_options *o, struct experiment **out)
{
    char *inside = NULL;
    if (!o->file) {
        inside = mem_need(strlen(o->out) + 32, 1);
        sprintf(inside, "%s/experiment.yaml", o->out);
    }
    enum status status =
        experiment_load(o->file ? o->file : inside, o->overrides.v, o->overrides.n, out);
    free(inside);
    return status;
}

static void print_json(const struct experiment *e, const struct fit_options *options,
                       const struct world *world, const struct fit_result *r)
{
    struct text out = {0};
    text_add(&out, "{\"name\": ");
    json_string(&out, e->name);
    text_add(&out, ", \"folder\": ");
    json_string(&out, options->folder);
    text_add(&out, ", \"ranks\": %d, \"epochs\": %lld, \"steps\": %lld, \"stopped_early\": %s",
             world->size, (long long)r->epochs, (long long)r->steps,
             r->stopped_early ? "true" : "false");
    for (size_t i = 0; i < r->values; i++) {
        text_add(&out, ", \"%s\": ", r->name[i]);
        json_number(&out, r->value[i]);
    }
    if (options->profile) {
        text_add(&out, ", ");
        profile_json(options->profile, &out);
    }
    text_add(&out, ", \"digest\": \"%s\"}\n", r->digest);
    cmd_print(world, &out);
    text_release(&out);
}

static void print_result(const struct train_options *o, const struct experiment *e,
                         const struct fit_options *options, const struct world *world,
                         const struct fit_result *r)
{
    if (o->json) {
        print_json(e, options, world, r);
        return;
    }
    struct text out = {0};
    text_add(&out, "model: %s/model.h5\n", options->folder);
    text_add(&out, "digest: %s\n", r->digest);
    cmd_print(world, &out);
    text_release(&out);
}

/* Of a run that was stopped, too. */
static void print_profile(const struct fit_options *options, const struct world *world)
{
    struct text out = {0};
    profile_table(options->profile, &out);
    text_add(&out, "trace: %s/trace.json\n", options->folder);
    cmd_print(world, &out);
    text_release(&out);
}

static void print_watch(const struct watcher *watcher, const struct world *world)
{
    struct text out = {0};
    watch_table(watcher, &out);
    if (out.data)
        cmd_print(world, &out);
    text_release(&out);
}

/* Collective. */
static enum status write_report(const struct fit_options *options, const struct session *session,
                                const struct fit_result *r)
{
    enum status status = ST_OK;
    if (session->world->rank == 0)
        status =
            cmd_write_report(options->folder, session->experiment, session->model, r->digest, NULL);
    return world_agree(session->world, status);
}

static enum status write_rates(const struct rate_test *test, const char *folder, const char *end,
                               void (*write)(const struct rate_test *test, struct text *out))
{
    struct text path = {0}, text = {0};
    text_add(&path, "%s/learning-rate.%s", folder, end);
    write(test, &text);
    enum status status = file_write_atomic(path.data, text.data, text.length);
    text_release(&path);
    text_release(&text);
    return status;
}

/* What the test has found: the table, and on rank 0 the two files. */
static enum status report_rates(const struct rate_test *test, const char *folder,
                                const struct world *world)
{
    struct text out = {0};
    rate_test_table(test, 20, &out);
    text_add(&out, "picture: %s/learning-rate.svg\n", folder);
    cmd_print(world, &out);
    text_release(&out);
    if (world->rank != 0)
        return ST_OK;
    TRY(file_make_folder(folder));
    TRY(write_rates(test, folder, "csv", rate_test_csv));
    return write_rates(test, folder, "svg", rate_plot);
}

static enum status find_rate(struct session *session, long steps, const char *folder)
{
    struct rate_test test;
    enum status status = rate_test_run(session, (size_t)steps, &test);
    if (status == ST_OK)
        status = world_agree(session->world, report_rates(&test, folder, session->world));
    rate_test_release(&test);
    return status;
}

static enum status train_in(const struct train_options *o, const struct experiment *e,
                            struct world *world, const char *folder)
{
    struct session session;
    struct fit_result result;
    struct profile profile = {0};
    struct watcher watcher = {.what = o->watch, .every = o->watch_every};
    struct fit_options options = {.folder = folder,
                                  .start = o->start,
                                  .progress = o->json ? PROGRESS_QUIET : o->progress,
                                  .profile = o->profile ? &profile : NULL,
                                  .watcher = o->watch ? &watcher : NULL};
    enum status status = session_open(&session, e, world);
    bool fits = status == ST_OK && !o->rate_steps;
    if (fits)
        status = fit(&session, &options, &result);
    else if (status == ST_OK)
        status = find_rate(&session, o->rate_steps, folder);
    if (o->profile && !o->json && (status == ST_OK || status == ST_STOPPED))
        print_profile(&options, world);
    if (o->watch && !o->json && (status == ST_OK || status == ST_STOPPED || status == ST_DIVERGED))
        print_watch(&watcher, world);
    if (fits && status == ST_OK && !o->no_report)
        status = write_report(&options, &session, &result);
    if (fits && status == ST_OK)
        print_result(o, e, &options, world, &result);
    profile_release(&profile);
    watcher_release(&watcher);
    session_close(&session);
    return status;
}

static enum status train(const struct train_options *o, const struct experiment *e,
                         struct world *world)
{
    char *folder = mem_need(strlen(o->out ? o->out : e->name) + 8, 1);
    sprintf(folder, "%s%s", o->out ? "" : "runs/", o->out ? o->out : e->name);
    enum status status = train_in(o, e, world, folder);
    free(folder);
    return status;
}

static int dry_run(const struct experiment *e)
{
    struct text out = {0};
    experiment_write(e, &out);
    cmd_print(NULL, &out);
    text_release(&out);
    return ST_OK;
}

static int train_in_world(const struct train_options *o)
{
    struct world world;
    struct experiment *e = NULL;
    enum status status = world_init(&world);
    if (status != ST_OK)
        return cmd_end(status, &world);
    kernels_blas_init();
    data_guard_maps();
    signals_watch();
    status = world_agree(&world, load_experiment(o, &e));
    if (status == ST_OK)
        status = train(o, e, &world);
    int code = cmd_finish(status);
    experiment_free(e);
    world_finish(&world);
    return code;
}

/* Before processes are started: is the experiment sound? Its errors are better said once. */
static int check_alone(const struct train_options *o)
{
    struct experiment *e = NULL;
    enum status status = load_experiment(o, &e);
    if (status != ST_OK)
        return cmd_finish(status);
    int code = o->dry_run ? dry_run(e) : ST_OK;
    experiment_free(e);
    return code;
}

int cmd_train(int argc, char **argv)
{
    struct train_options o = {.start = RUN_FRESH};
    int bad = parse(argc, argv, &o);
    if (bad)
        return bad;
    if (o.help) {
        fputs(usage, stdout);
        return ST_OK;
    }
    if (launch_in_job() && !launch_by_us() && o.ranks)
        return cmd_usage("train", "-n: mpirun or srun has already chosen the ranks");
    if (!launch_in_job() || o.dry_run) {
        int code = check_alone(&o);
        if (code || o.dry_run)
            return code;
        long ranks = o.ranks ? o.ranks : launch_cores();
        code = ranks > 1 ? launch_ranks((int)ranks, argv - 1) : -1;
        if (code >= 0)
            return code;
    }
    return train_in_world(&o);
}
