"""Numbers that Python and C make alike: tests/unit/golden.c has the same functions.

number(seed, i) is a hash of 32 bits (the finalizer of MurmurHash3) of i and a seed; its 24 high bits
give a float32 in [-1, 1) without rounding. Everything after that is one correctly rounded float32
operation at a time, so both languages give the same bits."""
import numpy as np


def seed_of(text):
    """FNV-1a, 32 bits."""
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def words(seed, count, first=0):
    h = np.arange(first, first + count, dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(seed)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return h


def numbers(seed, count, first=0):
    """float32, uniform in [-1, 1)."""
    high = (words(seed, count, first) >> np.uint32(8)).astype(np.int32)
    return (high - np.int32(1 << 23)).astype(np.float32) * np.float32(2.0**-23)


def parameter(path, shape):
    """The initial values of a parameter of a whole model: kernels by the size of their inputs (He),
    gamma in [0.75, 1.25), the rest small; moving_mean 0, moving_variance 1."""
    kind = path.rsplit("/", 1)[1]
    count = int(np.prod(shape))
    if kind in ("moving_mean", "moving_variance"):
        return np.full(shape, 0 if kind == "moving_mean" else 1, np.float32)
    v = numbers(seed_of(path), count)
    if kind == "kernel":
        v = v * np.sqrt(np.float32(6) / np.float32(count // shape[-1]))
    elif kind == "gamma":
        v = np.float32(1) + v * np.float32(0.25)
    else:
        v = v * np.float32(0.125)
    return v.reshape(shape)


def batch(step, n, shape, classes):
    """The samples and labels of a step; steps are counted from 0."""
    count = n * int(np.prod(shape))
    x = numbers(seed_of("x"), count, step * count).reshape((n,) + tuple(shape))
    labels = words(seed_of("labels"), n, step * n) % np.uint32(classes)
    return x, labels.astype(np.int32)
