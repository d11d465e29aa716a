#!/usr/bin/env python3
"""Makes tests/unit/keras_file.h5, a small model as Keras saves it, and prints the first and the last
number of each weight, which tests/unit/test_weights.c expects.

    pip install keras jax h5py && python3 tests/golden/keras_file.py
"""
import os

os.environ["KERAS_BACKEND"] = "jax"
import keras
from keras import layers

keras.utils.set_random_seed(1)
model = keras.Sequential([
    keras.Input((6, 6, 1)),
    layers.Conv2D(2, 3, padding="same", name="c1"),
    layers.BatchNormalization(name="b1"),
    layers.Flatten(),
    layers.Dense(3, name="old_head"),
])
model.save(os.path.join(os.path.dirname(__file__), "../unit/keras_file.h5"))
for weight in model.weights:
    flat = weight.numpy().ravel()
    print(weight.path, weight.shape, *(f"{v:.9g}" for v in (flat[0], flat[-1])))
