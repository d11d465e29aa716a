/* Dense: y = x W + b over the last axis. x (..., in), W (in, units), y (..., units). */
#include "layers/fields.h"

struct dense_args {
    struct layer_common common;
    int64_t units;
    bool use_bias;
    struct variant kernel_initializer, bias_initializer;
    struct variant kernel_regularizer, bias_regularizer;
    struct variant kernel_constraint, bias_constraint;
};

static const struct field fields[] = {
    {.key = "units",
     .type = FIELD_INT,
     .offset = offsetof(struct dense_args, units),
     .min = 1,
     .max = 1 << 24,
     .bare = true,
     .help = "outputs"},
    FIELD_FLAG(struct dense_args, use_bias, "true", "add a bias"),
    FIELD_INITIALIZER(struct dense_args, kernel_initializer, "glorot_uniform"),
    FIELD_INITIALIZER(struct dense_args, bias_initializer, "zeros"),
    FIELD_REGULARIZER(struct dense_args, kernel_regularizer),
    FIELD_REGULARIZER(struct dense_args, bias_regularizer),
    FIELD_CONSTRAINT(struct dense_args, kernel_constraint),
    FIELD_CONSTRAINT(struct dense_args, bias_constraint),
    {0}};
static const struct schema schema = {"Dense", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    struct dense_args *args = layer->args;
    struct shape *in = &layer->in[0];
    LAYER_FAIL_IF(layer, in->rank < 1, "its input has the shape %s; expected at least one axis",
                  shape_text(in));
    layer->out = *in;
    layer->out.dim[in->rank - 1] = args->units;
    struct shape kernel = {2, {in->dim[in->rank - 1], args->units}};
    LAYER_FAIL_IF(layer, shape_size(&kernel) > INT32_MAX,
                  "its kernel %s has more than 2^31 numbers", shape_text(&kernel));
    layer_add_param(layer, "kernel", &kernel, true, &args->kernel_initializer,
                    &args->kernel_regularizer)
        ->constraint = &args->kernel_constraint;
    if (args->use_bias)
        layer_add_param(layer, "bias", &(struct shape){1, {args->units}}, true,
                        &args->bias_initializer, &args->bias_regularizer)
            ->constraint = &args->bias_constraint;
    size_t rows = shape_size(in) / (size_t)kernel.dim[0];
    layer->activates = layer->activation == ACT_RELU;
    struct dense most = {layer->microbatch * (int)rows, (int)kernel.dim[0], (int)kernel.dim[1]};
    if (layer->kernels->dense_scratch)
        layer->scratch = layer->kernels->dense_scratch(&most);
    layer->flops = 2.0 * (double)rows * (double)shape_size(&kernel);
    return ST_OK;
}

static struct dense geometry_for(const struct layer *layer, int n)
{
    int in = (int)layer->param[0].shape.dim[0], out = (int)layer->param[0].shape.dim[1];
    return (struct dense){n * (int)(shape_size(&layer->in[0]) / (size_t)in), in, out};
}

static void forward(const struct layer *layer, const struct pass *p)
{
    struct dense g = geometry_for(layer, p->n);
    layer->kernels->dense_forward(&g, p->x[0], p->w[0], layer->params > 1 ? p->w[1] : NULL,
                                  layer->activates, p->y);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    struct dense g = geometry_for(layer, p->n);
    layer->kernels->dense_backward_weights(&g, p->x[0], p->dy, p->dw[0]);
    if (layer->params > 1)
        kernels_sum_rows((size_t)g.n, (size_t)g.out, p->dy, p->dw[1]);
    if (p->dx[0])
        layer->kernels->dense_backward_data(&g, p->dy, p->w[0], p->dx[0], p->scratch);
}

const struct layer_type layer_dense = {
    .kind = {"Dense", &schema, sizeof(struct dense_args), &layer_dense},
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .form = FORM_PRODUCT,
};
