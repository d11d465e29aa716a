#include "layers/groupnorm.h"

struct plan {
    struct groupnorm of_one; /* sample */
    int gamma, beta;         /* parameter numbers; -1 where absent */
};

static struct groupnorm of_samples(const struct layer *layer, int n)
{
    struct groupnorm g = ((const struct plan *)layer->plan)->of_one;
    g.samples *= (size_t)n;
    return g;
}

void groupnorm_infer(struct layer *layer, struct pool *pool, struct groupnorm of_one,
                     const struct shape *parameter)
{
    const struct groupnorm_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    *plan = (struct plan){of_one, -1, -1};
    plan->of_one.epsilon = args->epsilon;
    if (args->scale) {
        plan->gamma = (int)layer->params;
        layer_add_param(layer, "gamma", parameter, true, &args->gamma_initializer,
                        &args->gamma_regularizer)
            ->constraint = &args->gamma_constraint;
    }
    if (args->center) {
        plan->beta = (int)layer->params;
        layer_add_param(layer, "beta", parameter, true, &args->beta_initializer,
                        &args->beta_regularizer)
            ->constraint = &args->beta_constraint;
    }
    struct groupnorm most = of_samples(layer, layer->microbatch);
    layer->out = layer->in[0];
    layer->saved = groupnorm_saved(&most);
    layer->scratch = groupnorm_scratch(&most);
    layer->activates = layer->activation == ACT_RELU;
    layer->flops = 8.0 * (double)shape_size(&layer->out);
}

void groupnorm_layer_forward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    struct groupnorm g = of_samples(layer, p->n);
    groupnorm_forward(&g, p->x[0], plan->gamma < 0 ? NULL : p->w[plan->gamma],
                      plan->beta < 0 ? NULL : p->w[plan->beta], layer->activates, p->y, p->saved,
                      p->scratch);
}

void groupnorm_layer_backward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    struct groupnorm g = of_samples(layer, p->n);
    groupnorm_backward(&g, p->x[0], p->dy, plan->gamma < 0 ? NULL : p->w[plan->gamma], p->saved,
                       plan->gamma < 0 ? NULL : p->dw[plan->gamma],
                       plan->beta < 0 ? NULL : p->dw[plan->beta], p->dx[0], p->scratch);
}
