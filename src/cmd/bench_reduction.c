/* convoy bench reduction: the exact sum over the ranks, so that all have it, beside MPI_Allreduce.
 * Columns and bandwidths as nccl-tests defines them: algbw is size / time; busbw is algbw times
 * 2 (P-1) / P, what each rank must send and receive at least. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cmd/bench.h"
#include "comm/reduce.h"

enum { SMALLEST = 4 << 10, LARGEST = 64 << 20, FACTOR = 4, ROUNDS = 5 };
/* A round sums so many bytes, or so often. */
enum { ROUND_BYTES = 64 << 20, LEAST_REPEATS = 2, MOST_REPEATS = 1000 };

struct bench {
    struct world *world;
    struct reducer reducer;
    size_t n; /* floats */
    float *in, *out;
    void (*fill)(const struct bench *, float *mine); /* the summands; NULL: as they lie there */
};

/* One microbatch a rank. */
static void sum_exactly(struct bench *b)
{
    struct reducer *reducer = &b->reducer;
    reducer_begin(reducer, (size_t)b->world->size);
    float *mine = reducer_next(reducer);
    if (b->fill)
        b->fill(b, mine);
    reducer_push(reducer);
    reducer_total(reducer);
    for (size_t i = 0; i < reducer->buckets.count; i++) {
        struct slice own = reducer->bucket[i].own;
        memcpy(b->out + own.first, reducer->bucket[i].total, own.size * sizeof *b->out);
        reducer_share(reducer, i, b->out);
    }
    reducer_gather(reducer, b->out);
}

static void sum_by_mpi(struct bench *b)
{
    MPI_Allreduce(b->in, b->out, (int)b->n, MPI_FLOAT, MPI_SUM, b->world->comm);
}

static void fill_numbers(const struct bench *b, float *mine)
{
    for (size_t i = 0; i < b->n; i++)
        mine[i] = (float)(b->world->rank + 1) * (float)(i % 7 + 1);
}

static void fill_zeros(const struct bench *b, float *mine)
{
    memset(mine, 0, b->n * sizeof *mine);
}

/* How many sums over all ranks are not what they should be. Collective. */
static int64_t count_wrong(struct bench *b)
{
    int64_t wrong = 0;
    float all = 0.5f * (float)(b->world->size * (b->world->size + 1));
    b->fill = fill_numbers;
    sum_exactly(b);
    for (size_t i = 0; i < b->n; i++)
        wrong += b->out[i] != all * (float)(i % 7 + 1);
    MPI_Allreduce(MPI_IN_PLACE, &wrong, 1, MPI_INT64_T, MPI_SUM, b->world->comm);
    return wrong;
}

/* Seconds that one sum takes: the middle of some rounds, of the slowest rank each. Collective. */
static double time_of(struct bench *b, void (*sum)(struct bench *))
{
    size_t repeats = ROUND_BYTES / (b->n * sizeof *b->in);
    repeats = repeats < LEAST_REPEATS ? LEAST_REPEATS : repeats;
    repeats = repeats > MOST_REPEATS ? MOST_REPEATS : repeats;
    double seconds[ROUNDS];
    b->fill = fill_zeros; /* they stay zero, whatever is added */
    sum(b);
    b->fill = NULL;
    for (int r = 0; r < ROUNDS; r++) {
        MPI_Barrier(b->world->comm);
        double begin = clock_seconds();
        for (size_t i = 0; i < repeats; i++)
            sum(b);
        seconds[r] = (clock_seconds() - begin) / (double)repeats;
    }
    MPI_Allreduce(MPI_IN_PLACE, seconds, ROUNDS, MPI_DOUBLE, MPI_MAX, b->world->comm);
    return bench_median(seconds, ROUNDS);
}

static void add_columns(const struct bench *b, double seconds, bool json, struct text *out)
{
    double algorithm = 1e-9 * (double)(b->n * sizeof *b->in) / seconds, ranks = b->world->size;
    text_add(out,
             json ? "{\"time_us\": %.2f, \"algbw\": %.3f, \"busbw\": %.3f}" : " %11.2f %8.2f %8.2f",
             1e6 * seconds, algorithm, algorithm * 2.0 * (ranks - 1.0) / ranks);
}

static void add_row(struct bench *b, bool json, struct text *out)
{
    int64_t wrong = count_wrong(b);
    double exact = time_of(b, sum_exactly), mpi = time_of(b, sum_by_mpi);
    text_add(out, json ? "{\"size\": %zu, \"count\": %zu, \"exact\": " : "%12zu %10zu",
             b->n * sizeof *b->in, b->n);
    add_columns(b, exact, json, out);
    text_add(out, json ? ", \"wrong\": %lld, \"mpi\": " : " %6lld", (long long)wrong);
    add_columns(b, mpi, json, out);
    if (json)
        text_add(out, "}%s\n", b->n * sizeof *b->in < LARGEST ? "," : "");
    else
        text_add(out, " %7.2f\n", mpi / exact);
}

static enum status allocate(struct bench *b)
{
    void *memory = NULL;
    TRY(mem_alloc(&memory, 2 * b->n * sizeof *b->in, "sums"));
    b->in = memory;
    b->out = b->in + b->n;
    return ST_OK;
}

/* As if the gradient were of layers of a MiB each. Collective. */
static enum status open_reducer(struct bench *b)
{
    enum { LAYER = (1 << 20) / sizeof(float) };
    size_t layers = (b->n + LAYER - 1) / LAYER, ranks = (size_t)b->world->size;
    size_t *starts = mem_need(layers, sizeof *starts);
    for (size_t i = 0; i < layers; i++)
        starts[i] = i * LAYER;
    struct reduce_plan plan = {
        .n = b->n, .starts = starts, .layers = layers, .usual = ranks, .last = ranks};
    enum status status = reducer_init(&b->reducer, b->world, &plan);
    free(starts);
    return status;
}

static enum status run_size(struct world *world, size_t bytes, bool json)
{
    struct bench b = {.world = world, .n = bytes / sizeof(float)};
    struct text out = {0};
    enum status status = world_agree(world, allocate(&b));
    if (status == ST_OK)
        status = open_reducer(&b);
    if (status == ST_OK) {
        add_row(&b, json, &out);
        cmd_print(world, &out);
    }
    text_release(&out);
    reducer_release(&b.reducer);
    free(b.in);
    return status;
}

static void print_head(const struct world *world, bool json)
{
    struct text out = {0};
    if (json)
        text_add(&out, "{\"ranks\": %d, \"machines\": %d, \"sizes\": [\n", world->size,
                 world->nodes);
    else
        text_add(&out,
                 "# %d ranks on %d machine%s; time in microseconds, bandwidths in GB/s\n"
                 "# %20s  %36s  %29s\n"
                 "# %10s %10s %11s %8s %8s %6s %11s %8s %8s %7s\n",
                 world->size, world->nodes, world->nodes > 1 ? "s" : "", "", "exact, in any order",
                 "MPI_Allreduce", "size", "count", "time", "algbw", "busbw", "wrong", "time",
                 "algbw", "busbw", "ratio");
    cmd_print(world, &out);
    text_release(&out);
}

enum status bench_reduction(const struct bench_options *options, struct world *world)
{
    print_head(world, options->json);
    for (size_t bytes = SMALLEST; bytes <= LARGEST; bytes *= FACTOR)
        TRY(run_size(world, bytes, options->json));
    if (options->json && world->rank == 0)
        puts("]}");
    return ST_OK;
}
