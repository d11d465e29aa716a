#include "train/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/vectorized.h"
#include "data/labels.h"
#include "layers/regularizers.h"
#include "train/class_weights.h"
#include "train/confusion.h"
#include "train/solve.h"

size_t session_batch(const struct session *session)
{
    int64_t batch = session->experiment->fit.batch_size;
    size_t all = session->train_samples.n;
    return batch == FIELD_NONE || (size_t)batch > all ? all : (size_t)batch;
}

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
    session->weights = mem_need(batch, sizeof *session->weights);
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
    TRY(metrics_resolve(&e->compile.metrics, session->model, session->form, session->metric,
                        &session->metrics));
    session->classes = data->classes;
    session->sums = 1;
    for (size_t i = 0; i < session->metrics; i++)
        session->sums += session->metric[i].sums;
    return ST_OK;
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
    TRY(class_weights_fit(session));
    TRY(scaling_fit(&session->train_samples, data->rescale, data->offset,
                    data->standardize != STANDARDIZE_NONE, data->standardize == STANDARDIZE_FEATURE,
                    &session->scaling));
    return augmenter_init(&session->augmenter, &data->augment, session->train, &session->scaling,
                          session->form, (uint64_t)session->experiment->seed);
}

enum status session_open(struct session *session, const struct experiment *experiment,
                         struct world *world)
{
    const struct data_spec *data = &experiment->data;
    TRY(session_open_model(session, experiment, world));
    TRY(open_set(session, &data->train, &session->train));
    if (data->validation.kind && data->validation.kind != &split_kind)
        TRY(open_set(session, &data->validation, &session->validation));
    TRY(world_agree(world, fit_and_scale(session)));
    return world_agree(world, solve_check(session));
}

void session_close(struct session *session)
{
    selection_release(&session->train_samples);
    selection_release(&session->validation_samples);
    augmenter_release(&session->augmenter);
    scaling_release(&session->scaling);
    dataset_free(session->train);
    dataset_free(session->validation);
    model_free(session->model);
    free(session->ids);
    free(session->x);
    free(session->y);
    free(session->dy);
    free(session->output);
    free(session->weights);
    free(session->class_weight);
    *session = (struct session){0};
}

/* Several labels a sample are not checked when the set is opened. */
static enum status check_labels(const struct session *session, const struct dataset *data,
                                const uint32_t *ids, size_t n)
{
    const struct shape *out = &session->model->output;
    size_t classes = (size_t)out->dim[out->rank - 1], rows = shape_size(out) / classes;
    const int32_t *label = session->y;
    for (size_t i = 0; rows > 1 && i < n * rows; i++)
        if ((size_t)label[i] >= classes)
            return labels_fail(data, dataset_stored_id(data, ids[i / rows]), label[i], classes);
    return ST_OK;
}

enum status session_gather(struct session *session, const struct dataset *data, bool training,
                           const uint32_t *ids, size_t n)
{
    TRY(loader_gather(data, &session->scaling, session->form, ids, n, session->x, session->y));
    if (session->form == TARGET_LABEL)
        TRY(check_labels(session, data, ids, n));
    bool by_class = training && session->class_weight;
    session->weighted = data->weight.parts > 0 || by_class;
    if (session->weighted)
        loader_weights(data, ids, n, session->weights);
    for (size_t i = 0; by_class && i < n; i++) {
        size_t class = session_class(session, i);
        session->weights[i] = class < session->class_weights ? session->class_weight[class] : 1.0f;
    }
    return ST_OK;
}

static struct loss_input input_of(const struct session *session, int n, const float *out)
{
    const struct model *model = session->model;
    const struct crossentropy_args *crossentropy =
        session->loss->logits == ACT_LINEAR ? NULL : session->experiment->compile.loss.args;
    bool labels = session->form == TARGET_LABEL;
    return (struct loss_input){.n = n,
                               .width = shape_size(&model->output),
                               .classes = (size_t)model->output.dim[model->output.rank - 1],
                               .output = out,
                               .labels = labels ? session->y : NULL,
                               .values = labels ? NULL : session->y,
                               .weights = session->weighted ? session->weights : NULL,
                               .logits = model->output_is_logits ||
                                         (crossentropy && crossentropy->from_logits)};
}

bool session_has_hessian(const struct session *session)
{
    bool logits = session->loss->logits == ACT_LINEAR || input_of(session, 0, NULL).logits;
    return logits && loss_hessian_of(session->loss);
}

void session_hessian(const struct session *session, int n, const float *out, const float *v,
                     float *hv)
{
    struct loss_input input = input_of(session, n, out);
    loss_sum_hessian(session->loss, session->experiment->compile.loss.args, &input, v, hv);
}

struct loss_input session_score(struct session *session, int n, const float *out, double *sums,
                                float *dy)
{
    const struct model *model = session->model;
    const struct variant *loss = &session->experiment->compile.loss;
    struct loss_input input = input_of(session, n, out);
    memset(sums, 0, session->sums * sizeof *sums);
    sums[0] = loss_sum(session->loss, loss->args, &input, dy);
    if (model->output_is_logits && (session->metrics > 0 || !dy)) {
        size_t size = (size_t)n * input.width;
        activation_forward(model_output_activation(model), size / input.classes, input.classes, out,
                           session->output);
        input.output = session->output;
    }
    input.logits = false;
    input.weights = NULL;
    double *own = sums + 1;
    for (size_t i = 0; i < session->metrics; own += session->metric[i++].sums)
        session->metric[i].type->add(&session->metric[i], &input, own);
    return input;
}

void session_values(const struct session *session, const double *sums, double samples,
                    double *values)
{
    values[0] = sums[0] / samples;
    const double *own = sums + 1;
    for (size_t i = 0; i < session->metrics; own += session->metric[i++].sums)
        values[1 + i] = metric_result(&session->metric[i], own, samples);
}

/* Microbatch number index of the selection through the model. */
static enum status evaluate_microbatch(struct session *session, const struct selection *samples,
                                       size_t index, bool same_params, double *sums,
                                       double *confusion)
{
    size_t size = (size_t)session->experiment->fit.microbatch_size, first = index * size;
    size_t n = samples->n - first < size ? samples->n - first : size;
    const uint32_t *ids = samples->ids + first;
    TRY(session_gather(session, samples->dataset, false, ids, n));
    struct model_batch batch = {
        .n = (int)n, .ids = ids, .x = session->x, .same_params = same_params};
    struct loss_input seen =
        session_score(session, (int)n, model_forward(session->model, &batch), sums, NULL);
    if (confusion)
        confusion_add(&seen, session_confusion(session), confusion);
    return ST_OK;
}

enum status session_evaluate(struct session *session, const struct selection *samples,
                             double *values, double *confusion)
{
    struct sums sums;
    size_t classes = confusion ? session_confusion(session) : 0;
    enum status status = ST_OK;
    sums_init(&sums, session->world, session->sums + classes * classes);
    sums_begin(&sums, session_microbatches(session, samples->n));
    for (size_t m = sums.range.first; m < sums.range.end && status == ST_OK; m++) {
        double *own = sums_next(&sums);
        status = evaluate_microbatch(session, samples, m, m > sums.range.first, own,
                                     classes ? own + session->sums : NULL);
        sums_push(&sums);
    }
    status = world_agree(session->world, status);
    if (status == ST_OK) {
        const double *total = sums_total(&sums);
        session_values(session, total, (double)samples->n, values);
        values[0] += session_penalty(session);
        if (classes)
            memcpy(confusion, total + session->sums, classes * classes * sizeof *confusion);
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
        const struct matrix_regularizer *matrix = regularizer_matrix(param);
        if (param->trainable && matrix)
            sum += matrix->penalty(param->regularizer->args, param, model->params + param->offset,
                                   NULL);
        if (param->trainable && (penalty.l1 > 0.0 || penalty.l2 > 0.0))
            sum += param_penalty(model->params + param->offset, param->size, penalty);
    }
    return sum;
}
