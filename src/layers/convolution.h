/* What the convolution layers share: arguments, shapes, geometry. A convolution of a sequence
 * (steps, channels) is one of an image of height 1. */
#ifndef CONVOY_LAYERS_CONVOLUTION_H
#define CONVOY_LAYERS_CONVOLUTION_H

#include "layers/fields.h"
#include "layers/window.h"

/* The argument structs of these layers begin with it. Those of one dimension have only the second
 * of each pair; the first is 0. */
struct convolution_args {
    struct layer_common common;
    int64_t filters; /* 0: a depthwise convolution has no such argument */
    int64_t kernel_size[2], strides[2], dilation_rate[2];
    int padding;
    bool use_bias;
    struct variant bias_initializer, bias_regularizer, bias_constraint;
};

#define FIELD_FILTERS                                                                              \
    {                                                                                              \
        .key = "filters", .type = FIELD_INT, .offset = offsetof(struct convolution_args, filters), \
        .min = 1, .max = 65536, .help = "output channels"                                          \
    }

#define FIELD_PADDING(choices_, help_)                                                             \
    {                                                                                              \
        .key = "padding", .type = FIELD_CHOICE,                                                    \
        .offset = offsetof(struct convolution_args, padding), .fallback = "valid",                 \
        .choices = choices_, .help = help_                                                         \
    }

#define FIELDS_WINDOW_2D                                                                           \
    FIELD_WINDOW(struct convolution_args, kernel_size, NULL, false,                                \
                 "height and width of the kernel"),                                                \
        FIELD_WINDOW(struct convolution_args, strides, "1", false, "steps between windows"),       \
        FIELD_PADDING(padding_names, "valid: none; same: zeros around"),                           \
        FIELD_WINDOW(struct convolution_args, dilation_rate, "1", false,                           \
                     "distance between kernel taps")

#define FIELD_STEPS(key_, default_, help_)                                                         \
    {                                                                                              \
        .key = #key_, .type = FIELD_INT, .offset = offsetof(struct convolution_args, key_[1]),     \
        .fallback = default_, .min = 1, .max = 65536, .help = help_                                \
    }

#define FIELDS_WINDOW_1D(padding_names_, padding_help_)                                            \
    FIELD_STEPS(kernel_size, NULL, "length of the kernel"),                                        \
        FIELD_STEPS(strides, "1", "steps between windows"),                                        \
        FIELD_PADDING(padding_names_, padding_help_),                                              \
        FIELD_STEPS(dilation_rate, "1", "distance between kernel taps")

#define FIELD_USE_BIAS FIELD_FLAG(struct convolution_args, use_bias, "true", "add a bias")
#define FIELD_BIAS_INITIALIZER FIELD_INITIALIZER(struct convolution_args, bias_initializer, "zeros")
#define FIELD_BIAS_REGULARIZER FIELD_REGULARIZER(struct convolution_args, bias_regularizer)
#define FIELD_BIAS_CONSTRAINT FIELD_CONSTRAINT(struct convolution_args, bias_constraint)

/* What infer finds out. */
struct convolution {
    int dims; /* 1: a sequence, 2: an image */
    struct window_axis axis[2];
    struct conv2d geometry; /* n is filled in at each pass */
};

/* Input shape and arguments to axes, geometry, and the layer's output of so many channels. A layer
 * that is the gradient of a convolution does this by itself, with the functions below. Errors:
 * ST_USAGE. */
enum status convolution_infer(struct layer *layer, int dims, int64_t filters,
                              struct convolution *conv);

/* Fails unless the input is a sequence or an image. */
enum status convolution_need_input(const struct layer *layer, int dims);
/* Keras's rule where a layer has it: strides and dilation do not go together. */
enum status convolution_not_both(const struct layer *layer);
/* An argument along an axis: 0 is the height, 1 for sequences. */
int64_t convolution_argument(const int64_t pair[2], int axis);
/* The convolution from axis[.].in and c channels to axis[.].out and f channels. */
struct conv2d convolution_geometry(const struct layer *layer, const struct window_axis axis[2],
                                   int64_t c, int64_t f);
/* Fails unless so many weights, and the images of a microbatch, fit int arithmetic. */
enum status convolution_fits(const struct layer *layer, const struct conv2d *g, double weights);

/* (kernel height and width, c, f), or of one dimension (kernel length, c, f). */
struct shape convolution_kernel(const struct layer *layer, int dims, int64_t c, int64_t f);
/* The sample (rows, columns, channels) or (columns, channels). */
struct shape convolution_image(int dims, int64_t rows, int64_t columns, int64_t channels);

/* The parameter `bias` of so many channels, where use_bias says so. */
void convolution_add_bias(struct layer *layer, int64_t channels);
/* The bias, the parameter of this number; NULL where there is none. */
const float *convolution_bias(const struct layer *layer, const struct pass *p, size_t index);

/* The geometry for n samples. */
struct conv2d convolution_of(const struct convolution *conv, int n);

/* "height", "width", or "length" */
const char *convolution_axis_name(int dims, int axis);
/* For the summary: shape arithmetic and weights, or only these ("weights 3*3*8*6 + bias = 438"). */
void convolution_explain(const struct layer *layer, const struct convolution *conv,
                         struct text *out);
void convolution_explain_weights(const struct layer *layer, struct text *out);

#endif
