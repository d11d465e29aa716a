"""The cases of basic.h5: small models that together meet every layer, argument, activation, loss,
regularizer and optimizer. A model is a list of (class, arguments), as in an experiment file."""

CASES = []  # (name, input shape, layers, loss, samples, how y_true and x are drawn, see make.py)
MSE = "mean_squared_error"


def case(name, shape, layers, loss=MSE, n=3, data="normal"):
    CASES.append((name, shape, layers, loss, n, data))


def alone(name, shape, layer, arguments, **more):
    """A case of one layer, which bears the name `layer`."""
    case(name, shape, [(layer, dict(arguments, name="layer"))], **more)


def convolutions():
    for name, shape, arguments in [
        ("3x3_same", (6, 5, 3), dict(filters=4, kernel_size=3, padding="same")),
        ("3x3_valid", (6, 5, 3), dict(filters=4, kernel_size=3)),
        ("3x3_stride2_same_odd", (7, 5, 3), dict(filters=4, kernel_size=3, strides=2, padding="same")),
        ("3x3_stride2_same_even", (6, 8, 1), dict(filters=3, kernel_size=3, strides=2, padding="same")),
        ("3x3_stride2_valid", (7, 8, 3), dict(filters=4, kernel_size=3, strides=2)),
        ("strides_2_1", (6, 6, 3), dict(filters=4, kernel_size=3, strides=[2, 1], padding="same")),
        ("strides_1_3", (5, 8, 1), dict(filters=2, kernel_size=2, strides=[1, 3])),
        ("5x5_same", (7, 7, 1), dict(filters=6, kernel_size=5, padding="same")),
        ("5x5_valid", (7, 6, 3), dict(filters=2, kernel_size=5)),
        ("1x1", (4, 5, 16), dict(filters=6, kernel_size=1)),
        ("1x1_stride2", (5, 4, 6), dict(filters=4, kernel_size=1, strides=2)),
        ("1x1_stride2_same", (5, 4, 6), dict(filters=4, kernel_size=1, strides=2, padding="same")),
        ("1x3_same", (5, 5, 3), dict(filters=4, kernel_size=[1, 3], padding="same")),
        ("4x2_same", (6, 5, 3), dict(filters=3, kernel_size=[4, 2], padding="same")),
        ("2x3_valid", (5, 6, 6), dict(filters=3, kernel_size=[2, 3])),
        ("dilation2_valid", (7, 8, 3), dict(filters=3, kernel_size=3, dilation_rate=2)),
        ("dilation2_same", (6, 5, 3), dict(filters=3, kernel_size=3, dilation_rate=2, padding="same")),
        ("dilation_2_3", (7, 9, 1), dict(filters=2, kernel_size=[2, 3], dilation_rate=[2, 3])),
        ("no_bias", (5, 5, 3), dict(filters=4, kernel_size=3, padding="same", use_bias=False)),
        ("kernel_is_image", (4, 3, 6), dict(filters=5, kernel_size=[4, 3])),
        ("kernel_above_image_same", (2, 3, 3), dict(filters=2, kernel_size=5, padding="same")),
        ("stride_above_kernel", (7, 7, 3), dict(filters=2, kernel_size=2, strides=3, padding="same")),
        ("one_pixel", (1, 1, 6), dict(filters=3, kernel_size=3, padding="same")),
        ("16_channels", (4, 4, 16), dict(filters=16, kernel_size=3, padding="same")),
    ]:
        alone("conv2d_" + name, shape, "Conv2D", arguments, n=2)
    for act in ["relu", "sigmoid", "tanh", "softmax"]:
        alone("conv2d_" + act, (5, 4, 3), "Conv2D",
              dict(filters=4, kernel_size=3, padding="same", activation=act), n=2)
    case("conv2d_stack", (7, 7, 3), [
        ("Conv2D", dict(filters=4, kernel_size=3, activation="relu", name="a")),
        ("Conv2D", dict(filters=5, kernel_size=3, strides=2, padding="same", activation="tanh", name="b")),
        ("Flatten", dict(name="f")),
        ("Dense", dict(units=3, name="c"))])


def poolings():
    for kind, layer in [("max", "MaxPooling2D"), ("average", "AveragePooling2D")]:
        for name, shape, arguments in [
            ("2x2", (6, 4, 3), dict(pool_size=2)),
            ("2x2_odd_valid", (5, 7, 3), dict(pool_size=2)),
            ("2x2_odd_same", (5, 7, 3), dict(pool_size=2, padding="same")),
            ("3x3_stride2_valid", (7, 8, 2), dict(pool_size=3, strides=2)),
            ("3x3_stride2_same", (7, 8, 2), dict(pool_size=3, strides=2, padding="same")),
            ("3x3_stride1_same", (5, 4, 1), dict(pool_size=3, strides=1, padding="same")),
            ("1x3_strides_2_1", (5, 6, 2), dict(pool_size=[1, 3], strides=[2, 1])),
            ("stride_above_window", (8, 7, 1), dict(pool_size=2, strides=3, padding="same")),
            ("window_above_image_same", (2, 3, 2), dict(pool_size=5, padding="same")),
        ]:
            alone(f"{kind}_pooling_{name}", shape, layer, arguments, n=2)
        alone(f"{kind}_pooling_relu", (4, 4, 2), layer, dict(pool_size=2, activation="relu"), n=2)
    alone("max_pooling_ties", (6, 6, 2), "MaxPooling2D", dict(pool_size=3, strides=2, padding="same"),
          data="few values")
    alone("global_average", (5, 3, 4), "GlobalAveragePooling2D", {})
    alone("global_average_keepdims", (4, 3, 2), "GlobalAveragePooling2D", dict(keepdims=True))


def normalizations():
    for name, shape, arguments in [
        ("image", (4, 3, 5), {}),
        ("vector", (6,), dict(momentum=0.9)),
        ("no_scale", (4, 3, 2), dict(scale=False, epsilon=1e-5)),
        ("no_center", (6,), dict(center=False, epsilon=0.01)),
        ("neither", (3, 3, 2), dict(center=False, scale=False, momentum=0.5)),
        ("relu", (3, 3, 2), dict(activation="relu")),
        ("large_mean", (4, 4, 2), dict(momentum=0.0)),
    ]:
        alone("batch_normalization_" + name, shape, "BatchNormalization", arguments, n=5,
              data="large mean" if name == "large_mean" else "normal")
    case("batch_normalization_after_conv2d", (5, 5, 3), [
        ("Conv2D", dict(filters=4, kernel_size=3, padding="same", use_bias=False, name="c")),
        ("BatchNormalization", dict(name="b")),
        ("Activation", dict(activation="relu", name="a"))])
    case("batch_normalization_after_dense", (7,), [
        ("Dense", dict(units=5, name="d")),
        ("BatchNormalization", dict(momentum=0.8, name="b")),
        ("Dense", dict(units=2, name="e"))], n=6)
    case("batch_normalization_frozen", (4,), [
        ("Dense", dict(units=5, name="d")),
        ("BatchNormalization", dict(trainable=False, name="b")),
        ("Dense", dict(units=2, name="e"))], n=6)


def graphs():
    case("add_two", (4, 4, 3), [
        ("Conv2D", dict(filters=4, kernel_size=3, padding="same", name="a")),
        ("Conv2D", dict(filters=4, kernel_size=1, inputs=["input"], name="b")),
        ("Add", dict(inputs=["a", "b"], activation="relu", name="sum"))])
    case("add_three", (6,), [
        ("Dense", dict(units=4, name="a")),
        ("Dense", dict(units=4, activation="tanh", name="b")),
        ("Dense", dict(units=4, inputs=["a"], name="c")),
        ("Add", dict(inputs=["c", "a", "b"], name="sum"))])
    case("add_itself", (5,), [
        ("Dense", dict(units=4, activation="tanh", name="a")),
        ("Add", dict(inputs=["a", "a"], name="sum"))])
    case("add_input", (3, 3, 2), [
        ("Conv2D", dict(filters=2, kernel_size=3, padding="same", activation="relu", name="a")),
        ("Add", dict(inputs=["input", "a", "input"], name="sum"))])
    case("many_consumers", (5, 5, 2), [
        ("Conv2D", dict(filters=4, kernel_size=3, padding="same", activation="tanh", name="a")),
        ("Conv2D", dict(filters=4, kernel_size=3, padding="same", name="b")),
        ("BatchNormalization", dict(inputs=["a"], name="c")),
        ("Add", dict(inputs=["a", "b", "c"], name="sum")),
        ("Add", dict(inputs=["sum", "a"], activation="relu", name="sum2")),
        ("GlobalAveragePooling2D", dict(name="g")),
        ("Dense", dict(units=3, activation="softmax", name="head"))],
        loss="sparse_categorical_crossentropy")
    for name, padding in [("int", 2), ("pair", [1, 2]), ("asymmetric", [[0, 1], [2, 0]]), ("zero", 0)]:
        alone("zero_padding_" + name, (3, 4, 2), "ZeroPadding2D", dict(padding=padding), n=2)
    case("zero_padding_then_conv2d", (5, 5, 2), [
        ("ZeroPadding2D", dict(padding=1, name="p")),
        ("Conv2D", dict(filters=3, kernel_size=3, strides=2, name="c"))], n=2)
    alone("flatten", (3, 2, 4), "Flatten", {}, n=2)
    case("dropout", (4, 3, 2), [
        ("Dropout", dict(rate=0.5, name="layer")),
        ("Flatten", dict(name="f")),
        ("Dense", dict(units=3, name="d"))], data="inference only")


def densities():
    for act in ["linear", "relu", "sigmoid", "tanh", "softmax"]:
        alone("dense_" + act, (7,), "Dense", dict(units=5, activation=act))
        alone("activation_" + act, (9,), "Activation", dict(activation=act))
        alone("activation_large_" + act, (9,), "Activation", dict(activation=act), data="large")
    alone("dense_no_bias", (4,), "Dense", dict(units=3, use_bias=False))
    alone("dense_one", (1,), "Dense", dict(units=1), n=1)
    alone("dense_image", (3, 2, 4), "Dense", dict(units=5, activation="tanh"))
    alone("activation_image_softmax", (2, 3, 4), "Activation", dict(activation="softmax"))
    for name, arguments in [
        ("l1", dict(kernel_regularizer={"L1": 0.25})),
        ("l2", dict(kernel_regularizer={"L2": 0.5})),
        ("l1l2", dict(kernel_regularizer={"L1L2": {"l1": 0.125, "l2": 0.5}})),
        ("default_l2", dict(kernel_regularizer="L2")),
        ("bias", dict(bias_regularizer={"L2": 0.25}, kernel_regularizer={"L1": 0.25})),
    ]:
        alone("regularizer_" + name, (4,), "Dense", dict(arguments, units=3))
    alone("regularizer_conv2d", (3, 3, 2), "Conv2D",
          dict(filters=2, kernel_size=2, kernel_regularizer={"L2": 0.25}))
    alone("regularizer_gamma", (3,), "BatchNormalization",
          dict(gamma_regularizer={"L2": 0.5}, beta_regularizer={"L1": 0.5}))


def losses():
    scce, cce = "sparse_categorical_crossentropy", "categorical_crossentropy"
    bce, mae = "binary_crossentropy", "mean_absolute_error"
    for name, loss, act, units in [
        ("sparse", scce, "softmax", 4), ("sparse_two", scce, "softmax", 2),
        ("categorical", cce, "softmax", 4), ("binary", bce, "sigmoid", 1),
        ("binary_three", bce, "sigmoid", 3), ("squared", MSE, "linear", 3),
        ("squared_sigmoid", MSE, "sigmoid", 3), ("squared_softmax", MSE, "softmax", 3),
        ("absolute", mae, "linear", 3), ("absolute_tanh", mae, "tanh", 3),
    ]:
        alone("loss_" + name, (5,), "Dense", dict(units=units, activation=act), loss=loss, n=4)
    for name, loss, act in [("sparse", scce, "softmax"), ("categorical", cce, "softmax"),
                            ("binary", bce, "sigmoid")]:
        alone(f"loss_{name}_extreme", (4,), "Activation", dict(activation=act), loss=loss, n=6,
              data="extreme")
    alone("loss_categorical_soft", (4,), "Activation", dict(activation="softmax"), loss=cce, n=4,
          data="soft")
    alone("loss_binary_soft", (4,), "Activation", dict(activation="sigmoid"), loss=bce, n=4,
          data="soft")
    alone("loss_squared_image", (3, 2, 2), "Activation", dict(activation="tanh"))
    alone("loss_absolute_image", (3, 2, 2), "Activation", dict(activation="tanh"), loss=mae)
    alone("loss_binary_image", (3, 2, 1), "Conv2D",
          dict(filters=2, kernel_size=1, activation="sigmoid"), loss=bce)


for part in (convolutions, poolings, normalizations, graphs, densities, losses):
    part()

OPTIMIZERS = [
    ("sgd", "SGD", dict(learning_rate=0.1)),
    ("sgd_default", "SGD", {}),
    ("sgd_momentum", "SGD", dict(learning_rate=0.05, momentum=0.9)),
    ("sgd_nesterov", "SGD", dict(learning_rate=0.05, momentum=0.9, nesterov=True)),
    ("adagrad", "Adagrad", dict(learning_rate=0.1)),
    ("adagrad_default", "Adagrad", {}),
    ("adagrad_arguments", "Adagrad",
     dict(learning_rate=0.1, initial_accumulator_value=0.5, epsilon=0.01)),
    ("rmsprop", "RMSprop", dict(learning_rate=0.01)),
    ("rmsprop_default", "RMSprop", {}),
    ("rmsprop_momentum", "RMSprop", dict(learning_rate=0.01, rho=0.8, momentum=0.7)),
    ("rmsprop_centered", "RMSprop", dict(learning_rate=0.01, centered=True, epsilon=1e-3)),
    ("rmsprop_all", "RMSprop", dict(learning_rate=0.01, rho=0.95, momentum=0.5, centered=True)),
    ("adam", "Adam", dict(learning_rate=0.01)),
    ("adam_default", "Adam", {}),
    ("adam_arguments", "Adam", dict(learning_rate=0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-4)),
]


def lenet5():
    return (28, 28, 1), [
        ("Conv2D", dict(filters=6, kernel_size=5, padding="same", activation="tanh", name="c1")),
        ("AveragePooling2D", dict(pool_size=2, name="s2")),
        ("Conv2D", dict(filters=16, kernel_size=5, activation="relu", name="c3")),
        ("MaxPooling2D", dict(name="s4")),
        ("Flatten", dict(name="flat")),
        ("Dense", dict(units=120, activation="relu", name="c5")),
        ("Dense", dict(units=84, activation="tanh", name="f6")),
        ("Dense", dict(units=10, activation="softmax", name="head"))]


def cifar_cnn():
    def conv(filters, name):
        return "Conv2D", dict(filters=filters, kernel_size=3, padding="same", activation="relu",
                              name=name)
    return (32, 32, 3), [
        conv(32, "conv1"), conv(32, "conv2"), ("MaxPooling2D", dict(name="pool1")),
        conv(64, "conv3"), conv(64, "conv4"), ("MaxPooling2D", dict(name="pool2")),
        ("Flatten", dict(name="flat")),
        ("Dense", dict(units=512, activation="relu", name="dense1")),
        ("Dropout", dict(rate=0.0, name="drop")),
        ("Dense", dict(units=10, activation="softmax", name="head"))]


def resnet20(act="relu"):
    """He et al. 2015, section 4.2, with projection shortcuts where the size changes. Of its 2 million
    ReLUs some have an input so near 0 that float32 and float64 disagree about its sign, which costs all
    float32 implementations three digits. With tanh there is no such jump."""
    def conv(source, filters, size, stride, name):
        return "Conv2D", dict(filters=filters, kernel_size=size, strides=stride, padding="same",
                              use_bias=False, inputs=[source], name=name)
    def norm(name, act="linear"):
        return "BatchNormalization", dict(momentum=0.9, activation=act, name=name)
    layers = [conv("input", 16, 3, 1, "stem"), norm("stem_bn", act)]
    last = "stem_bn"
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            p = f"s{stage}b{block}_"
            stride = 2 if stage and not block else 1
            layers += [conv(last, filters, 3, stride, p + "c1"), norm(p + "n1", act),
                       conv(p + "n1", filters, 3, 1, p + "c2"), norm(p + "n2")]
            shortcut = last
            if stride == 2:
                layers += [conv(last, filters, 1, 2, p + "c0"), norm(p + "n0")]
                shortcut = p + "n0"
            last = p + "add"
            layers += [("Add", dict(inputs=[p + "n2", shortcut], activation=act, name=last))]
    layers += [("GlobalAveragePooling2D", dict(name="mean")),
               ("Dense", dict(units=10, activation="softmax", name="head"))]
    return (32, 32, 3), layers


MODELS = [("lenet5", lenet5), ("cifar_cnn", cifar_cnn), ("resnet20", resnet20),
          ("resnet20_tanh", lambda: resnet20("tanh"))]
