#include "train/transfer.h"

#include <stdlib.h>

#include "formats/weights.h"
#include "train/run_folder.h"

static bool *wanted_layers(const struct model *model, const struct weights_spec *spec)
{
    bool *wanted = mem_need(model->nodes, sizeof *wanted);
    for (size_t i = 0; i < model->nodes; i++) {
        const char *name = model->node[i].layer.name;
        wanted[i] =
            model_name_matches(&spec->layers, name) && !model_name_matches(&spec->skip, name);
    }
    return wanted;
}

/* The layers with parameters, of which some were taken; those that the experiment skips count too.
 */
struct count {
    size_t layers, taken;
};

static struct count count_layers(const struct model *model, const struct weights_report *report)
{
    struct count count = {0};
    for (size_t i = 0; i < model->nodes; i++)
        if (model->node[i].layer.params > 0) {
            count.layers++;
            count.taken += report->match[i].taken;
        }
    return count;
}

static void write_report(const struct model *model, const char *path, const bool *wanted,
                         const struct weights_report *report, struct text *out)
{
    struct count count = count_layers(model, report);
    text_add(out, "weights of %zu of %zu layers taken from %s\n", count.taken, count.layers, path);
    for (size_t i = 0; i < model->nodes; i++) {
        const struct layer *layer = &model->node[i].layer;
        if (layer->params > 0 && !report->match[i].taken)
            text_add(out, "  '%s' starts anew: %s\n", layer->name,
                     wanted[i] ? report->match[i].why : "the experiment says so");
    }
    for (size_t i = 0; i < report->unused.n; i++)
        text_add(out, "  '%s' of the file is not used: the model has no such layer\n",
                 report->unused.v[i]);
}

static enum status check(const struct session *session, const char *path,
                         const struct weights_spec *spec, const bool *wanted,
                         const struct weights_report *report)
{
    const struct model *model = session->model;
    for (size_t i = 0; i < model->nodes && spec->mismatch == MISMATCH_FAIL; i++)
        FAIL_IF(wanted[i] && report->match[i].why, ST_USAGE,
                "%s: model.weights: layer '%s' %s (%s); name it in model.weights.skip, or set "
                "mismatch: skip",
                session->experiment->path, model->node[i].layer.name, report->match[i].why, path);
    FAIL_IF(count_layers(model, report).taken == 0, ST_USAGE,
            "%s: model.weights: no layer takes anything from %s", session->experiment->path, path);
    return ST_OK;
}

/* On rank 0. */
static enum status take(struct session *session, const struct weights_spec *spec, struct pool *pool,
                        struct text *out)
{
    struct model *model = session->model;
    const char *path = NULL;
    struct weights_report report = {0};
    TRY(model_check_patterns(model, "model.weights.skip", &spec->skip));
    TRY(model_check_patterns(model, "model.weights.layers", &spec->layers));
    TRY(run_find_model(spec->file, pool, &path));
    bool *wanted = wanted_layers(model, spec);
    enum status status = weights_read(path, model, wanted, &report);
    if (status == ST_OK)
        status = check(session, path, spec, wanted, &report);
    if (status == ST_OK)
        write_report(model, path, wanted, &report, out);
    weights_release(&report);
    free(wanted);
    return status;
}

enum status transfer_weights(struct session *session, struct text *report)
{
    const struct weights_spec *spec = session->experiment->model.weights;
    struct model *model = session->model;
    struct pool pool = {0};
    enum status status = ST_OK;
    if (!spec)
        return ST_OK;
    if (session->world->rank == 0)
        status = take(session, spec, &pool, report);
    pool_release(&pool);
    TRY(world_agree(session->world, status));
    world_broadcast(session->world, model->params, model->total * sizeof(float));
    return ST_OK;
}
