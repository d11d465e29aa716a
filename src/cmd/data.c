/* convoy data: what is in a set, is it sound, and in another format. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "data/describe.h"
#include "data/guard.h"
#include "data/source.h"
#include "data/write.h"
#include "train/experiment.h"

enum { MAX_SETS = 64, SHOWN_CHANNELS = 16, SHOWN_CLASSES = 100 };

static const char usage[] =
    "usage: convoy data info [--json] SET...\n"
    "       convoy data check SET...\n"
    "       convoy data convert SET OUT.h5|OUT-idx\n"
    "       convoy data preview EXPERIMENT OUT.png\n"
    "\n"
    "info says how many samples a set has, of what shape and type, their range, mean and\n"
    "deviation, the classes, and whether it is mapped or unpacked; check reads every number and\n"
    "label and ends with 3 where one is no use; convert writes HDF5 (/x, /y and /sample_weight)\n"
    "or IDX files (OUT-images-..., OUT-labels-...); preview draws training samples, and beside\n"
    "each how the model sees it in the first epochs.\n"
    "\n"
    "A SET is\n"
    "  an experiment (.yaml, .yml)             all its sets\n"
    "  '{format: idx, images: a, labels: b}'   as in an experiment\n"
    "  files, such as a.gz b.gz                one set, its format told by the first file\n"
    "\n"
    "options:\n"
    "  --json   info as JSON\n"
    "  --help   this text\n";

/* What the command line names. */
struct named_set {
    const char *name; /* "train", or the text that names it */
    const char *format;
    struct dataset *dataset;
};
struct sets {
    size_t n;
    struct named_set set[MAX_SETS];
    struct pool pool;
};

static void sets_release(struct sets *sets)
{
    for (size_t i = 0; i < sets->n; i++)
        dataset_free(sets->set[i].dataset);
    pool_release(&sets->pool);
}

static enum status add_set(struct sets *sets, const char *name, const struct variant *source,
                           uint64_t seed, const struct data_env *env)
{
    FAIL_IF(sets->n == MAX_SETS, ST_USAGE, "more than %d sets", MAX_SETS);
    struct named_set *set = &sets->set[sets->n];
    TRY(dataset_open(source, seed, env, &set->dataset));
    set->name = pool_strdup(&sets->pool, name);
    set->format = source->kind->name;
    sets->n++;
    return ST_OK;
}

static enum status add_words(struct sets *sets, char *const *words, size_t n)
{
    struct variant source;
    struct data_env env = {0};
    TRY(source_resolve(words, n, &env, &sets->pool, &source));
    return add_set(sets, words[0], &source, 0, &env);
}

static enum status add_experiment(struct sets *sets, const char *path)
{
    struct experiment *experiment;
    TRY(experiment_load(path, NULL, 0, &experiment));
    const struct data_spec *data = &experiment->data;
    const struct {
        const char *name;
        const struct variant *source;
    } sources[] = {
        {"train", &data->train}, {"validation", &data->validation}, {"test", &data->test}};
    struct data_env env = {.experiment_folder = experiment->folder};
    enum status status = ST_OK;
    for (size_t i = 0; i < 3 && status == ST_OK; i++)
        if (sources[i].source->kind && sources[i].source->kind != &split_kind)
            status =
                add_set(sets, sources[i].name, sources[i].source, (uint64_t)experiment->seed, &env);
    experiment_free(experiment);
    return status;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

static bool is_experiment(const char *word)
{
    return ends_with(word, ".yaml") || ends_with(word, ".yml");
}

static bool is_file(const char *word)
{
    return word[0] != '{' && !is_experiment(word);
}

/* Bare file names in a row are one set. */
static enum status open_sets(struct sets *sets, char *const *words, size_t n)
{
    for (size_t i = 0, used; i < n; i += used) {
        for (used = 0; i + used < n && is_file(words[i + used]);)
            used++;
        if (used == 0 && is_experiment(words[i]))
            TRY(add_experiment(sets, words[i]));
        else
            TRY(add_words(sets, words + i, used ? used : 1));
        used += used == 0;
    }
    return ST_OK;
}

/* ---- info ---- */

static const char *storage_text(const struct array *array)
{
    static const char *const names[] = {
        [STORED_MAPPED] = "mapped", [STORED_UNPACKED] = "unpacked", [STORED_EMBEDDED] = "embedded"};
    enum storage first = array->part[0].storage;
    for (size_t i = 1; i < array->parts; i++)
        if (array->part[i].storage != first)
            return "mapped and unpacked";
    return names[first];
}

static void print_inputs(const struct dataset *dataset)
{
    const struct array *x = &dataset->x;
    double bytes =
        (double)array_elements(x) * (double)dtype_size(x->dtype) * (double)dataset->stored;
    bool large = bytes >= 0x1p20;
    printf("  inputs      %s %s, %.1f %s, %s\n", array_shape_text(x), dtype_name(x->dtype),
           bytes * (large ? 0x1p-20 : 0x1p-10), large ? "MiB" : "KiB", storage_text(x));
}

static void print_classes(const struct dataset *dataset, const struct description *d)
{
    printf("  classes     %zu\n", dataset->classes);
    for (size_t c = 0; c < dataset->classes && c < SHOWN_CLASSES; c++)
        printf("    %4zu %9zu%s%s\n", c, d->class_count[c], dataset->class_names ? "  " : "",
               dataset->class_names ? dataset->class_names[c] : "");
    if (dataset->classes > SHOWN_CLASSES)
        printf("    ... and %zu more\n", dataset->classes - SHOWN_CLASSES);
}

static void print_info(const struct named_set *set, const struct description *d)
{
    const struct dataset *dataset = set->dataset;
    const struct array *x = &dataset->x, *y = &dataset->y;
    printf("%s\n", set->name);
    printf("  format      %s (%s%s)\n", set->format, dataset->source, x->parts > 1 ? ", ..." : "");
    printf("  samples     %zu", dataset->n);
    if (dataset->subset)
        printf(" of %zu", dataset->stored);
    printf("\n");
    print_inputs(dataset);
    printf("  %s %10s %10s %12s %12s\n", x->rank == 3 ? "channel" : "feature", "min", "max", "mean",
           "deviation");
    for (size_t c = 0; c < d->channels && c < SHOWN_CHANNELS; c++)
        printf("    %5zu %10.6g %10.6g %12.8g %12.8g\n", c, d->channel[c].min, d->channel[c].max,
               d->channel[c].mean, d->channel[c].deviation);
    if (d->channels > SHOWN_CHANNELS)
        printf("    ... and %zu more\n", d->channels - SHOWN_CHANNELS);
    if (y->parts == 0)
        printf("  targets     none\n");
    else
        printf("  targets     %s %s, %s\n", array_shape_text(y), dtype_name(y->dtype),
               storage_text(y));
    if (dataset->classes)
        print_classes(dataset, d);
}

static void json_array(struct text *out, const char *key, const struct array *array)
{
    if (array->parts == 0) {
        text_add(out, "\"%s\": null", key);
        return;
    }
    text_add(out, "\"%s\": {\"shape\": [", key);
    for (int i = 0; i < array->rank; i++)
        text_add(out, "%s%zu", i ? ", " : "", array->shape[i]);
    text_add(out,
             "], \"dtype\": \"%s\", \"big_endian\": %s, \"channels_first\": %s, "
             "\"storage\": \"%s\"}",
             dtype_name(array->dtype), array->big_endian ? "true" : "false",
             array->channels_first ? "true" : "false", storage_text(array));
}

static void json_channels(struct text *out, const struct description *d)
{
    text_add(out, "\"channels\": [");
    for (size_t c = 0; c < d->channels; c++) {
        const struct channel_summary *s = &d->channel[c];
        const char *const keys[] = {"min", "max", "mean", "deviation"};
        const double values[] = {s->min, s->max, s->mean, s->deviation};
        text_add(out, "%s{", c ? ", " : "");
        for (int i = 0; i < 4; i++) {
            text_add(out, "%s\"%s\": ", i ? ", " : "", keys[i]);
            json_number(out, values[i]);
        }
        text_add(out, "}");
    }
    text_add(out, "]");
}

static void json_classes(struct text *out, const struct dataset *dataset,
                         const struct description *d)
{
    text_add(out, "\"classes\": %zu, \"class_counts\": [", dataset->classes);
    for (size_t c = 0; c < dataset->classes; c++)
        text_add(out, "%s%zu", c ? ", " : "", d->class_count[c]);
    text_add(out, "], \"class_names\": ");
    if (!dataset->class_names) {
        text_add(out, "null");
        return;
    }
    for (size_t c = 0; c < dataset->classes; c++) {
        text_add(out, c ? ", " : "[");
        json_string(out, dataset->class_names[c]);
    }
    text_add(out, "]");
}

static void json_info(struct text *out, const struct named_set *set, const struct description *d)
{
    text_add(out, "%s{\"name\": ", out->length ? ",\n " : "[");
    json_string(out, set->name);
    text_add(out, ", \"format\": \"%s\", \"source\": ", set->format);
    json_string(out, set->dataset->source);
    text_add(out, ", \"samples\": %zu, \"stored\": %zu, ", set->dataset->n, set->dataset->stored);
    json_array(out, "inputs", &set->dataset->x);
    text_add(out, ", ");
    json_array(out, "targets", &set->dataset->y);
    text_add(out, ", ");
    json_channels(out, d);
    text_add(out, ", ");
    json_classes(out, set->dataset, d);
    text_add(out, ", \"not_finite\": %llu}", (unsigned long long)(d->not_finite + d->bad_targets));
}

static enum status info(const struct sets *sets, bool json)
{
    struct text out = {0};
    for (size_t i = 0; i < sets->n; i++) {
        struct description d;
        enum status status = dataset_describe(sets->set[i].dataset, &d);
        if (status != ST_OK) {
            text_release(&out);
            return status;
        }
        if (json)
            json_info(&out, &sets->set[i], &d);
        else
            print_info(&sets->set[i], &d);
        description_release(&d);
    }
    if (json)
        printf("%s]\n", out.data);
    text_release(&out);
    return ST_OK;
}

/* ---- check ---- */

/* One line for each trouble, on stdout with the rest of the report. Labels were checked when the
 * set was opened. */
static int report_trouble(const struct named_set *set, const struct description *d)
{
    const struct dataset *dataset = set->dataset;
    const struct array_part *part = array_part_of(&dataset->x, d->first_bad);
    size_t number = d->first_bad - part->first;
    int troubles = 0;
    if (d->not_finite + d->bad_targets) {
        printf("%s: %llu inputs and %llu targets are not finite, the first in sample %zu of %s\n",
               set->name, (unsigned long long)d->not_finite, (unsigned long long)d->bad_targets,
               number, part->file);
        troubles++;
    }
    bool constant = true;
    for (size_t c = 0; c < d->channels; c++)
        constant &= d->channel[c].min == d->channel[c].max;
    if (constant && dataset->n > 1) {
        printf("%s: all numbers are the same\n", set->name);
        troubles++;
    }
    for (size_t c = 0; c < dataset->classes; c++)
        if (d->class_count[c] == 0)
            printf("%s: note: class %zu%s%s has no sample\n", set->name, c,
                   dataset->class_names ? " " : "",
                   dataset->class_names ? dataset->class_names[c] : "");
    return troubles;
}

static enum status check(const struct sets *sets)
{
    int troubles = 0;
    for (size_t i = 0; i < sets->n; i++) {
        struct description d;
        TRY(dataset_describe(sets->set[i].dataset, &d));
        int found = report_trouble(&sets->set[i], &d);
        if (!found)
            printf("%s: %zu samples are sound\n", sets->set[i].name, sets->set[i].dataset->n);
        troubles += found;
        description_release(&d);
    }
    FAIL_IF(troubles, ST_DATA, "%d trouble%s found", troubles, troubles == 1 ? "" : "s");
    return ST_OK;
}

/* ---- convert ---- */

static enum status convert(const struct sets *sets, const char *out)
{
    FAIL_IF(sets->n != 1, ST_USAGE, "convert: %zu sets are given, expected one", sets->n);
    const struct dataset *dataset = sets->set[0].dataset;
    if (ends_with(out, ".h5") || ends_with(out, ".hdf5"))
        return dataset_write_hdf5(dataset, out);
    FAIL_IF(!ends_with(out, "-idx"), ST_USAGE, "convert: \"%s\" ends with neither .h5 nor -idx",
            out);
    char *prefix = mem_need(strlen(out) + 1, 1);
    memcpy(prefix, out, strlen(out) - strlen("-idx"));
    enum status status = dataset_write_idx(dataset, prefix);
    free(prefix);
    return status;
}

/* ---- The command ---- */

static enum status run(const char *verb, char *const *words, size_t n, bool json)
{
    struct sets sets = {0};
    bool converts = strcmp(verb, "convert") == 0;
    data_guard_maps();
    enum status status = open_sets(&sets, words, converts ? n - 1 : n);
    if (status == ST_OK && converts)
        status = convert(&sets, words[n - 1]);
    else if (status == ST_OK)
        status = strcmp(verb, "info") == 0 ? info(&sets, json) : check(&sets);
    sets_release(&sets);
    fflush(stdout);
    return status;
}

static int check_usage(const char *verb, int words, bool json)
{
    bool converts = strcmp(verb, "convert") == 0, informs = strcmp(verb, "info") == 0;
    bool previews = strcmp(verb, "preview") == 0;
    if (!converts && !informs && !previews && strcmp(verb, "check") != 0)
        return cmd_usage("data", "unknown action '%s', expected info, check, convert or preview",
                         verb);
    if (json && !informs)
        return cmd_usage("data", "--json is for info only");
    if (words == 0)
        return cmd_usage("data", "%s: no set is named", verb);
    if (converts && words == 1)
        return cmd_usage("data", "convert: no output is named");
    if (previews && words != 2)
        return cmd_usage("data", "preview: expected an experiment and the name of a PNG file");
    return 0;
}

int cmd_data(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool json = false;
    optind = 0; /* options may stand anywhere, and argv is not the first that getopt sees */
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(usage, stdout);
            return ST_OK;
        }
        if (option != 'j')
            return ST_USAGE; /* getopt has said why */
        json = true;
    }
    if (optind == argc)
        return cmd_usage("data", "no action is given");
    char **words = argv + optind + 1;
    int n = argc - optind - 1, code = check_usage(argv[optind], n, json);
    if (code)
        return code;
    if (strcmp(argv[optind], "preview") == 0)
        return cmd_data_preview(words[0], words[1]);
    return cmd_finish(run(argv[optind], words, (size_t)n, json));
}
