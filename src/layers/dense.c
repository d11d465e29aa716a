/* Dense: y = x W + b over the last axis. x (..., in), W (in, units), y (..., units). */
#include "layers/fields.h"

struct dense_args {
    struct layer_common common;
    int64_t units;
    bool use_bias;
    struct variant kernel_initializer, bias_initializer;
    struct variant kernel_regularizer, bias_regularizer;
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
                    &args->kernel_regularizer);
    if (args->use_bias)
        layer_add_param(layer, "bias", &(struct shape){1, {args->units}}, true,
                        &args->bias_initializer, &args->bias_regularizer);
    size_t rows = shape_size(in) / (size_t)kernel.dim[0];
    layer->flops = 2.0 * (double)rows * (double)shape_size(&kernel);
    return ST_OK;
}

struct sizes {
    int rows, in, out;
};

static struct sizes sizes_of(const struct layer *layer, int n)
{
    int in = (int)layer->param[0].shape.dim[0], out = (int)layer->param[0].shape.dim[1];
    return (struct sizes){n * (int)(shape_size(&layer->in[0]) / (size_t)in), in, out};
}

static void forward(const struct layer *layer, const struct pass *p)
{
    struct sizes s = sizes_of(layer, p->n);
    layer->kernels->gemm(false, false, s.rows, s.out, s.in, p->x[0], s.in, p->w[0], s.out, 0.0f,
                         p->y, s.out);
    if (layer->params > 1)
        kernels_add_bias((size_t)s.rows, (size_t)s.out, p->w[1], p->y);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    struct sizes s = sizes_of(layer, p->n);
    layer->kernels->gemm(true, false, s.in, s.out, s.rows, p->x[0], s.in, p->dy, s.out, 0.0f,
                         p->dw[0], s.out);
    if (layer->params > 1)
        kernels_sum_rows((size_t)s.rows, (size_t)s.out, p->dy, p->dw[1]);
    if (p->dx[0])
        layer->kernels->gemm(false, true, s.rows, s.in, s.out, p->dy, s.out, p->w[0], s.out, 0.0f,
                             p->dx[0], s.in);
}

const struct layer_type layer_dense = {
    .kind = {"Dense", &schema, sizeof(struct dense_args), &layer_dense},
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
