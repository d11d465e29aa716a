#include "train/state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/node.h"

static void add_list(struct text *out, const char *key, const double *values, size_t n)
{
    text_add(out, "\"%s\": [", key);
    for (size_t i = 0; i < n; i++) {
        text_add(out, i ? ", " : "");
        json_number(out, values[i]);
    }
    text_add(out, "], ");
}

static void add_floats(struct text *out, const char *key, const float *values, size_t n)
{
    text_add(out, "\"%s\": [", key);
    for (size_t i = 0; i < n; i++) {
        text_add(out, i ? ", " : "");
        json_number(out, (double)values[i]);
    }
    text_add(out, "], ");
}

static void add_number(struct text *out, const char *key, double value)
{
    text_add(out, "\"%s\": ", key);
    json_number(out, value);
    text_add(out, ", ");
}

static void add_watch(struct text *out, const char *key, const struct watch *watch)
{
    text_add(out, "\"%s_any\": %s, ", key, watch->any ? "true" : "false");
    char name[48];
    snprintf(name, sizeof name, "%s_best", key);
    add_number(out, name, watch->best);
}

void state_write(const struct state *state, const struct epoch_sums *sums,
                 const struct callbacks *callbacks, const struct scaling *scaling, struct text *out)
{
    text_add(out, "{");
    add_list(out, "epoch_sum", sums->v, sums->n);
    add_number(out, "epoch_seconds", state->epoch_seconds);
    add_number(out, "train_seconds", state->train_seconds);
    text_add(out, "\"stopped_early\": %s, ", state->stopped_early ? "true" : "false");
    add_watch(out, "early", &callbacks->early_watch);
    text_add(out, "\"wait\": %lld, \"best_epoch\": %lld, ", (long long)callbacks->wait,
             (long long)callbacks->best_epoch);
    add_watch(out, "save", &callbacks->save_watch);
    add_number(out, "rate", state->rate);
    add_watch(out, "plateau", &callbacks->plateau_watch);
    text_add(out, "\"plateau_wait\": %lld, \"plateau_cooldown\": %lld, ",
             (long long)callbacks->plateau_wait, (long long)callbacks->plateau_cooldown);
    add_floats(out, "mean", scaling->mean, scaling->n);
    add_floats(out, "deviation", scaling->deviation, scaling->n);
    text_add(out, "\"backend\": \"%s\", \"core\": ", state->backend);
    json_string(out, state->core);
    text_add(out, "}\n");
}

/* What is read, and whether all of it was there. */
struct reading {
    const struct node *root;
    const char *missing; /* the first key that is absent or of another type */
};

static const struct node *get(struct reading *r, const char *key)
{
    const struct node *node = node_get(r->root, key);
    if (!node && !r->missing)
        r->missing = key;
    return node;
}

/* null stands for a number that is not finite */
static double number(struct reading *r, const struct node *node, const char *key)
{
    double value = (double)NAN;
    if (!node_is_null(node) && !node_number(node, &value) && !r->missing)
        r->missing = key;
    return value;
}

static double get_number(struct reading *r, const char *key)
{
    return number(r, get(r, key), key);
}

static bool get_bool(struct reading *r, const char *key)
{
    bool value = false;
    if (!node_bool(get(r, key), &value) && !r->missing)
        r->missing = key;
    return value;
}

static const char *get_text(struct reading *r, const char *key, struct pool *pool)
{
    const char *text = node_text(get(r, key));
    if (!text && !r->missing)
        r->missing = key;
    return pool_strdup(pool, text ? text : "");
}

static void get_watch(struct reading *r, const char *any, const char *best, struct watch *watch)
{
    watch->any = get_bool(r, any);
    watch->best = get_number(r, best);
}

/* Into a scaling that has none yet. */
static void get_scaling(struct reading *r, struct scaling *scaling)
{
    const struct node *mean = get(r, "mean"), *deviation = get(r, "deviation");
    size_t n = node_count(mean);
    if (node_count(deviation) != n) {
        r->missing = r->missing ? r->missing : "deviation";
        return;
    }
    scaling->n = n;
    scaling->mean = mem_need(n + 1, sizeof(float));
    scaling->deviation = mem_need(n + 1, sizeof(float));
    for (size_t i = 0; i < n; i++) {
        scaling->mean[i] = (float)number(r, node_at(mean, i), "mean");
        scaling->deviation[i] = (float)number(r, node_at(deviation, i), "deviation");
    }
}

static void get_sums(struct reading *r, const struct epoch_sums *sums)
{
    const struct node *list = get(r, "epoch_sum");
    if (node_count(list) != sums->n && !r->missing)
        r->missing = "epoch_sum";
    for (size_t i = 0; i < sums->n; i++)
        sums->v[i] = number(r, node_at(list, i), "epoch_sum");
}

enum status state_read(const char *name, const char *text, struct pool *pool, struct state *state,
                       const struct epoch_sums *sums, struct callbacks *callbacks,
                       struct scaling *scaling)
{
    struct document *document = NULL;
    *state = (struct state){0};
    if (!text || document_parse(name, text, strlen(text), &document) != ST_OK)
        FAIL(ST_MODEL, "%s: its training state cannot be read", name);
    struct reading r = {document_root(document), NULL};
    if (sums)
        get_sums(&r, sums);
    state->epoch_seconds = get_number(&r, "epoch_seconds");
    state->train_seconds = get_number(&r, "train_seconds");
    state->stopped_early = get_bool(&r, "stopped_early");
    state->backend = get_text(&r, "backend", pool);
    state->core = get_text(&r, "core", pool);
    state->rate = (double)NAN;
    if (callbacks) {
        state->rate = get_number(&r, "rate");
        get_watch(&r, "early_any", "early_best", &callbacks->early_watch);
        callbacks->wait = (int64_t)get_number(&r, "wait");
        callbacks->best_epoch = (int64_t)get_number(&r, "best_epoch");
        get_watch(&r, "save_any", "save_best", &callbacks->save_watch);
        get_watch(&r, "plateau_any", "plateau_best", &callbacks->plateau_watch);
        callbacks->plateau_wait = (int64_t)get_number(&r, "plateau_wait");
        callbacks->plateau_cooldown = (int64_t)get_number(&r, "plateau_cooldown");
    }
    if (scaling)
        get_scaling(&r, scaling);
    document_free(document);
    FAIL_IF(r.missing, ST_MODEL, "%s: its training state lacks '%s', or it is of another form",
            name, r.missing);
    return ST_OK;
}
