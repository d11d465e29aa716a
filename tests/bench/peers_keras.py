"""Times Keras with TensorFlow on an experiment: plain, or jit (jit_compile). A step is
train_on_batch with tensors that are there already."""
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import tensorflow

from experiment import Experiment
from steps import measure, parse_arguments, report

HAVE_ACTIVATION = ("Conv2D", "Dense")


def regularizer_of(entry):
    if not entry:
        return None
    name, arguments = next(iter(entry.items()))
    return getattr(keras.regularizers, name)(**arguments)


def build(experiment):
    values = {"input": keras.Input(experiment.input)}
    for layer in experiment.layers:
        args = dict(layer.args)
        for key in args:
            if key.endswith("_regularizer"):
                args[key] = regularizer_of(args[key])
        if layer.kind in HAVE_ACTIVATION:
            args["activation"] = layer.activation
        inputs = [values[name] for name in layer.inputs]
        y = getattr(keras.layers, layer.kind)(**args)(inputs if len(inputs) > 1 else inputs[0])
        if layer.kind not in HAVE_ACTIVATION and layer.activation != "linear":
            y = keras.layers.Activation(layer.activation)(y)
        values[layer.name] = y
    return keras.Model(values["input"], y)


def main():
    options = parse_arguments(["plain", "jit"])
    experiment = Experiment(options.experiment)
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    model = build(experiment)
    model.compile(
        getattr(keras.optimizers, experiment.optimizer)(**experiment.optimizer_args),
        "sparse_categorical_crossentropy",
        jit_compile=options.mode == "jit",
    )
    x = tensorflow.random.uniform((options.batch, *experiment.input))
    y = tensorflow.random.uniform((options.batch,), 0, experiment.classes, "int32")

    def step():
        model.train_on_batch(x, y)

    report(measure(step, options.batch, options.seconds, keras.__version__))


main()
