#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "data/source.h"
#include "formats/checkpoint.h"
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
    struct experiment *experiment = loaded->experiment;
    struct checkpoint checkpoint = {0};
    struct state state;
    TRY(checkpoint_read(loaded->path, session->model, &checkpoint));
    memcpy(session->model->params, checkpoint.params, session->model->total * sizeof(float));
    enum status status =
        state_read(loaded->path, checkpoint.state, experiment->compile.metrics.n, &loaded->pool,
                   &state, NULL, &session->scaling);
    checkpoint_release(&checkpoint);
    TRY(status);
    session->env.experiment_folder = state.folder;
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

enum status load_source(struct loaded *loaded, char *const *words, size_t n,
                        struct variant *source)
{
    const char *text = words[0];
    if (text[0] != '{')
        TRY(source_guess(words, n, &loaded->session.env, &loaded->pool, &text));
    else
        FAIL_IF(n > 1, ST_USAGE, "one {format: ...} at a time; found '%s' behind it", words[1]);
    return source_parse(text, &loaded->pool, source);
}
