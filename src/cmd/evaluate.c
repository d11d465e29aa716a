/* convoy evaluate: loss, metrics and confusion matrix of a model on a set. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "data/guard.h"
#include "train/confusion.h"

enum { MOST_SHOWN = 20 }; /* classes of a table that is printed */

static const char usage[] =
    "usage: convoy evaluate MODEL [DATA...] [options]\n"
    "\n"
    "MODEL is a checkpoint file or a run's folder. DATA is test (the default), validation or\n"
    "train, for the set of that name in the experiment; or a set as in an experiment, such as\n"
    "'{format: idx, images: a.gz, labels: b.gz}'; or the files of one. The numbers are the same\n"
    "on any number of ranks.\n"
    "\n"
    "options:\n"
    "      --confusion FILE   write the confusion matrix as CSV: a line a class, a column a\n"
    "                         prediction\n"
    "      --json             print JSON\n"
    "  -h, --help             this text\n";

struct evaluate_options {
    const char *model, *confusion;
    char *const *data;
    size_t data_count;
    bool json, help;
};

static int parse(int argc, char **argv, struct evaluate_options *o)
{
    static const struct option long_options[] = {{"confusion", required_argument, NULL, 'c'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {0}};
    static char test[] = "test", *fallback[] = {test, NULL};
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        if (code == 'c')
            o->confusion = optarg;
        else if (code == 'j')
            o->json = true;
        else if (code == 'h')
            o->help = true;
        else
            return cmd_usage("evaluate", "unknown option or missing value");
    }
    if (o->help)
        return 0;
    if (optind >= argc)
        return cmd_usage("evaluate", "no model is given");
    o->model = argv[optind];
    o->data = argv + optind + 1;
    o->data_count = (size_t)(argc - optind - 1);
    if (o->data_count == 0) {
        o->data = fallback;
        o->data_count = 1;
    }
    return 0;
}

/* [[1, 2], [3, 4]] */
static void add_counts(const struct evaluation *e, struct text *out)
{
    text_add(out, ", \"confusion\": [");
    for (size_t i = 0; i < e->classes * e->classes; i++)
        text_add(out, "%s%s%.0f",
                 i % e->classes ? ", "
                 : i            ? "], "
                                : "",
                 i % e->classes ? "" : "[", e->confusion[i]);
    text_add(out, "]]");
}

static enum status write_confusion(const char *path, const struct loaded *loaded,
                                   const struct evaluation *e)
{
    struct text out = {0};
    FAIL_IF(e->classes == 0, ST_USAGE,
            "--confusion: %s does not choose between 2 to %d classes on this set", loaded->path,
            CONFUSION_MAX_CLASSES);
    if (loaded->session.world->rank != 0)
        return ST_OK;
    confusion_csv(e->confusion, e->classes, e->class_name, &out);
    enum status status = file_write_atomic(path, out.data, out.length);
    text_release(&out);
    return status;
}

static void print_values(const struct evaluate_options *o, const struct loaded *loaded,
                         const struct evaluation *e)
{
    const struct session *session = &loaded->session;
    struct text out = {0};
    if (o->json) {
        text_add(&out, "{\"model\": ");
        json_string(&out, loaded->path);
        text_add(&out, ", \"set\": ");
        json_string(&out, e->set);
        text_add(&out, ", \"samples\": %zu, \"loss\": ", e->samples);
        json_number(&out, e->value[0]);
        for (size_t i = 0; i < session->metrics; i++) {
            text_add(&out, ", \"%s\": ", session->metric[i].name);
            json_number(&out, e->value[1 + i]);
        }
        if (e->classes > 0)
            add_counts(e, &out);
        text_add(&out, ", \"digest\": \"%s\"}\n", loaded->digest);
    } else {
        text_add(&out, "%s on %zu samples of %s\n", loaded->path, e->samples, e->set);
        text_add(&out, "loss: %.6f\n", e->value[0]);
        for (size_t i = 0; i < session->metrics; i++)
            text_add(&out, "%s: %.6f\n", session->metric[i].name, e->value[1 + i]);
        text_add(&out, "digest: %s\n", loaded->digest);
        if (e->classes > 0 && e->classes <= MOST_SHOWN)
            confusion_table(e->confusion, e->classes, e->class_name, &out);
    }
    cmd_print(session->world, &out);
    text_release(&out);
}

int cmd_evaluate(int argc, char **argv)
{
    struct evaluate_options o = {0};
    struct world world;
    struct loaded loaded = {0};
    struct evaluation evaluation;
    int bad = parse(argc, argv, &o);
    if (bad)
        return bad;
    if (o.help) {
        fputs(usage, stdout);
        return ST_OK;
    }
    enum status status = world_init(&world);
    if (status != ST_OK)
        return cmd_end(status, &world);
    kernels_blas_init();
    data_guard_maps();
    status = load_model(o.model, &world, &loaded);
    if (status == ST_OK)
        status = load_evaluate(&loaded, o.data, o.data_count, &evaluation);
    if (status == ST_OK)
        print_values(&o, &loaded, &evaluation);
    if (status == ST_OK && o.confusion)
        status = world_agree(&world, write_confusion(o.confusion, &loaded, &evaluation));
    int code = cmd_finish(status);
    load_release(&loaded);
    world_finish(&world);
    return code;
}
