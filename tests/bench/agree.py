"""The part agree: do convoy and PyTorch compute the same? Gradients of a batch are compared with
float64, and the validation loss of short trainings among each other. Called by tests/bench/run."""
import itertools
import math
import os
import statistics

import h5py
import numpy
import torch
import yaml
from torch.nn import functional

from common import BUILD, MODELS, PEERS
from common import add_table, machine, resolve, save, say, spread, train
from experiment import Experiment, find_data, read_idx
from torch_model import Graph, KerasGraph, evaluate, initialize, optimizer_of, train_epoch

FOLDER = f"{BUILD}/bench/agree"

# ---- Gradients ----

SAMPLES, BATCHES = 32, 3
# SGD's momentum after one step is the gradient times the learning rate: exactly so for this one,
# which also leaves the weights as they are.
RATE = 2.0**-60
PROMISED = 2.0  # times PyTorch's error
BACKENDS = {
    "native": {},
    "native, direct": {"kernels.conv": "direct"},
    "native, winograd": {"kernels.conv": "winograd"},
    "blas": {"backend": "blas"},
}


def write_set(path, images, labels):
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = images, labels


# At the kinks of ReLU and of a maximum the smallest error of the input may change which way the
# gradient goes, and so whole terms of it, in any program. Rounding errors show in models without
# kinks: tanh for ReLU, the mean for the maximum.


def smooth_layer(kind, arguments):
    if arguments.get("activation") == "relu":
        arguments = {**arguments, "activation": "tanh"}
    return {kind.replace("Max", "Average"): arguments}


def one_step(model, seed, smooth):
    """Writes an experiment of one step on one microbatch, without dropout, with a name for each
    layer, and its batch of normally distributed numbers. Returns its path, and the batch."""
    source = f"{FOLDER}/{model}.yaml"
    resolve(f"launch/experiments/{model}.yaml", source)
    with open(source, encoding="utf-8") as file:
        text = yaml.safe_load(file)
    layers = []
    for number, entry in enumerate(text["model"]["layers"]):
        kind, arguments = next(iter(entry.items()))
        if kind != "Dropout":
            layer = {"name": f"layer{number}", **(arguments or {})}
            layers.append(smooth_layer(kind, layer) if smooth else {kind: layer})
    text["model"]["layers"] = layers
    text["seed"] = seed
    text["data"] = {"train": {"format": "hdf5", "file": f"{FOLDER}/batch.h5"}}
    text["compile"]["optimizer"] = {"SGD": {"learning_rate": RATE, "momentum": 0.5}}
    text["fit"] = {"batch_size": SAMPLES, "microbatch_size": SAMPLES, "epochs": 1, "shuffle": False}
    with open(source, "w", encoding="utf-8") as file:
        yaml.safe_dump(text, file)
    numbers = numpy.random.default_rng(seed)
    images = numbers.standard_normal((SAMPLES, *text["model"]["input"])).astype("float32")
    labels = numbers.integers(0, 10, SAMPLES)
    write_set(f"{FOLDER}/batch.h5", images, labels)
    return source, images, labels


def convoy_gradient(source, paths, values):
    """Parameters and gradients by Keras's path."""
    train(source, f"{FOLDER}/run", 1, values)
    with h5py.File(f"{FOLDER}/run/checkpoints/step-00000001.h5") as file:
        weights = {p: file[f"model_weights/{p.split('/')[0]}/{p}"][()] for p in paths}
        slots = file["convoy/slots/momentum"]
        return weights, {p: slots[p][()].astype("float64") / -RATE for p in paths}


def torch_gradient(graph, weights, images, labels, dtype):
    graph = graph.to(dtype).to(memory_format=torch.channels_last)
    with torch.no_grad():
        for path, parameter, axes in graph.keras_parameters():
            own = torch.from_numpy(weights[path]).permute(*numpy.argsort(axes).tolist())
            parameter.copy_(own)
            parameter.grad = None
    x = torch.from_numpy(images).to(dtype).permute(0, 3, 1, 2)
    loss = functional.cross_entropy(graph(x), torch.from_numpy(labels))
    loss = loss + sum(factor * weight.square().sum() for weight, factor in graph.penalties())
    loss.backward()
    return {
        path: parameter.grad.permute(*axes).double().numpy()
        for path, parameter, axes in graph.keras_parameters()
    }


def errors(gradient, exact):
    """Of each parameter's gradient: the norm of its error, relative to its norm."""
    norm = numpy.linalg.norm
    return [float(norm(gradient[path] - exact[path]) / norm(exact[path])) for path in exact]


def gradients_of(model, smooth):
    """By backend, and for PyTorch: the errors of all parameters in all batches."""
    found = {}
    for seed in range(1, BATCHES + 1):
        source, images, labels = one_step(model, seed, smooth)
        graph = KerasGraph(Experiment(source))
        paths = [path for path, _, _ in graph.keras_parameters()]
        gradients = {}
        for name, values in BACKENDS.items():
            weights, gradients[name] = convoy_gradient(source, paths, values)
        exact = torch_gradient(graph, weights, images, labels, torch.float64)
        gradients["PyTorch"] = torch_gradient(graph, weights, images, labels, torch.float32)
        for name, gradient in gradients.items():
            found.setdefault(name, []).extend(errors(gradient, exact))
    return found


def root_mean_square(values):
    return math.sqrt(statistics.fmean(value * value for value in values))


def gradient_lines(found):
    out = [
        f"Gradients of {SAMPLES} samples with initial weights against PyTorch's in float64: the "
        f"norm of the error by the norm of the gradient, for each parameter; {BATCHES} batches. "
        f"In models as they are, units within an error of a kink count most, and chance decides "
        f"which; so the promise, at most {PROMISED:g} times PyTorch's float32 (root mean square), "
        f"is judged by the smooth ones: tanh for ReLU, means for maxima.",
        "",
    ]
    rows, broken = [], []
    for model, by_name in found.items():
        own = by_name["PyTorch"]
        for name, values in by_name.items():
            ratio = root_mean_square(values) / root_mean_square(own)
            ratios = spread([a / b for a, b in zip(values, own)], 2)
            row = [model, name, f"{root_mean_square(values):.2e}", f"{max(values):.2e}"]
            rows.append(row + [f"{ratio:.2f}", ratios])
            if model.endswith("smooth") and name != "native, winograd" and ratio > PROMISED:
                broken.append(f"{model}, {name} ({ratio:.2f})")
    head = ["model", "", "root mean square", "largest", "times PyTorch's", "of each parameter"]
    add_table(out, head, rows)
    verdict = "not kept by " + "; ".join(broken) if broken else "kept"
    return out + [f"The promise is {verdict}. (Winograd's method everywhere is not judged.)", ""]


# ---- Curves ----

CURVE = "lenet5-fashion"
SEEDS, EPOCHS, TRAIN, VALIDATION = 3, 6, 12000, 5000
T_95 = 2.776  # Student's t, 95 % on both sides, for 2 SEEDS - 2 = 4 degrees of freedom


def curve_sets():
    """The images and labels to train on, and those to validate with; also as files for convoy."""
    with open(f"launch/experiments/{CURVE}.yaml", encoding="utf-8") as file:
        source = yaml.safe_load(file)["data"]["train"]
    if not find_data(source["images"]):
        return None
    images, labels = read_idx(source["images"])[..., None], read_idx(source["labels"])
    parts = (slice(0, TRAIN), slice(TRAIN, TRAIN + VALIDATION))
    sets = [(images[part], labels[part]) for part in parts]
    for name, one in zip(("train", "validation"), sets):
        write_set(f"{FOLDER}/{name}.h5", *one)
    return sets


def convoy_curve(seed, backend):
    values = {
        "seed": seed,
        "backend": backend,
        "data.train": f"{{format: hdf5, file: {FOLDER}/train.h5}}",
        "data.validation": f"{{format: hdf5, file: {FOLDER}/validation.h5}}",
        "data.test": "null",
        "fit.epochs": EPOCHS,
        "fit.callbacks": "[]",
    }
    path = f"launch/experiments/{CURVE}.yaml"
    resolve(path, f"{FOLDER}/{CURVE}.yaml", values)
    train(path, f"{FOLDER}/run", 2, values)
    with open(f"{FOLDER}/run/history.csv", encoding="utf-8") as file:
        rows = [line.strip().split(",") for line in file]
    return [float(row[rows[0].index("val_loss")]) for row in rows[1:]]


def torch_curve(seed, sets):
    experiment = Experiment(f"{FOLDER}/{CURVE}.yaml")
    torch.manual_seed(seed)
    graph = Graph(experiment)
    initialize(experiment, graph)
    optimizer = optimizer_of(experiment, graph)
    scale = experiment.text["data"]["rescale"]
    (images, labels), (test, test_labels) = [
        (torch.from_numpy(x).permute(0, 3, 1, 2).float() * scale, torch.from_numpy(y).long())
        for x, y in sets
    ]
    losses = []
    for _ in range(EPOCHS):
        batches = torch.randperm(len(images)).split(experiment.text["fit"]["batch_size"])
        train_epoch(graph, optimizer, images, labels, batches)
        losses.append(evaluate(graph, test, test_labels)[0] / len(test))
    return losses


def curves():
    sets = curve_sets()
    if not sets:
        say("SKIP curves: no Fashion-MNIST (datasets/get fashion-mnist)")
        return {}
    found = {"native": [], "blas": [], "PyTorch": []}
    for seed in range(1, SEEDS + 1):
        say(f"agree, curves, seed {seed}/{SEEDS}")
        for backend in "native", "blas":
            found[backend].append(convoy_curve(seed, backend))
        found["PyTorch"].append(torch_curve(seed, sets))
    return found


def compare(name, a, other, b):
    """Says whether the means of two samples differ by more than their scatter explains."""
    pooled = math.sqrt((statistics.variance(a) + statistics.variance(b)) / 2)
    noise = T_95 * pooled * math.sqrt(2 / SEEDS)
    difference = statistics.fmean(a) - statistics.fmean(b)
    verdict = "agree within noise" if abs(difference) <= noise else "DIFFER"
    return f"{name} and {other}: {difference:+.4f}, noise {noise:.4f}: they {verdict}"


def curve_lines(found):
    if not found:
        return []
    out = [
        f"Training curves: {CURVE}, {TRAIN} samples, {SEEDS} seeds each (initial weights and order "
        f"are drawn by each program): val_loss after each epoch, mean ± deviation.",
        "",
    ]
    rows = []
    for name, runs in found.items():
        epochs = zip(*runs)
        rows.append(
            [name] + [f"{statistics.fmean(e):.4f} ± {statistics.stdev(e):.4f}" for e in epochs]
        )
    add_table(out, ["epoch"] + [str(number + 1) for number in range(EPOCHS)], rows)
    out.append("Differences of the means, and what they are allowed by the pooled deviation "
               "(Student's t, 95 %):")
    out.append("")
    means = {name: [statistics.fmean(run) for run in runs] for name, runs in found.items()}
    last = {name: [run[-1] for run in runs] for name, runs in found.items()}
    for what, values in (("mean over the epochs", means), ("last epoch", last)):
        for (name, a), (other, b) in itertools.combinations(values.items(), 2):
            out.append(f"- {what}: {compare(name, a, other, b)}")
    return out + [""]


def main():
    if "torch" not in PEERS:
        say("SKIP agree: it takes PyTorch (BENCH_PEERS)")
        return
    os.makedirs(FOLDER, exist_ok=True)
    torch.set_num_threads(1)
    gradients = {}
    for model in MODELS:
        say(f"agree, gradients, {model}")
        gradients[model] = gradients_of(model, False)
        gradients[f"{model}, smooth"] = gradients_of(model, True)
    curve = curves()
    facts = machine() | {"version": torch.__version__}
    lines = [f"{facts['date']}, {facts['cpu']}; PyTorch {facts['version']}.", ""]
    lines += gradient_lines(gradients) + curve_lines(curve)
    save("agree", {**facts, "gradients": gradients, "curves": curve}, lines)


main()
