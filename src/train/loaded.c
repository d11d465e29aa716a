#include "train/loaded.h"

#include <string.h>

#include "data/source.h"
#include "formats/checkpoint.h"
#include "train/confusion.h"
#include "train/run_folder.h"
#include "train/state.h"

/* The experiment inside the file. */
static enum status read_experiment(const char *name, struct loaded *loaded)
{
    struct checkpoint head = {0};
    TRY(run_find_model(name, &loaded->pool, &loaded->path));
    TRY(checkpoint_read_head(loaded->path, &head));
    enum status status = experiment_parse(loaded->path, head.experiment, &loaded->experiment);
    checkpoint_release(&head);
    FAIL_IF(status != ST_OK, ST_MODEL, "%s: its experiment cannot be read: %s", loaded->path,
            status_message());
    return ST_OK;
}

/* Parameters and scaling into the session that was built for them. */
static enum status read_model(struct loaded *loaded)
{
    struct session *session = &loaded->session;
    struct checkpoint checkpoint = {0};
    struct state state;
    TRY(checkpoint_read(loaded->path, session->model, &checkpoint));
    memcpy(session->model->params, checkpoint.params, session->model->total * sizeof(float));
    enum status status = state_read(loaded->path, checkpoint.state, &loaded->pool, &state, NULL,
                                    NULL, &session->scaling);
    checkpoint_release(&checkpoint);
    TRY(status);
    model_digest(session->model, session->model->params, loaded->digest);
    return ST_OK;
}

enum status load_model(const char *name, struct world *world, struct loaded *loaded)
{
    *loaded = (struct loaded){0};
    TRY(world_agree(world, read_experiment(name, loaded)));
    TRY(session_open_model(&loaded->session, loaded->experiment, world));
    return world_agree(world, read_model(loaded));
}

void load_release(struct loaded *loaded)
{
    session_close(&loaded->session);
    experiment_free(loaded->experiment);
    pool_release(&loaded->pool);
    *loaded = (struct loaded){0};
}

enum status load_source(struct loaded *loaded, char *const *words, size_t n, struct variant *source)
{
    const struct data_spec *data = &loaded->experiment->data;
    const struct {
        const char *name;
        const struct variant *set;
    } own[] = {{"train", &data->train}, {"validation", &data->validation}, {"test", &data->test}};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(words[0], own[i].name) == 0) {
            FAIL_IF(n > 1, ST_USAGE, "one set at a time; found '%s' behind %s", words[1], words[0]);
            *source = *own[i].set;
            FAIL_IF(!source->kind, ST_USAGE, "%s: its experiment has no %s set; give one as DATA",
                    loaded->path, words[0]);
            return ST_OK;
        }
    const char *text = words[0];
    if (text[0] != '{')
        TRY(source_guess(words, n, &loaded->session.env, &loaded->pool, &text));
    else
        FAIL_IF(n > 1, ST_USAGE, "one {format: ...} at a time; found '%s' behind it", words[1]);
    return source_parse(text, &loaded->pool, source);
}

/* Evaluates, into memory of the model. Collective. */
static enum status evaluate(struct loaded *loaded, struct session *session,
                            const struct selection *samples, struct evaluation *out)
{
    const struct dataset *set = samples->dataset;
    struct pool *pool = &loaded->pool;
    size_t classes = session_confusion(session);
    out->samples = samples->n;
    out->set = pool_strdup(pool, set->source);
    out->classes = classes;
    out->confusion = pool_alloc(pool, (classes * classes + 1) * sizeof *out->confusion);
    out->class_name = NULL;
    if (set->class_names && set->classes == classes && classes > 0) {
        out->class_name = pool_alloc(pool, classes * sizeof *out->class_name);
        for (size_t i = 0; i < classes; i++)
            out->class_name[i] = pool_strdup(pool, set->class_names[i]);
    }
    return session_evaluate(session, samples, out->value, out->confusion);
}

/* What a split holds out of the training set, or leaves, is drawn again as in training. */
static enum status evaluate_split(struct loaded *loaded, bool held_out, struct evaluation *out)
{
    struct session *own = &loaded->session, session;
    enum status status = session_open(&session, loaded->experiment, own->world);
    if (status == ST_OK) {
        const struct selection *samples =
            held_out ? &session.validation_samples : &session.train_samples;
        memcpy(session.model->params, own->model->params, own->model->total * sizeof(float));
        memcpy(own->metric, session.metric, sizeof own->metric);
        own->metrics = session.metrics;
        status = evaluate(loaded, &session, samples, out);
    }
    session_close(&session);
    return status;
}

static enum status evaluate_set(struct loaded *loaded, const struct variant *source,
                                struct evaluation *out)
{
    struct session *session = &loaded->session;
    struct dataset *set = NULL;
    struct selection all = {0};
    TRY(world_agree(session->world,
                    dataset_open(source, (uint64_t)loaded->experiment->seed, &session->env, &set)));
    enum status status = session_fit(session, set);
    if (status == ST_OK)
        status = selection_all(set, &all);
    status = world_agree(session->world, status);
    if (status == ST_OK)
        status = evaluate(loaded, session, &all, out);
    selection_release(&all);
    dataset_free(set);
    return status;
}

enum status load_evaluate(struct loaded *loaded, char *const *words, size_t n,
                          struct evaluation *out)
{
    const struct data_spec *data = &loaded->experiment->data;
    struct variant source;
    TRY(world_agree(loaded->session.world, load_source(loaded, words, n, &source)));
    bool held_out = source.kind == &split_kind;
    bool rest = data->validation.kind == &split_kind && strcmp(words[0], "train") == 0;
    if (held_out || rest)
        return evaluate_split(loaded, held_out, out);
    return evaluate_set(loaded, &source, out);
}

enum status load_predict(struct loaded *loaded, const struct dataset *set, size_t first,
                         size_t count, const float **y)
{
    struct session *session = &loaded->session;
    for (size_t i = 0; i < count; i++)
        session->ids[i] = (uint32_t)(first + i);
    TRY(loader_gather(set, &session->scaling, TARGET_VALUE, session->ids, count, session->x, NULL));
    session->model->output_is_logits = false; /* an evaluation may have asked for logits */
    struct model_batch batch = {.n = (int)count, .ids = session->ids, .x = session->x};
    *y = model_forward(session->model, &batch);
    return ST_OK;
}
