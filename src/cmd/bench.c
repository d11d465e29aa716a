/* convoy bench: how fast steps, kernels and the reduction are here. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/bench.h"
#include "data/guard.h"

static const char usage[] =
    "usage: convoy bench steps EXPERIMENT [-n RANKS] [-b SAMPLES] [--steps N] [options]\n"
    "       convoy bench kernels [EXPERIMENT] [-b SAMPLES] [options]\n"
    "       convoy bench reduction [-n RANKS] [--json]\n"
    "\n"
    "steps trains for two seconds or more, or for N steps, and says how many samples that is a\n"
    "second, and which phases and layers take the time. kernels times the layers of LeNet-5, of a\n"
    "CIFAR-10 network, of ResNet-20 and of EXPERIMENT one by one, in GFLOP/s and as a part of "
    "what\n"
    "this core can do. reduction sums arrays of 4 KiB to 64 MiB over the ranks, exactly and with\n"
    "MPI_Allreduce.\n"
    "\n"
    "EXPERIMENT is a file, or the name of one that comes with convoy, such as lenet5-mnist. "
    "Nothing\n"
    "is written.\n"
    "\n"
    "options:\n"
    "  -n, --ranks N          processes to start (default: 1; reduction: one a core); not under\n"
    "                         mpirun or srun, which have chosen already\n"
    "  -b, --batch SAMPLES    batch size (kernels: samples at once) instead of the experiment's\n"
    "      --steps N          steps to time, after warm-up\n"
    "      --backend NAME     who does the arithmetic\n"
    "      --synthetic        random numbers for samples, as where the data are not found\n"
    "  -s, --set KEY=VALUE    change the experiment; may be repeated\n"
    "      --json             print JSON\n"
    "  -h, --help             this text\n";

struct part {
    const char *name;
    enum status (*run)(const struct bench_options *options, struct world *world);
    const char *options; /* the short forms of those that it takes */
    int least, most;     /* experiments */
    int ranks;           /* that are started where nothing is said; 0: one a core */
};

enum option_code { OPT_STEPS = 'S', OPT_BACKEND = 'B', OPT_SYNTHETIC = 'Y', OPT_JSON = 'J' };

static const struct part parts[] = {{"steps", bench_steps, "nbSBYsJ", 1, 1, 1},
                                    {"kernels", bench_kernels, "bBsJ", 0, 1, 1},
                                    {"reduction", bench_reduction, "nJ", 0, 0, 0},
                                    {0}};

static const struct option long_options[] = {{"ranks", required_argument, NULL, 'n'},
                                             {"batch", required_argument, NULL, 'b'},
                                             {"steps", required_argument, NULL, OPT_STEPS},
                                             {"backend", required_argument, NULL, OPT_BACKEND},
                                             {"synthetic", no_argument, NULL, OPT_SYNTHETIC},
                                             {"set", required_argument, NULL, 's'},
                                             {"json", no_argument, NULL, OPT_JSON},
                                             {"help", no_argument, NULL, 'h'},
                                             {0}};

static int parse_backend(struct bench_options *o)
{
    struct text names = {0};
    o->backend = optarg;
    for (size_t i = 0; backend_names[i]; i++) {
        if (strcmp(backend_names[i], optarg) == 0) {
            text_release(&names);
            return 0;
        }
        text_add(&names, "%s%s", i ? ", " : "", backend_names[i]);
    }
    int code = cmd_usage("bench", "--backend: found '%s', expected one of %s", optarg, names.data);
    text_release(&names);
    return code;
}

static int parse_option(int code, struct bench_options *o)
{
    switch (code) {
    case 'n':
        return cmd_number("bench", "-n", optarg, 4096, &o->ranks);
    case 'b':
        return cmd_number("bench", "--batch", optarg, 1 << 24, &o->batch);
    case OPT_STEPS:
        return cmd_number("bench", "--steps", optarg, 1000000, &o->steps);
    case OPT_BACKEND:
        return parse_backend(o);
    case OPT_SYNTHETIC:
        o->synthetic = true;
        return 0;
    case 's':
        return cmd_override("bench", &o->overrides, optarg);
    case OPT_JSON:
        o->json = true;
        return 0;
    case 'h':
        o->help = true;
        return 0;
    default:
        return cmd_usage("bench", "unknown option or missing value");
    }
}

static int parse_options(int argc, char **argv, const struct part *part, struct bench_options *o)
{
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, "n:b:s:h", long_options, NULL)) != -1;) {
        int bad = parse_option(code, o);
        if (bad)
            return bad;
        if (code != 'h' && !strchr(part->options, code))
            return cmd_usage("bench", "%s does not take the option %s", part->name,
                             argv[optind - 1]);
    }
    if (!o->help && (argc - optind < part->least || argc - optind > part->most))
        return cmd_usage("bench", "%s: found %d experiments, expected %s", part->name,
                         argc - optind,
                         part->most == 0    ? "none"
                         : part->least == 0 ? "at most one"
                                            : "one");
    o->experiment = optind < argc ? argv[optind] : NULL;
    return 0;
}

static const struct part *find_part(const char *name)
{
    const struct part *part = parts;
    while (part->name && strcmp(part->name, name) != 0)
        part++;
    return part->name ? part : NULL;
}

static int bench_in_world(const struct part *part, const struct bench_options *o)
{
    struct world world;
    enum status status = world_init(&world);
    if (status != ST_OK)
        return cmd_end(status, &world);
    kernels_blas_init();
    data_guard_maps();
    int code = cmd_finish(part->run(o, &world));
    world_finish(&world);
    return code;
}

static int parse(int argc, char **argv, const struct part **part, struct bench_options *o)
{
    if (argc < 2)
        return cmd_usage("bench", "found nothing, expected steps, kernels or reduction");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        o->help = true;
        return 0;
    }
    *part = find_part(argv[1]);
    if (!*part)
        return cmd_usage("bench", "found '%s', expected steps, kernels or reduction", argv[1]);
    int bad = parse_options(argc - 1, argv + 1, *part, o);
    if (bad)
        return bad;
    if (launch_in_job() && !launch_by_us() && o->ranks)
        return cmd_usage("bench", "-n: mpirun or srun has already chosen the ranks");
    if (!o->ranks)
        o->ranks = (*part)->ranks ? (*part)->ranks : launch_cores();
    return 0;
}

int cmd_bench(int argc, char **argv)
{
    struct bench_options o = {0};
    const struct part *part = NULL;
    int bad = parse(argc, argv, &part, &o);
    if (bad)
        return bad;
    if (o.help) {
        fputs(usage, stdout);
        return ST_OK;
    }
    int code = -1;
    if (!launch_in_job() && o.ranks > 1)
        code = launch_ranks((int)o.ranks, argv - 1);
    return code >= 0 ? code : bench_in_world(part, &o);
}
