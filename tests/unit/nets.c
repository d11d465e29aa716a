#include "nets.h"

#include "optimizers/optimizer.h"

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

const struct variant *net_optimizer(struct pool *pool, const char *text)
{
    static const struct field fields[] = {
        {.key = "optimizer", .type = FIELD_VARIANT, .kinds = optimizer_kinds}, {0}};
    static const struct schema schema = {"compile", fields, NULL};
    struct variant *optimizer = pool_alloc(pool, sizeof *optimizer);
    const char *line = pool_printf(pool, "optimizer: {%s}", text);
    MUST(schema_read_text(line, &schema, optimizer, pool) == ST_OK, "%s", status_message());
    return optimizer;
}
