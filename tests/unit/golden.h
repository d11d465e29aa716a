/* tests/golden/AREA.h5 for tests in C: what Keras computes. How they are made, and what is in them:
 * tests/golden/make.py. */
#ifndef CONVOY_TEST_GOLDEN_H
#define CONVOY_TEST_GOLDEN_H

#include "model/model.h"
#include "optimizers/optimizer.h"
#include "train/metrics.h"

struct golden_array {
    const char *name;   /* "dw/layer/kernel" */
    struct shape shape; /* with the sample axis, where there is one */
    size_t size;
    const float *v;
};

struct golden_case {
    const char *name; /* "layers/conv2d_1x1" */
    /* as in an experiment; NULL where the case has none: */
    const char *model, *loss, *optimizer, *metric, *schedule, *callback;
    const char *exclude; /* a word in the paths of parameters that do not decay */
    int samples;
    size_t arrays;
    struct golden_array *array;
};

struct golden {
    size_t cases;
    struct golden_case *at;
};

/* All files, read once. Skips the running test where there is none. */
const struct golden *golden_load(void);

/* An array of a case: NULL where it has none of this name, or a failed assertion. */
const struct golden_array *golden_find(const struct golden_case *c, const char *name);
const struct golden_array *golden_need(const struct golden_case *c, const char *name);

/* Builds a model from YAML, for a microbatch of so many samples; parameters are zero. Where the
 * loss takes logits the model gives them, as in training. loss may be NULL. pool keeps what the
 * model needs. Fatal assertion on errors. */
/* How models that are built convolve: directly (at first), or by Winograd's method, which
 * multiplies rounding errors by golden_slack. */
extern enum conv_method golden_conv;
double golden_slack(void);
/* Calls run for every backend, for those with a choice once for each way of convolving. */
void each_backend(void (*run)(const struct kernels *kernels, void *data), void *data);

struct model *build_model(const char *yaml, const struct kernels *kernels, int microbatch,
                          const struct loss_type *loss, struct pool *pool);

/* A loss, an optimizer, a metric from YAML ("{Adam: {learning_rate: 0.1}}"); kind->impl is its
 * struct loss_type, optimizer_type, metric_type. pool keeps its arguments. Fatal assertion on
 * errors. */
struct variant read_loss(const char *yaml, struct pool *pool);
struct variant read_optimizer(const char *yaml, struct pool *pool);
struct variant read_metric(const char *yaml, struct pool *pool);

/* The loss's input for y_true as the golden cases have it: labels are stored as numbers, one a row
 * of classes, n in all; labels has room for them. */
struct loss_input loss_input_of(bool as_labels, int n, const struct shape *output_shape,
                                const float *output, const float *y_true, int32_t *labels);

/* Of n samples that the model has the outputs of; dy may be NULL. At most 64 labels. */
double loss_of(const struct variant *loss, const struct model *model, int n, const float *output,
               const float *y_true, float *dy);

/* Fails, saying where and by how much, unless |got - want| <= tolerance * max |want| everywhere (or
 * tolerance * floor, where want is smaller). NaN only equals NaN. Returns the largest error in
 * units of max(floor, max |want|). */
double expect_near(const char *what, const float *got, const float *want, size_t n,
                   double tolerance, double floor_);

/* Checks values, in the model's order, against arrays PREFIX/LAYER/PARAMETER of a case: the
 * elements at i*size/64, then the norm. */
void expect_parameters(const struct golden_case *c, const char *prefix, const struct model *model,
                       const float *values, double tolerance);

/* A failed assertion with a text of its own. */
void test_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* tests/golden/generator.py: the same numbers, bit for bit. */
uint32_t generator_seed(const char *text);
uint32_t generator_word(uint32_t seed, uint32_t i);
float generator_number(uint32_t seed, uint32_t i); /* uniform in [-1, 1) */
void generator_parameter(const struct param *param, float *w);
void generator_batch(int step, int n, size_t sample_size, int classes, float *x, int32_t *labels);

#endif
