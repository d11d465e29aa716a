/* convoy bench steps: training as it is, timed. */
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "cmd/bench.h"
#include "train/trainer.h"

/* At least, of warm-up and of what is timed; groups of steps that are compared. */
enum { WARM_UP_STEPS = 3, LEAST_STEPS = 10, MOST_GROUPS = 20, SYNTHETIC_SAMPLES = 1024 };
static const double warm_up_seconds = 0.3, timed_seconds = 2.0;

struct bench {
    const struct bench_options *options;
    struct world *world;
    struct experiment *experiment;
    struct session session;
    struct trainer trainer;
    struct profile profile;
    struct text data;   /* what it trains on */
    double *end;        /* when each timed step ended, seconds; end[0]: when the first began */
    size_t steps, room; /* timed; elements of end */
    double first_step;  /* when the first of all steps ended: seconds since 1970 */
    double speed, slowest, fastest; /* samples/s: of the median group, and the range */
    size_t group;                   /* steps in a group */
    double busy;                    /* seconds in which ranks had a core, all ranks added up */
};

/* The experiment with random samples of its shape instead of its data. */
static enum status load_synthetic(struct bench *b)
{
    const struct experiment *e = b->experiment;
    const struct model *model = b->session.model;
    struct text set = {0}, none = {0};
    size_t samples = 4 * (size_t)e->fit.batch_size, width = shape_size(&model->output);
    samples = samples > SYNTHETIC_SAMPLES ? samples : SYNTHETIC_SAMPLES;
    bool labels = b->session.loss->needs_labels || e->data.one_hot;
    text_add(&set, "data.train={format: synthetic, samples: %zu, %s: %zu, shape: [", samples,
             labels ? "classes" : "targets", width);
    if (model->input.rank == 3)
        for (int i = 0; i < 3; i++)
            text_add(&set, "%s%lld", i ? ", " : "", (long long)model->input.dim[i]);
    else
        text_add(&set, "%zu", shape_size(&model->input));
    text_add(&set, "]}");
    text_add(&none, "data.validation=null");
    char *overrides[] = {set.data, none.data};
    struct experiment *fresh = NULL;
    enum status status = bench_load(b->options, b->options->experiment, overrides, 2, &fresh);
    session_close(&b->session);
    experiment_free(b->experiment);
    b->experiment = fresh;
    text_release(&set);
    text_release(&none);
    return status;
}

/* Opens the session on the experiment's own data, or on random numbers. Collective. */
static enum status open_session(struct bench *b)
{
    bool synthetic = b->options->synthetic;
    enum status status = synthetic ? session_open_model(&b->session, b->experiment, b->world)
                                   : session_open(&b->session, b->experiment, b->world);
    if (status == ST_OK && !synthetic) {
        text_add(&b->data, "%s", b->session.train->source);
        return ST_OK;
    }
    if (status != ST_OK && (synthetic || status != ST_DATA))
        return status;
    text_add(&b->data, "random numbers%s%s%s", synthetic ? "" : " (",
             synthetic ? "" : status_message(), synthetic ? "" : ")");
    TRY(world_agree(b->world, load_synthetic(b)));
    return session_open(&b->session, b->experiment, b->world);
}

/* One step of a whole batch. stop: this rank has had enough; out, whether one had. Collective. */
static enum status step(struct bench *b, bool *stop)
{
    struct trainer *t = &b->trainer;
    struct signals signals = {.stop = *stop};
    double loss = 0.0;
    if (t->samples - (size_t)t->position < (size_t)b->experiment->fit.batch_size) {
        t->epoch++;
        t->position = 0;
        trainer_begin_epoch(t);
    }
    TRY(trainer_step(t, &signals, false, &loss));
    *stop = signals.stop;
    return ST_OK;
}

/* Steps until rank 0 has seen enough: a count of them and some seconds. Collective. */
static enum status run_steps(struct bench *b, size_t steps, double seconds)
{
    double start = clock_seconds();
    bool stop = false;
    b->steps = 0;
    b->end[0] = start;
    while (!stop) {
        bool last = b->steps + 1 >= steps && clock_seconds() - start >= seconds;
        stop = last && b->world->rank == 0;
        TRY(step(b, &stop));
        if (++b->steps == b->room) {
            b->room *= 2;
            b->end = mem_grow(b->end, b->room, sizeof *b->end);
        }
        b->end[b->steps] = clock_seconds();
    }
    return ST_OK;
}

static enum status measure(struct bench *b)
{
    struct timespec now;
    size_t steps = (size_t)b->options->steps;
    b->room = 1024;
    b->end = mem_need(b->room, sizeof *b->end);
    trainer_begin_epoch(&b->trainer);
    TRY(run_steps(b, 1, 0.0));
    clock_gettime(CLOCK_REALTIME, &now);
    b->first_step = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    TRY(run_steps(b, WARM_UP_STEPS, warm_up_seconds));
    profile_reset(&b->profile);
    int64_t busy = clock_busy_ns();
    TRY(run_steps(b, steps ? steps : LEAST_STEPS, steps ? 0.0 : timed_seconds));
    busy = clock_busy_ns() - busy;
    profile_sum(&b->profile);
    MPI_Allreduce(MPI_IN_PLACE, &busy, 1, MPI_INT64_T, MPI_SUM, b->world->comm);
    b->busy = 1e-9 * (double)busy;
    return ST_OK;
}

/* Cores that a rank had on average while it was timed. */
static double cores(const struct bench *b)
{
    return b->busy / (b->end[b->steps] - b->end[0]) / b->world->size;
}

/* Samples a second, by groups of steps. */
static void judge(struct bench *b)
{
    double speed[2 * MOST_GROUPS];
    size_t groups = 0;
    b->group = b->steps / MOST_GROUPS ? b->steps / MOST_GROUPS : 1;
    for (size_t s = 0; s + b->group <= b->steps; s += b->group)
        speed[groups++] = (double)b->group * (double)b->experiment->fit.batch_size /
                          (b->end[s + b->group] - b->end[s]);
    b->speed = bench_median(speed, groups);
    b->slowest = speed[0];
    b->fastest = speed[groups - 1];
}

/* The largest of all ranks, in bytes. Collective. */
static int64_t peak_memory(const struct world *world)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    int64_t bytes = (int64_t)usage.ru_maxrss * 1024;
    MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPI_INT64_T, MPI_MAX, world->comm);
    return bytes;
}

static void add_table(const struct bench *b, int64_t memory, struct text *out)
{
    const struct experiment *e = b->experiment;
    text_add(out, "%s: backend %s, batches of %lld in microbatches of %lld\n", e->name,
             backend_names[e->backend], (long long)e->fit.batch_size,
             (long long)e->fit.microbatch_size);
    text_add(out, "data: %s\n", b->data.data);
    text_add(out, "samples/s: %.0f (median of groups of %zu steps; from %.0f to %.0f)\n", b->speed,
             b->group, b->slowest, b->fastest);
    text_add(out, "step: %.4f ms\n", 1e3 * (double)e->fit.batch_size / b->speed);
    text_add(out, "cores: %.2f a rank, which is less than 1 where others want them too\n",
             cores(b));
    text_add(out, "memory: at most %.1f MiB a rank\n\n", (double)memory / (1 << 20));
    profile_table(&b->profile, out);
}

static void add_json(const struct bench *b, int64_t memory, struct text *out)
{
    const struct experiment *e = b->experiment;
    struct {
        const char *name;
        double value;
    } const numbers[] = {
        {"samples_per_second", b->speed},
        {"samples_per_second_min", b->slowest},
        {"samples_per_second_max", b->fastest},
        {"seconds_per_step", (double)e->fit.batch_size / b->speed},
        {"exposed_communication", profile_exposed(&b->profile)},
        {"samples_per_core_second", (double)b->steps * (double)e->fit.batch_size / b->busy},
        {"cores_used", cores(b)},
        {"ranks", b->world->size},
        {"batch", (double)e->fit.batch_size},
        {"microbatch", (double)e->fit.microbatch_size},
        {"steps", (double)b->steps},
        {"peak_memory_bytes", (double)memory},
        {"first_step_unix_time", b->first_step}};
    text_add(out, "{\"experiment\": ");
    json_string(out, e->name);
    text_add(out, ", \"backend\": \"%s\", \"data\": ", backend_names[e->backend]);
    json_string(out, b->data.data);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        text_add(out, ", \"%s\": ", numbers[i].name);
        json_number(out, numbers[i].value);
    }
    text_add(out, ", ");
    profile_json(&b->profile, out);
    text_add(out, "}\n");
}

static void print(const struct bench *b)
{
    struct text out = {0};
    int64_t memory = peak_memory(b->world);
    if (b->options->json)
        add_json(b, memory, &out);
    else
        add_table(b, memory, &out);
    cmd_print(b->world, &out);
    text_release(&out);
}

static enum status run(struct bench *b)
{
    const struct bench_options *o = b->options;
    TRY(world_agree(b->world, bench_load(o, o->experiment, NULL, 0, &b->experiment)));
    TRY(open_session(b));
    FAIL_IF(b->session.train_samples.n < (size_t)b->experiment->fit.batch_size, ST_USAGE,
            "a batch of %lld samples is more than the %zu that there are to train on",
            (long long)b->experiment->fit.batch_size, b->session.train_samples.n);
    model_init(b->session.model);
    TRY(trainer_init(&b->trainer, &b->session));
    profile_init(&b->profile, b->session.model, &b->trainer.reducer, false);
    b->trainer.profile = &b->profile;
    TRY(measure(b));
    judge(b);
    print(b);
    return ST_OK;
}

enum status bench_steps(const struct bench_options *options, struct world *world)
{
    struct bench b = {.options = options, .world = world};
    enum status status = run(&b);
    profile_release(&b.profile);
    trainer_release(&b.trainer);
    session_close(&b.session);
    experiment_free(b.experiment);
    text_release(&b.data);
    free(b.end);
    return status;
}
