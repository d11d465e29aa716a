"""The cases of layers_simple.h5: activations, layers that merge, reshape, pool over steps, or work
element by element."""

CASES = []  # as in cases_basic.py
MSE = "mean_squared_error"


def case(name, shape, layers, n=2, data="normal", loss=MSE):
    CASES.append((name, shape, layers, loss, n, data))


def alone(name, shape, layer, arguments, **more):
    case(name, shape, [(layer, dict(arguments, name="layer"))], **more)


def activations():
    for act in ["log_softmax", "leaky_relu", "relu6", "elu", "selu", "gelu", "silu", "swish", "mish",
                "softplus", "softsign", "hard_sigmoid", "hard_silu", "hard_swish", "exponential"]:
        alone("activation_" + act, (9,), "Activation", dict(activation=act))
        if act not in ("swish", "hard_swish"):
            data = "normal" if act == "exponential" else "large"
            alone("activation_large_" + act, (9,), "Activation", dict(activation=act), data=data)
            # Nobody else keeps what was there before the activation.
            case("activation_of_dense_" + act, (3,), [
                ("Dense", dict(units=3, activation=act, name="a")),
                ("Dense", dict(units=2, name="b"))])
    for act in ("gelu", "tanh", "softmax"):
        case("activation_of_views_" + act, (2, 3, 2), [
            ("Flatten", dict(activation=act, name="f")),
            ("Reshape", dict(target_shape=[3, 4], activation=act, name="r"))])
    case("activation_of_add_silu", (4,), [
        ("Dense", dict(units=4, name="a")),
        ("Add", dict(inputs=["a", "input"], activation="silu", name="s")),
        ("Add", dict(inputs=["s", "a"], activation="mish", name="t"))])


def element_layers():
    for name, kind, arguments in [
        ("relu", "ReLU", {}),
        ("relu_most", "ReLU", dict(max_value=6)),
        ("relu_all", "ReLU", dict(max_value=1.5, negative_slope=0.25, threshold=0.5)),
        ("relu_slope", "ReLU", dict(negative_slope=0.125)),
        ("leaky_relu", "LeakyReLU", {}),
        ("leaky_relu_slope", "LeakyReLU", dict(negative_slope=0.1)),
        ("elu", "ELU", {}),
        ("elu_alpha_tanh", "ELU", dict(alpha=0.5, activation="tanh")),
        ("softmax", "Softmax", {}),
        ("softmax_gelu", "Softmax", dict(activation="gelu")),
        ("rescaling", "Rescaling", dict(scale=0.25, offset=-1)),
    ]:
        alone("element_" + name, (8,), kind, arguments)
    alone("element_softmax_axis_1", (3, 2, 4), "Softmax", dict(axis=1))
    alone("element_softmax_axis_2_relu6", (3, 4, 2), "Softmax", dict(axis=-2, activation="relu6"))
    case("element_softmax_crossentropy", (4,), [
        ("Dense", dict(units=3, name="a")), ("Softmax", dict(name="s"))], n=3,
        loss="sparse_categorical_crossentropy")
    alone("element_prelu", (3, 2, 2), "PReLU", {}, n=3)
    alone("element_prelu_channels", (3, 2, 4), "PReLU", dict(shared_axes=[1, 2]), n=3)
    alone("element_prelu_rows", (3, 2, 2), "PReLU", dict(shared_axes=[2, 3]), n=3)
    alone("element_prelu_columns_l2", (3, 4), "PReLU",
          dict(shared_axes=[2], alpha_regularizer={"L2": 0.25}))


def mergings():
    for kind in ["Subtract", "Multiply", "Average", "Maximum", "Minimum"]:
        name = "merging_" + kind.lower()
        case(name + "_two", (4,), [
            ("Dense", dict(units=4, name="a")),
            (kind, dict(inputs=["a", "input"], activation="tanh", name="m")),
            ("Dense", dict(units=2, name="b"))])
        case(name + "_itself", (4,), [
            ("Dense", dict(units=3, name="a")), (kind, dict(inputs=["a", "a"], name="m"))])
        if kind != "Subtract":
            case(name + "_three", (2, 2, 3), [
                ("Dense", dict(units=3, name="a")),
                ("Dense", dict(units=3, inputs=["input"], name="b")),
                (kind, dict(inputs=["b", "input", "a"], name="m")),
                (kind, dict(inputs=["m", "b"], name="m2"))])
    case("merging_concatenate_channels", (2, 3, 2), [
        ("Dense", dict(units=3, activation="relu", name="a")),
        ("Concatenate", dict(inputs=["input", "a", "input"], name="m"))])
    case("merging_concatenate_rows", (2, 3, 2), [
        ("Dense", dict(units=2, name="a")),
        ("Concatenate", dict(inputs=["a", "input"], axis=1, activation="silu", name="m")),
        ("Concatenate", dict(inputs=["m", "m"], axis=-2, name="m2"))])
    case("merging_concatenate_vectors", (4,), [
        ("Dense", dict(units=2, name="a")),
        ("Dense", dict(units=3, inputs=["input"], name="b")),
        ("Concatenate", dict(inputs=["a", "b"], name="m")),
        ("Dense", dict(units=2, name="c"))])
    for name, shape, units, axes in [
        ("vectors", (4,), 4, 1), ("last", (3, 4), 4, -1), ("first", (3, 4), 2, 1),
        ("2_1", (3, 4), 4, None), ("image", (2, 3, 4), 4, 3), ("self", (4, 3), 3, [1, 1]),
    ]:
        for normalize in (False, True):
            layers = [("Dense", dict(units=units, name="a"))]
            second, axes_now = "a", axes
            if name == "2_1":  # (3, 4) by (4, 2)
                layers.append(("Permute", dict(dims=[2, 1], name="p")))
                layers.append(("Dense", dict(units=2, name="q")))
                second, axes_now = "q", [2, 1]
            if name == "image":  # (2, 3, 4) by (4)
                layers.append(("GlobalAveragePooling2D", dict(inputs=["a"], name="g")))
                second, axes_now = "g", [3, 1]
            layers.append(("Dot", dict(inputs=["input", second], axes=axes_now, normalize=normalize,
                                       name="m")))
            case(f"merging_dot_{name}{'_normalized' * normalize}", shape, layers)
    case("merging_dot_itself", (3, 2), [("Dense", dict(units=2, name="a")),
                                        ("Dot", dict(inputs=["a", "a"], axes=2, name="m"))])


def shapes():
    for name, shape, kind, arguments in [
        ("reshape", (2, 6), "Reshape", dict(target_shape=[3, 4])),
        ("reshape_open", (2, 3, 4), "Reshape", dict(target_shape=[-1, 6])),
        ("reshape_vector", (2, 3), "Reshape", dict(target_shape=[-1])),
        ("permute_2", (3, 4), "Permute", dict(dims=[2, 1])),
        ("permute_3", (2, 3, 4), "Permute", dict(dims=[3, 1, 2])),
        ("permute_swap", (2, 3, 4), "Permute", dict(dims=[1, 3, 2], activation="silu")),
        ("repeat_vector", (3,), "RepeatVector", dict(n=4)),
        ("cropping1d", (6, 2), "Cropping1D", {}),
        ("cropping1d_pair", (6, 2), "Cropping1D", dict(cropping=[3, 0])),
        ("cropping2d", (3, 4, 2), "Cropping2D", {}),
        ("cropping2d_int", (3, 4, 2), "Cropping2D", dict(cropping=1)),
        ("cropping2d_all", (4, 5, 2), "Cropping2D", dict(cropping=[[0, 2], [1, 3]])),
        ("zero_padding1d", (3, 2), "ZeroPadding1D", {}),
        ("zero_padding1d_pair", (3, 2), "ZeroPadding1D", dict(padding=[0, 2])),
        ("up_sampling1d", (3, 2), "UpSampling1D", {}),
        ("up_sampling1d_3", (2, 3), "UpSampling1D", dict(size=3)),
        ("up_sampling2d", (2, 3, 2), "UpSampling2D", {}),
        ("up_sampling2d_3_1", (2, 3, 2), "UpSampling2D", dict(size=[3, 1])),
        ("up_sampling2d_bilinear", (2, 3, 2), "UpSampling2D", dict(interpolation="bilinear")),
        ("up_sampling2d_bilinear_3_2", (3, 2, 1), "UpSampling2D",
         dict(size=[3, 2], interpolation="bilinear")),
        ("up_sampling2d_bilinear_1_5", (1, 3, 1), "UpSampling2D",
         dict(size=[1, 5], interpolation="bilinear")),
    ]:
        alone("shape_" + name, shape, kind, arguments)
    case("shape_chain", (12,), [
        ("Reshape", dict(target_shape=[2, 3, 2], name="r")),
        ("Conv2D", dict(filters=2, kernel_size=2, padding="same", activation="gelu", name="c")),
        ("Reshape", dict(target_shape=[6, 2], name="s")),
        ("Permute", dict(dims=[2, 1], name="p")),
        ("Flatten", dict(name="f")),
        ("Dense", dict(units=2, name="d"))])


def poolings():
    for kind in ["Max", "Average"]:
        for name, arguments in [
            ("2", dict(pool_size=2)),
            ("3_stride_2_same", dict(pool_size=3, strides=2, padding="same")),
            ("3_stride_1_same", dict(pool_size=3, strides=1, padding="same")),
            ("2_stride_3", dict(pool_size=2, strides=3)),
            ("relu", dict(pool_size=2, activation="relu")),
        ]:
            alone(f"pooling1d_{kind.lower()}_{name}", (7, 3), kind + "Pooling1D", arguments)
        for keepdims in (False, True):
            tail = "_keepdims" * keepdims
            alone(f"pooling1d_global_{kind.lower()}{tail}", (5, 3), f"Global{kind}Pooling1D",
                  dict(keepdims=keepdims))
            alone(f"pooling2d_global_{kind.lower()}{tail}", (3, 4, 3), f"Global{kind}Pooling2D",
                  dict(keepdims=keepdims))
    alone("pooling1d_max_ties", (7, 2), "MaxPooling1D", dict(pool_size=3, strides=2, padding="same"),
          data="few values")


def random_layers():
    for kind, arguments in [("SpatialDropout1D", dict(rate=0.5)), ("GaussianNoise", dict(stddev=1)),
                            ("GaussianDropout", dict(rate=0.5))]:
        alone("random_" + kind.lower(), (3, 2), kind, arguments, data="inference only")
    alone("random_spatialdropout2d", (2, 3, 2), "SpatialDropout2D", dict(rate=0.5),
          data="inference only")


for part in (activations, element_layers, mergings, shapes, poolings, random_layers):
    part()
