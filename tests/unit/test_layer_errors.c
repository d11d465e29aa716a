/* What layers say of arguments and inputs that they cannot take. */
#include <stdio.h>
#include <string.h>

#include "model/model.h"
#include "test.h"

struct bad {
    const char *model, *message;
};

static const struct bad all[] = {
    {"{input: [4], layers: [{MaxPooling1D: {}}]}",
     "layer 'max_pooling1d' (MaxPooling1D): its input has the shape (4,); expected a sequence "
     "(steps, channels)"},
    {"{input: [4, 2], layers: [{MaxPooling1D: {pool_size: 5}}]}",
     "its window of 5 is larger than the input's steps of 4"},
    {"{input: [4, 2], layers: [GlobalMaxPooling2D]}",
     "expected an image (height, width, channels)"},
    {"{input: [4, 2], layers: [SpatialDropout2D: 0.5]}", "expected an image"},
    {"{input: [4, 4, 2], layers: [SpatialDropout1D: 0.5]}", "expected a sequence"},
    {"{input: [4, 2], layers: [Cropping1D: [3, 1]]}",
     "cropping 3 and 1 of an axis of 4 leaves nothing"},
    {"{input: [4, 2], layers: [RepeatVector: 3]}", "expected a vector (features)"},
    {"{input: [4, 3], layers: [Reshape: [5, -1]]}",
     "its input (4, 3) has 12 numbers, which do not fill the target_shape (5, -1)"},
    {"{input: [4, 3], layers: [Reshape: [5, 2]]}", "which do not fill the target_shape (5, 2)"},
    {"{input: [4, 3], layers: [Reshape: [16777216, 16777216, 16777216, 16777216]]}",
     "which do not fill the target_shape"},
    {"{input: [4, 3], layers: [Reshape: [-1, 2, -1]]}",
     "its target_shape (-1, 2, -1) has two -1; expected positive numbers and at most one -1"},
    {"{input: [4, 3], layers: [Reshape: [4, 0]]}", "its target_shape (4, 0) has a 0"},
    {"{input: [4, 3], layers: [Reshape: [1, 1, 1, 1, 12]]}",
     "its target_shape has 5 numbers; expected 1 to 4"},
    {"{input: [4, 3], layers: [Permute: [1, 1]]}",
     "its dims do not name each axis of its input (4, 3) once; expected an order of the numbers 1 "
     "to 2"},
    {"{input: [4, 3], layers: [Permute: [1, 2, 3]]}", "its dims do not name each axis"},
    {"{input: [4, 3], layers: [Softmax: 3]}",
     "axis 3 is none of its input (4, 3); expected -2 to -1, or 1 to 2"},
    {"{input: [4, 3], layers: [Softmax: 0]}", "axis 0 is none of its input"},
    {"{input: [4, 3], layers: [PReLU: {shared_axes: [1, -3]}]}", "axis -3 is none of its input"},
    {"{input: [4, 3], layers: [{Permute: {dims: [2, 1], name: p}}, {Multiply: {inputs: [p, "
     "input]}}]}",
     "input 1 has the shape (3, 4) and input 2 has (4, 3); they must be equal"},
    {"{input: [4, 3], layers: [{Subtract: {inputs: [input, input, input]}}]}",
     "has 3 inputs; expected 2"},
    {"{input: [4, 3], layers: [{Permute: {dims: [2, 1], name: p}}, {Concatenate: {inputs: [p, "
     "input]}}]}",
     "input 1 has the shape (3, 4) and input 2 has (4, 3); they may differ in axis 2 only"},
    {"{input: [4, 3], layers: [{Flatten: {name: p}}, {Concatenate: {inputs: [p, input]}}]}",
     "they must have as many axes"},
    {"{input: [4, 3], layers: [{Dot: {inputs: [input, input], axes: [1, 2]}}]}",
     "its inputs (4, 3) and (4, 3) have 4 and 3 numbers in the axes 1 and 2"},
    {"{input: [2, 4, 3], layers: [{Reshape: {target_shape: [2, 2, 2, 3], name: r}}, {Dot: {inputs: "
     "[r, input], axes: -1}}]}",
     "have too many axes; the output may have 4"},
    {"{input: [4096, 4096, 1], layers: [{UpSampling2D: {size: 65536}}]}",
     "its output would have 268435456 rows of 268435456; at most 2^24 are allowed"},
};

static void messages(void)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct pool pool = {0};
        struct model_spec spec = {0};
        struct model *model = NULL;
        const struct model_options options = {
            .name = "net", .kernels = &kernels_reference, .microbatch = 2};
        enum status status = schema_read_text(all[i].model, &model_schema, &spec, &pool);
        CU_ASSERT_EQUAL(status, ST_OK);
        if (status == ST_OK)
            CU_ASSERT_EQUAL(model_build(&spec, &options, &model), ST_USAGE);
        CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), all[i].message));
        if (!strstr(status_message(), all[i].message))
            printf("    expected: %s\n    found:    %s\n", all[i].message, status_message());
        model_free(model);
        pool_release(&pool);
    }
}

const struct test tests_layer_errors[] = {{"messages", messages}, {0}};
TEST_MAIN(tests_layer_errors)
