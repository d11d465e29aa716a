/* What a layer is: a table of functions over plain structs.
 *
 * A layer type says which arguments it takes (Keras's names, a schema), infers shapes, parameters
 * and scratch from its inputs' shapes, and runs forward and backward on one microbatch. It knows
 * nothing of MPI, files or of who calls it. Adding a layer is one file and one line in layers.def.
 */
#ifndef CONVOY_LAYERS_LAYER_H
#define CONVOY_LAYERS_LAYER_H

#include "base/mem.h"
#include "base/status.h"
#include "config/schema.h"
#include "kernels/activation.h"
#include "kernels/kernels.h"

enum { SHAPE_MAX_RANK = 4, LAYER_MAX_PARAMS = 4, LAYER_MAX_INPUTS = 16 };

/* Of one sample (the batch axis is left out), or of a parameter. */
struct shape {
    int rank;
    int64_t dim[SHAPE_MAX_RANK];
};

size_t shape_size(const struct shape *shape);
bool shape_same(const struct shape *a, const struct shape *b);
/* "(28, 28, 1)"; in a static ring of buffers. */
const char *shape_text(const struct shape *shape);

/* The arguments that every layer takes; each layer's argument struct begins with it. */
struct layer_common {
    char *name;                /* NULL: given by the model ("conv2d_1") */
    struct string_list inputs; /* none: the layer before */
    int activation;            /* enum activation */
    bool trainable;
    double learning_rate_multiplier; /* of its parameters' learning rate */
};
extern const struct schema layer_common_schema;

struct param {
    const char *name; /* Keras's: "kernel", "bias", "gamma", "moving_mean" */
    struct shape shape;
    bool trainable;                    /* false: a statistic that the optimizer does not see */
    int64_t fan_in, fan_out;           /* for the initializer */
    const struct variant *initializer; /* see initializers.h */
    const struct variant *regularizer; /* see regularizers.h; kind NULL: none */
    const struct variant *constraint;  /* see constraints.h; NULL or kind NULL: none */
    /* filled in by the model: */
    char *path;    /* "conv2d/kernel", unique */
    size_t size;   /* elements */
    size_t offset; /* first element in the flat parameter (or statistics) buffer */
};

struct layer {
    const struct layer_type *type;
    const char *name;
    void *args; /* begins with struct layer_common */
    struct position position;
    int index; /* in the model: part of the dropout counter */
    const struct kernels *kernels;
    enum conv_method conv;
    int microbatch; /* most samples in one pass */
    bool trainable; /* false: its parameters, and what it has measured, stay as they are */
    size_t inputs;
    struct shape in[LAYER_MAX_INPUTS];
    /* filled in by infer: */
    struct shape out;
    size_t params;
    struct param param[LAYER_MAX_PARAMS];
    enum activation activation;         /* applied by the model after forward */
    bool activates;                     /* forward applies the activation itself */
    bool passes_input;                  /* forward only copies x[0]: the activation may read that */
    size_t packed;                      /* floats that prepare makes of the parameters */
    size_t scratch;                     /* floats of working memory, shared with the other layers */
    size_t saved;                       /* floats kept from forward to backward */
    size_t stats;                       /* doubles summed over the microbatches of a step */
    size_t shared;                      /* doubles of which training wants totals over the batch,
                                           forward and back (measure, measure_back); 0: none */
    double flops;                       /* of one sample forward: 2 per multiply-add */
    const char *algorithm[CONV_PASSES]; /* by its name, where the backend chose one; else NULL */
    void *plan;                         /* whatever infer prepared (geometry), from the pool */
};

/* One microbatch seen from one layer. */
struct pass {
    int n; /* samples, at most layer->microbatch */
    bool training;
    uint64_t seed, step;
    const uint32_t *ids;   /* n sample ids */
    const float *const *x; /* x[i]: input i, n samples */
    float *y;              /* output, before the activation unless layer->activates; backward may
                              read it where the type says reads_output */
    const float *dy;       /* gradient of the loss sum before the activation */
    float *const *dx;      /* dx[i]: to be overwritten; NULL where nobody needs it */
    float *const *w;       /* w[p]: parameter p */
    float *const *dw;      /* dw[p]: to be overwritten; trainable parameters only */
    float *packed;         /* written by prepare, then read only */
    float *saved, *scratch;
    double *stats; /* to be overwritten, layer->stats numbers */
    /* layer->shared totals over the batch, and its samples; NULL: the microbatch is the batch */
    const double *total;
    double samples;
};

/* How an output depends on the inputs and parameters, from which the model makes second derivatives
 * (model/tangent.h): linear, at least near the inputs as they are, without parameters; or the
 * product of the one input with parameter 0, plus parameter 1. */
enum layer_form { FORM_OTHER, FORM_LINEAR, FORM_PRODUCT };

struct layer_type {
    struct kind kind; /* Keras's class name, schema, argument size; impl points to this struct */
    /* Checks arguments and input shapes; fills in the second part of struct layer. Errors: ST_USAGE
     * with the position of the layer. */
    enum status (*infer)(struct layer *layer, struct pool *pool);
    /* Once for the parameters as they are: w into packed. May be NULL. */
    void (*prepare)(const struct layer *layer, const struct pass *pass);
    void (*forward)(const struct layer *layer, const struct pass *pass);
    void (*backward)(const struct layer *layer, const struct pass *pass);
    /* Where layer->shared is not 0: what this microbatch adds to the totals that forward gets; and
     * backward, before which measure_back also writes the dw. */
    void (*measure)(const struct layer *layer, const struct pass *pass, double *sums);
    void (*measure_back)(const struct layer *layer, const struct pass *pass, double *sums);
    /* Once a step, on every rank alike: statistics of the step (sums over all microbatches) into
     * the layer's non-trainable parameters; samples is the step's sample count. May be NULL. */
    void (*update)(const struct layer *layer, const double *stats, double samples, float *const *w);
    /* One line of shape arithmetic for the summary ("(28 + 2+2 - 5)/1 + 1 = 28"). May be NULL. */
    void (*explain)(const struct layer *layer, struct text *out);
    /* backward gives dy to every input as it is; where dx[i] is dy, there is nothing to do. */
    bool copies_gradient;
    bool reads_output;             /* backward reads y as forward left it */
    size_t min_inputs, max_inputs; /* 0, 0: exactly one */
    enum layer_form form;
    /* Of a layer that is linear near its one input only: y = the derivative of forward along rx, at
     * x. NULL: forward is its own derivative. */
    void (*tangent)(const struct layer *layer, const struct pass *pass, const float *rx);
    bool random; /* in training the output depends on the step */
};

/* Ends with NULL; made from layers.def. */
extern const struct kind *const layer_kinds[];

/* Adds a parameter to the layer; for infer. */
struct param *layer_add_param(struct layer *layer, const char *name, const struct shape *shape,
                              bool trainable, const struct variant *initializer,
                              const struct variant *regularizer);

/* Fails with the layer's position and name in front. */
#define LAYER_FAIL_IF(layer, condition, format, ...)                                               \
    FAIL_IF(condition, ST_USAGE, "%slayer '%s' (%s): " format, position_text((layer)->position),   \
            (layer)->name, (layer)->type->kind.name, __VA_ARGS__)

#endif
