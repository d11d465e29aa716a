"""Makes a set of made-up images for test_keras_load.sh: keras_data.py FILE.h5 SAMPLES HEIGHT WIDTH
CHANNELS. It has x, float32 in [0, 1), and y, class numbers below 10."""

import sys

import h5py
import numpy as np


def main():
    path, shape = sys.argv[1], tuple(int(text) for text in sys.argv[2:])
    with h5py.File(path, "w") as file:
        file["x"] = np.random.default_rng(1).random(shape, np.float32)
        file["y"] = np.arange(shape[0], dtype=np.int32) % 10


if __name__ == "__main__":
    main()
