/* convoy predict: what a model says of each sample of a set. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "data/guard.h"

static const char usage[] =
    "usage: convoy predict MODEL DATA... [options]\n"
    "\n"
    "MODEL is a checkpoint file or a run's folder. DATA is a set as in an experiment, such as\n"
    "'{format: idx, images: a.gz}', or its files, or test or train for the set of that name in\n"
    "the experiment. Prints a row a sample: class and probability where the model classifies,\n"
    "else its outputs.\n"
    "\n"
    "options:\n"
    "  -o, --output FILE     write there instead of to standard output\n"
    "  -p, --probabilities   all probabilities, not the largest alone\n"
    "      --json            a JSON object a line instead of CSV\n"
    "  -h, --help            this text\n";

struct predict_options {
    const char *model, *output;
    char *const *data;
    size_t data_count;
    bool probabilities, json, help;
};

static int parse(int argc, char **argv, struct predict_options *o)
{
    enum { OPT_JSON = 256 };
    static const struct option long_options[] = {{"output", required_argument, NULL, 'o'},
                                                 {"probabilities", no_argument, NULL, 'p'},
                                                 {"json", no_argument, NULL, OPT_JSON},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {0}};
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, "o:ph", long_options, NULL)) != -1;) {
        if (code == 'o')
            o->output = optarg;
        else if (code == 'p')
            o->probabilities = true;
        else if (code == OPT_JSON)
            o->json = true;
        else if (code == 'h')
            o->help = true;
        else
            return cmd_usage("predict", "unknown option or missing value");
    }
    if (o->help)
        return 0;
    if (argc - optind < 2)
        return cmd_usage("predict", "expected a model and data");
    o->model = argv[optind];
    o->data = argv + optind + 1;
    o->data_count = (size_t)(argc - optind - 1);
    return 0;
}

/* What is printed, and how. */
struct printer {
    const struct predict_options *options;
    const struct dataset *set;
    size_t width;
    bool classes; /* softmax, or one sigmoid */
    FILE *file;
};

static void add_class(const struct printer *p, size_t class, struct text *out)
{
    bool named = p->set->class_names && class < p->set->classes;
    if (named && p->options->json)
        json_string(out, p->set->class_names[class]);
    else if (named)
        text_add(out, "%s", p->set->class_names[class]);
    else
        text_add(out, "%zu", class);
}

static void add_outputs(const struct printer *p, const float *y, struct text *out)
{
    for (size_t i = 0; i < p->width; i++) {
        text_add(out, i ? "," : "");
        json_number(out, (double)y[i]);
    }
}

/* The most likely class and its probability; of one sigmoid 0 or 1. */
static size_t most_likely(const struct printer *p, const float *y, float *probability)
{
    size_t best = 0;
    if (p->width == 1) {
        best = y[0] > 0.5f;
        *probability = best ? y[0] : 1.0f - y[0];
        return best;
    }
    for (size_t i = 1; i < p->width; i++)
        best = y[i] > y[best] ? i : best;
    *probability = y[best];
    return best;
}

static void print_row(const struct printer *p, size_t row, const float *y)
{
    struct text out = {0};
    float probability = 0.0f;
    size_t class = p->classes ? most_likely(p, y, &probability) : 0;
    bool all = p->options->probabilities || !p->classes, json = p->options->json;
    text_add(&out, json ? "{\"row\": %zu" : "%zu", row);
    if (p->classes) {
        text_add(&out, json ? ", \"class\": " : ",");
        add_class(p, class, &out);
        text_add(&out, json ? ", \"probability\": " : ",");
        json_number(&out, (double)probability);
    }
    if (all) {
        text_add(&out, json ? ", \"output\": [" : ",");
        add_outputs(p, y, &out);
        text_add(&out, json ? "]" : "");
    }
    text_add(&out, json ? "}\n" : "\n");
    fwrite(out.data, 1, out.length, p->file);
    text_release(&out);
}

static void print_header(const struct printer *p)
{
    if (p->options->json)
        return;
    fprintf(p->file, "row%s", p->classes ? ",class,probability" : "");
    for (size_t i = 0; (p->options->probabilities || !p->classes) && i < p->width; i++)
        fprintf(p->file, ",output_%zu", i);
    fputc('\n', p->file);
}

static enum status run_set(struct loaded *loaded, const struct printer *p)
{
    size_t size = (size_t)loaded->session.model->microbatch;
    print_header(p);
    for (size_t first = 0; first < p->set->n; first += size) {
        size_t n = p->set->n - first < size ? p->set->n - first : size;
        const float *y = NULL;
        TRY(load_predict(loaded, p->set, first, n, &y));
        for (size_t i = 0; i < n; i++)
            print_row(p, first + i, y + i * p->width);
        FAIL_IF(ferror(p->file), ST_IO, "%s: cannot write: %s",
                p->options->output ? p->options->output : "standard output", strerror(errno));
    }
    return ST_OK;
}

/* Not collective: rank 0 does it. */
static enum status predict(const struct predict_options *o, struct loaded *loaded)
{
    struct session *session = &loaded->session;
    enum activation last = model_output_activation(session->model);
    struct printer printer = {.options = o, .width = shape_size(&session->model->output)};
    struct variant source;
    struct dataset *set = NULL;
    session->env.share = NULL;
    TRY(load_source(loaded, o->data, o->data_count, &source));
    FAIL_IF(source.kind == &split_kind, ST_USAGE,
            "%s: its experiment has no validation set of its own; give one as DATA", loaded->path);
    TRY(dataset_open(&source, (uint64_t)loaded->experiment->seed, &session->env, &set));
    printer.set = set;
    printer.classes = last == ACT_SOFTMAX || (last == ACT_SIGMOID && printer.width == 1);
    enum status status = session_fit_inputs(session, set);
    printer.file = o->output ? fopen(o->output, "w") : stdout;
    if (status == ST_OK && !printer.file)
        status = status_fail(ST_IO, "%s: cannot write: %s", o->output, strerror(errno));
    if (status == ST_OK)
        status = run_set(loaded, &printer);
    bool bad = printer.file && fflush(printer.file) != 0;
    if (printer.file && o->output)
        bad = fclose(printer.file) != 0 || bad;
    if (status == ST_OK && bad)
        status = status_fail(ST_IO, "%s: cannot write: %s",
                             o->output ? o->output : "standard output", strerror(errno));
    dataset_free(set);
    return status;
}

int cmd_predict(int argc, char **argv)
{
    struct predict_options o = {0};
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
        return cmd_end(status, &world);
    kernels_blas_init();
    data_guard_maps();
    status = load_model(o.model, &world, &loaded);
    if (status == ST_OK)
        status = world_agree(&world, world.rank == 0 ? predict(&o, &loaded) : ST_OK);
    int code = cmd_finish(status);
    load_release(&loaded);
    world_finish(&world);
    return code;
}
