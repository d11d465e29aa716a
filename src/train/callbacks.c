#include "train/callbacks.h"

#include <string.h>

enum mode { MODE_AUTO, MODE_MIN, MODE_MAX };
static const char *const mode_names[] = {"auto", "min", "max", NULL};

static const struct field early_stopping_fields[] = {
    {.key = "monitor",
     .type = FIELD_STRING,
     .offset = offsetof(struct early_stopping_args, monitor),
     .fallback = "val_loss",
     .help = "a column of history.csv"},
    {.key = "min_delta",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct early_stopping_args, min_delta),
     .fallback = "0",
     .min = 0,
     .max = 1e30,
     .help = "a smaller change is no improvement"},
    {.key = "patience",
     .type = FIELD_INT,
     .offset = offsetof(struct early_stopping_args, patience),
     .fallback = "0",
     .min = 0,
     .max = 1 << 30,
     .help = "epochs without improvement before it stops"},
    {.key = "mode",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct early_stopping_args, mode),
     .fallback = "auto",
     .choices = mode_names,
     .help = "is less or more better?"},
    {.key = "restore_best_weights",
     .type = FIELD_BOOL,
     .offset = offsetof(struct early_stopping_args, restore_best_weights),
     .fallback = "false",
     .help = "end with the parameters of the best epoch"},
    {.key = "start_from_epoch",
     .type = FIELD_INT,
     .offset = offsetof(struct early_stopping_args, start_from_epoch),
     .fallback = "0",
     .min = 0,
     .max = 1 << 30,
     .help = "epochs before it starts to watch"},
    {0}};
static const struct schema early_stopping_schema = {"EarlyStopping", early_stopping_fields, NULL};

static const struct field stop_at_fields[] = {
    {.key = "monitor",
     .type = FIELD_STRING,
     .offset = offsetof(struct stop_at_args, monitor),
     .fallback = "val_accuracy",
     .help = "a column of history.csv"},
    {.key = "value",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct stop_at_args, value),
     .min = -1e30,
     .max = 1e30,
     .help = "training ends after the epoch in which the number is at least as good"},
    {.key = "mode",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct stop_at_args, mode),
     .fallback = "auto",
     .choices = mode_names,
     .help = "is less or more better?"},
    {0}};
static const struct schema stop_at_schema = {"StopAt", stop_at_fields, NULL};

struct every {
    int64_t n;
};
#define EVERY(unit)                                                                                \
    static const struct field unit##_fields[] = {{.key = "n",                                      \
                                                  .type = FIELD_INT,                               \
                                                  .offset = offsetof(struct every, n),             \
                                                  .min = 1,                                        \
                                                  .max = 1 << 30,                                  \
                                                  .bare = true},                                   \
                                                 {0}};                                             \
    static const struct schema unit##_schema = {#unit, unit##_fields, NULL};                       \
    static const struct kind unit##_kind = {#unit, &unit##_schema, sizeof(struct every), NULL};
EVERY(epochs)
EVERY(steps)
EVERY(seconds)
/* in the order of enum save_unit */
static const struct kind *const every_kinds[] = {&epochs_kind, &steps_kind, &seconds_kind, NULL};

static const struct field model_checkpoint_fields[] = {
    {.key = "monitor",
     .type = FIELD_STRING,
     .offset = offsetof(struct model_checkpoint_args, monitor),
     .fallback = "val_loss",
     .help = "what best means"},
    {.key = "mode",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct model_checkpoint_args, mode),
     .fallback = "auto",
     .choices = mode_names,
     .help = "is less or more better?"},
    {.key = "save_best_only",
     .type = FIELD_BOOL,
     .offset = offsetof(struct model_checkpoint_args, save_best_only),
     .fallback = "false",
     .help = "also keep best.h5, the model of the best epoch"},
    {.key = "save_freq",
     .type = FIELD_VARIANT,
     .offset = offsetof(struct model_checkpoint_args, save_freq),
     .kinds = every_kinds,
     .fallback = "{epochs: 1}",
     .help = "{epochs: n}, {steps: n} or {seconds: n}"},
    {.key = "keep",
     .type = FIELD_INT,
     .offset = offsetof(struct model_checkpoint_args, keep),
     .fallback = "3",
     .min = 1,
     .max = 1 << 20,
     .help = "how many of the last checkpoints stay"},
    {0}};
static const struct schema model_checkpoint_schema = {"ModelCheckpoint", model_checkpoint_fields,
                                                      NULL};

static const struct field reduce_lr_fields[] = {
    {.key = "monitor",
     .type = FIELD_STRING,
     .offset = offsetof(struct reduce_lr_args, monitor),
     .fallback = "val_loss",
     .help = "a column of history.csv"},
    {.key = "factor",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct reduce_lr_args, factor),
     .fallback = "0.1",
     .min = 0,
     .max = 0.999999,
     .help = "the learning rate becomes this times itself"},
    {.key = "patience",
     .type = FIELD_INT,
     .offset = offsetof(struct reduce_lr_args, patience),
     .fallback = "10",
     .min = 0,
     .max = 1 << 30,
     .help = "epochs without improvement before it does"},
    {.key = "mode",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct reduce_lr_args, mode),
     .fallback = "auto",
     .choices = mode_names,
     .help = "is less or more better?"},
    {.key = "min_delta",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct reduce_lr_args, min_delta),
     .fallback = "0.0001",
     .min = 0,
     .max = 1e30,
     .help = "a smaller change is no improvement"},
    {.key = "cooldown",
     .type = FIELD_INT,
     .offset = offsetof(struct reduce_lr_args, cooldown),
     .fallback = "0",
     .min = 0,
     .max = 1 << 30,
     .help = "epochs after a reduction that are not counted"},
    {.key = "min_lr",
     .type = FIELD_FLOAT,
     .offset = offsetof(struct reduce_lr_args, min_lr),
     .fallback = "0.0",
     .min = 0,
     .max = 1e6,
     .help = "it goes no lower"},
    {0}};
static const struct schema reduce_lr_schema = {"ReduceLROnPlateau", reduce_lr_fields, NULL};

static const struct field swap_ema_fields[] = {
    {.key = "swap_on_epoch",
     .type = FIELD_BOOL,
     .offset = offsetof(struct swap_ema_args, swap_on_epoch),
     .fallback = "false",
     .help = "the best model is one of averages too"},
    {0}};
static const struct schema swap_ema_schema = {"SwapEMAWeights", swap_ema_fields, NULL};

struct csv_logger_args {
    char *filename;
};
static const struct field csv_logger_fields[] = {
    {.key = "filename",
     .type = FIELD_STRING,
     .offset = offsetof(struct csv_logger_args, filename),
     .fallback = "history.csv",
     .bare = true,
     .help = "in the run's folder"},
    {0}};
static const struct schema csv_logger_schema = {"CSVLogger", csv_logger_fields, NULL};

struct terminate_args {
    bool enabled;
};
static const struct field terminate_fields[] = {{.key = "enabled",
                                                 .type = FIELD_BOOL,
                                                 .offset = offsetof(struct terminate_args, enabled),
                                                 .fallback = "true",
                                                 .bare = true,
                                                 .help = "false: go on with NaN"},
                                                {0}};
static const struct schema terminate_schema = {"TerminateOnNaN", terminate_fields, NULL};

static const struct kind early_stopping_kind = {"EarlyStopping", &early_stopping_schema,
                                                sizeof(struct early_stopping_args), NULL};
static const struct kind stop_at_kind = {"StopAt", &stop_at_schema, sizeof(struct stop_at_args),
                                         NULL};
static const struct kind model_checkpoint_kind = {"ModelCheckpoint", &model_checkpoint_schema,
                                                  sizeof(struct model_checkpoint_args), NULL};
static const struct kind csv_logger_kind = {"CSVLogger", &csv_logger_schema,
                                            sizeof(struct csv_logger_args), NULL};
static const struct kind terminate_kind = {"TerminateOnNaN", &terminate_schema,
                                           sizeof(struct terminate_args), NULL};
static const struct kind reduce_lr_kind = {"ReduceLROnPlateau", &reduce_lr_schema,
                                           sizeof(struct reduce_lr_args), NULL};
static const struct kind swap_ema_kind = {"SwapEMAWeights", &swap_ema_schema,
                                          sizeof(struct swap_ema_args), NULL};
const struct kind *const callback_kinds[] = {
    &early_stopping_kind, &stop_at_kind,    &model_checkpoint_kind, &reduce_lr_kind,
    &swap_ema_kind,       &csv_logger_kind, &terminate_kind,        NULL};

static enum status watch_init(struct watch *watch, const char *callback, const char *monitor,
                              enum mode mode, double min_delta, const struct history *history)
{
    for (size_t i = 0; i < history->values; i++)
        if (strcmp(history->name[i], monitor) == 0) {
            bool larger = mode == MODE_MAX || (mode == MODE_AUTO && history->larger_is_better[i]);
            *watch = (struct watch){i, larger, min_delta, false, 0.0};
            return ST_OK;
        }
    struct text known = {0};
    for (size_t i = 0; i < history->values; i++)
        text_add(&known, "%s%s", i ? ", " : "", history->name[i]);
    enum status status = status_fail(ST_USAGE, "%s: monitor '%s' is not watched; there are: %s%s",
                                     callback, monitor, known.data,
                                     strncmp(monitor, "val_", 4) == 0 && history->val_columns == 0
                                         ? " (val_... needs data.validation)"
                                         : "");
    text_release(&known);
    return status;
}

bool watch_improved(struct watch *watch, double value)
{
    double gain = watch->larger_is_better ? value - watch->best : watch->best - value;
    if (value != value || (watch->any && !(gain > watch->min_delta)))
        return false;
    watch->any = true;
    watch->best = value;
    return true;
}

static enum status use(struct callbacks *c, const struct variant *callback,
                       const struct history *history)
{
    const void *args = callback->args;
    if (callback->kind == &early_stopping_kind) {
        c->early = args;
        return watch_init(&c->early_watch, callback->kind->name, c->early->monitor,
                          (enum mode)c->early->mode, c->early->min_delta, history);
    }
    if (callback->kind == &stop_at_kind) {
        c->stop_at = args;
        return watch_init(&c->stop_watch, callback->kind->name, c->stop_at->monitor,
                          (enum mode)c->stop_at->mode, 0.0, history);
    }
    if (callback->kind == &model_checkpoint_kind) {
        const struct model_checkpoint_args *a = args;
        c->keep = a->keep;
        c->save_best = a->save_best_only;
        c->save_every = (double)((const struct every *)a->save_freq.args)->n;
        for (int unit = 0; every_kinds[unit]; unit++)
            if (every_kinds[unit] == a->save_freq.kind)
                c->save_unit = (enum save_unit)unit;
        return a->save_best_only ? watch_init(&c->save_watch, callback->kind->name, a->monitor,
                                              (enum mode)a->mode, 0.0, history)
                                 : ST_OK;
    }
    if (callback->kind == &reduce_lr_kind) {
        c->plateau = args;
        return watch_init(&c->plateau_watch, callback->kind->name, c->plateau->monitor,
                          (enum mode)c->plateau->mode, c->plateau->min_delta, history);
    }
    if (callback->kind == &swap_ema_kind)
        c->swap = args;
    if (callback->kind == &csv_logger_kind) {
        FAIL_IF(c->history_name[0] == '\0' || strchr(c->history_name, '/'), ST_USAGE,
                "CSVLogger: filename \"%s\": expected the name of a file in the run's folder",
                c->history_name);
    }
    if (callback->kind == &terminate_kind)
        c->terminate_on_nan = ((const struct terminate_args *)args)->enabled;
    return ST_OK;
}

const char *callbacks_history_name(const struct variant_list *list)
{
    const char *name = "history.csv";
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i].kind == &csv_logger_kind)
            name = ((const struct csv_logger_args *)list->v[i].args)->filename;
    return name;
}

enum status callbacks_init(struct callbacks *callbacks, const struct variant_list *list,
                           const struct history *history)
{
    *callbacks = (struct callbacks){.save_unit = SAVE_EPOCHS,
                                    .save_every = 1.0,
                                    .keep = 3,
                                    .history_name = callbacks_history_name(list),
                                    .terminate_on_nan = true};
    for (size_t i = 0; i < list->n; i++) {
        for (size_t j = 0; j < i; j++)
            FAIL_IF(list->v[i].kind == list->v[j].kind, ST_USAGE, "%scallback %s is given twice",
                    position_text(list->v[i].position), list->v[i].kind->name);
        enum status status = use(callbacks, &list->v[i], history);
        if (status != ST_OK) {
            status_prefix("%s", position_text(list->v[i].position));
            return status;
        }
    }
    return ST_OK;
}

bool callbacks_early_stop(struct callbacks *callbacks, int64_t epoch, const double *values,
                          bool *improved)
{
    const struct early_stopping_args *early = callbacks->early;
    *improved = false;
    if (!early || epoch <= early->start_from_epoch)
        return false;
    *improved = watch_improved(&callbacks->early_watch, values[callbacks->early_watch.column]);
    if (*improved) {
        callbacks->wait = 0;
        callbacks->best_epoch = epoch;
        return false;
    }
    callbacks->wait++;
    return callbacks_waited(callbacks);
}

bool callbacks_waited(const struct callbacks *callbacks)
{
    /* Keras: patience 0 stops at the first epoch that is not better */
    return callbacks->early && callbacks->wait >= callbacks->early->patience && callbacks->wait > 0;
}

bool callbacks_reached(const struct callbacks *callbacks, const double *values)
{
    const struct stop_at_args *stop_at = callbacks->stop_at;
    if (!stop_at)
        return false;
    double value = values[callbacks->stop_watch.column];
    return callbacks->stop_watch.larger_is_better ? value >= stop_at->value
                                                  : value <= stop_at->value;
}

enum status callbacks_check(const struct variant_list *list,
                            const struct optimizer_common *optimizer)
{
    const struct kind *schedule = optimizer->learning_rate.kind;
    for (size_t i = 0; i < list->n; i++) {
        const char *at = position_text(list->v[i].position);
        FAIL_IF(list->v[i].kind == &reduce_lr_kind && !schedule, ST_USAGE,
                "%sReduceLROnPlateau: the optimizer has no learning rate", at);
        FAIL_IF(list->v[i].kind == &reduce_lr_kind && schedule != &schedule_constant, ST_USAGE,
                "%sReduceLROnPlateau: the learning rate follows a schedule, %s; expected a number",
                at, schedule->name);
        FAIL_IF(list->v[i].kind == &swap_ema_kind && !optimizer->use_ema, ST_USAGE,
                "%sSwapEMAWeights: the optimizer keeps no averages; expected use_ema: true", at);
    }
    return ST_OK;
}

double callbacks_reduce(struct callbacks *callbacks, const double *values, double rate)
{
    const struct reduce_lr_args *args = callbacks->plateau;
    if (!args)
        return rate;
    if (callbacks->plateau_cooldown > 0) {
        callbacks->plateau_cooldown--;
        callbacks->plateau_wait = 0;
    }
    if (watch_improved(&callbacks->plateau_watch, values[callbacks->plateau_watch.column])) {
        callbacks->plateau_wait = 0;
        return rate;
    }
    if (callbacks->plateau_cooldown > 0 || ++callbacks->plateau_wait < args->patience ||
        rate <= args->min_lr)
        return rate;
    callbacks->plateau_cooldown = args->cooldown;
    callbacks->plateau_wait = 0;
    return rate * args->factor > args->min_lr ? rate * args->factor : args->min_lr;
}
