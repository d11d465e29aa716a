/* The JSON that tells Keras what the model is. That Keras takes it is tested by
 * tests/golden/test_keras_load.sh. */
#include <string.h>

#include "formats/checkpoint.h"
#include "nets.h"
#include "test.h"

static void expect_config(const char *net, const char *const *parts)
{
    struct pool pool = {0};
    struct text config = {0};
    struct model *model = net_build(&pool, net);
    keras_model_config(model, &config);
    const char *at = config.data;
    for (; *parts && at; parts++) { /* in this order */
        at = strstr(at, *parts);
        CU_ASSERT_PTR_NOT_NULL(at);
        if (!at)
            printf("    no %s in %s\n", *parts, config.data);
    }
    text_release(&config);
    model_free(model);
    pool_release(&pool);
}

static void test_sequential(void)
{
    expect_config(
        "input: [4, 5, 2]\n"
        "layers:\n"
        "  - ZeroPadding2D: [[1, 2], [0, 3]]\n"
        "  - Conv2D: {filters: 3, kernel_size: [2, 3], activation: relu, trainable: false,\n"
        "             kernel_regularizer: {L1L2: {l1: 0.5, l2: 1}}}\n"
        "  - MaxPooling2D: {pool_size: 2, activation: tanh, name: pool}\n"
        "  - Activation: sigmoid\n",
        (const char *[]){
            "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"net\", ",
            "{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"input_layer\", ",
            "\"batch_input_shape\": [null, 4, 5, 2]}}, ",
            "\"zero_padding2d\", \"dtype\": \"float32\", "
            "\"padding\": [[1, 2], [0, 3]]}}, ",
            "\"trainable\": false, \"activation\": \"relu\", \"filters\": 3, "
            "\"kernel_size\": [2, 3], ",
            "\"kernel_initializer\": {\"class_name\": \"GlorotUniform\", \"config\": {}}, ",
            "\"kernel_regularizer\": {\"class_name\": \"L1L2\", \"config\": {\"l1\": 0.5, "
            "\"l2\": 1.0}}, \"bias_regularizer\": null, \"kernel_constraint\": null, ",
            "\"pool_size\": [2, 2], \"strides\": null, \"padding\": \"valid\"}}, "
            "{\"class_name\": \"Activation\", \"config\": {\"name\": \"pool_tanh\", "
            "\"dtype\": \"float32\", \"activation\": \"tanh\"}}, "
            "{\"class_name\": \"Activation\", \"config\": {\"name\": \"activation\", "
            "\"dtype\": \"float32\", \"activation\": \"sigmoid\"}}]}}",
            NULL});
}

/* Arguments in their other forms: no limit, no list, one integer. */
static void test_arguments(void)
{
    expect_config(
        "input: [6, 4]\n"
        "layers:\n"
        "  - ReLU: {negative_slope: 0.5}\n"
        "  - PReLU\n"
        "  - MaxPooling1D: {name: p}\n"
        "  - Cropping1D: [1, 0]\n"
        "  - PReLU: {shared_axes: 1}\n"
        "  - Reshape: {target_shape: -1, activation: swish}\n",
        (const char *[]){"\"max_value\": null, \"negative_slope\": 0.5, \"threshold\": 0.0}}, ",
                         "\"alpha_constraint\": null, \"shared_axes\": null}}, ",
                         "\"pool_size\": 2, \"strides\": null, \"padding\": \"valid\"}}, ",
                         "\"cropping\": [1, 0]}}, ", "\"shared_axes\": [1]}}, ",
                         "\"target_shape\": [-1]}}, ", "\"name\": \"reshape_swish\", ",
                         "\"activation\": \"swish\"}}]}}", NULL});
}

/* Names that we make up are those of no layer, and who reads a layer reads its Activation. */
static void test_functional(void)
{
    expect_config(
        "input: [3]\n"
        "layers:\n"
        "  - Dense: {units: 3, name: input_layer}\n"
        "  - BatchNormalization: {name: bn, activation: relu}\n"
        "  - Dense: {units: 3, name: bn_relu}\n"
        "  - Add: {inputs: [bn, bn_relu, input], activation: tanh}\n",
        (const char *[]){
            "{\"class_name\": \"Functional\", ", "\"name\": \"input_layer_1\", ",
            "\"name\": \"input_layer_1\", \"inbound_nodes\": []}, ",
            "\"name\": \"input_layer\", \"inbound_nodes\": [[[\"input_layer_1\", 0, 0, {}]]]}, ",
            "\"name\": \"bn\", \"inbound_nodes\": [[[\"input_layer\", 0, 0, {}]]]}, ",
            "\"name\": \"bn_relu_1\", \"inbound_nodes\": [[[\"bn\", 0, 0, {}]]]}, ",
            "\"name\": \"bn_relu\", \"inbound_nodes\": [[[\"bn_relu_1\", 0, 0, {}]]]}, ",
            "\"name\": \"add\", \"inbound_nodes\": [[[\"bn_relu_1\", 0, 0, {}], [\"bn_relu\", 0, "
            "0, {}], [\"input_layer_1\", 0, 0, {}]]]}, ",
            "\"inbound_nodes\": [[[\"add\", 0, 0, {}]]]}], ",
            "\"input_layers\": [[\"input_layer_1\", 0, 0]], "
            "\"output_layers\": [[\"add_tanh\", 0, 0]]}}",
            NULL});
}

/* By the longest way to the output; among equals, as found from the output through the inputs. */
static void test_order(void)
{
    expect_config(
        "input: [3]\n"
        "layers:\n"
        "  - Dense: {units: 3, name: a}\n"
        "  - Dense: {units: 3, name: b, activation: relu}\n"
        "  - BatchNormalization: {name: c, inputs: a, activation: tanh}\n"
        "  - Dense: {units: 3, name: d, inputs: input}\n"
        "  - Dense: {units: 3, name: e}\n"
        "  - Multiply: {inputs: [d, e], name: f}\n"
        "  - Add: {inputs: [f, c, b]}\n",
        (const char *[]){
            "\"name\": \"input_layer\", \"inbound_nodes\"", "\"name\": \"d\", \"inbound_nodes\"",
            "\"name\": \"a\", \"inbound_nodes\"", "\"name\": \"e\", \"inbound_nodes\"",
            "\"name\": \"c\", \"inbound_nodes\"", "\"name\": \"f\", \"inbound_nodes\"",
            "\"name\": \"c_tanh\", \"inbound_nodes\"", "\"name\": \"b\", \"inbound_nodes\"",
            "\"name\": \"add\", \"inbound_nodes\"", NULL});
}

static void test_training(void)
{
    struct pool pool = {0};
    struct text config = {0};
    const struct checkpoint_training training = net_training(
        &pool, "loss: {huber: 2.5}, optimizer: {RMSprop: {rho: 0.5, clipnorm: 1}}, metrics: "
               "[acc, mae, AUC, {TopKCategoricalAccuracy: 2}]");
    keras_training_config(&training, &config);
    CU_ASSERT_STRING_EQUAL(
        config.data,
        "{\"loss\": {\"class_name\": \"Huber\", \"config\": {\"delta\": 2.5}}, "
        "\"metrics\": [\"accuracy\", \"mean_absolute_error\", \"AUC\", {\"class_name\": "
        "\"TopKCategoricalAccuracy\", \"config\": {\"name\": null, \"k\": 2}}], "
        "\"weighted_metrics\": null, \"loss_weights\": null, \"optimizer_config\": "
        "{\"class_name\": \"RMSprop\", \"config\": {\"weight_decay\": null, \"clipnorm\": 1.0, "
        "\"global_clipnorm\": null, \"clipvalue\": null, \"use_ema\": false, \"ema_momentum\": "
        "0.99, "
        "\"ema_overwrite_frequency\": null, \"learning_rate\": 0.001, \"rho\": 0.5, "
        "\"momentum\": 0.0, \"epsilon\": 1e-07, \"centered\": false}}}");
    text_release(&config);
    pool_release(&pool);
}

const struct test tests_keras_config[] = {
    {"sequential", test_sequential}, {"arguments", test_arguments}, {"functional", test_functional},
    {"order", test_order},           {"training", test_training},   {0}};
TEST_MAIN(tests_keras_config)
