#!/usr/bin/python3
"""Makes the two IDX files of this folder from scikit-learn's digits.csv.gz (see README.md).

usage: make.py [/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz]
"""

import csv
import gzip
import os
import struct
import sys

DEBIAN = "/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz"
SAMPLES, SIDE, LEVELS, CLASSES = 1797, 8, 17, 10


def read(path):
    """The pixels and labels of a file of 64 pixels and a label a line, all checked."""
    images, labels = bytearray(), bytearray()
    with gzip.open(path, "rt", newline="") as lines:
        for number, row in enumerate(csv.reader(lines), 1):
            values = [int(cell) for cell in row]
            pixels, label = values[:-1], values[-1]
            if len(pixels) != SIDE * SIDE or max(pixels) >= LEVELS or label >= CLASSES:
                sys.exit(f"{path}:{number}: not 64 pixels below 17 and a label below 10")
            images += bytes(pixels)
            labels.append(label)
    if len(labels) != SAMPLES:
        sys.exit(f"{path}: has {len(labels)} lines, expected {SAMPLES}")
    return images, labels


def write(path, shape, values):
    """An IDX file of bytes: 0, 0, type 8, number of axes, the axes big-endian, the values."""
    with open(path, "wb") as out:
        out.write(struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape))
        out.write(values)


def main():
    images, labels = read(sys.argv[1] if len(sys.argv) > 1 else DEBIAN)
    folder = os.path.dirname(os.path.abspath(__file__))
    write(os.path.join(folder, "images-idx3-ubyte"), (SAMPLES, SIDE, SIDE), images)
    write(os.path.join(folder, "labels-idx1-ubyte"), (SAMPLES,), labels)


main()
