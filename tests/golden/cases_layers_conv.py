"""The cases of layers_conv.h5: convolutions other than the plain one of images, and normalizations of
a sample by itself. A model is a list of (class, arguments), as in an experiment file."""

CASES = []  # (name, input shape, layers, loss, samples, how y_true and x are drawn, see make.py)
MSE = "mean_squared_error"


def case(name, shape, layers, n=2, data="normal"):
    CASES.append((name, shape, layers, MSE, n, data))


def alone(name, shape, layer, arguments, **more):
    """A case of one layer, which bears the name `layer`."""
    case(name, shape, [(layer, dict(arguments, name="layer"))], **more)


def sequences():
    for name, shape, arguments in [
        ("valid", (7, 3), dict(filters=4, kernel_size=3)),
        ("same", (7, 3), dict(filters=4, kernel_size=4, padding="same", activation="relu")),
        ("same_strides", (8, 2), dict(filters=3, kernel_size=3, strides=2, padding="same")),
        ("same_dilation", (8, 2), dict(filters=3, kernel_size=3, dilation_rate=2, padding="same")),
        ("causal", (7, 3), dict(filters=4, kernel_size=3, padding="causal", activation="tanh")),
        ("causal_dilation", (9, 2), dict(filters=3, kernel_size=3, dilation_rate=3, padding="causal")),
        ("causal_strides", (8, 2), dict(filters=3, kernel_size=4, strides=3, padding="causal",
                                        use_bias=False)),
        ("causal_longer", (3, 2), dict(filters=2, kernel_size=5, padding="causal")),
        ("groups", (6, 4), dict(filters=6, kernel_size=3, groups=2, padding="causal")),
    ]:
        alone("conv1d_" + name, shape, "Conv1D", arguments)
    alone("conv1d_regularizer", (4, 2), "Conv1D",
          dict(filters=2, kernel_size=2, kernel_regularizer={"L2": 0.25}, bias_regularizer={"L1": 0.5}))


def groups():
    for name, shape, arguments in [
        ("two", (5, 4, 4), dict(filters=6, kernel_size=3, groups=2, padding="same", activation="relu")),
        ("strides", (6, 5, 6), dict(filters=6, kernel_size=2, groups=3, strides=2, use_bias=False)),
        ("depthwise", (5, 4, 3), dict(filters=6, kernel_size=3, groups=3, dilation_rate=2, padding="same")),
    ]:
        alone("conv2d_groups_" + name, shape, "Conv2D", arguments)


def depthwise():
    for name, shape, arguments in [
        ("valid", (5, 6, 3), dict(kernel_size=3)),
        ("same", (6, 5, 5), dict(kernel_size=3, padding="same", activation="relu")),
        ("strides", (7, 8, 3), dict(kernel_size=3, strides=2, padding="same")),
        ("strides_odd", (7, 7, 2), dict(kernel_size=2, strides=3, use_bias=False)),
        ("dilation", (7, 8, 2), dict(kernel_size=[2, 3], dilation_rate=[2, 3], padding="same")),
        ("multiplier", (5, 4, 3), dict(kernel_size=3, depth_multiplier=2, padding="same",
                                       activation="tanh")),
        ("multiplier_strides", (6, 5, 2), dict(kernel_size=[3, 2], strides=2, depth_multiplier=3)),
        ("wide", (3, 19, 1), dict(kernel_size=3, padding="same")),
        ("channels", (2, 6, 17), dict(kernel_size=[2, 5], padding="same")),
        ("above_image", (2, 3, 2), dict(kernel_size=5, padding="same")),
    ]:
        alone("depthwise_conv2d_" + name, shape, "DepthwiseConv2D", arguments)
    alone("depthwise_conv2d_regularizer", (3, 3, 2), "DepthwiseConv2D",
          dict(kernel_size=2, depthwise_regularizer={"L2": 0.25}))
    for name, arguments in [
        ("valid", dict(kernel_size=3)),
        ("same", dict(kernel_size=4, padding="same", depth_multiplier=2, activation="relu")),
        ("strides", dict(kernel_size=3, strides=2, padding="same", use_bias=False)),
        ("dilation", dict(kernel_size=3, dilation_rate=2)),
    ]:
        alone("depthwise_conv1d_" + name, (8, 3), "DepthwiseConv1D", arguments)


def separable():
    for name, shape, arguments in [
        ("valid", (5, 6, 3), dict(filters=4, kernel_size=3)),
        ("same", (6, 5, 3), dict(filters=5, kernel_size=3, padding="same", activation="relu")),
        ("strides", (7, 6, 3), dict(filters=4, kernel_size=3, strides=2, padding="same",
                                    use_bias=False)),
        ("multiplier", (5, 4, 2), dict(filters=3, kernel_size=[2, 3], depth_multiplier=3)),
        ("dilation", (6, 6, 2), dict(filters=3, kernel_size=2, dilation_rate=2, activation="tanh")),
    ]:
        alone("separable_conv2d_" + name, shape, "SeparableConv2D", arguments)
    for name, arguments in [
        ("same", dict(filters=4, kernel_size=3, padding="same", activation="relu")),
        ("multiplier", dict(filters=3, kernel_size=2, strides=2, depth_multiplier=2)),
    ]:
        alone("separable_conv1d_" + name, (8, 3), "SeparableConv1D", arguments)
    alone("separable_conv2d_regularizer", (3, 3, 2), "SeparableConv2D",
          dict(filters=2, kernel_size=2, depthwise_regularizer={"L2": 0.25},
               pointwise_regularizer={"L1": 0.5}))


def transposes():
    for name, shape, arguments in [
        ("valid", (3, 4, 3), dict(filters=4, kernel_size=3)),
        ("same", (4, 3, 3), dict(filters=4, kernel_size=3, padding="same", activation="relu")),
        ("strides_valid", (3, 4, 3), dict(filters=2, kernel_size=3, strides=2)),
        ("strides_same", (3, 4, 3), dict(filters=2, kernel_size=3, strides=2, padding="same")),
        ("strides_same_even", (3, 2, 2), dict(filters=3, kernel_size=4, strides=2, padding="same")),
        ("strides_2_3", (3, 2, 2), dict(filters=3, kernel_size=[2, 5], strides=[2, 3], padding="same")),
        ("stride_above_kernel", (3, 2, 2), dict(filters=2, kernel_size=2, strides=3)),
        ("stride_above_kernel_same", (3, 2, 2), dict(filters=2, kernel_size=2, strides=3, padding="same",
                                                     use_bias=False)),
        ("output_padding", (3, 4, 2), dict(filters=3, kernel_size=3, strides=2, output_padding=1)),
        ("output_padding_same", (3, 4, 2), dict(filters=3, kernel_size=3, strides=2, padding="same",
                                                output_padding=[0, 1])),
        ("output_padding_even", (3, 4, 2), dict(filters=3, kernel_size=4, strides=3, padding="same",
                                                output_padding=[2, 1], activation="tanh")),
        ("dilation", (4, 3, 2), dict(filters=3, kernel_size=3, dilation_rate=2)),
        ("dilation_same", (4, 5, 2), dict(filters=3, kernel_size=[3, 2], dilation_rate=[2, 3],
                                          padding="same")),
    ]:
        alone("conv2d_transpose_" + name, shape, "Conv2DTranspose", arguments)
    for name, arguments in [
        ("valid", dict(filters=4, kernel_size=3, strides=2)),
        ("same", dict(filters=2, kernel_size=4, strides=3, padding="same", activation="relu")),
        ("output_padding", dict(filters=2, kernel_size=3, strides=2, padding="same", output_padding=0)),
        ("dilation", dict(filters=2, kernel_size=3, dilation_rate=2, padding="same", use_bias=False)),
    ]:
        alone("conv1d_transpose_" + name, (5, 3), "Conv1DTranspose", arguments)
    case("conv2d_transpose_stack", (6, 6, 2), [
        ("Conv2D", dict(filters=4, kernel_size=3, strides=2, padding="same", activation="relu", name="a")),
        ("BatchNormalization", dict(name="b")),
        ("Conv2DTranspose", dict(filters=2, kernel_size=3, strides=2, padding="same", name="c"))], n=3)


def normalizations():
    for name, shape, arguments in [
        ("vector", (7,), {}),
        ("image", (3, 4, 5), dict(activation="relu")),
        ("two_axes", (3, 4, 5), dict(axis=[-1, -2], epsilon=0.01)),
        ("all_axes", (3, 2, 5), dict(axis=[1, 2, 3])),
        ("long", (1, 43), dict(axis=2, activation="tanh")),
        ("no_scale", (4, 6), dict(scale=False)),
        ("no_center", (4, 6), dict(center=False)),
        ("neither", (9,), dict(center=False, scale=False)),
        ("large_mean", (3, 8), {}),
    ]:
        alone("layer_normalization_" + name, shape, "LayerNormalization", arguments, n=3,
              data="large mean" if name == "large_mean" else "normal")
    for name, shape, arguments in [
        ("two", (3, 4, 6), dict(groups=2)),
        ("one", (3, 4, 6), dict(groups=1, activation="relu")),
        ("each", (3, 4, 5), dict(groups=-1, epsilon=0.01)),
        ("all", (3, 4, 5), dict(groups=5)),
        ("default", (1, 2, 32), {}),
        ("sequence", (6, 4), dict(groups=2, scale=False)),
        ("vector", (12,), dict(groups=3, center=False)),
        ("neither", (2, 3, 4), dict(groups=2, center=False, scale=False, activation="tanh")),
        ("large_mean", (3, 5, 2), dict(groups=2)),
    ]:
        alone("group_normalization_" + name, shape, "GroupNormalization", arguments, n=3,
              data="large mean" if name == "large_mean" else "normal")
    alone("layer_normalization_regularizer", (3,), "LayerNormalization",
          dict(gamma_regularizer={"L2": 0.5}, beta_regularizer={"L1": 0.5}))
    for name, shape, arguments in [
        ("vector", (7,), {}),
        ("image", (3, 2, 9), dict(activation="tanh")),
        ("two_axes", (3, 2, 4), dict(axis=[2, 3])),
        ("all_axes", (3, 2, 2), dict(axis=[-1, -2, -3])),
    ]:
        alone("unit_normalization_" + name, shape, "UnitNormalization", arguments, n=3)
    case("normalizations_between", (4, 4, 2), [
        ("Conv2D", dict(filters=4, kernel_size=3, padding="same", name="a")),
        ("GroupNormalization", dict(groups=2, activation="relu", name="b")),
        ("DepthwiseConv2D", dict(kernel_size=3, padding="same", inputs=["b"], name="c")),
        ("LayerNormalization", dict(name="d")),
        ("UnitNormalization", dict(inputs=["b"], name="e")),
        ("Add", dict(inputs=["d", "e", "b"], name="sum"))])


for part in (sequences, groups, depthwise, separable, transposes, normalizations):
    part()
