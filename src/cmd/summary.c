/* convoy summary: the model as a table. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

static const char usage[] =
    "usage: convoy summary EXPERIMENT.yaml|MODEL [options]\n"
    "\n"
    "Prints the layers with output shapes, parameters, FLOPs, how the native backend convolves\n"
    "(direct or winograd), and memory. MODEL is a checkpoint file or a run's folder.\n"
    "\n"
    "options:\n"
    "  -x, --explain         with the shape arithmetic of convolutions and pooling\n"
    "  -s, --set KEY=VALUE   change the experiment; may be repeated\n"
    "      --json            print JSON\n"
    "  -h, --help            this text\n";

struct summary_options {
    const char *file;
    struct overrides overrides;
    bool explain, json, help;
};

static int parse(int argc, char **argv, struct summary_options *o)
{
    enum { OPT_JSON = 256 };
    static const struct option long_options[] = {{"explain", no_argument, NULL, 'x'},
                                                 {"set", required_argument, NULL, 's'},
                                                 {"json", no_argument, NULL, OPT_JSON},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {0}};
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, "xs:h", long_options, NULL)) != -1;) {
        if (code == 'x')
            o->explain = true;
        else if (code == OPT_JSON)
            o->json = true;
        else if (code == 'h')
            o->help = true;
        else if (code == 's') {
            if (cmd_override("summary", &o->overrides, optarg))
                return ST_USAGE;
        } else
            return cmd_usage("summary", "unknown option or missing value");
    }
    if (!o->help && argc - optind != 1)
        return cmd_usage("summary", "expected one experiment or model");
    o->file = o->help ? NULL : argv[optind];
    return 0;
}

static bool is_yaml(const char *file)
{
    const char *dot = strrchr(file, '.');
    return strcmp(file, "-") == 0 ||
           (dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0));
}

static void print(const struct summary_options *o, const struct model *model)
{
    struct text out = {0};
    if (o->json)
        model_summary_json(model, &out);
    else
        model_summary(model, o->explain, &out);
    cmd_print(NULL, &out);
    text_release(&out);
}

static enum status of_experiment(const struct summary_options *o)
{
    struct experiment *e = NULL;
    struct model *model = NULL;
    TRY(experiment_load(o->file, o->overrides.v, o->overrides.n, &e));
    enum status status = experiment_build(e, &model);
    if (status == ST_OK)
        print(o, model);
    model_free(model);
    experiment_free(e);
    return status;
}

static enum status of_model(const struct summary_options *o)
{
    struct world world;
    struct loaded loaded = {0};
    enum status status = world_init(&world);
    if (status == ST_OK)
        status = load_model(o->file, &world, &loaded);
    if (status == ST_OK && world.rank == 0)
        print(o, loaded.session.model);
    load_release(&loaded);
    world_finish(&world);
    return status;
}

int cmd_summary(int argc, char **argv)
{
    struct summary_options o = {0};
    int bad = parse(argc, argv, &o);
    if (bad)
        return bad;
    if (o.help) {
        fputs(usage, stdout);
        return ST_OK;
    }
    return cmd_finish(is_yaml(o.file) ? of_experiment(&o) : of_model(&o));
}
