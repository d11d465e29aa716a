#include "optimizers/optimizer.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define OPTIMIZER(symbol) extern const struct optimizer_type symbol;
#include "optimizers/optimizers.def"
#undef OPTIMIZER

const struct kind *const optimizer_kinds[] = {
#define OPTIMIZER(symbol) &symbol.kind,
#include "optimizers/optimizers.def"
#undef OPTIMIZER
    NULL};

#define CLIP(key_, help_)                                                                          \
    {                                                                                              \
        .key = #key_, .type = FIELD_FLOAT, .offset = offsetof(struct optimizer_common, key_),      \
        .fallback = "null", .nullable = true, .min = DBL_MIN, .max = 1e30, .help = help_           \
    }

static const struct field common_fields[] = {
    WEIGHT_DECAY_FIELD("null", true),
    CLIP(clipnorm, "largest norm of each parameter's gradient"),
    CLIP(global_clipnorm, "largest norm of the whole gradient"),
    CLIP(clipvalue, "largest number in the gradient, by its size"),
    SWITCH_FIELD(struct optimizer_common, use_ema, "false",
                 "end with a moving average of the parameters"),
    FACTOR_FIELD(struct optimizer_common, ema_momentum, "0.99", 0, 1, "of that average"),
    {.key = "ema_overwrite_frequency",
     .type = FIELD_INT,
     .offset = offsetof(struct optimizer_common, ema_overwrite_frequency),
     .fallback = "null",
     .nullable = true,
     .min = 1,
     .max = 1e15,
     .help = "every so many steps the parameters become the average"},
    {.key = "gradient_accumulation_steps",
     .type = FIELD_INT,
     .offset = offsetof(struct optimizer_common, gradient_accumulation_steps),
     .fallback = "null",
     .nullable = true,
     .hidden = true,
     .help = "not to be used: a batch is accumulated from microbatches in any case"},
    {0}};
const struct schema optimizer_common_schema = {.name = "optimizer", .fields = common_fields};

enum status optimizer_check(const struct variant *optimizer)
{
    const struct optimizer_common *common = optimizer->args;
    if (((const struct optimizer_type *)optimizer->kind->impl)->solver)
        return ST_OK; /* takes none of the common arguments */
    const char *at = position_text(optimizer->position), *name = optimizer->kind->name;
    int clips =
        !isnan(common->clipnorm) + !isnan(common->global_clipnorm) + !isnan(common->clipvalue);
    FAIL_IF(clips > 1, ST_USAGE,
            "%s%s: expected one of clipnorm, global_clipnorm and clipvalue, found %d", at, name,
            clips);
    FAIL_IF(common->gradient_accumulation_steps != FIELD_NONE, ST_USAGE,
            "%s%s.gradient_accumulation_steps: a step accumulates the gradients of its "
            "microbatches: multiply fit.batch_size by %lld instead, and leave fit.microbatch_size",
            at, name, (long long)common->gradient_accumulation_steps);
    FAIL_IF(!common->use_ema && common->ema_overwrite_frequency != FIELD_NONE, ST_USAGE,
            "%s%s.ema_overwrite_frequency: expected use_ema: true beside it", at, name);
    return schedule_check(&common->learning_rate);
}

bool optimizer_names(const struct string_list *words, const struct param *param)
{
    for (size_t i = 0; i < words->n; i++)
        if (strstr(param->path, words->v[i]))
            return true;
    return false;
}
