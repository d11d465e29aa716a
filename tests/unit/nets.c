#include "nets.h"

#include "optimizers/optimizer.h"
#include "train/metrics.h"

struct model *net_build(struct pool *pool, const char *text)
{
    struct model_spec spec = {0};
    struct model *model = NULL;
    const struct model_options options = {
        .name = "net", .kernels = &kernels_reference, .microbatch = 2, .seed = 7};
    MUST(schema_read_text(text, &model_schema, &spec, pool) == ST_OK &&
             model_build(&spec, &options, &model) == ST_OK,
         "%s", status_message());
    model_init(model);
    return model;
}

struct checkpoint_training net_training(struct pool *pool, const char *text)
{
    struct compiled {
        struct variant loss, optimizer;
        struct variant_list metrics;
    };
    static const struct field fields[] = {{.key = "loss",
                                           .type = FIELD_VARIANT,
                                           .offset = offsetof(struct compiled, loss),
                                           .kinds = loss_kinds,
                                           .aliases = loss_aliases},
                                          {.key = "optimizer",
                                           .type = FIELD_VARIANT,
                                           .offset = offsetof(struct compiled, optimizer),
                                           .kinds = optimizer_kinds},
                                          {.key = "metrics",
                                           .type = FIELD_VARIANTS,
                                           .offset = offsetof(struct compiled, metrics),
                                           .fallback = "[]",
                                           .kinds = metric_kinds,
                                           .aliases = metric_aliases},
                                          {0}};
    static const struct schema schema = {"compile", fields, NULL};
    struct compiled *compiled = pool_alloc(pool, sizeof *compiled);
    MUST(schema_read_text(pool_printf(pool, "{%s}", text), &schema, compiled, pool) == ST_OK, "%s",
         status_message());
    return (struct checkpoint_training){&compiled->loss, &compiled->optimizer, &compiled->metrics};
}
