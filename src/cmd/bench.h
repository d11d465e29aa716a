/* convoy bench: what its three parts share. */
#ifndef CONVOY_CMD_BENCH_H
#define CONVOY_CMD_BENCH_H

#include "cmd/cmd.h"

struct bench_options {
    const char *experiment; /* a path, or the name of one that comes with convoy; NULL: none */
    struct overrides overrides;
    long ranks, batch, steps; /* 0: not given */
    const char *backend;      /* NULL: the experiment's */
    bool synthetic, json, help;
};

/* Steps of training. Collective. */
enum status bench_steps(const struct bench_options *options, struct world *world);
/* Layers one by one, by backend, on this process. Not collective. */
enum status bench_kernels(const struct bench_options *options, struct world *world);
/* The exact reduction beside MPI_Allreduce. Collective. */
enum status bench_reduction(const struct bench_options *options, struct world *world);

/* Loads an experiment by path, or by the name of one that comes with convoy, with the changes that
 * the options ask for and count more overrides. Not collective. Errors: ST_USAGE. */
enum status bench_load(const struct bench_options *options, const char *name,
                       char *const *overrides, size_t count, struct experiment **out);

/* Sorts n numbers, n at least 1, and returns the one in the middle. */
double bench_median(double *values, size_t n);

/* Billions of multiply-adds times 2 that one core does in a second in registers, single precision,
 * by the widest vectors that it has. Takes about 0.1 s. */
double bench_peak_gflops(void);

/* Billions of bytes that one core moves between memory and registers in a second: a = b + c, two
 * arrays read and one written, too large for any cache. Errors: ST_IO for memory. */
enum status bench_memory_gbytes(double *out);

#endif
