/* What layers say: about arguments and shapes that do not fit, and in the summary. */
#include <string.h>

#include "nets.h"
#include "test.h"

/* A network of a layer, or a few, and what is wrong with the last. */
struct mistake {
    const char *input, *layer, *message;
};

static void expect_mistakes(const struct mistake *mistakes)
{
    const struct model_options options = {
        .name = "net", .kernels = &kernels_reference, .microbatch = 2};
    for (const struct mistake *m = mistakes; m->input; m++) {
        struct pool pool = {0};
        struct model_spec spec = {0};
        struct model *model = NULL;
        const char *text = pool_printf(&pool, "{input: %s, layers: [%s]}", m->input, m->layer);
        enum status status = schema_read_text(text, &model_schema, &spec, &pool);
        if (status == ST_OK)
            status = model_build(&spec, &options, &model);
        CU_ASSERT_EQUAL(status, ST_USAGE);
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), m->message));
        if (!strstr(status_message(), m->message))
            printf("    %s: %s\n", text, status_message());
        model_free(model);
        pool_release(&pool);
    }
}

static void convolution_mistakes(void)
{
    expect_mistakes((const struct mistake[]){
        {"[8, 2]", "Conv2D: {filters: 3, kernel_size: 3}",
         "layer 'conv2d' (Conv2D): its input has the shape (8, 2); expected an image"},
        {"[8, 8, 2]", "Conv1D: {filters: 3, kernel_size: 3}",
         "layer 'conv1d' (Conv1D): its input has the shape (8, 8, 2); expected a sequence"},
        {"[8, 2]", "Conv1D: {filters: 3, kernel_size: [3, 3]}", "kernel_size"},
        {"[2, 2]", "Conv1D: {filters: 3, kernel_size: 3}",
         "its window of 3 is larger than the input's length of 2"},
        {"[8, 8, 2]", "Conv2D: {filters: 3, kernel_size: 3, padding: causal}", "padding"},
        {"[8, 8, 2]", "Conv2D: {filters: 3, kernel_size: 3, strides: 2, dilation_rate: 2}",
         "strides of 2 and a dilation_rate of 2; only one may be above 1"},
        {"[8, 8, 6]", "Conv2D: {filters: 4, kernel_size: 3, groups: 3}",
         "6 input channels and 4 filters cannot be in 3 equal groups"},
        {"[8, 8, 5]", "Conv2D: {filters: 4, kernel_size: 3, groups: 2}",
         "5 input channels and 4 filters cannot be in 2 equal groups"},
        {"[8, 8, 4]", "DepthwiseConv2D: {kernel_size: 3, filters: 4}",
         "DepthwiseConv2D: unknown key 'filters'"},
        {"[8, 8, 4]", "SeparableConv2D: {filters: 4, kernel_size: 9}",
         "layer 'separable_conv2d' (SeparableConv2D): its window of 9 is larger"},
        {"[8]", "DepthwiseConv2D: {kernel_size: 3}", "expected an image"},
        {"[8, 8, 4]", "Conv2DTranspose: {filters: 4, kernel_size: 3, output_padding: 1}",
         "layer 'conv2d_transpose' (Conv2DTranspose): an output_padding of 1 with strides of 1"},
        {"[1, 1, 4]",
         "Conv2DTranspose: {filters: 4, kernel_size: 2, padding: same, strides: 2, "
         "output_padding: 0}",
         "no output is left of an input of 1"},
        {0}});
}

static void normalization_mistakes(void)
{
    expect_mistakes((const struct mistake[]){
        {"[8, 6]", "LayerNormalization: {axis: 1}",
         "axis names 1 axes of its input (8, 6) that are not its last ones"},
        {"[8, 6]", "LayerNormalization: {axis: [-1, 2]}", "axis names 2 twice"},
        {"[8, 6]", "LayerNormalization: {axis: 0}",
         "axis 0 is none of its input (8, 6); expected -2 to -1, or 1 to 2"},
        {"[8, 6]", "UnitNormalization: {axis: []}", "axis names none"},
        {"[8, 6]", "GroupNormalization",
         "layer 'group_normalization' (GroupNormalization): 6 channels cannot be in 32 equal"},
        {"[8, 6]", "GroupNormalization: {groups: 0}", "6 channels cannot be in 0 equal groups"},
        {0}});
}

static void simple_mistakes(void)
{
    expect_mistakes((const struct mistake[]){
        {"[4]", "{MaxPooling1D: {}}",
         "layer 'max_pooling1d' (MaxPooling1D): its input has the shape (4,); expected a sequence "
         "(steps, channels)"},
        {"[4, 2]", "{MaxPooling1D: {pool_size: 5}}",
         "its window of 5 is larger than the input's steps of 4"},
        {"[4, 2]", "GlobalMaxPooling2D", "expected an image (height, width, channels)"},
        {"[4, 2]", "SpatialDropout2D: 0.5", "expected an image"},
        {"[4, 4, 2]", "SpatialDropout1D: 0.5", "expected a sequence"},
        {"[4, 2]", "Cropping1D: [3, 1]", "cropping 3 and 1 of an axis of 4 leaves nothing"},
        {"[4, 2]", "RepeatVector: 3", "expected a vector (features)"},
        {"[4, 3]", "Reshape: [5, -1]",
         "its input (4, 3) has 12 numbers, which do not fill the target_shape (5, -1)"},
        {"[4, 3]", "Reshape: [5, 2]", "which do not fill the target_shape (5, 2)"},
        {"[4, 3]", "Reshape: [16777216, 16777216, 16777216, 16777216]",
         "which do not fill the target_shape"},
        {"[4, 3]", "Reshape: [-1, 2, -1]",
         "its target_shape (-1, 2, -1) has two -1; expected positive numbers and at most one -1"},
        {"[4, 3]", "Reshape: [4, 0]", "its target_shape (4, 0) has a 0"},
        {"[4, 3]", "Reshape: [1, 1, 1, 1, 12]", "its target_shape has 5 numbers; expected 1 to 4"},
        {"[4, 3]", "Permute: [1, 1]",
         "its dims do not name each axis of its input (4, 3) once; expected an order of the "
         "numbers 1 to 2"},
        {"[4, 3]", "Permute: [1, 2, 3]", "its dims do not name each axis"},
        {"[4, 3]", "Softmax: 3",
         "axis 3 is none of its input (4, 3); expected -2 to -1, or 1 to 2"},
        {"[4, 3]", "Softmax: 0", "axis 0 is none of its input"},
        {"[4, 3]", "PReLU: {shared_axes: [1, -3]}", "axis -3 is none of its input"},
        {"[4, 3]", "{Permute: {dims: [2, 1], name: p}}, {Multiply: {inputs: [p, input]}}",
         "input 1 has the shape (3, 4) and input 2 has (4, 3); they must be equal"},
        {"[4, 3]", "{Subtract: {inputs: [input, input, input]}}", "has 3 inputs; expected 2"},
        {"[4, 3]", "{Permute: {dims: [2, 1], name: p}}, {Concatenate: {inputs: [p, input]}}",
         "input 1 has the shape (3, 4) and input 2 has (4, 3); they may differ in axis 2 only"},
        {"[4, 3]", "{Flatten: {name: p}}, {Concatenate: {inputs: [p, input]}}",
         "they must have as many axes"},
        {"[4, 3]", "{Dot: {inputs: [input, input], axes: [1, 2]}}",
         "its inputs (4, 3) and (4, 3) have 4 and 3 numbers in the axes 1 and 2"},
        {"[2, 4, 3]",
         "{Reshape: {target_shape: [2, 2, 2, 3], name: r}}, {Dot: {inputs: [r, input], axes: -1}}",
         "have too many axes; the output may have 4"},
        {"[4096, 4096, 1]", "{UpSampling2D: {size: 65536}}",
         "its output would have 268435456 rows of 268435456; at most 2^24 are allowed"},
        {0}});
}

static void explanations(void)
{
    static const char net[] =
        "input: [9, 8, 4]\n"
        "layers:\n"
        "  - Conv2D: {filters: 6, kernel_size: 3, groups: 2, padding: same}\n"
        "  - DepthwiseConv2D: {kernel_size: 3, strides: 2, depth_multiplier: 2}\n"
        "  - Conv2DTranspose: {filters: 3, kernel_size: [3, 2], strides: 2, padding: same}\n"
        "  - SeparableConv2D: {filters: 5, kernel_size: 2, use_bias: false}\n";
    static const char *const lines[] = {
        "    height floor((9 + 1+1 - 3)/1) + 1 = 9; width floor((8 + 1+1 - 3)/1) + 1 = 8; "
        "weights 3*3*2*6 + bias = 114\n",
        "    height floor((9 + 0+0 - 3)/2) + 1 = 4; width floor((8 + 0+0 - 3)/2) + 1 = 3; "
        "weights 3*3*6*2 + bias = 120\n",
        "    height (4 - 1)*2 + 3 - 0 - 1 = 8; width (3 - 1)*2 + 2 - 0 + 0 = 6; "
        "weights 3*2*3*12 + bias = 219\n",
        "weights 2*2*3*1 + 1*1*3*5 = 27\n"};
    struct pool pool = {0};
    struct text text = {0};
    struct model *model = net_build(&pool, net);
    model_summary(model, true, &text);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        CU_ASSERT_PTR_NOT_NULL(strstr(text.data, lines[i]));
        if (!strstr(text.data, lines[i]))
            printf("    no %s in\n%s\n", lines[i], text.data);
    }
    text_release(&text);
    model_free(model);
    pool_release(&pool);
}

const struct test tests_layers[] = {{"convolution_mistakes", convolution_mistakes},
                                    {"normalization_mistakes", normalization_mistakes},
                                    {"simple_mistakes", simple_mistakes},
                                    {"explanations", explanations},
                                    {0}};

TEST_MAIN(tests_layers)
