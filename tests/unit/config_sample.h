/* A schema with every kind of field, for test_config.c and fuzz_config.c: a small experiment. */
#ifndef CONVOY_TEST_CONFIG_SAMPLE_H
#define CONVOY_TEST_CONFIG_SAMPLE_H

#include <float.h>
#include <math.h>

#include "config/schema.h"

/* ---- Layers: a common base, a bare field, no arguments, recursion ---- */

struct sample_common {
    char *name;
    struct string_list inputs;
};
static const struct field sample_common_fields[] = {
    {.key = "name",
     .type = FIELD_STRING,
     .offset = offsetof(struct sample_common, name),
     .fallback = "null",
     .nullable = true,
     .hidden = true},
    {.key = "inputs",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct sample_common, inputs),
     .fallback = "[]",
     .hidden = true},
    {0}};
static const struct schema sample_common = {.fields = sample_common_fields};

struct sample_scale {
    double factor;
    int mode;
};
static const char *const sample_modes[] = {"fan_in", "fan_out", "fan_avg", NULL};
static const struct field sample_scale_fields[] = {{.key = "factor",
                                                    .type = FIELD_FLOAT,
                                                    .offset = offsetof(struct sample_scale, factor),
                                                    .fallback = "1",
                                                    .min = DBL_MIN,
                                                    .bare = true},
                                                   {.key = "mode",
                                                    .type = FIELD_CHOICE,
                                                    .offset = offsetof(struct sample_scale, mode),
                                                    .fallback = "fan_in",
                                                    .choices = sample_modes},
                                                   {0}};
static const struct schema sample_scale = {.name = "VarianceScaling",
                                           .fields = sample_scale_fields};
static const struct kind sample_zeros = {.name = "zeros"};
static const struct kind sample_variance = {
    .name = "VarianceScaling", .schema = &sample_scale, .size = sizeof(struct sample_scale)};
static const struct kind *const sample_initializers[] = {&sample_zeros, &sample_variance, NULL};

struct sample_conv {
    struct sample_common common;
    int64_t filters, kernel_size[2], margins[2][2], groups;
    int padding, activation;
    bool use_bias;
    struct variant initializer, regularizer;
};
static const char *const sample_paddings[] = {"same", "valid", NULL};
static const struct field sample_conv_fields[] = {
    {.key = "filters",
     .type = FIELD_INT,
     .offset = offsetof(struct sample_conv, filters),
     .min = 1,
     .max = 65536},
    {.key = "kernel_size",
     .type = FIELD_PAIR,
     .offset = offsetof(struct sample_conv, kernel_size),
     .fallback = "3",
     .min = 1,
     .max = 99},
    {.key = "margins",
     .type = FIELD_MARGINS,
     .offset = offsetof(struct sample_conv, margins),
     .fallback = "0"},
    {.key = "groups",
     .type = FIELD_INT,
     .offset = offsetof(struct sample_conv, groups),
     .fallback = "null",
     .min = 1,
     .nullable = true},
    {.key = "padding",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct sample_conv, padding),
     .fallback = "valid",
     .choices = sample_paddings},
    {.key = "activation",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct sample_conv, activation),
     .fallback = "null",
     .choices = sample_modes,
     .nullable = true},
    {.key = "use_bias",
     .type = FIELD_BOOL,
     .offset = offsetof(struct sample_conv, use_bias),
     .fallback = "true"},
    {.key = "kernel_initializer",
     .type = FIELD_VARIANT,
     .offset = offsetof(struct sample_conv, initializer),
     .fallback = "{VarianceScaling: {mode: fan_avg}}",
     .kinds = sample_initializers},
    {.key = "regularizer",
     .type = FIELD_VARIANT,
     .offset = offsetof(struct sample_conv, regularizer),
     .fallback = "null",
     .kinds = sample_initializers,
     .nullable = true},
    {0}};
static const struct schema sample_conv = {
    .name = "Conv2D", .fields = sample_conv_fields, .base = &sample_common};

struct sample_wrapper {
    struct sample_common common;
    struct variant_list layers;
};
static const struct kind *const sample_layers[4];
static const struct field sample_wrapper_fields[] = {
    {.key = "layers",
     .type = FIELD_VARIANTS,
     .offset = offsetof(struct sample_wrapper, layers),
     .kinds = sample_layers,
     .bare = true},
    {0}};
static const struct schema sample_wrapper = {
    .name = "Residual", .fields = sample_wrapper_fields, .base = &sample_common};
static const struct kind sample_conv2d = {
    .name = "Conv2D", .schema = &sample_conv, .size = sizeof(struct sample_conv)};
static const struct kind sample_flatten = {
    .name = "Flatten", .schema = &sample_common, .size = sizeof(struct sample_common)};
static const struct kind sample_residual = {
    .name = "Residual", .schema = &sample_wrapper, .size = sizeof(struct sample_wrapper)};
static const struct kind *const sample_layers[4] = {&sample_conv2d, &sample_flatten,
                                                    &sample_residual, NULL};

/* ---- Data: kinds named by a tag, which their common base also holds ---- */

struct sample_set {
    char *format;
    int64_t subset;
};
static const struct field sample_set_fields[] = {{.key = "format",
                                                  .type = FIELD_STRING,
                                                  .offset = offsetof(struct sample_set, format),
                                                  .fallback = "idx"},
                                                 {.key = "subset",
                                                  .type = FIELD_INT,
                                                  .offset = offsetof(struct sample_set, subset),
                                                  .fallback = "null",
                                                  .min = 1,
                                                  .nullable = true},
                                                 {0}};
static const struct schema sample_set = {.fields = sample_set_fields};
struct sample_idx {
    struct sample_set set;
    char *images, *labels;
};
static const struct field sample_idx_fields[] = {
    {.key = "images", .type = FIELD_STRING, .offset = offsetof(struct sample_idx, images)},
    {.key = "labels",
     .type = FIELD_STRING,
     .offset = offsetof(struct sample_idx, labels),
     .fallback = "null",
     .nullable = true},
    {0}};
static const struct schema sample_idx = {
    .name = "idx", .fields = sample_idx_fields, .base = &sample_set};
static const struct kind sample_idx_kind = {
    .name = "idx", .schema = &sample_idx, .size = sizeof(struct sample_idx)};
static const struct kind sample_digits_kind = {
    .name = "digits", .schema = &sample_set, .size = sizeof(struct sample_set)};
static const struct kind *const sample_formats[] = {&sample_idx_kind, &sample_digits_kind, NULL};

/* ---- The experiment ---- */

struct sample_fit {
    int64_t epochs;
    double clip, rate;
    struct int_list milestones;
    struct float_list weights;
};
static const struct field sample_fit_fields[] = {{.key = "epochs",
                                                  .type = FIELD_INT,
                                                  .offset = offsetof(struct sample_fit, epochs),
                                                  .fallback = "1",
                                                  .min = 1},
                                                 {.key = "clip",
                                                  .type = FIELD_FLOAT,
                                                  .offset = offsetof(struct sample_fit, clip),
                                                  .fallback = "null",
                                                  .nullable = true},
                                                 {.key = "rate",
                                                  .type = FIELD_FLOAT,
                                                  .offset = offsetof(struct sample_fit, rate),
                                                  .fallback = "1/255",
                                                  .min = 0,
                                                  .max = 1},
                                                 {.key = "milestones",
                                                  .type = FIELD_INTS,
                                                  .offset = offsetof(struct sample_fit, milestones),
                                                  .fallback = "null",
                                                  .min = 0,
                                                  .max = INFINITY,
                                                  .nullable = true},
                                                 {.key = "weights",
                                                  .type = FIELD_FLOATS,
                                                  .offset = offsetof(struct sample_fit, weights),
                                                  .fallback = "[1, 0.5]"},
                                                 {0}};
static const struct schema sample_fit = {.name = "fit", .fields = sample_fit_fields};

struct sample {
    char *name;
    int64_t seed;
    struct variant train, test;
    struct variant_list layers;
    struct sample_fit fit;
    struct sample_fit *warmup;
    struct sample_fit tuning;
};
static const struct field sample_fields[] = {
    {.key = "name",
     .type = FIELD_STRING,
     .offset = offsetof(struct sample, name),
     .fallback = "experiment"},
    {.key = "seed", .type = FIELD_INT, .offset = offsetof(struct sample, seed), .fallback = "0"},
    {.key = "train",
     .type = FIELD_TAGGED,
     .offset = offsetof(struct sample, train),
     .fallback = "{format: digits}",
     .kinds = sample_formats,
     .tag = "format"},
    {.key = "test",
     .type = FIELD_TAGGED,
     .offset = offsetof(struct sample, test),
     .fallback = "null",
     .kinds = sample_formats,
     .tag = "format",
     .nullable = true},
    {.key = "layers",
     .type = FIELD_VARIANTS,
     .offset = offsetof(struct sample, layers),
     .fallback = "[]",
     .kinds = sample_layers},
    {.key = "fit",
     .type = FIELD_STRUCT,
     .offset = offsetof(struct sample, fit),
     .fallback = "{}",
     .schema = &sample_fit},
    {.key = "warmup",
     .type = FIELD_STRUCT,
     .offset = offsetof(struct sample, warmup),
     .fallback = "null",
     .schema = &sample_fit,
     .size = sizeof(struct sample_fit),
     .nullable = true},
    {.key = "tuning",
     .type = FIELD_STRUCT,
     .offset = offsetof(struct sample, tuning),
     .fallback = "{}",
     .schema = &sample_fit,
     .size = sizeof(struct sample_fit),
     .hidden = true},
    {0}};
static const struct schema sample_schema = {.fields = sample_fields};

/* Uses most of it. */
static const char sample_text[] =
    "name: lenet5\n"
    "seed: -9223372036854775807\n"
    "train: {format: IDX, images: a.gz, labels: \"b: c\"}\n"
    "test: {format: digits, subset: 10}\n"
    "layers:\n"
    "  - Conv2D: &conv {filters: 6, kernel_size: [5, 3], padding: SAME, margins: [1, 2]}\n"
    "  - flatten\n"
    "  - Conv2D:\n"
    "      <<: *conv\n"
    "      filters: 7\n"
    "      activation: fan-out\n"
    "      kernel_initializer: {VarianceScaling: 1/4}\n"
    "      regularizer: {variance_scaling: {mode: FanAvg}}\n"
    "  - Residual: [Flatten, {Conv2D: *conv}]\n"
    "fit: {epochs: 20, clip: 1e-3, rate: .5, milestones: 7, weights: [1, 2/3, -.inf]}\n"
    "warmup: {epochs: 2}\n";

#endif
