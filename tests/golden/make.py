#!/usr/bin/env python3
"""Makes AREA.h5: what Keras 3 on JAX (CPU) computes for the models of cases_AREA.py.

    pip install keras jax h5py && python3 tests/golden/make.py [AREA ...]

All areas, if none is named. A module of cases may have CASES, OPTIMIZERS, UPDATES, SCHEDULES,
PLATEAUS, MODELS, LOSSES and METRICS, and in OWN classes that Keras lacks. A file has two datasets:
`numbers`, all arrays of all cases one after the other, and `contents`, a text that says what they are,
in the same order, a line each (a dataset or group for each array would make the file several times
larger). The versions are attributes of the file. Lines of contents:

    case layers/NAME | optimizers/NAME | updates/NAME | schedules/NAME | plateaus/NAME |
         models/NAME | losses/NAME | metrics/NAME
    model, loss, optimizer, metric, schedule, callback    as in an experiment
    exclude                   a word in the paths of parameters that do not decay
    samples                   how many there are in x
    array NAME DIM DIM ...    the next numbers, in row-major order

layers   x, w/LAYER/PARAMETER (trainable or not), y (inference); unless the case is for inference
         only, all in training mode: y_true, y_train (where it differs from y), loss, dx,
         dw/LAYER/PARAMETER, after/LAYER/STATISTIC; where there is a penalty, loss_reg and its
         gradient dr/LAYER/PARAMETER.
         loss is the sum over samples of the mean over the numbers of a sample, without the penalty
         loss_reg; dx and dw are gradients of loss. Where the last layer's softmax or sigmoid meets
         its crossentropy, the loss is computed from logits; Keras would clip the probabilities.
optimizers   w0[n], g[steps,n], w[steps,n]
updates  after/LAYER/PARAMETER[SAMPLES + 1] after UPDATE_STEPS: the elements at i*size/SAMPLES, then the
         norm of all; average/LAYER/PARAMETER likewise with use_ema. Parameters are those of generator.py,
         the gradient of step t is numbers(seed of "g/LAYER/PARAMETER", size, t*size).
schedules    steps[n], rates[n]
plateaus watched[n], rates[n]: the learning rate, 0.1 at first, after each epoch
models   losses[STEPS] (mean over samples, before each step) and for each parameter after the last step
         after/LAYER/PARAMETER[SAMPLES + 2]: the elements at i*size/SAMPLES, then the norm of all, then
         the error that Keras has in float32: |difference of the elements| / |elements|.
         Parameters and batches are those of generator.py; SGD by RATE and MOMENTUM.
losses, metrics   see scores.py

Keras computes in float64 from inputs that float32 holds, and results are rounded to float32: what
differs from them is an error of ours, and not of both.
"""
import glob
import importlib
import inspect
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
import h5py
import jax
import jax.numpy as jnp
import keras
import numpy as np

import generator
import scores

jax.config.update("jax_default_matmul_precision", "highest")
SAMPLES = 64
STEPS = 3
UPDATE_STEPS = 4
MSE = "mean_squared_error"
# Layers that pass everything on in inference, and would bring a generator's state.
RANDOM = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout")
MERGING = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")
FROM_LOGITS = {("softmax", "sparse_categorical_crossentropy"),
               ("softmax", "categorical_crossentropy"), ("sigmoid", "binary_crossentropy")}


# ---- A model as text, and as Keras's ----

def yaml_value(value):
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {yaml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(yaml_value, value)) + "]"
    return str(value)


def yaml_model(shape, layers):
    """On one line."""
    return yaml_value({"input": shape, "layers": [{kind: args} for kind, args in layers]})


def regularizer(spec):
    if isinstance(spec, str):
        return getattr(keras.regularizers, spec)()
    (kind, value), = spec.items()
    make = getattr(keras.regularizers, kind)
    return make(**value) if isinstance(value, dict) else make(value)


def constraint(spec):
    if isinstance(spec, str):
        return getattr(keras.constraints, spec)()
    (kind, value), = spec.items()
    value = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
    return getattr(keras.constraints, kind)(**value)


def keras_layer(kind, args):
    """The layer and the activation to follow it, for layers that have none in Keras."""
    # on JAX Keras refuses synchronized; its batch is the whole one
    args = {k: v for k, v in args.items() if k not in ("inputs", "synchronized")}
    for key in args:
        if key.endswith("_regularizer"):
            args[key] = regularizer(args[key])
        if key.endswith("_constraint"):
            args[key] = constraint(args[key])
        if isinstance(args[key], list):
            args[key] = tuple(tuple(v) if isinstance(v, list) else v for v in args[key])
    activation = "linear"
    if kind in RANDOM:
        return keras.layers.Identity(name=args["name"]), activation
    layer = getattr(keras.layers, kind)
    if "activation" not in inspect.signature(layer).parameters:
        activation = args.pop("activation", "linear")
    return layer(**args), activation


def keras_model(shape, layers, loss):
    """The model, and one that ends before the last activation where the loss wants logits."""
    outputs = {"input": keras.Input(tuple(shape))}
    last = "input"
    for i, (kind, args) in enumerate(layers):
        logits_wanted = (args.get("activation"), loss) in FROM_LOGITS and i == len(layers) - 1
        if logits_wanted:
            args = dict(args, activation="linear")
        layer, activation = keras_layer(kind, args)
        read = [outputs[name] for name in args.get("inputs", [last])]
        y = layer(read if kind in MERGING else read[0])
        if activation != "linear":
            y = keras.layers.Activation(activation)(y)
        last = args["name"]
        outputs[last] = y
    model = keras.Model(outputs["input"], outputs[last])
    final = layers[-1][1].get("activation", "linear") if logits_wanted else "linear"
    return model, getattr(keras.activations, final), logits_wanted


def set_precision(dtype):
    # or Keras on JAX rounds the results of some functions (tanh, sqrt) to float32
    keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = dtype
    jax.config.update("jax_enable_x64", dtype == "float64")
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


def path_of(variable):
    return "/".join(variable.path.split("/")[-2:])


def loss_sum(loss, y_true, y, logits):
    """The sum over samples of the mean over all that a sample has."""
    args = (y_true, y) if loss.startswith("mean") else (y_true, y, logits)
    return jnp.mean(getattr(keras.losses, loss)(*args)) * y.shape[0]


class Compiled:
    """A model with its loss as pure functions."""

    def __init__(self, shape, layers, loss):
        self.model, self.final, self.logits = keras_model(shape, layers, loss)
        self.loss = loss
        self.trainable = [path_of(v) for v in self.model.trainable_variables]
        self.other = [path_of(v) for v in self.model.non_trainable_variables]

    def objective(self, trainable, x, other, y_true):
        y, after, penalties = self.model.stateless_call(trainable, other, x, training=True,
                                                        return_losses=True)
        return loss_sum(self.loss, y_true, y, self.logits), (y, after, sum(penalties))

    def penalty(self, trainable, x, other, y_true):
        return jnp.asarray(self.objective(trainable, x, other, y_true)[1][2], x.dtype)


# ---- Writing ----

class Golden:
    """Collects what goes into the file."""

    def __init__(self):
        self.lines, self.arrays = [], []

    def case(self, name, **texts):
        self.lines.append(f"case {name}")
        self.lines += [f"{key} {value}" for key, value in texts.items()]

    def put(self, name, values):
        values = np.asarray(values, np.float32)
        self.lines.append(" ".join(["array", name, *map(str, values.shape)]))
        self.arrays.append(values.ravel())

    def write(self, path):
        text = np.frombuffer("".join(line + "\n" for line in self.lines).encode(), np.uint8)
        packed = dict(compression="gzip", compression_opts=9, shuffle=True)
        with h5py.File(path, "w", libver=("v108", "v108")) as file:
            file.create_dataset("contents", data=text, **packed)
            file.create_dataset("numbers", data=np.concatenate(self.arrays), **packed)
            for module in (keras, jax, np):
                file.attrs[module.__name__] = np.bytes_(module.__version__)


# ---- Layers ----

def drawn(rng, shape, spread=1.0):
    """Normal numbers that a 16-bit float holds: they are stored as such."""
    return (rng.standard_normal(shape) * spread).astype(np.float16).astype(np.float32)


def draw_x(rng, shape, data):
    if data == "few values":
        return rng.integers(-1, 2, shape).astype(np.float32)
    if data == "extreme":
        return rng.choice(np.float32([-40, 40, 0, 39.5, -90, 90]), shape)
    x = drawn(rng, shape, {"large": 12.0}.get(data, 1.0))
    return x + np.float32(8) if data == "large mean" else x


def draw_y_true(rng, shape, loss, data):
    if loss == "sparse_categorical_crossentropy":
        return rng.integers(0, shape[-1], shape[:1])
    if data == "soft":
        weights = rng.integers(1, 5, shape)
        full = 16 if loss.startswith("binary") else weights.sum(-1, keepdims=True)
        return (weights / full).astype(np.float16).astype(np.float32)
    if loss == "categorical_crossentropy":
        return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:1])]
    if loss == "binary_crossentropy":
        return rng.integers(0, 2, shape)
    return draw_x(rng, shape, data if data == "few values" else "")


def draw_weight(rng, path, shape):
    kind = path.split("/")[1]
    if kind.endswith("kernel"):
        return drawn(rng, shape, 1.5 / np.sqrt(np.prod(shape[:-1])))
    if kind in ("gamma", "moving_variance"):
        return (np.abs(drawn(rng, shape, 0.5)) + 0.5).astype(np.float16).astype(np.float32)
    return drawn(rng, shape, 0.5)


def write_layer_case(out, name, shape, layers, loss, n, data):
    rng = np.random.default_rng(generator.seed_of(name))
    c = Compiled(shape, layers, loss)
    weights = {path_of(v): draw_weight(rng, path_of(v), v.shape) for v in c.model.weights}
    x = draw_x(rng, (n,) + tuple(shape), data)
    trainable = [jnp.asarray(weights[p], "float64") for p in c.trainable]
    other = [jnp.asarray(weights[p], "float64") for p in c.other]
    y = c.final(c.model.stateless_call(trainable, other, jnp.asarray(x, "float64"), training=False)[0])

    out.case("layers/" + name, model=yaml_model(shape, layers), loss=loss, samples=n)
    out.put("x", x)
    out.put("y", y)
    for path, value in weights.items():
        out.put("w/" + path, value)
    if data != "inference only":
        y_true = draw_y_true(rng, (n,) + c.model.output_shape[1:], loss, data).astype(np.float32)
        put_training(out, c, (trainable, jnp.asarray(x, "float64"), other, jnp.asarray(y_true, "float64")), y)


def put_training(out, c, args, y):
    (value, (raw, after, penalty)), (dw, dx) = jax.value_and_grad(
        c.objective, argnums=(0, 1), has_aux=True)(*args)
    assert value.dtype == dx.dtype == np.float64
    y_train = c.final(raw)
    if np.abs(np.asarray(y_train - y)).max() > 1e-6:
        out.put("y_train", y_train)
    out.put("y_true", args[3])
    out.put("loss", value)
    out.put("dx", dx)
    for path, gradient in zip(c.trainable, dw):
        out.put("dw/" + path, gradient)
    for path, statistic in zip(c.other, after):
        out.put("after/" + path, statistic)
    if c.model.losses:
        out.put("loss_reg", penalty)
        for path, gradient in zip(c.trainable, jax.grad(c.penalty)(*args)):
            out.put("dr/" + path, gradient)


# ---- Optimizers ----

def write_optimizer_case(out, name, kind, args):
    rng = np.random.default_rng(generator.seed_of(name))
    n, steps = 12, 5
    w0, g = drawn(rng, n), drawn(rng, (steps, n))
    g[:, 0] = 0            # never a gradient
    g[2:, 1] = 0           # no more gradient
    g[:, 2] *= 1e-4        # small, large
    g[:, 3] *= 1e3
    variable = keras.Variable(w0, dtype="float64")
    optimizer = getattr(keras.optimizers, kind)(**args)
    w = []
    for step in range(steps):
        optimizer.apply([jnp.asarray(g[step], "float64")], [variable] if step == 0 else None)
        w.append(np.asarray(variable.value))
    out.case("optimizers/" + name, optimizer=yaml_value({kind: args}))
    out.put("w0", w0)
    out.put("g", g)
    out.put("w", w)


def schedule_of(own, kind, args):
    return own[kind](**args) if kind in own else getattr(keras.optimizers.schedules, kind)(**args)


def optimizer_of(own, kind, args, exclude, multiplier):
    args = dict(args)
    rate = args.get("learning_rate")
    if isinstance(rate, dict):
        (name, values), = rate.items()
        args["learning_rate"] = schedule_of(own, name, values)
    if multiplier != 1.0:
        args["learning_rate"] *= multiplier
    if kind in own:
        return own[kind](**args)
    optimizer = getattr(keras.optimizers, kind)(**args)
    if exclude:
        optimizer.exclude_from_weight_decay(var_names=[exclude])
    return optimizer


def with_norm(value):
    return [*samples_of(value), np.linalg.norm(np.asarray(value, np.float64))]


def write_update_case(out, own, name, shape, layers, kind, args, more):
    c = Compiled(shape, layers, MSE)
    exclude, multiplier = more.get("exclude"), more.get("multiplier", {})
    variables = dict(zip(c.trainable, c.model.trainable_variables))
    groups = {}  # an optimizer for each learning rate
    for path, variable in variables.items():
        variable.assign(generator.parameter(path, variable.shape))
        groups.setdefault(multiplier.get(path.split("/")[0], 1.0), []).append(path)
    optimizers = {m: optimizer_of(own, kind, args, exclude, m) for m in groups}
    for step in range(UPDATE_STEPS):
        w = [jnp.asarray(v.value) for v in variables.values()]
        x = jnp.zeros((1,) + tuple(shape), "float64")
        y = jnp.zeros((1,) + c.model.output_shape[1:], "float64")
        penalty = dict(zip(variables, jax.grad(c.penalty)(w, x, [], y)))
        g = {path: penalty[path] + generator.numbers(
                generator.seed_of("g/" + path), int(np.prod(v.shape)),
                step * int(np.prod(v.shape))).reshape(v.shape).astype("float64")
             for path, v in variables.items()}
        for m, paths in groups.items():
            if kind in own:
                for path in paths:
                    variables[path].assign(optimizers[m].step(
                        path, variables[path].value, g[path], jnp.linalg.norm))
            else:
                optimizers[m].apply([g[path] for path in paths], [variables[path] for path in paths])
    texts = dict(exclude=exclude) if exclude else {}
    for _, arguments in layers:
        if arguments["name"] in multiplier:
            arguments["learning_rate_multiplier"] = multiplier[arguments["name"]]
    out.case("updates/" + name, model=yaml_model(shape, layers), optimizer=yaml_value({kind: args}),
             **texts)
    for path, variable in variables.items():
        out.put("after/" + path, with_norm(variable.value))
    if args.get("use_ema"):
        for path, average in zip(variables, optimizers[1.0]._model_variables_moving_average):
            out.put("average/" + path, with_norm(average.value))


def write_schedule_case(out, own, name, kind, args, steps):
    rate = schedule_of(own, kind, args)
    out.case("schedules/" + name, schedule=yaml_value({kind: args}))
    out.put("steps", steps)
    out.put("rates", [float(rate(step)) for step in steps])


class Plateau:
    """As much of a model as ReduceLROnPlateau looks at."""

    def __init__(self):
        self.optimizer = keras.optimizers.SGD(0.1)


def write_plateau_case(out, name, args, watched):
    callback, model, rates = keras.callbacks.ReduceLROnPlateau(**args), Plateau(), []
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(watched):
        callback.on_epoch_end(epoch, {"val_loss": value})
        rates.append(float(model.optimizer.learning_rate))
    out.case("plateaus/" + name, callback=yaml_value({"ReduceLROnPlateau": args}))
    out.put("watched", watched)
    out.put("rates", rates)


# ---- Whole models ----

BATCH, RATE, MOMENTUM = 8, np.float32(0.01), np.float32(0.9)


def train(shape, layers, loss, dtype):
    """Losses before each step, and the parameters after the last."""
    set_precision(dtype)
    c = Compiled(shape, layers, loss)
    make = {path_of(v): generator.parameter(path_of(v), v.shape) for v in c.model.weights}
    trainable = [jnp.asarray(make[p], dtype) for p in c.trainable]
    other = [jnp.asarray(make[p], dtype) for p in c.other]
    velocity = [jnp.zeros_like(w) for w in trainable]
    gradient = jax.jit(jax.value_and_grad(c.objective, has_aux=True))
    losses = []
    for step in range(STEPS):
        x, labels = generator.batch(step, BATCH, shape, 10)
        (value, (_, other, _)), dw = gradient(trainable, jnp.asarray(x, dtype), other,
                                              jnp.asarray(labels))
        velocity = [MOMENTUM.astype(dtype) * v - RATE.astype(dtype) * (g / BATCH)
                    for v, g in zip(velocity, dw)]
        trainable = [w + v for w, v in zip(trainable, velocity)]
        assert value.dtype == dw[0].dtype == dtype
        losses.append(float(value) / BATCH)
    return losses, dict(zip(c.trainable + c.other, trainable + list(other)))


def samples_of(value):
    flat = np.asarray(value, np.float64).ravel()
    return flat[np.arange(SAMPLES) * flat.size // SAMPLES]


def write_model_case(out, name, shape, layers):
    loss = "sparse_categorical_crossentropy"
    losses, exact = train(shape, layers, loss, "float64")
    losses32, single = train(shape, layers, loss, "float32")
    error = {}
    out.case("models/" + name, model=yaml_model(shape, layers), loss=loss, samples=BATCH)
    out.put("losses", losses)
    for path, value in exact.items():
        samples = samples_of(value)
        size = np.linalg.norm(samples) or 1.0  # of a moving mean that stays 0
        error[path] = np.linalg.norm(samples_of(single[path]) - samples) / size
        norm = np.linalg.norm(np.asarray(value, np.float64))
        out.put("after/" + path, [*samples, norm, error[path]])
    worst = max(error, key=error.get)
    print(f"{name}: losses {losses}, Keras in float32 {losses32}; largest error of a parameter "
          f"{error[worst]:.1e} ({worst})")


HERE = os.path.dirname(os.path.abspath(__file__))


def make(area):
    cases = importlib.import_module("cases_" + area)
    path = os.path.join(HERE, area + ".h5")
    out = Golden()
    set_precision("float64")
    for c in getattr(cases, "CASES", []):
        write_layer_case(out, *c)
    for c in getattr(cases, "OPTIMIZERS", []):
        write_optimizer_case(out, *c)
    own = getattr(cases, "OWN", {})
    for c in getattr(cases, "UPDATES", []):
        write_update_case(out, own, *c)
    for c in getattr(cases, "SCHEDULES", []):
        write_schedule_case(out, own, *c)
    for c in getattr(cases, "PLATEAUS", []):
        write_plateau_case(out, *c)
    for name, model in getattr(cases, "MODELS", []):
        write_model_case(out, name, *model())
    for c in getattr(cases, "LOSSES", []):
        scores.write_loss_case(out, yaml_value, *c)
    for c in getattr(cases, "METRICS", []):
        scores.write_metric_case(out, yaml_value, *c)
    out.write(path)
    print(f"{path}: {os.path.getsize(path)} bytes, {sum(l.startswith('case ') for l in out.lines)} cases")


def main():
    modules = glob.glob(os.path.join(HERE, "cases_*.py"))
    every = sorted(os.path.basename(name)[len("cases_"):-len(".py")] for name in modules)
    for area in sys.argv[1:] or every:
        make(area)


if __name__ == "__main__":
    main()
