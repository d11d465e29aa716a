/* convoy bench kernels: the layers that do the arithmetic, one by one, each as a model of one
 * layer. The gradient of the input is timed as the whole backward pass less that of the weights
 * alone. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "cmd/bench.h"

enum { MOST_EXPERIMENTS = 4, LEAST_PASSES = 5 };
static const int64_t timed_ns = 30000000; /* at least, for one kind of pass of one layer */

static const char *const included[] = {"lenet5-mnist", "cifar10-cnn", "resnet20-cifar10", NULL};
static const char *const timed[] = {"Conv2D", "Dense", "MaxPooling2D", "AveragePooling2D", NULL};

/* A shape that is timed: a layer without its neighbours. */
struct one_layer {
    char *title; /* equal titles: equal work */
    struct variant variant;
    struct int_list input;
    enum conv_method conv;
    int samples;
};

enum pass_kind { FORWARD, DATA, WEIGHTS, PASSES };
static const char *const pass_names[] = {"forward", "data", "weights"};

struct bench {
    const struct bench_options *options;
    struct experiment *experiment[MOST_EXPERIMENTS];
    size_t experiments, layers;
    struct one_layer *layer;
    struct pool pool;
    double peak, memory; /* GFLOP/s and GB/s of this core */
    struct text out;
    size_t rows; /* printed */
};

static bool is_timed(const struct layer *layer)
{
    for (size_t i = 0; timed[i]; i++)
        if (strcmp(layer->type->kind.name, timed[i]) == 0)
            return true;
    return false;
}

static char *title_of(struct bench *b, const struct layer *layer)
{
    struct text text = {0};
    text_add(&text, "%s %s to %s", layer->type->kind.name, shape_text(&layer->in[0]),
             shape_text(&layer->out));
    if (layer->type->explain) {
        text_add(&text, ", ");
        layer->type->explain(layer, &text);
    }
    if (layer->conv != CONV_AUTO)
        text_add(&text, ", %s", conv_method_names[layer->conv]);
    char *title = pool_strdup(&b->pool, text.data);
    text_release(&text);
    return title;
}

/* Takes a layer of a model that was built, unless there is one like it. */
static void take(struct bench *b, const struct layer *layer, int samples)
{
    char *title = title_of(b, layer);
    for (size_t i = 0; i < b->layers; i++)
        if (strcmp(b->layer[i].title, title) == 0)
            return;
    size_t size = layer->type->kind.size, rank = (size_t)layer->in[0].rank;
    struct layer_common *args = pool_alloc(&b->pool, size);
    memcpy(args, layer->args, size);
    args->name = NULL;
    args->inputs = (struct string_list){0};
    args->activation = ACT_LINEAR;
    int64_t *dim = pool_alloc(&b->pool, rank * sizeof *dim);
    memcpy(dim, layer->in[0].dim, rank * sizeof *dim);
    b->layer = mem_grow(b->layer, b->layers + 1, sizeof *b->layer);
    b->layer[b->layers++] = (struct one_layer){
        title, {&layer->type->kind, args, layer->position}, {rank, dim}, layer->conv, samples};
}

static enum status collect(struct bench *b, const struct bench_options *options, const char *name)
{
    struct experiment *e = NULL;
    struct model *model = NULL;
    TRY(bench_load(options, name, NULL, 0, &e));
    b->experiment[b->experiments++] = e; /* keeps the layers' arguments alive */
    int samples = (int)(options->batch ? options->batch : e->fit.microbatch_size);
    TRY(experiment_build(e, &model));
    for (size_t i = 0; i < model->nodes; i++)
        if (is_timed(&model->node[i].layer))
            take(b, &model->node[i].layer, samples);
    model_free(model);
    return ST_OK;
}

/* ---- Timing ---- */

/* The fastest pass counts: whatever disturbs one makes it slower. */
struct stopwatch {
    struct model_watch watch;
    int64_t fastest, all; /* ns */
};

static void ran(struct model_watch *watch, size_t i, int n, bool backward, int64_t begin,
                int64_t end)
{
    struct stopwatch *stopwatch = (struct stopwatch *)watch;
    int64_t taken = end - begin;
    (void)i, (void)n, (void)backward;
    stopwatch->fastest = taken < stopwatch->fastest ? taken : stopwatch->fastest;
    stopwatch->all += taken;
}

struct buffers {
    float *x, *dx, *dy, *gradient;
    uint32_t *ids;
};

static enum status allocate(const struct model *model, struct buffers *buffers)
{
    size_t n = (size_t)model->microbatch, in = n * shape_size(&model->input);
    size_t out = n * shape_size(&model->output), all = 2 * in + out + model->trainable;
    struct rng_key key = rng_key(0, RNG_SYNTHETIC, 2, 0, 0);
    void *memory = NULL;
    TRY(mem_alloc(&memory, all * sizeof(float), "a layer's inputs and gradients"));
    buffers->x = memory;
    buffers->dx = buffers->x + in;
    buffers->dy = buffers->dx + in;
    buffers->gradient = buffers->dy + out;
    buffers->ids = mem_need(n, sizeof *buffers->ids);
    for (size_t i = 0; i < 2 * in + out; i++)
        buffers->x[i] = rng_uniform(rng_word(&key, i)) - 0.5f;
    return ST_OK;
}

/* Seconds of one pass. dx NULL: a backward pass to the weights only. */
static double time_pass(struct model *model, const struct buffers *buffers, bool backward,
                        float *dx)
{
    struct stopwatch stopwatch = {.watch = {ran}, .fastest = INT64_MAX};
    struct model_batch batch = {
        .n = model->microbatch, .training = true, .ids = buffers->ids, .x = buffers->x};
    model->watch = &stopwatch.watch;
    for (int i = 0; i < LEAST_PASSES || stopwatch.all < timed_ns; i++) {
        if (backward)
            model_backward(model, &batch, buffers->dy, buffers->gradient, dx);
        else
            model_forward(model, &batch);
        batch.same_params = true;
    }
    model->watch = NULL;
    return 1e-9 * (double)stopwatch.fastest;
}

static void time_passes(struct model *model, const struct buffers *buffers, double seconds[PASSES])
{
    bool trained = model->trainable > 0;
    seconds[FORWARD] = time_pass(model, buffers, false, NULL);
    seconds[WEIGHTS] = trained ? time_pass(model, buffers, true, NULL) : 0.0;
    seconds[DATA] = time_pass(model, buffers, true, buffers->dx) - seconds[WEIGHTS];
}

/* ---- Printing ---- */

static double gflops(const struct model *model, double seconds)
{
    double work = model->node[0].layer.flops * (double)model->microbatch;
    return seconds > 0.0 ? 1e-9 * work / seconds : NAN;
}

static void add_row(struct bench *b, const struct model *model, const double seconds[PASSES])
{
    const struct layer *layer = &model->node[0].layer;
    const char *isa = model->kernels->isa;
    text_add(&b->out, "%-16s %-13s %-13s %-15s %4d %9s %-7s", layer->type->kind.name,
             shape_text(&layer->in[0]), shape_text(&layer->out),
             layer->params ? shape_text(&layer->param[0].shape) : "", model->microbatch,
             model->kernels->name, isa ? isa : "");
    for (int p = 0; p < PASSES; p++) {
        double rate = gflops(model, seconds[p]);
        if (isnan(rate))
            text_add(&b->out, " %15s", "");
        else if (layer->params == 0) /* compares or adds: not what the peak is of */
            text_add(&b->out, " %8.2f %6s", rate, "");
        else
            text_add(&b->out, " %8.2f %5.1f%%", rate, 100.0 * rate / b->peak);
    }
    text_add(&b->out, "\n");
}

static void add_json(struct bench *b, const struct model *model, const char *title,
                     const double seconds[PASSES])
{
    const struct layer *layer = &model->node[0].layer;
    text_add(&b->out, "%s\n  {\"layer\": ", b->rows ? "," : "");
    json_string(&b->out, title);
    text_add(&b->out, ", \"type\": \"%s\", \"samples\": %d, \"backend\": \"%s\", \"isa\": ",
             layer->type->kind.name, model->microbatch, model->kernels->name);
    if (model->kernels->isa)
        json_string(&b->out, model->kernels->isa);
    else
        text_add(&b->out, "null");
    for (int p = 0; p < PASSES; p++) {
        text_add(&b->out, ", \"%s_seconds\": ", pass_names[p]);
        json_number(&b->out, seconds[p] > 0.0 ? seconds[p] : NAN);
        text_add(&b->out, ", \"%s_gflops\": ", pass_names[p]);
        json_number(&b->out, gflops(model, seconds[p]));
    }
    text_add(&b->out, "}");
}

static void add_head(struct bench *b)
{
    if (b->options->json) {
        text_add(&b->out, "{\"peak_gflops\": %.2f, \"memory_gbytes\": %.2f, \"layers\": [", b->peak,
                 b->memory);
        return;
    }
    text_add(
        &b->out,
        "this core: %.1f GFLOP/s in registers (float32, multiply-adds), %.1f GB/s from memory\n\n",
        b->peak, b->memory);
    text_add(&b->out, "%-16s %-13s %-13s %-15s %4s %9s %-7s %15s %15s %15s\n", "layer", "input",
             "output", "kernel", "n", "backend", "", "GFLOP/s forward", "backward data",
             "and weights");
}

/* ---- One layer after another ---- */

static enum status run_layer(struct bench *b, const struct one_layer *one,
                             const struct kernels *kernels)
{
    struct variant variant = one->variant;
    struct model_spec spec = {.input = one->input, .layers = {1, &variant}};
    struct model *model = NULL;
    struct buffers buffers = {0};
    double seconds[PASSES];
    struct model_options options = {
        .name = "layer", .kernels = kernels, .conv = one->conv, .microbatch = one->samples};
    TRY(model_build(&spec, &options, &model));
    enum status status = allocate(model, &buffers);
    if (status == ST_OK) {
        model_init(model);
        time_passes(model, &buffers, seconds);
        if (b->options->json)
            add_json(b, model, one->title, seconds);
        else
            add_row(b, model, seconds);
        b->rows++;
    }
    free(buffers.x);
    free(buffers.ids);
    model_free(model);
    return status;
}

/* All tables of the backend that was asked for; else the one of each backend that training would
 * use, but reference. */
static bool is_wanted(const struct bench *b, const struct kernels *kernels)
{
    const struct kernels *used = NULL;
    if (b->options->backend)
        return strcmp(b->options->backend, kernels->name) == 0;
    return kernels != &kernels_reference && kernels_find(kernels->name, &used) == ST_OK &&
           used == kernels;
}

static enum status run_backends(struct bench *b, const struct one_layer *layer)
{
    for (size_t k = 0; kernels_all()[k]; k++)
        if (is_wanted(b, kernels_all()[k]))
            TRY(run_layer(b, layer, kernels_all()[k]));
    if (!b->options->json) { /* rows as soon as there are some */
        cmd_print(NULL, &b->out);
        b->out.length = 0;
    }
    return ST_OK;
}

static enum status run(struct bench *b)
{
    const struct bench_options *o = b->options;
    struct bench_options plain = *o;
    plain.overrides.n = 0;
    for (size_t i = 0; included[i]; i++)
        TRY(collect(b, &plain, included[i]));
    if (o->experiment)
        TRY(collect(b, o, o->experiment));
    b->peak = bench_peak_gflops();
    TRY(bench_memory_gbytes(&b->memory));
    add_head(b);
    for (size_t i = 0; i < b->layers; i++)
        TRY(run_backends(b, &b->layer[i]));
    if (o->json)
        text_add(&b->out, "]}\n");
    cmd_print(NULL, &b->out);
    return ST_OK;
}

enum status bench_kernels(const struct bench_options *options, struct world *world)
{
    struct bench b = {.options = options};
    FAIL_IF(world->size > 1, ST_USAGE, "bench kernels runs on one process; found %d", world->size);
    enum status status = run(&b);
    for (size_t i = 0; i < b.experiments; i++)
        experiment_free(b.experiment[i]);
    free(b.layer);
    pool_release(&b.pool);
    text_release(&b.out);
    return status;
}
