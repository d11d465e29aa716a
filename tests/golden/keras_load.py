"""Opens a checkpoint of convoy in Keras and compares what the model predicts.

    keras_load.py CHECKPOINT INPUTS OUTPUTS [TOLERANCE]

INPUTS and OUTPUTS are .h5 (its dataset x), .npz (its first array), raw little-endian float32, or, for
OUTPUTS, .json (the lines of `convoy predict --probabilities --json`). The model must come compiled,
predict OUTPUTS from INPUTS with no difference above TOLERANCE (1e-5), and be able to go on training.
"""

import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import h5py
import keras
import numpy as np


def read(path):
    if path.endswith(".npz"):
        arrays = np.load(path)
        return arrays[arrays.files[0]]
    if path.endswith(".h5"):
        with h5py.File(path, "r") as file:
            return file["x"][...]
    if path.endswith(".json"):
        with open(path, encoding="utf-8") as file:
            return np.array([json.loads(line)["output"] for line in file], np.float32)
    return np.fromfile(path, "<f4")


def check_names(path, model):
    """The file lists the layers that Keras sees, and the weights of each, as Keras would."""
    with h5py.File(path, "r") as file:
        weights = file["model_weights"]
        found = [name.decode() for name in weights.attrs["layer_names"]]
        expected = [layer.name for layer in model.layers]
        assert found == expected, f"layer_names are {found}; Keras has {expected}"
        for layer in model.layers:
            ordered = layer.trainable_weights + layer.non_trainable_weights
            found = [name.decode() for name in weights[layer.name].attrs["weight_names"]]
            expected = [f"{layer.name}/{weight.name}" for weight in ordered]
            assert found == expected, f"weight_names are {found}; Keras has {expected}"


def loss_name(model):
    return getattr(model.loss, "__name__", None) or getattr(model.loss, "name", model.loss)


def labels(model, count):
    """Some labels of the form that the loss takes."""
    if loss_name(model).startswith("sparse"):
        return np.zeros(count, np.int32)
    return np.full((count, *model.output_shape[1:]), 0.5, np.float32)


def main():
    path, inputs, outputs = sys.argv[1:4]
    tolerance = float(sys.argv[4]) if len(sys.argv) > 4 else 1e-5
    model = keras.models.load_model(path)
    check_names(path, model)
    x = read(inputs).reshape(-1, *model.input_shape[1:]).astype(np.float32)
    y = model.predict(x, verbose=0)
    expected = read(outputs).reshape(-1, *model.output_shape[1:])
    assert y.shape == expected.shape, f"{y.shape} predictions; convoy has {expected.shape}"
    difference = float(np.max(np.abs(y - expected)))
    assert difference <= tolerance, f"predictions differ by {difference}; allowed is {tolerance}"
    assert model.compiled, "the model is not compiled: training_config was not understood"
    model.fit(x, labels(model, len(x)), batch_size=len(x), verbose=0)
    print(
        f"{path}: {type(model).__name__} of {len(model.layers)} layers, {len(x)} predictions,"
        f" largest difference {difference:.1e}; {type(model.optimizer).__name__}, {loss_name(model)};"
        f" Keras {keras.__version__}, {keras.backend.backend()}"
    )


if __name__ == "__main__":
    main()
