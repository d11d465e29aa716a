#include "train/watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/vectorized.h"
#include "kernels/blocks.h"

enum { SUM, SQUARES, ZEROS, SUMS_A_LAYER };

/* Of a layer's outputs for one microbatch: blocks of 4,096, then the tree. */
struct moments {
    double sum[SUMS_A_LAYER];
    float least, most;
};

/* Of every eighth element, and then of the eight. */
VECTORIZED static struct moments block_moments(const float *x, size_t n)
{
    enum { LANES = 8 };
    double sum[LANES] = {0}, squares[LANES] = {0}, zeros = 0.0;
    struct moments m = {.least = INFINITY, .most = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        double value = (double)x[i];
        sum[i % LANES] += value;
        squares[i % LANES] += value * value;
        zeros += x[i] == 0.0f;
        m.least = x[i] < m.least ? x[i] : m.least;
        m.most = x[i] > m.most ? x[i] : m.most;
    }
    m.sum[SUM] = blocks_total(sum, LANES);
    m.sum[SQUARES] = blocks_total(squares, LANES);
    m.sum[ZEROS] = zeros;
    return m;
}

static struct moments moments_of(const float *x, size_t n)
{
    size_t left = BLOCK_ELEMENTS;
    if (n <= left)
        return block_moments(x, n);
    while (2 * left < n)
        left *= 2;
    struct moments m = moments_of(x, left), right = moments_of(x + left, n - left);
    for (int i = 0; i < SUMS_A_LAYER; i++)
        m.sum[i] += right.sum[i];
    m.least = right.least < m.least ? right.least : m.least;
    m.most = right.most > m.most ? right.most : m.most;
    return m;
}

VECTORIZED static void note_alive(size_t rows, size_t width, const float *y, unsigned char *alive)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t u = 0; u < width; u++)
            alive[u] |= y[r * width + u] != 0.0f;
}

/* ---- the passes ---- */

static bool ends_with_relu(const struct layer *layer)
{
    return layer->activation == ACT_RELU || layer->activation == ACT_RELU6 ||
           strcmp(layer->type->kind.name, "ReLU") == 0;
}

static size_t width_of(const struct layer *layer)
{
    return (size_t)layer->out.dim[layer->out.rank - 1];
}

/* struct model_watch: a layer's outputs lie in the arena until a later layer needs the place. */
static void ran(struct model_watch *hook, size_t i, int n, bool backward, int64_t begin,
                int64_t end)
{
    struct watcher *w = (struct watcher *)hook;
    const struct node *node = &w->model->node[i];
    if (w->next)
        w->next->ran(w->next, i, n, backward, begin, end);
    if (backward)
        return;
    const float *y = w->model->arena + node->y;
    size_t size = shape_size(&node->layer.out) * (size_t)n, units = w->first_unit[i + 1];
    struct moments m = moments_of(y, size);
    double *extreme = w->extreme + 2 * i;
    memcpy(w->leaf + (w->seen[i]++ * w->model->nodes + i) * SUMS_A_LAYER, m.sum, sizeof m.sum);
    extreme[0] = fmax(extreme[0], -(double)m.least);
    extreme[1] = fmax(extreme[1], (double)m.most);
    units -= w->first_unit[i];
    if (units)
        note_alive(size / units, units, y, w->alive + w->first_unit[i]);
}

static void begin_activations(struct watcher *w)
{
    size_t nodes = w->model->nodes;
    sums_begin(&w->sums, w->moment.microbatches);
    size_t own = w->sums.range.end - w->sums.range.first;
    free(w->leaf);
    w->leaf = mem_need(own * nodes * SUMS_A_LAYER + 1, sizeof *w->leaf);
    memset(w->seen, 0, nodes * sizeof *w->seen);
    memset(w->alive, 0, w->first_unit[nodes]);
    for (size_t i = 0; i < 2 * nodes; i++)
        w->extreme[i] = -(double)INFINITY;
    w->next = w->model->watch;
    w->model->watch = &w->hook;
}

void watcher_begin(struct watcher *w, const struct watch_moment *moment)
{
    if (!w)
        return;
    w->moment = *moment;
    w->due = moment->step == 1 || (w->every ? moment->step % w->every == 0 : moment->last);
    if (!w->due)
        return;
    if (w->what & WATCH_ACTIVATIONS)
        begin_activations(w);
}

/* ---- the sums ---- */

static void reduce_activations(struct watcher *w)
{
    size_t nodes = w->model->nodes, numbers = nodes * SUMS_A_LAYER;
    int units = (int)w->first_unit[nodes];
    bool root = w->world->rank == 0;
    w->model->watch = w->next;
    for (size_t m = 0; m < w->sums.range.end - w->sums.range.first; m++) {
        memcpy(sums_next(&w->sums), w->leaf + m * numbers, numbers * sizeof *w->leaf);
        sums_push(&w->sums);
    }
    const double *total = sums_total(&w->sums);
    MPI_Reduce(root ? MPI_IN_PLACE : w->extreme, w->extreme, (int)(2 * nodes), MPI_DOUBLE, MPI_MAX,
               0, w->world->comm);
    MPI_Reduce(root ? MPI_IN_PLACE : w->alive, w->alive, units, MPI_UNSIGNED_CHAR, MPI_MAX, 0,
               w->world->comm);
    for (size_t i = 0; i < nodes && root; i++) {
        const double *sum = total + i * SUMS_A_LAYER;
        struct watch_row *row = &w->row[i];
        double n = (double)(shape_size(&w->model->node[i].layer.out) * w->moment.samples);
        row->mean = sum[SUM] / n;
        double variance = sum[SQUARES] / n - row->mean * row->mean;
        row->deviation = sqrt(variance < 0.0 ? 0.0 : variance);
        row->least = -w->extreme[2 * i];
        row->most = w->extreme[2 * i + 1];
        row->zeros = sum[ZEROS] / n;
        size_t alive = 0, first = w->first_unit[i], end = w->first_unit[i + 1];
        for (size_t u = first; u < end; u++)
            alive += w->alive[u];
        if (end > first)
            row->dead = 1.0 - (double)alive / (double)(end - first);
    }
}

static void collect_gradient(struct watcher *w)
{
    const struct reducer *reducer = w->reducer;
    for (size_t b = 0; b < reducer->buckets.count; b++) {
        const struct reduce_bucket *bucket = &reducer->bucket[b];
        if (bucket->own.size)
            memcpy(w->mine + bucket->place, bucket->total, bucket->own.size * sizeof *w->mine);
    }
    reducer_collect(reducer, w->mine, w->gradient);
    if (w->world->rank == 0)
        memcpy(w->before, w->model->params, w->model->trainable * sizeof *w->before);
}

void watcher_reduced(struct watcher *w)
{
    if (!w || !w->due)
        return;
    for (size_t i = 0; i < w->model->nodes; i++)
        w->row[i] = (struct watch_row){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, {0}};
    w->measured = w->moment;
    if (w->what & WATCH_ACTIVATIONS)
        reduce_activations(w);
    if (w->what & WATCH_GRADIENTS)
        collect_gradient(w);
}

/* ---- parameters ---- */

VECTORIZED static float largest_of(const float *x, size_t n)
{
    float most = 0.0f;
    for (size_t i = 0; i < n; i++) {
        float size = x[i] < 0.0f ? -x[i] : x[i];
        most = size > most ? size : most;
    }
    return most;
}

VECTORIZED static void subtract(size_t n, const float *from, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = from[i] - x[i];
}

struct size {
    double norm, largest;
};

/* Of those parameters of a layer that are trained, in a buffer with their layout; all: of every
 * one. NAN where there are none. */
static struct size size_of(const struct layer *layer, const float *buffer, bool all)
{
    double squares = 0.0, largest = 0.0;
    bool any = false;
    for (size_t p = 0; p < layer->params; p++) {
        const struct param *param = &layer->param[p];
        if (!param->trainable && !all)
            continue;
        any = true;
        squares += blocks_squares(buffer + param->offset, param->size);
        largest = fmax(largest, (double)largest_of(buffer + param->offset, param->size));
    }
    return any ? (struct size){sqrt(squares), largest} : (struct size){(double)NAN, (double)NAN};
}

static void measure_gradient(struct watcher *w)
{
    double n = (double)w->moment.samples;
    for (size_t i = 0; i < w->model->nodes; i++) {
        const struct layer *layer = &w->model->node[i].layer;
        struct size gradient = size_of(layer, w->gradient, false);
        w->row[i].gradient_norm = gradient.norm / n;
        w->row[i].gradient_largest = gradient.largest / n;
        w->row[i].update_ratio = size_of(layer, w->before, false).norm;
    }
    subtract(w->model->trainable, w->model->params, w->before);
    for (size_t i = 0; i < w->model->nodes; i++) {
        double update = size_of(&w->model->node[i].layer, w->before, false).norm;
        double *ratio = &w->row[i].update_ratio;
        *ratio = *ratio > 0.0 ? update / *ratio : (double)NAN;
    }
}

static void measure_weights(struct watcher *w)
{
    for (size_t i = 0; i < w->model->nodes; i++) {
        const struct layer *layer = &w->model->node[i].layer;
        struct size size = size_of(layer, w->model->params, !layer->trainable);
        w->row[i].weight_norm = size.norm;
        w->row[i].weight_largest = size.largest;
    }
}

void watcher_end(struct watcher *w)
{
    if (!w || !w->due)
        return;
    w->due = false;
    w->steps++;
    if (w->world->rank != 0)
        return;
    if (w->what & WATCH_GRADIENTS)
        measure_gradient(w);
    if (w->what & WATCH_WEIGHTS)
        measure_weights(w);
    watch_report(w);
}

/* ---- the whole ---- */

unsigned watch_parse(const char *names)
{
    static const struct {
        const char *name;
        unsigned what;
    } known[] = {{"gradients", WATCH_GRADIENTS},
                 {"activations", WATCH_ACTIVATIONS},
                 {"weights", WATCH_WEIGHTS}};
    enum { KNOWN = sizeof known / sizeof *known };
    unsigned all = 0;
    for (const char *at = names;; at++) {
        size_t length = strcspn(at, ","), k = 0;
        while (k < KNOWN &&
               !(strlen(known[k].name) == length && !memcmp(at, known[k].name, length)))
            k++;
        if (k == KNOWN)
            return 0;
        all |= known[k].what;
        at += length;
        if (!*at)
            return all;
    }
}

static enum status take_floats(const struct watcher *w, float **out)
{
    void *memory = NULL;
    TRY(mem_alloc(&memory, w->model->total * sizeof(float), "watched gradients"));
    *out = memory;
    return ST_OK;
}

static enum status allocate_gradients(struct watcher *w)
{
    if (!(w->what & WATCH_GRADIENTS))
        return ST_OK;
    TRY(take_floats(w, &w->mine));
    if (w->world->rank != 0)
        return ST_OK;
    TRY(take_floats(w, &w->gradient));
    return take_floats(w, &w->before);
}

enum status watcher_open(struct watcher *w, struct model *model, const struct reducer *reducer)
{
    size_t nodes = model->nodes;
    w->hook.ran = ran;
    w->world = reducer->world;
    w->model = model;
    w->reducer = reducer;
    w->extreme = mem_need(2 * nodes, sizeof *w->extreme);
    w->seen = mem_need(nodes, sizeof *w->seen);
    w->row = mem_need(nodes, sizeof *w->row);
    w->said = mem_need(nodes, sizeof *w->said);
    w->first_unit = mem_need(nodes + 1, sizeof *w->first_unit);
    for (size_t i = 0; i < nodes; i++) {
        const struct layer *layer = &model->node[i].layer;
        w->first_unit[i + 1] = w->first_unit[i] + (ends_with_relu(layer) ? width_of(layer) : 0);
    }
    w->alive = mem_need(w->first_unit[nodes] + 1, 1);
    sums_init(&w->sums, w->world, nodes * SUMS_A_LAYER);
    watch_header(w, &w->csv);
    return world_agree(w->world, allocate_gradients(w));
}

void watcher_release(struct watcher *w)
{
    if (w->world)
        sums_release(&w->sums);
    free(w->leaf);
    free(w->extreme);
    free(w->seen);
    free(w->alive);
    free(w->first_unit);
    free(w->mine);
    free(w->gradient);
    free(w->before);
    free(w->row);
    free((void *)w->said);
    text_release(&w->csv);
    *w = (struct watcher){0};
}
