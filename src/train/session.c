#include "train/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/vectorized.h"
#include "layers/regularizers.h"

size_t session_microbatches(const struct session *session, size_t samples)
{
    size_t size = (size_t)session->experiment->fit.microbatch_size;
    return (samples + size - 1) / size;
}

static enum status build_model(struct session *session, const struct experiment *experiment)
{
    TRY(experiment_build(experiment, &session->model));
    session->loss = experiment->compile.loss.kind->impl;
    size_t batch = (size_t)experiment->fit.microbatch_size;
    size_t out = shape_size(&session->model->output) * batch;
    void *memory = NULL;
    TRY(mem_alloc(&memory, shape_size(&session->model->input) * batch * sizeof(float), "inputs"));
    session->x = memory;
    session->y = mem_need(out + batch, sizeof(float));
    session->dy = mem_need(out, sizeof(float));
    session->output = mem_need(out, sizeof(float));
    session->ids = mem_need(batch, sizeof *session->ids);
    return ST_OK;
}

enum status session_open_model(struct session *session, const struct experiment *experiment,
                               struct world *world)
{
    *session = (struct session){.world = world, .experiment = experiment};
    world_share(world, &session->share);
    session->env = (struct data_env){experiment->folder, &session->share};
    session->scaling.rescale = experiment->data.rescale;
    session->scaling.offset = experiment->data.offset;
    return world_agree(world, build_model(session, experiment));
}

enum status session_fit_inputs(const struct session *session, const struct dataset *data)
{
    size_t have = array_elements(&data->x), want = shape_size(&session->model->input);
    bool image = data->x.rank == 3 && session->model->input.rank == 3;
    bool same = have == want;
    for (int a = 0; image && a < 3; a++)
        same = same && (int64_t)data->x.shape[a] == session->model->input.dim[a];
    FAIL_IF(!same, ST_USAGE, "the model's input is %s; the samples of %s are %s",
            shape_text(&session->model->input), data->source, array_shape_text(&data->x));
    return ST_OK;
}

enum status session_fit(struct session *session, const struct dataset *data)
{
    const struct experiment *e = session->experiment;
    TRY(session_fit_inputs(session, data));
    TRY(loss_fit(&e->compile.loss, session->model, data, e->data.one_hot, &session->form));
    return metrics_resolve(&e->compile.metrics, session->model, session->form, session->metric,
                           &session->metrics);
}

/* Opens a set on every rank; a failure of one is the failure of all. */
static enum status open_set(struct session *session, const struct variant *source,
                            struct dataset **out)
{
    uint64_t seed = (uint64_t)session->experiment->seed;
    return world_agree(session->world, dataset_open(source, seed, &session->env, out));
}

static enum status select_samples(struct session *session)
{
    const struct data_spec *data = &session->experiment->data;
    if (data->validation.kind == &split_kind) {
        const struct split_args *split = data->validation.args;
        bool fraction = split->split < 1.0;
        FAIL_IF(!fraction && split->split != floor(split->split), ST_USAGE,
                "%ssplit: found %g, expected a fraction below 1 or a whole number of samples",
                position_text(data->validation.position), split->split);
        return selection_split(session->train, fraction ? split->split : 0.0,
                               fraction ? 0 : (size_t)split->split, split->stratify,
                               (uint64_t)session->experiment->seed, &session->train_samples,
                               &session->validation_samples);
    }
    TRY(selection_all(session->train, &session->train_samples));
    if (session->validation) {
        TRY(dataset_match(session->train, session->validation));
        TRY(selection_all(session->validation, &session->validation_samples));
    }
    return ST_OK;
}

static enum status fit_and_scale(struct session *session)
{
    const struct data_spec *data = &session->experiment->data;
    TRY(session_fit(session, session->train));
    TRY(select_samples(session));
    return scaling_fit(&session->train_samples, data->rescale, data->offset,
                       data->standardize != STANDARDIZE_NONE,
                       data->standardize == STANDARDIZE_FEATURE, &session->scaling);
}

enum status session_open(struct session *session, const struct experiment *experiment,
                         struct world *world)
{
    const struct data_spec *data = &experiment->data;
    TRY(session_open_model(session, experiment, world));
    TRY(open_set(session, &data->train, &session->train));
    if (data->validation.kind && data->validation.kind != &split_kind)
        TRY(open_set(session, &data->validation, &session->validation));
    return world_agree(world, fit_and_scale(session));
}

void session_close(struct session *session)
{
    selection_release(&session->train_samples);
    selection_release(&session->validation_samples);
    scaling_release(&session->scaling);
    dataset_free(session->train);
    dataset_free(session->validation);
    model_free(session->model);
    free(session->ids);
    free(session->x);
    free(session->y);
    free(session->dy);
    free(session->output);
    *session = (struct session){0};
}

void session_score(struct session *session, int n, const float *out, double *sums, float *dy)
{
    const struct model *model = session->model;
    struct loss_input input = {.n = n,
                               .width = shape_size(&model->output),
                               .output = out,
                               .labels = session->y,
                               .values = session->y};
    sums[0] = session->loss->compute(&input, dy);
    if (session->metrics && model->output_is_logits) {
        size_t width = (size_t)model->output.dim[model->output.rank - 1];
        size_t size = (size_t)n * input.width;
        memcpy(session->output, out, size * sizeof *out);
        activation_forward(session->loss->logits, size / width, width, session->output);
        input.output = session->output;
    }
    for (size_t i = 0; i < session->metrics; i++)
        sums[1 + i] = session->metric[i].compute(&input);
}

/* Samples first.. of the selection as one microbatch through the model. */
static enum status evaluate_microbatch(struct session *session, const struct selection *samples,
                                       size_t index, bool same_params, double *sums)
{
    size_t size = (size_t)session->experiment->fit.microbatch_size, first = index * size;
    size_t n = samples->n - first < size ? samples->n - first : size;
    const uint32_t *ids = samples->ids + first;
    TRY(loader_gather(samples->dataset, &session->scaling, session->form, ids, n, session->x,
                      session->y));
    struct model_batch batch = {
        .n = (int)n, .ids = ids, .x = session->x, .same_params = same_params};
    session_score(session, (int)n, model_forward(session->model, &batch), sums, NULL);
    return ST_OK;
}

enum status session_evaluate(struct session *session, const struct selection *samples,
                             double *values)
{
    struct sums sums;
    size_t count = 1 + session->metrics;
    enum status status = ST_OK;
    sums_init(&sums, session->world, count);
    sums_begin(&sums, session_microbatches(session, samples->n));
    for (size_t m = sums.range.first; m < sums.range.end && status == ST_OK; m++) {
        status = evaluate_microbatch(session, samples, m, m > sums.range.first, sums_next(&sums));
        sums_push(&sums);
    }
    status = world_agree(session->world, status);
    if (status == ST_OK) {
        const double *total = sums_total(&sums);
        for (size_t i = 0; i < count; i++)
            values[i] = total[i] / (double)samples->n;
        values[0] += session_penalty(session);
    }
    sums_release(&sums);
    return status;
}

/* The sum of l1 |w| + l2 w^2 over one block: of every eighth weight, and then of the eight sums. */
VECTORIZED static double block_penalty(const float *w, size_t n, struct penalty penalty)
{
    enum { SUMS = 8 };
    double l1[SUMS] = {0}, l2[SUMS] = {0}, total = 0.0;
    size_t whole = n / SUMS * SUMS;
    for (size_t i = 0; i < whole; i += SUMS)
        for (size_t k = 0; k < SUMS; k++) {
            double value = (double)w[i + k];
            l1[k] += fabs(value);
            l2[k] += value * value;
        }
    for (size_t k = 0; k < n - whole; k++) {
        double value = (double)w[whole + k];
        l1[k] += fabs(value);
        l2[k] += value * value;
    }
    for (size_t k = 0; k < SUMS; k++)
        total += penalty.l1 * l1[k] + penalty.l2 * l2[k];
    return total;
}

static double param_penalty(const float *w, size_t n, struct penalty penalty)
{
    enum { BLOCK = 4096 };
    double stack[TREE_MAX_NODES];
    void *values[TREE_MAX_NODES];
    struct counter counter = {0};
    size_t blocks = (n + BLOCK - 1) / BLOCK;
    for (size_t i = 0; i < TREE_MAX_NODES; i++)
        values[i] = &stack[i];
    for (size_t b = 0; b < blocks; b++) {
        size_t size = n - b * BLOCK < BLOCK ? n - b * BLOCK : BLOCK;
        stack[counter.depth] = block_penalty(w + b * BLOCK, size, penalty);
        counter_push(&counter, b, values, 1, tree_add_double);
    }
    return *(double *)tree_fold(blocks, counter.node, values, counter.depth, 1, tree_add_double);
}

double session_penalty(const struct session *session)
{
    const struct model *model = session->model;
    double sum = 0.0;
    size_t count = model_param_count(model);
    for (size_t i = 0; i < count; i++) {
        const struct param *param = model_param(model, i, NULL);
        struct penalty penalty = regularizer_penalty(param->regularizer);
        if (param->trainable && (penalty.l1 > 0.0 || penalty.l2 > 0.0))
            sum += param_penalty(model->params + param->offset, param->size, penalty);
    }
    return sum;
}
