/* convoy evaluate: loss and metrics of a model on a set. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "data/guard.h"

static const char usage[] =
    "usage: convoy evaluate MODEL [options] [DATA...]\n"
    "\n"
    "MODEL is a checkpoint file or a run's folder. DATA is a set as in an experiment, such as\n"
    "'{format: idx, images: a.gz, labels: b.gz}', or the files of one; without it the experiment's\n"
    "test set is used. The numbers are the same on any number of ranks.\n"
    "\n"
    "options:\n"
    "      --on SET   test, validation or train, of the experiment (default: test)\n"
    "      --json     print JSON\n"
    "  -h, --help     this text\n";

enum { OPT_ON = 256, OPT_JSON };

struct evaluate_options {
    const char *model;
    const char *on;
    char *const *data;
    size_t data_count;
    bool json, help;
};

static int parse(int argc, char **argv, struct evaluate_options *o)
{
    static const struct option long_options[] = {{"on", required_argument, NULL, OPT_ON},
                                                 {"json", no_argument, NULL, OPT_JSON},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {0}};
    static const char *const sets[] = {"test", "validation", "train"};
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        if (code == OPT_ON)
            o->on = optarg;
        else if (code == OPT_JSON)
            o->json = true;
        else if (code == 'h')
            o->help = true;
        else
            return cmd_usage("evaluate", "unknown option or missing value");
    }
    bool known = !o->on;
    for (int i = 0; o->on && i < 3; i++)
        known = known || strcmp(o->on, sets[i]) == 0;
    if (!known)
        return cmd_usage("evaluate", "--on: found '%s', expected test, validation or train", o->on);
    if (!o->help && optind >= argc)
        return cmd_usage("evaluate", "no model is given");
    if (o->help)
        return 0;
    o->model = argv[optind];
    o->data = argv + optind + 1;
    o->data_count = (size_t)(argc - optind - 1);
    if (o->data_count && o->on)
        return cmd_usage("evaluate", "--on names a set of the experiment; DATA is given too");
    return 0;
}

/* The set that the command line names, as an experiment would. */
static enum status find_source(const struct evaluate_options *o, struct loaded *loaded,
                               struct variant *source)
{
    const struct data_spec *data = &loaded->experiment->data;
    if (o->data_count)
        return load_source(loaded, o->data, o->data_count, source);
    const char *on = o->on ? o->on : "test";
    *source = strcmp(on, "train") == 0 ? data->train
              : strcmp(on, "test") == 0 ? data->test
                                        : data->validation;
    FAIL_IF(!source->kind, ST_USAGE, "%s: its experiment has no %s set; give one as DATA",
            loaded->path, on);
    return ST_OK;
}

static void print_values(const struct evaluate_options *o, const struct loaded *loaded,
                         const char *set, size_t samples, const double *values)
{
    const struct session *session = &loaded->session;
    struct text out = {0};
    if (o->json) {
        text_add(&out, "{\"model\": ");
        json_string(&out, loaded->path);
        text_add(&out, ", \"set\": ");
        json_string(&out, set);
        text_add(&out, ", \"samples\": %zu, \"loss\": ", samples);
        json_number(&out, values[0]);
        for (size_t i = 0; i < session->metrics; i++) {
            text_add(&out, ", \"%s\": ", session->metric[i].name);
            json_number(&out, values[1 + i]);
        }
        text_add(&out, ", \"digest\": \"%s\"}\n", loaded->digest);
    } else {
        text_add(&out, "%s on %zu samples of %s\n", loaded->path, samples, set);
        text_add(&out, "loss: %.6f\n", values[0]);
        for (size_t i = 0; i < session->metrics; i++)
            text_add(&out, "%s: %.6f\n", session->metric[i].name, values[1 + i]);
        text_add(&out, "digest: %s\n", loaded->digest);
    }
    cmd_print(session->world, &out);
    text_release(&out);
}

/* The part of the training set that a split holds out, or keeps, is drawn again as in training. */
static enum status evaluate_split(const struct evaluate_options *o, struct loaded *loaded,
                                  double *values)
{
    struct session session;
    TRY(session_open(&session, loaded->experiment, loaded->session.world));
    struct session *own = &loaded->session;
    memcpy(session.model->params, own->model->params, own->model->total * sizeof(float));
    const struct selection *samples = strcmp(o->on, "train") == 0 ? &session.train_samples
                                                                  : &session.validation_samples;
    enum status status = session_evaluate(&session, samples, values);
    if (status == ST_OK) {
        memcpy(own->metric, session.metric, sizeof own->metric);
        own->metrics = session.metrics;
        print_values(o, loaded, samples->dataset->source, samples->n, values);
    }
    session_close(&session);
    return status;
}

static enum status evaluate(const struct evaluate_options *o, struct loaded *loaded)
{
    struct session *session = &loaded->session;
    struct world *world = session->world;
    struct variant source = {0};
    struct dataset *set = NULL;
    struct selection all = {0};
    double values[1 + METRICS_MAX];
    bool split = loaded->experiment->data.validation.kind == &split_kind;
    if (split && o->on && strcmp(o->on, "test") != 0)
        return evaluate_split(o, loaded, values);
    TRY(world_agree(world, find_source(o, loaded, &source)));
    TRY(world_agree(world, dataset_open(&source, (uint64_t)loaded->experiment->seed, &session->env,
                                        &set)));
    enum status status = session_fit(session, set);
    if (status == ST_OK)
        status = selection_all(set, &all);
    status = world_agree(world, status);
    if (status == ST_OK)
        status = session_evaluate(session, &all, values);
    if (status == ST_OK)
        print_values(o, loaded, set->source, all.n, values);
    selection_release(&all);
    dataset_free(set);
    return status;
}

int cmd_evaluate(int argc, char **argv)
{
    struct evaluate_options o = {0};
    struct world world;
    struct loaded loaded = {0};
    int bad = parse(argc, argv, &o);
    if (bad)
        return bad;
    if (o.help) {
        fputs(usage, stdout);
        return ST_OK;
    }
    enum status status = world_init(&world);
    if (status != ST_OK)
        return cmd_finish(status);
    kernels_blas_init();
    data_guard_maps();
    status = load_model(o.model, &world, &loaded);
    if (status == ST_OK)
        status = evaluate(&o, &loaded);
    int code = cmd_finish(status);
    load_release(&loaded);
    world_finish(&world);
    return code;
}
