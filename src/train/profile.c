#include "train/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Steps that are not recorded, then how many are; events of one rank, and of all. */
enum { WARM_UP_STEPS = 3, RECORDED_STEPS = 20, EVENTS_A_RANK = 50000, EVENTS_IN_ALL = 1000000 };

const char *const phase_names[] = {
    [PHASE_OTHER] = "other",         [PHASE_DATA] = "data",
    [PHASE_AUGMENT] = "augment",     [PHASE_FORWARD] = "forward",
    [PHASE_LOSS] = "loss",           [PHASE_BACKWARD] = "backward",
    [PHASE_ADDITION] = "addition",   [PHASE_AGREEMENT] = "agreement",
    [PHASE_REDUCTION] = "reduction", [PHASE_UPDATE] = "update",
    [PHASE_EXCHANGE] = "exchange",   [PHASE_VALIDATION] = "validation",
    [PHASE_FILES] = "files"};

static void record(struct profile *profile, enum event_kind kind, int32_t index, int64_t begin,
                   int64_t end)
{
    if (!profile->recording || profile->events == profile->capacity)
        return;
    profile->event[profile->events++] =
        (struct event){begin - profile->zero, end - profile->zero, (int32_t)kind, index};
}

/* struct model_watch: only what a step's passes do counts, not validation. */
static void ran(struct model_watch *watch, size_t i, int n, bool backward, int64_t begin,
                int64_t end)
{
    struct profile *profile = (struct profile *)watch;
    if (profile->phase != PHASE_FORWARD && profile->phase != PHASE_BACKWARD)
        return;
    profile->layer[i].ns[backward] += end - begin;
    profile->layer[i].samples[backward] += n;
    record(profile, backward ? EVENT_BACKWARD : EVENT_FORWARD, (int32_t)i, begin, end);
}

void profile_init(struct profile *profile, struct model *model, const struct reducer *reducer,
                  bool trace)
{
    *profile = (struct profile){.watch = {ran},
                                .model = model,
                                .reducer = reducer,
                                .buckets = reducer->buckets.count,
                                .ranks = 1};
    profile->layer = mem_need(model->nodes, sizeof *profile->layer);
    profile->bucket = mem_need(profile->buckets, sizeof *profile->bucket);
    for (size_t b = 0; b < profile->buckets; b++)
        profile->bucket[b] =
            (struct bucket_time){.floats = reducer->buckets.bucket[b], .before = reducer->cost[b]};
    if (trace) {
        const struct world *world = reducer->world;
        size_t share = EVENTS_IN_ALL / (size_t)world->size;
        profile->capacity = share < EVENTS_A_RANK ? share : EVENTS_A_RANK;
        profile->event = mem_need(profile->capacity, sizeof *profile->event);
        MPI_Barrier(world->comm);
    }
    profile->zero = profile->phase_begin = clock_ns();
    model->watch = &profile->watch;
}

void profile_release(struct profile *profile)
{
    free(profile->layer);
    free(profile->bucket);
    free(profile->event);
    *profile = (struct profile){0};
}

void profile_reset(struct profile *profile)
{
    memset(profile->phase_ns, 0, sizeof profile->phase_ns);
    memset(profile->layer, 0, profile->model->nodes * sizeof *profile->layer);
    for (size_t b = 0; b < profile->buckets; b++)
        profile->bucket[b].before = profile->reducer->cost[b];
    profile->steps = 0;
    profile->phase_begin = clock_ns();
}

/* Ends what is under way. */
static void turn_to(struct profile *profile, enum phase phase)
{
    int64_t now = clock_ns();
    profile->phase_ns[profile->phase] += now - profile->phase_begin;
    record(profile, EVENT_PHASE, (int32_t)profile->phase, profile->phase_begin, now);
    profile->phase = phase;
    profile->phase_begin = now;
}

void profile_phase(struct profile *profile, enum phase phase)
{
    if (profile && profile->phase != phase)
        turn_to(profile, phase);
}

void profile_begin_step(struct profile *profile)
{
    if (!profile)
        return;
    profile->step_begin = clock_ns();
    profile_phase(profile, PHASE_DATA);
    profile->recording = profile->capacity > 0 && profile->steps >= WARM_UP_STEPS &&
                         profile->steps < WARM_UP_STEPS + RECORDED_STEPS;
}

void profile_end_step(struct profile *profile)
{
    if (!profile)
        return;
    profile_phase(profile, PHASE_OTHER);
    record(profile, EVENT_STEP, (int32_t)profile->steps, profile->step_begin, profile->phase_begin);
    profile->recording = false;
    profile->steps++;
}

/* Of all ranks, since the last reset. */
static void sum_buckets(struct profile *profile)
{
    for (size_t b = 0; b < profile->buckets; b++) {
        const struct bucket_cost *now = &profile->reducer->cost[b];
        struct bucket_time *bucket = &profile->bucket[b];
        double cost[] = {now->hidden - bucket->before.hidden, now->exposed - bucket->before.exposed,
                         now->bytes - bucket->before.bytes};
        MPI_Allreduce(MPI_IN_PLACE, cost, 3, MPI_DOUBLE, MPI_SUM, profile->reducer->world->comm);
        bucket->cost = (struct bucket_cost){cost[0], cost[1], cost[2]};
    }
    profile->reducer = NULL;
}

void profile_sum(struct profile *profile)
{
    const struct world *world = profile->reducer->world;
    _Static_assert(sizeof *profile->layer == 4 * sizeof(int64_t), "a layer's times are numbers");
    turn_to(profile, PHASE_OTHER);
    profile->model->watch = NULL;
    MPI_Allreduce(MPI_IN_PLACE, profile->phase_ns, PHASES, MPI_INT64_T, MPI_SUM, world->comm);
    MPI_Allreduce(MPI_IN_PLACE, profile->layer, 4 * (int)profile->model->nodes, MPI_INT64_T,
                  MPI_SUM, world->comm);
    profile->ranks = world->size;
    sum_buckets(profile);
}

/* Steps, times ranks. */
static double shares(const struct profile *profile)
{
    return (double)(profile->steps > 0 ? profile->steps : 1) * (double)profile->ranks;
}

static double per_step(const struct profile *profile, int64_t ns)
{
    return 1e-9 * (double)ns / shares(profile);
}

double profile_phase_seconds(const struct profile *profile, enum phase phase)
{
    int64_t sum = 0;
    for (int p = 0; p < PHASES; p++)
        sum += profile->phase_ns[p];
    return per_step(profile, phase == PHASES ? sum : profile->phase_ns[phase]);
}

double profile_layer_seconds(const struct profile *profile, size_t i, bool backward)
{
    return per_step(profile, profile->layer[i].ns[backward]);
}

double profile_layer_gflops(const struct profile *profile, size_t i, bool backward)
{
    const struct node *node = &profile->model->node[i];
    const struct layer_time *time = &profile->layer[i];
    bool products = node->layer.params > 0 && strcmp(node->layer.param[0].name, "kernel") == 0;
    if (!products || time->ns[backward] == 0)
        return NAN;
    double passes = backward && node->from[0] >= 0 ? 2.0 : 1.0;
    return passes * node->layer.flops * (double)time->samples[backward] /
           (double)time->ns[backward];
}

double profile_exposed(const struct profile *profile)
{
    double step = profile_phase_seconds(profile, PHASES) -
                  profile_phase_seconds(profile, PHASE_VALIDATION) -
                  profile_phase_seconds(profile, PHASE_FILES);
    double exposed = profile_phase_seconds(profile, PHASE_AGREEMENT) +
                     profile_phase_seconds(profile, PHASE_REDUCTION) +
                     profile_phase_seconds(profile, PHASE_EXCHANGE);
    return step > exposed ? exposed / (step - exposed) : 0.0;
}

struct bucket_cost profile_bucket_cost(const struct profile *profile, size_t b)
{
    const struct bucket_cost *cost = &profile->bucket[b].cost;
    double n = shares(profile);
    return (struct bucket_cost){cost->hidden / n, cost->exposed / n, cost->bytes / n};
}

bool profile_in_bucket(const struct profile *profile, size_t b, size_t i)
{
    const struct layer *layer = &profile->model->node[i].layer;
    struct slice floats = profile->bucket[b].floats;
    for (size_t p = 0; p < layer->params; p++)
        if (layer->param[p].trainable && layer->param[p].offset >= floats.first &&
            layer->param[p].offset < floats.first + floats.size)
            return true;
    return false;
}
