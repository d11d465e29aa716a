/* A network: a graph of layers in execution order, with every buffer planned at build.
 *
 * Parameters are one flat buffer: the trainable ones first (in layer order), then the statistics
 * (BatchNormalization's moving means). Each parameter starts at a multiple of 16 floats; the gaps
 * are zero and stay zero. Gradients and optimizer slots have the layout of the trainable part. */
#ifndef CONVOY_MODEL_MODEL_H
#define CONVOY_MODEL_MODEL_H

#include "layers/layer.h"

struct model;

/* What the experiment says about the model (schema model_schema). */
struct model_spec {
    struct int_list input;        /* shape of a sample */
    struct variant_list layers;   /* of layer_kinds */
    struct weights_spec *weights; /* NULL: parameters are drawn */
    struct string_list freeze;    /* patterns of names of layers that are not trained */
};

/* Parameters to start with. */
struct weights_spec {
    char *file;                      /* a model's file or a run's folder */
    struct string_list layers, skip; /* patterns of the names of layers to take, and not to take */
    int mismatch;                    /* enum weights_mismatch */
};
enum weights_mismatch { MISMATCH_FAIL, MISMATCH_SKIP };

/* Does a layer's name match one of the patterns ("conv*")? */
bool model_name_matches(const struct string_list *patterns, const char *name);
/* Does each pattern match a layer? Errors: ST_USAGE; key says where they stand. */
enum status model_check_patterns(const struct model *model, const char *key,
                                 const struct string_list *patterns);
extern const struct schema model_schema;

struct node {
    struct layer layer;
    int from[LAYER_MAX_INPUTS]; /* node numbers of its inputs; -1: the model's input */
    int consumers;              /* how many layers read its output */
    bool trained;               /* it or a layer that it reads from has trainable parameters */
    /* offsets into the arena, in floats */
    size_t y, dy, saved;
    size_t before; /* the output before the activation: y, unless both are kept */
    size_t packed;
    size_t stats; /* offset into the statistics of a step, in doubles */
};

/* Who wants to know when layers run: ran is called after each forward or backward of node number i
 * on n samples, its activation included, with the moments of clock_ns when that began and ended. */
struct model_watch {
    void (*ran)(struct model_watch *watch, size_t i, int n, bool backward, int64_t begin,
                int64_t end);
};

struct model {
    const char *name;
    struct shape input, output;
    size_t nodes;
    struct node *node;
    int microbatch;
    uint64_t seed;
    const struct kernels *kernels;
    enum conv_method conv;
    bool output_is_logits; /* the last layer's softmax/sigmoid is left to the loss */

    size_t trainable; /* floats in the trainable part, padding included; a multiple of 16 */
    size_t total;     /* floats in all */
    size_t parameters, trainable_parameters; /* true counts, without padding */
    float *params;                           /* total floats, 64-byte aligned */

    size_t stats;  /* doubles a step's microbatch yields for statistics */
    size_t shared; /* the most of a layer's: 0: none needs totals over the batch (model/range.h) */
    size_t arena_size;
    size_t scratch; /* offset of the layers' working memory */
    size_t extra;   /* of a gradient that is added to another */
    size_t frozen;  /* of the gradient of parameters that are not trained */
    float *memory;  /* arena_size floats */
    float *arena;   /* buffers of the microbatch at hand, up to scratch: memory, or elsewhere */
    struct pool pool;
    struct model_watch *watch; /* NULL: nobody; not owned */
};

/* How a model is built, besides its layers. */
struct model_options {
    const char *name; /* the experiment's */
    const struct kernels *kernels;
    enum conv_method conv;
    int microbatch; /* most samples in one pass */
    uint64_t seed;
};

/* Builds, plans and allocates; parameters are zero until model_init. Errors: ST_USAGE with the
 * position of the layer; ST_IO for memory. */
enum status model_build(const struct model_spec *spec, const struct model_options *options,
                        struct model **out);
void model_free(struct model *model);

/* Draws the initial parameters. */
void model_init(struct model *model);

/* Runs n samples forward. Returns the output [n, output], valid until the next call: logits where
 * output_is_logits and training or raw, else activated. stats (model->stats doubles) is filled when
 * training; may be NULL otherwise. */
struct model_batch {
    int n;
    bool training;
    bool same_params; /* the parameters have not changed since the last call */
    uint64_t step;
    const uint32_t *ids; /* n sample ids */
    const float *x;      /* [n, input] */
    double *stats;
    const double *total; /* of the layer whose turn it is, over the batch's samples: range.h */
    size_t samples;
    /* model_backward calls it after each layer, if it is not NULL: gradient is final from offset
     * on, up to its end. */
    void (*finished)(void *context, size_t offset);
    void *context;
};
const float *model_forward(struct model *model, const struct model_batch *batch);

/* Runs backward after a training forward of the same batch: dy[n, output] is the gradient of the
 * loss sum with respect to what model_forward returned; gradient
 * [model->trainable] is overwritten with the sum over the n samples. dx, if not NULL, receives the
 * gradient with respect to the input [n, input]. */
void model_backward(struct model *model, const struct model_batch *batch, const float *dy,
                    float *gradient, float *dx);

/* Where the gradients of the layers that have trainable parameters begin, ascending; starts has
 * room for model->nodes numbers. Returns how many there are. */
size_t model_gradient_starts(const struct model *model, size_t *starts);

/* Softmax or sigmoid of the last layer, applied to logits that model_forward returned. */
enum activation model_output_activation(const struct model *model);

/* Once a step, with the tree's sums: moving statistics. samples: the step's sample count. */
void model_update_stats(struct model *model, const double *stats, double samples);

/* What is laid out as the trainable parameters, without its padding and in double, and back. */
void model_unpack(const struct model *model, const float *from, double *to);
void model_pack(const struct model *model, const double *from, float *to);

/* XXH3-128 of all parameters (logical, unpadded, little-endian float32) in canonical order, as 32
 * hex digits (the canonical, big-endian form). params has model->total floats. */
enum { DIGEST_SIZE = 33 };
void model_digest(const struct model *model, const float *params, char digest[DIGEST_SIZE]);

/* The numbered parameters in canonical order, trainable first. */
const struct param *model_param(const struct model *model, size_t index,
                                const struct layer **layer);
size_t model_param_count(const struct model *model);

/* The table of convoy summary: layers, output shapes, parameters, FLOPs, memory. explain adds the
 * shape arithmetic. model_summary_json gives the same as JSON. */
void model_summary(const struct model *model, bool explain, struct text *out);
void model_summary_json(const struct model *model, struct text *out);

#endif
