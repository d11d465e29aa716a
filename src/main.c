/* convoy: the table of subcommands. */
#include <H5public.h>
#include <libfyaml.h>
#include <lzma.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
#include <zlib.h>

#include "cmd/cmd.h"
#include "kernels/isa.h"

const struct command commands[] = {
    {"train", "run an experiment, on any number of ranks", cmd_train},
    {"compare", "runs, or optimizers on one experiment, beside each other", cmd_compare},
    {"evaluate", "loss and metrics of a model on a set", cmd_evaluate},
    {"predict", "what a model says of each sample of a set", cmd_predict},
    {"summary", "a model's layers, shapes, parameters, FLOPs and memory", cmd_summary},
    {"digest", "the digest of a model's parameters", cmd_digest},
    {"report", "a run as one HTML page: curves, model, confusion matrix", cmd_report},
    {"data", "look at, check and convert data sets", cmd_data},
    {"bench", "how fast steps, kernels and the reduction are here", cmd_bench},
    {0}};

static void print_help(FILE *file)
{
    fputs("usage: convoy COMMAND [ARGUMENTS]\n\n"
          "Trains neural networks over MPI: the same experiment gives the same bits on any number\n"
          "of ranks.\n\n",
          file);
    for (size_t i = 0; commands[i].name; i++)
        fprintf(file, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\n'convoy COMMAND --help' says more; 'convoy --version' names the libraries.\n", file);
}

/* The instruction sets of the native kernels: what is used, what this processor could. */
static void print_isas(void)
{
    enum isa chosen;
    if (isa_choose(&chosen) != ST_OK)
        printf("  native    %s; available:", status_message());
    else
        printf("  native    %s; available:", isa_names[chosen]);
    for (enum isa i = 0; i < ISA_COUNT; i++)
        if (isa_available(i))
            printf(" %s", isa_names[i]);
    putchar('\n');
}

static int print_version(void)
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    unsigned major = 0, minor = 0, release = 0;
    MPI_Get_library_version(mpi, &length);
    mpi[strcspn(mpi, ",\n")] = '\0';
    H5get_libversion(&major, &minor, &release);
    printf("convoy %s\n", CONVOY_VERSION);
    printf("  MPI       %s\n", mpi);
    print_isas();
    printf("  BLAS      %s, computing for %s\n", kernels_blas_version(), kernels_blas_core());
    printf("  HDF5      %u.%u.%u\n", major, minor, release);
    printf("  libfyaml  %s\n", fy_library_version());
    printf("  zlib      %s\n", zlibVersion());
    printf("  liblzma   %s\n", lzma_version_string());
    printf("  xxHash    %u.%u.%u\n", XXH_versionNumber() / 10000, XXH_versionNumber() / 100 % 100,
           XXH_versionNumber() % 100);
    return ST_OK;
}

static int unknown(const char *name)
{
    const char *names[sizeof commands / sizeof *commands] = {NULL};
    for (size_t i = 0; commands[i].name; i++)
        names[i] = commands[i].name;
    const char *near = name_nearest(name, names);
    fprintf(stderr, "convoy: error: unknown command '%s'%s%s%s; see 'convoy --help'\n", name,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return ST_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return ST_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return ST_OK;
    }
    if (strcmp(argv[1], "--version") == 0)
        return print_version();
    for (size_t i = 0; commands[i].name; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return unknown(argv[1]);
}
