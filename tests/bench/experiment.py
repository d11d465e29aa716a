"""An experiment as convoy resolves it, from which the peers build the same."""
import gzip
import os

import numpy
import yaml


class Layer:
    """A layer of an experiment: kind, arguments, and the names of itself and of its inputs."""

    def __init__(self, number, entry, previous):
        self.kind, arguments = next(iter(entry.items()))
        self.args = dict(arguments)
        self.name = self.args.pop("name", f"layer{number}")
        inputs = self.args.pop("inputs", [previous])
        self.inputs = [inputs] if isinstance(inputs, str) else inputs
        self.activation = self.args.pop("activation", "linear")


class Experiment:
    """An experiment in the form that `convoy train FILE --dry-run` prints."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = yaml.safe_load(file)
        self.name, self.text = text["name"], text
        self.input = text["model"]["input"]
        self.layers, previous = [], "input"
        for number, entry in enumerate(text["model"]["layers"]):
            self.layers.append(Layer(number, entry, previous))
            previous = self.layers[-1].name
        self.optimizer, arguments = next(iter(text["compile"]["optimizer"].items()))
        self.optimizer_args = {  # YAML 1.1 reads 1e-07 as text
            key: float(value) if isinstance(value, str) else value
            for key, value in arguments.items()
        }
        rate = self.optimizer_args["learning_rate"]
        if isinstance(rate, dict):  # what a step costs does not depend on the schedule
            self.optimizer_args["learning_rate"] = next(iter(rate.values()))["initial_learning_rate"]
        loss = next(iter(text["compile"]["loss"]))
        if loss != "sparse_categorical_crossentropy":
            raise SystemExit(f"{path}: the peers know no loss {loss}")
        self.classes = self.layers[-1].args["units"]


def find_data(name):
    """The path of a file, which convoy would look for in the same places; None: it is nowhere."""
    home = os.path.expanduser("~/.local/share/convoy")
    places = ["/", os.environ.get("CONVOY_DATA_DIR"), "launch/experiments", "", home]
    places += ["/usr/local/share/datasets", "/usr/share/datasets"]
    paths = [os.path.join(place, name) for place in places if place is not None]
    return next((path for path in paths if os.path.exists(path)), None)


def read_idx(name):
    """The bytes of an IDX file, with their shape."""
    with gzip.open(find_data(name)) as file:
        content = file.read()
    axes = content[3]
    shape = numpy.frombuffer(content, ">u4", axes, 4)
    return numpy.frombuffer(content, "u1", offset=4 + 4 * axes).reshape(shape).copy()
