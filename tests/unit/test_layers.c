/* What layers say: about arguments and shapes that do not fit, and in the summary. */
#include <string.h>

#include "nets.h"
#include "test.h"

/* A network of one layer and what is wrong with it. */
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
                                    {"explanations", explanations},
                                    {0}};

TEST_MAIN(tests_layers)
