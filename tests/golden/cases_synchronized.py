"""The cases of synchronized.h5: training steps of models with BatchNormalization over the whole batch,
which convoy cuts into microbatches. Keras sees the batch in one piece, so its BatchNormalization is
ours with synchronized: true; that argument itself it knows with TensorFlow only."""


def norm(name, **arguments):
    return "BatchNormalization", dict(arguments, momentum=0.9, synchronized=True, name=name)


def conv(name, filters, **arguments):
    return "Conv2D", dict(arguments, filters=filters, kernel_size=3, padding="same", name=name)


def head():
    return [("GlobalAveragePooling2D", dict(name="mean")),
            ("Dense", dict(units=10, activation="softmax", name="head"))]


def chain():
    """The first layer has nothing to train; one is frozen; one is the last but for the softmax."""
    return (6, 5, 2), [
        norm("first", center=False, scale=False),
        conv("c1", 6, use_bias=False), norm("n1", activation="relu"),
        conv("c2", 5, strides=2), norm("n2", scale=False, activation="tanh"),
        conv("c3", 8), norm("n3", trainable=False),
        ("Flatten", dict(name="flat")),
        ("Dense", dict(units=12, name="d1")), norm("n4", center=False, epsilon=0.01, activation="sigmoid"),
        ("Dense", dict(units=10, use_bias=False, name="d2")), norm("n5", activation="softmax")]


def graph():
    """Residual blocks, the second with a shortcut that is normalized too, and one of the input itself."""
    return (6, 6, 3), [
        conv("stem", 8, use_bias=False, inputs=["input"]), norm("n0", activation="tanh"),
        conv("c1", 8, use_bias=False), norm("n1", activation="tanh"),
        conv("c2", 8, use_bias=False), norm("n2"),
        ("Add", dict(inputs=["n2", "n0"], activation="tanh", name="a1")),
        conv("c3", 12, strides=2, use_bias=False, inputs=["a1"]), norm("n3"),
        conv("c0", 12, strides=2, inputs=["a1"]), norm("m3"),
        norm("raw", center=False, scale=False, inputs=["input"]),
        ("AveragePooling2D", dict(pool_size=2, name="small")),
        conv("c4", 12, inputs=["small"]),
        ("Add", dict(inputs=["n3", "m3", "c4"], activation="tanh", name="a2")), *head()]


MODELS = [("synchronized_chain", chain), ("synchronized_graph", graph)]
