#!/usr/bin/env python3
"""Makes data.h5 and the pictures in tests/fuzz/seeds/image: what Pillow, OpenCV and Keras make of
pictures, for tests/unit/test_images.c and test_augment.c.

    pip install keras jax h5py pillow opencv-python-headless && python3 tests/golden/make_data.py

The form of data.h5 is that of make.py. Cases:

images/NAME   model: arguments of the format images, without the folder; the file is NAME up to "?".
              array y: the numbers of the picture. Where they come from a resizing they are not
              rounded, and ours are to lie within half a step of them.
samples       arrays x, t: samples of a set, values 0 to 255, and their targets.
augment/NAME  model: the list data.augment. arrays y, u: what samples and targets are to become in
              epoch EPOCH with seed SEED, all in one step; u only where targets change.
"""
import io
import os
import struct

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
import cv2
import h5py
import jax
import keras
import numpy as np
import PIL
from PIL import Image, ImageOps

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = os.path.join(HERE, "..", "fuzz", "seeds", "image")
SEED, EPOCH = 5, 3


class Golden:
    def __init__(self):
        self.lines, self.numbers = [], []

    def case(self, name, model):
        self.lines += [f"case {name}", f"model {model}"]

    def array(self, name, values):
        values = np.asarray(values, np.float32)
        self.lines.append(" ".join(["array", name, *map(str, values.shape)]))
        self.numbers.append(values.ravel())

    def write(self, path):
        text = np.frombuffer(("\n".join(self.lines) + "\n").encode(), np.uint8)
        packed = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
        with h5py.File(path, "w", libver=("v108", "v108")) as file:
            file.create_dataset("contents", data=text, **packed)
            file.create_dataset("numbers", data=np.concatenate(self.numbers), **packed)
            for module in (keras, jax, np, cv2, PIL):
                file.attrs[module.__name__] = np.bytes_(module.__version__)


golden = Golden()


# ---- Pictures ----

def scene(height, width, channels):
    """Smooth and edged, so that wrong rows, columns and channels show."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [(x * 255) // max(width - 1, 1), (y * 255) // max(height - 1, 1),
              ((x // 3 + y // 2) % 2) * 200 + 20, (x * y) % 256]
    return np.stack(planes[:channels], axis=-1).astype(np.uint8)


def save(name, image, **options):
    os.makedirs(SEEDS, exist_ok=True)
    image.save(os.path.join(SEEDS, name), **options)


def expect(name, options, values):
    golden.case(f"images/{name}", options)
    golden.array("y", values)


def load(name, mode="RGB"):
    with Image.open(os.path.join(SEEDS, name)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert(mode))


def exif(orientation, big):
    order = ">" if big else "<"
    head = b"MM\0*" if big else b"II*\0"
    return b"Exif\0\0" + head + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0,
                                            0)


def raw_png(width, height, depth, colour, rows):
    """What Pillow does not write."""
    import zlib

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) +
            chunk(b"IEND", b""))


def pictures():
    rgb, grey = scene(13, 17, 3), scene(13, 17, 1)[..., 0]
    save("rgb.png", Image.fromarray(rgb))
    save("grey.png", Image.fromarray(grey))
    save("rgba.png", Image.fromarray(scene(7, 9, 4)))
    save("grey_alpha.png", Image.fromarray(scene(7, 9, 4)[..., [0, 3]], "LA"))
    save("palette.png", Image.fromarray(rgb).quantize(7))
    save("palette_alpha.png", Image.fromarray(rgb).quantize(7), transparency=2)
    save("bilevel.png", Image.fromarray(grey > 99))
    for name in ("rgb.png", "grey.png", "rgba.png", "grey_alpha.png", "palette.png",
                 "palette_alpha.png", "bilevel.png"):
        expect(name, "", load(name))
    expect("rgb.png?grey", "color_mode: grayscale", load("rgb.png", "L")[..., None])
    expect("palette.png?grey", "color_mode: grayscale", load("palette.png").dot(
        [19595, 38470, 7471])[..., None] + 32768 >> 16)
    for name in ("rgba.png", "grey_alpha.png", "rgb.png", "palette_alpha.png"):
        expect(name + "?alpha", "color_mode: rgba", load(name, "RGBA"))
    for depth in (2, 4):
        values = np.arange(8) % (1 << depth)
        packed = np.packbits((values[:, None] >> np.arange(depth)[::-1] & 1).astype(np.uint8))
        with open(os.path.join(SEEDS, f"grey{depth}.png"), "wb") as file:
            file.write(raw_png(8, 2, depth, 0, [packed.tobytes()] * 2))
        row = np.round(values * 255 / ((1 << depth) - 1))
        expect(f"grey{depth}.png", "color_mode: grayscale", np.stack([row, row])[..., None])
    deep = (np.arange(12 * 3) * 1861 % 65536).reshape(4, 3, 3)
    with open(os.path.join(SEEDS, "rgb16.png"), "wb") as file:
        file.write(raw_png(3, 4, 16, 2, [row.astype(">u2").tobytes() for row in deep]))
    expect("rgb16.png", "", np.floor(deep / 257 + 0.5))
    smooth = Image.fromarray(cv2.GaussianBlur(scene(29, 37, 3), (5, 5), 2))
    for name, options in {"444.jpg": {"subsampling": 0}, "422.jpg": {"subsampling": 1},
                          "420.jpg": {"subsampling": 2}, "progressive.jpg": {"progressive": True},
                          "low.jpg": {"quality": 20, "optimize": True}}.items():
        save(name, smooth, **options)
        expect(name, "", load(name))
    save("grey.jpg", smooth.convert("L"))
    expect("grey.jpg", "color_mode: grayscale", load("grey.jpg", "L")[..., None])
    expect("grey.jpg?rgb", "", load("grey.jpg"))
    save("cmyk.jpg", smooth.convert("CMYK"))
    for orientation in range(1, 9):
        name = f"turned{orientation}.jpg"
        save(name, Image.fromarray(scene(8, 16, 3)), quality=60,
             exif=exif(orientation, orientation % 2))
        expect(name, "", load(name))
    save("turned.png", Image.fromarray(scene(5, 6, 3)), exif=exif(6, False))
    expect("turned.png", "", load("turned.png"))
    whole = io.BytesIO()
    smooth.save(whole, "jpeg")
    with open(os.path.join(SEEDS, "truncated.jpg"), "wb") as file:
        file.write(whole.getvalue()[:-200])
    with open(os.path.join(SEEDS, "rgb.png"), "rb") as file:
        bytes_ = file.read()
    with open(os.path.join(SEEDS, "truncated.png"), "wb") as file:
        file.write(bytes_[:-30])
    with open(os.path.join(SEEDS, "huge.png"), "wb") as file:
        file.write(raw_png(60000, 60000, 8, 2, [b""]))


# ---- Resizing ----

def resizing():
    rgb = load("rgb.png")

    def options(how, height, width):
        return f"interpolation: {how}, image_size: [{height}, {width}]"

    for height, width in ((6, 5), (13, 8), (1, 1), (4, 17)):
        expect(f"rgb.png?area{height}x{width}", options("area", height, width),
               cv2.resize(rgb.astype(np.float64), (width, height), interpolation=cv2.INTER_AREA))
    for height, width in ((6, 5), (20, 31), (1, 1), (13, 40), (26, 8)):
        expect(f"rgb.png?bilinear{height}x{width}", options("bilinear", height, width),
               cv2.resize(rgb.astype(np.float64), (width, height), interpolation=cv2.INTER_LINEAR))
        expect(f"rgb.png?nearest{height}x{width}", options("nearest", height, width),
               np.asarray(Image.fromarray(rgb).resize((width, height), Image.NEAREST)))
    # Keras on JAX adds one column less than on TensorFlow where the border is odd: here it is even.
    for height, width in ((8, 8), (5, 9), (6, 2)):
        for how in ("crop", "pad"):
            resized = keras.ops.image.resize(rgb.astype(np.float32), (height, width),
                                             interpolation="bilinear",
                                             **{f"{how}_to_aspect_ratio": True})
            expect(f"rgb.png?{how}{height}x{width}",
                   options("bilinear", height, width) + f", {how}_to_aspect_ratio: true", resized)


# ---- Random numbers, as src/base/rng.c has them ----

MASK = 0xffffffff


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k[0], p1 & MASK, p0 >> 32 ^ c[3] ^ k[1], p0 & MASK]
        k = [k[0] + 0x9E3779B9 & MASK, k[1] + 0xBB67AE85 & MASK]
    return c


class Stream:
    """That of one augmentation (its number in the list) and sample."""
    AUGMENT = 6

    def __init__(self, stage, sample):
        mixed = philox([EPOCH, 0, stage, self.AUGMENT << 24], [SEED, 0])
        self.key, self.a, self.b, self.sample = mixed[:2], mixed[2], mixed[3], sample

    def word(self, i):
        return philox([i // 4, self.sample, self.a, self.b], self.key)[i % 4]

    def uniform(self, i, low=0.0, high=1.0):
        return low + (high - low) * ((self.word(i) >> 8) / 2 ** 24)


# ---- Augmentation ----

def apply(layer, x, transformations):
    """Keras's layer on each sample by itself, with the transformation that was drawn for it."""
    return np.concatenate([
        np.asarray(layer.transform_images(keras.ops.convert_to_tensor(x[i:i + 1]), t))
        for i, t in enumerate(transformations)])


def augmented(name, model, x, y, t=None, u=None):
    golden.case(f"augment/{name}", model)
    golden.array("y", y)
    if t is not None:
        golden.array("u", u)


def affine(x, streams):
    layers = keras.layers
    n, height, width, _ = x.shape
    for fill in ("reflect", "wrap", "nearest", "constant"):
        for how in ("bilinear", "nearest"):
            shared = dict(fill_mode=fill, interpolation=how, fill_value=7.5)
            text = f"fill_mode: {fill}, interpolation: {how}, fill_value: 7.5"
            layer = layers.RandomTranslation([-0.9, 0.4], 0.7, **shared)
            moves = [{"translations": np.float32([[s.uniform(1, -0.7, 0.7) * width,
                                                   s.uniform(0, -0.9, 0.4) * height]])}
                     for s in streams]
            augmented(f"translation_{fill}_{how}", "[{RandomTranslation: {height_factor: "
                      f"[-0.9, 0.4], width_factor: 0.7, {text}}}}}]", x, apply(layer, x, moves))
            layer = layers.RandomZoom([-0.6, 0.8], 0.5, **shared)
            zooms = [{"height_zoom": np.float32([[1 + s.uniform(0, -0.6, 0.8)]]),
                      "width_zoom": np.float32([[1 + s.uniform(1, -0.5, 0.5)]])} for s in streams]
            augmented(f"zoom_{fill}_{how}", "[{RandomZoom: {height_factor: [-0.6, 0.8], "
                      f"width_factor: 0.5, {text}}}}}]", x, apply(layer, x, zooms))
            layer = layers.RandomRotation([-0.1, 0.5], **shared)
            zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
            turns = [{"rotation_matrix": layer._compute_affine_matrix(
                center_x=0.5, center_y=0.5,
                angle=np.float32([360 * s.uniform(0, -0.1, 0.5)]), translate_x=zero,
                translate_y=zero, scale=one, shear_x=zero, shear_y=zero, height=height,
                width=width)} for s in streams]
            augmented(f"rotation_{fill}_{how}", f"[{{RandomRotation: {{factor: [-0.1, 0.5], {text}"
                      "}}]", x, apply(layer, x, turns))
    layer = layers.RandomZoom(0.5)
    zooms = [np.float32([[1 + s.uniform(0, -0.5, 0.5)]]) for s in streams]
    augmented("zoom_one", "[{RandomZoom: 0.5}]", x,
              apply(layer, x, [{"height_zoom": z, "width_zoom": z} for z in zooms]))


def simple(x, streams):
    layers = keras.layers
    n, height, width, channels = x.shape
    for mode in ("horizontal", "vertical", "horizontal_and_vertical"):
        flips = [{"flips": np.array([[[[s.uniform(0) <= 0.5]]]])} for s in streams]
        augmented(f"flip_{mode}", f"[{{RandomFlip: {mode}}}]", x,
                  apply(layers.RandomFlip(mode), x, flips))
    for factor, low, high in (("[0.3, 0.9]", 0.7, 1.9), ("0.8", 0.2, 1.8)):
        drawn = [{"contrast_factor": np.float32([[[[s.uniform(0, low, high)]]]])} for s in streams]
        augmented("contrast_" + factor, f"[{{RandomContrast: {factor}}}]", x,
                  apply(layers.RandomContrast(0.5), x, drawn))
    for value_range in ((0, 255), (0, 150)):
        drawn = [{"rgb_delta": np.float32([[[[s.uniform(0, -0.4, 0.4) * value_range[1]]]]])}
                 for s in streams]
        augmented(f"brightness_{value_range[1]}", "[{RandomBrightness: {factor: 0.4, value_range: "
                  f"[{value_range[0]}, {value_range[1]}]}}}}]", x,
                  apply(layers.RandomBrightness(0.4, value_range), x, drawn))
    padding = 3
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)),
                    constant_values=11)
    places = [(int(s.uniform(0, 0, 2 * padding + 1)), int(s.uniform(1, 0, 2 * padding + 1)))
              for s in streams]
    layer = layers.RandomCrop(height, width)
    augmented("crop", "[{RandomCrop: {padding: 3, fill_value: 11}}]", x,
              apply(layer, padded, places))


def bounds(layer, s, share, length, i):
    start = s.uniform(i) * (length - share * length)
    return np.float32([start]), np.float32([start + share * length])


def erasing(x, streams):
    n, height, width, channels = x.shape
    from scipy.special import ndtri
    for fill in ("40", f"[10, 20, 300]", None):
        layer = keras.layers.RandomErasing(0.9, (0.1, 0.6), fill_value=fill and eval(fill))
        drawn = []
        for s in streams:
            across, down = (np.sqrt(s.uniform(i, 0.1, 0.6)) for i in (0, 1))
            x0, x1 = bounds(layer, s, across, width, 2)
            y0, y1 = bounds(layer, s, down, height, 3)
            noise = np.array([ndtri(((s.word(8 + i) >> 8) + 0.5) / 2 ** 24)
                              for i in range(height * width * channels)])
            value = (np.broadcast_to(np.float32(eval(fill)), x[:1].shape) if fill else
                     noise.reshape(x[:1].shape) * 255)
            drawn.append({"batch_masks": layer._generate_batch_mask(x[:1].shape, (x0, x1, y0, y1)),
                          "apply_erasing": np.array([s.uniform(5) < s.uniform(4, 0, 0.9)]),
                          "fill_value": np.float32(np.clip(value, 0, 255))})
        text = f", fill_value: {fill}" if fill else ""
        augmented(f"erasing_{fill}", "[{RandomErasing: {factor: 0.9, scale: [0.1, 0.6]" + text +
                  "}}]", x, apply(layer, x, drawn))


def log_gamma(s, first, shape):
    """Marsaglia and Tsang, written anew."""
    from scipy.special import ndtri

    def u(i):
        return ((s.word(i) >> 8) + 0.5) / 2 ** 24

    boost = np.log(u(first)) / shape if shape < 1 else 0
    d = (shape + 1 if shape < 1 else shape) - 1 / 3
    i = first + 1
    while True:
        z = ndtri(u(i))
        v = (1 + z / np.sqrt(9 * d)) ** 3
        if v > 0 and np.log(u(i + 1)) < z * z / 2 + d - d * v + d * np.log(v):
            return np.log(d * v) + boost
        i += 2


def beta(s, first, alpha):
    return 1 / (1 + np.exp(log_gamma(s, first + (1 << 20), alpha) - log_gamma(s, first, alpha)))


def partner(s, i, n):
    return (i + 1 + (s.word(0) * (n - 1) >> 32)) % n


def mixed(x, t, streams):
    """Keras's layer on all samples, with the order and weights that were drawn."""
    n, height, width, _ = x.shape
    order = np.array([partner(s, i, n) for i, s in enumerate(streams)])
    for alpha in (0.2, 3.0):
        layer = keras.layers.MixUp(alpha)
        drawn = {"mix_weight": np.float32([beta(s, 4, alpha) for s in streams]),
                 "permutation_order": order}
        augmented(f"mixup_{alpha}", f"[{{MixUp: {alpha}}}]", x,
                  layer.transform_images(x, drawn), t, layer.transform_labels(t, drawn))
    layer = keras.layers.CutMix([0.4, 0.9])
    corners = []
    for s in streams:
        share = np.sqrt(1 - beta(s, 4, s.uniform(1, 0.4, 0.9) + 1e-6))
        corners.append([*bounds(layer, s, share, width, 2), *bounds(layer, s, share, height, 3)])
    x0, x1, y0, y1 = (np.concatenate(c) for c in zip(*corners))
    masks, weight = layer._generate_batch_mask(x.shape, (x0, x1, y0, y1))
    drawn = {"batch_masks": masks, "mix_weight": weight, "permutation_order": order}
    augmented("cutmix", "[{CutMix: [0.4, 0.9]}]", x, layer.transform_images(x, drawn), t,
              layer.transform_labels(t, drawn))


def chained(x, t):
    """A flip before and a brightness behind a mixture: the partner is flipped by its own draw."""
    n = len(x)
    flipped = np.concatenate([x[i:i + 1, :, ::-1] if Stream(0, i).uniform(0) <= 0.5 else
                              x[i:i + 1] for i in range(n)])
    streams = [Stream(1, i) for i in range(n)]
    drawn = {"mix_weight": np.float32([beta(s, 4, 1.0) for s in streams]),
             "permutation_order": np.array([partner(s, i, n) for i, s in enumerate(streams)])}
    layer = keras.layers.MixUp(1.0)
    images = np.asarray(layer.transform_images(flipped, drawn))
    delta = np.float32([Stream(2, i).uniform(0, -0.2, 0.2) * 255 for i in range(n)])
    augmented("chain", "[{RandomFlip: horizontal}, {MixUp: 1.0}, {RandomBrightness: 0.2}]", x,
              np.clip(images + delta[:, None, None, None], 0, 255), t,
              layer.transform_labels(t, drawn))


pictures()
resizing()
samples = np.random.default_rng(1).integers(0, 256, (4, 7, 9, 3)).astype(np.float32)
one_hot = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]
golden.case("samples", "none")
golden.array("x", samples)
golden.array("t", one_hot)
draws = [Stream(0, i) for i in range(len(samples))]
affine(samples, draws)
simple(samples, draws)
erasing(samples, draws)
mixed(samples, one_hot, draws)
chained(samples, one_hot)
golden.write(os.path.join(HERE, "data.h5"))
