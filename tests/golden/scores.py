"""Golden values of losses and metrics, for make.py.

losses   y_true, y_pred, weight (of the samples, where the case has them), value: Keras's loss, the sum
         over the samples divided by their number; dy: its gradient by y_pred. Class numbers are one for
         each row of y_pred.
metrics  y_true[BATCHES,...], y_pred[BATCHES,...], results[BATCHES]: what the metric says after each
         batch.

y_true and y_pred are drawn as a case says: see draw_true and draw_pred.
"""
import jax
import jax.numpy as jnp
import keras
import numpy as np

import generator

BATCHES = 3


def half(values):
    """To what a 16-bit float holds: it is stored as such."""
    return np.asarray(values).astype(np.float16).astype(np.float32)


def draw_pred(rng, kind, shape):
    normal = rng.standard_normal(shape)
    if kind == "softmax":
        e = np.exp(1.5 * normal)
        return half(e / e.sum(-1, keepdims=True))
    if kind == "sigmoid":
        return half(1 / (1 + np.exp(-1.5 * normal)))
    if kind == "edges":  # probabilities, and what is clipped
        return half(rng.choice([0, 1, 0.25, 0.5, 0.125], shape))
    return half(np.abs(normal) + 0.1 if kind == "positive" else normal)


def draw_true(rng, kind, shape):
    classes = shape[-1]
    if kind == "labels":
        return rng.integers(0, classes, shape[:-1]).astype(np.float32)
    if kind == "one hot":
        return np.eye(classes, dtype=np.float32)[rng.integers(0, classes, shape[:-1])]
    if kind == "soft":
        weights = rng.integers(1, 5, shape)
        return half(weights / weights.sum(-1, keepdims=True))
    if kind == "binary":
        return rng.integers(0, 2, shape).astype(np.float32)
    if kind == "signs":
        return rng.choice([-1, 1], shape).astype(np.float32)
    return draw_pred(rng, kind, shape)


# ---- Losses ----

def perceptron(y_true, y_pred):
    """Keras and PyTorch lack it; Rosenblatt 1958, Collins 2002: see src/train/loss_rows.c."""
    if y_pred.shape[-1] == 1:
        return jnp.maximum(0.0, -(2.0 * (y_true[..., 0] > 0) - 1.0) * y_pred[..., 0])
    return jnp.max(y_pred, -1) - jnp.sum(y_true * y_pred, -1)


class Perceptron(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return perceptron(y_true, y_pred)


def class_of(name):
    return {"kl_divergence": "KLDivergence", "perceptron": Perceptron}.get(
        name, "".join(part.capitalize() for part in name.split("_")))


def keras_loss(name, args):
    kind = class_of(name)
    return (kind if isinstance(kind, type) else getattr(keras.losses, kind))(**args)


def write_loss_case(out, yaml, name, loss, args, shape, true, pred, weighted):
    rng = np.random.default_rng(generator.seed_of(name))
    y_pred, y_true = draw_pred(rng, pred, shape), draw_true(rng, true, shape)
    # one number a sample, with as many axes as the losses of the rows: Keras aligns shapes at the end
    ones = (1,) * (len(shape) - 2)
    weight = half(rng.integers(0, 5, shape[:1] + ones) / 2) if weighted else None
    kept = keras_loss(loss, args)
    value, dy = jax.value_and_grad(
        lambda y: kept(jnp.asarray(y_true, "float64"), y,
                       None if weight is None else jnp.asarray(weight, "float64")))(
                           jnp.asarray(y_pred, "float64"))
    assert value.dtype == dy.dtype == np.float64
    out.case("losses/" + name, loss=yaml({loss: args}), samples=shape[0])
    out.put("y_true", y_true)
    out.put("y_pred", y_pred)
    if weighted:
        out.put("weight", weight.ravel())
    out.put("value", value)
    out.put("dy", dy)


# ---- Metrics ----

def keras_metric(kind, args, shape, true):
    if kind == "accuracy":
        kind = ("BinaryAccuracy" if shape[-1] == 1 else
                "SparseCategoricalAccuracy" if true == "labels" else "CategoricalAccuracy")
    if hasattr(keras.metrics, kind) and isinstance(getattr(keras.metrics, kind), type):
        return getattr(keras.metrics, kind)(**args)
    if hasattr(keras.metrics, class_of(kind)):
        return getattr(keras.metrics, class_of(kind))(**args)
    function = getattr(keras.losses, kind)
    return keras.metrics.MeanMetricWrapper(lambda t, y: function(t, y, **args))


def write_metric_case(out, yaml, name, kind, args, shape, true, pred):
    rng = np.random.default_rng(generator.seed_of(name))
    metric = keras_metric(kind, args, shape, true)
    drawn = [(draw_true(rng, true, shape), draw_pred(rng, pred, shape)) for _ in range(BATCHES)]
    results = []
    for y_true, y_pred in drawn:
        metric.update_state(jnp.asarray(y_true, "float64"), jnp.asarray(y_pred, "float64"))
        results.append(float(metric.result()))
    out.case("metrics/" + name, metric=yaml({kind: args}), samples=shape[0])
    out.put("y_true", [y_true for y_true, _ in drawn])
    out.put("y_pred", [y_pred for _, y_pred in drawn])
    out.put("results", results)
