#include "train/segmented.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/range.h"

/* What a microbatch keeps during a step: the buffers of model and session while it is their turn,
 * and what it yields. */
struct held {
    float *arena, *x, *weights, *gradient;
    void *y;
    bool weighted;
    double *sums; /* as the trainer's */
    struct model_batch batch;
};

struct segmented {
    struct trainer *trainer;
    size_t layers, *layer; /* the nodes that are synchronized */
    size_t most;           /* microbatches that a rank may have */
    struct held *held;     /* of each; the first has the buffers of model and session */
    void *memory;          /* of the others */
    struct sums sums;      /* of one layer at a time */
    double *total;         /* what they came to */
    size_t count;          /* this rank's microbatches of the pass under way */
};

/* ---- memory ---- */

/* The next bytes of the memory; NULL while they are only counted. */
static void *take(char *memory, size_t *used, size_t bytes)
{
    void *place = memory ? memory + *used : NULL;
    *used += mem_round(bytes, MEM_ALIGN);
    return place;
}

/* The buffers of all microbatches, in memory or, where that is NULL, only counted. Returns the
 * bytes. */
static size_t place_held(struct segmented *s, char *memory)
{
    const struct session *session = s->trainer->session;
    const struct model *model = session->model;
    size_t size = (size_t)model->microbatch, used = 0;
    size_t x = shape_size(&model->input) * size, y = (shape_size(&model->output) + 1) * size;
    for (size_t i = 0; i < s->most; i++) {
        struct held *held = &s->held[i];
        held->gradient = take(memory, &used, model->trainable * sizeof(float));
        held->sums = take(memory, &used, s->trainer->sums.n * sizeof(double));
        if (i == 0) {
            held->arena = model->memory;
            held->x = session->x;
            held->y = session->y;
            held->weights = session->weights;
            continue;
        }
        held->arena = take(memory, &used, model->scratch * sizeof(float));
        held->x = take(memory, &used, x * sizeof(float));
        held->y = take(memory, &used, y * sizeof(float));
        held->weights = take(memory, &used, size * sizeof(float));
    }
    return used;
}

/* The machine has to hold that of all its ranks. */
static enum status allocate(struct segmented *s)
{
    const struct world *world = s->trainer->session->world;
    const struct layer *layer = &s->trainer->session->model->node[s->layer[0]].layer;
    size_t bytes = place_held(s, NULL);
    double needed = (double)bytes * world->node_size, machine = mem_physical();
    LAYER_FAIL_IF(layer, needed > machine,
                  "is synchronized, so that a rank keeps its microbatches of a step, %zu: %zu "
                  "bytes, %.1f GiB for all ranks of this machine, which has %.1f GiB; lower "
                  "fit.batch_size, or take more machines",
                  s->most, bytes, needed * 0x1p-30, machine * 0x1p-30);
    TRY(mem_alloc(&s->memory, bytes, "the microbatches of a step with synchronized layers"));
    place_held(s, s->memory);
    log_info("synchronized layers: %zu, for which a rank keeps its microbatches, at most %zu, in "
             "%.1f MiB",
             s->layers, s->most, (double)bytes * 0x1p-20);
    return ST_OK;
}

enum status segmented_open(struct trainer *trainer, struct segmented **out)
{
    const struct session *session = trainer->session;
    const struct model *model = session->model;
    const struct world *world = session->world;
    size_t microbatches = session_microbatches(session, session_batch(session));
    size_t ranks = (size_t)world->size;
    *out = NULL;
    if (model->shared == 0)
        return ST_OK;
    struct segmented *s = *out = mem_need(1, sizeof *s);
    s->trainer = trainer;
    s->most = (microbatches + ranks - 1) / ranks;
    s->held = mem_need(s->most, sizeof *s->held);
    s->layer = mem_need(model->nodes, sizeof *s->layer);
    for (size_t i = 0; (i = model_next_shared(model, i)) < model->nodes; i++)
        s->layer[s->layers++] = i;
    s->total = mem_need(model->shared, sizeof *s->total);
    sums_init(&s->sums, world, model->shared);
    TRY(world_agree(world, allocate(s)));
    if (trainer->reducer.window.shared)
        sums_share(&s->sums, microbatches);
    return ST_OK;
}

void segmented_close(struct segmented *segmented)
{
    if (!segmented)
        return;
    sums_release(&segmented->sums);
    free(segmented->memory);
    free(segmented->held);
    free(segmented->layer);
    free(segmented->total);
    free(segmented);
}

double segmented_seconds(const struct segmented *segmented)
{
    return segmented->sums.seconds;
}

/* ---- a step ---- */

/* Model and session work with the rank's microbatch i from here on. */
static const struct model_batch *turn_to(struct segmented *s, size_t i)
{
    struct session *session = s->trainer->session;
    const struct held *held = &s->held[i];
    session->model->arena = held->arena;
    session->x = held->x;
    session->y = held->y;
    session->weights = held->weights;
    session->weighted = held->weighted;
    return &held->batch;
}

static enum status gather(struct segmented *s, const struct trainer_pass *pass)
{
    struct trainer *trainer = s->trainer;
    for (size_t i = 0; i < s->count; i++) {
        struct held *held = &s->held[i];
        turn_to(s, i);
        TRY(trainer_gather(trainer, pass, trainer->sums.range.first + i, &held->batch));
        held->weighted = trainer->session->weighted;
        held->batch.stats = held->sums + trainer->session->sums;
        held->batch.total = s->total;
        held->batch.samples = pass->n;
    }
    return ST_OK;
}

static void begin_totals(struct segmented *s, size_t node)
{
    s->sums.n = s->trainer->session->model->node[node].layer.shared;
    sums_begin(&s->sums, s->trainer->sums.microbatches);
}

/* False where a rank has failed. Collective. */
static bool share_totals(struct segmented *s, bool failed)
{
    profile_phase(s->trainer->profile, PHASE_AGREEMENT);
    s->sums.flag[0] = failed;
    memcpy(s->total, sums_total(&s->sums), s->sums.n * sizeof *s->total);
    return s->sums.flag[0] == 0;
}

/* Up to the last synchronized layer, whose totals are there then. Stays ST_OK where only other
 * ranks have failed, with *all_well false. */
static enum status forward(struct segmented *s, const struct trainer_pass *pass, bool *all_well)
{
    struct model *model = s->trainer->session->model;
    enum status status = gather(s, pass);
    for (size_t l = 0, first = 0; l < s->layers; first = s->layer[l++]) {
        begin_totals(s, s->layer[l]);
        profile_phase(s->trainer->profile, PHASE_FORWARD);
        for (size_t i = 0; status == ST_OK && i < s->count; i++) {
            const struct model_batch *batch = turn_to(s, i);
            model_forward_range(model, batch, first, s->layer[l]);
            model_measure(model, batch, s->layer[l], sums_next(&s->sums));
            sums_push(&s->sums);
        }
        *all_well = share_totals(s, status != ST_OK);
        if (!*all_well)
            break;
    }
    return status;
}

/* From the last synchronized layer to the loss, and its gradient if that is wanted. */
static void turn_back(struct segmented *s, bool gradient)
{
    struct session *session = s->trainer->session;
    struct model *model = session->model;
    float *dy = gradient ? session->dy : NULL;
    for (size_t i = 0; i < s->count; i++) {
        const struct model_batch *batch = turn_to(s, i);
        profile_phase(s->trainer->profile, PHASE_FORWARD);
        model_forward_range(model, batch, s->layer[s->layers - 1], model->nodes);
        profile_phase(s->trainer->profile, PHASE_LOSS);
        session_score(session, batch->n, model_output(model), s->held[i].sums, dy);
        if (gradient)
            model_backward_begin(model, batch, dy);
    }
}

static void backward(struct segmented *s)
{
    struct model *model = s->trainer->session->model;
    size_t end = model->nodes;
    for (size_t l = s->layers; l-- > 0;) {
        size_t node = s->layer[l];
        if (!model->node[node].trained) /* no gradient goes through it */
            continue;
        begin_totals(s, node);
        profile_phase(s->trainer->profile, PHASE_BACKWARD);
        for (size_t i = 0; i < s->count; i++) {
            const struct model_batch *batch = turn_to(s, i);
            model_backward_range(model, batch, node + 1, end, s->held[i].gradient, NULL);
            model_measure_back(model, batch, node, s->held[i].gradient, sums_next(&s->sums));
            sums_push(&s->sums);
        }
        share_totals(s, false);
        end = node + 1;
    }
    profile_phase(s->trainer->profile, PHASE_BACKWARD);
    for (size_t i = 0; i < s->count; i++) {
        const struct model_batch *batch = turn_to(s, i);
        model_backward_range(model, batch, 0, end, s->held[i].gradient, NULL);
    }
}

/* What the microbatches have yielded, in their order. */
static void push(struct segmented *s, bool gradient)
{
    struct trainer *trainer = s->trainer;
    size_t floats = trainer->session->model->trainable;
    profile_phase(trainer->profile, PHASE_ADDITION);
    for (size_t i = 0; i < s->count; i++) {
        memcpy(sums_next(&trainer->sums), s->held[i].sums, trainer->sums.n * sizeof(double));
        sums_push(&trainer->sums);
        if (!gradient)
            continue;
        memcpy(reducer_next(&trainer->reducer), s->held[i].gradient, floats * sizeof(float));
        reducer_push(&trainer->reducer);
    }
}

enum status segmented_run(struct segmented *segmented, const struct trainer_pass *pass)
{
    const struct tree_range *range = &segmented->trainer->sums.range;
    bool all_well = true;
    segmented->count = range->end - range->first;
    enum status status = forward(segmented, pass, &all_well);
    if (all_well) {
        turn_back(segmented, pass->vector);
        if (pass->vector)
            backward(segmented);
        push(segmented, pass->vector);
    }
    turn_to(segmented, 0); /* whose buffers are those of model and session themselves */
    return status;
}
