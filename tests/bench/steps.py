"""What the peers share: an experiment as convoy resolves it, and the timing of steps."""
import argparse
import json
import resource
import time

import yaml

GROUPS = 20


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
        self.name = text["name"]
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
        loss = next(iter(text["compile"]["loss"]))
        if loss != "sparse_categorical_crossentropy":
            raise SystemExit(f"{path}: the peers know no loss {loss}")
        self.classes = self.layers[-1].args["units"]


def parse_arguments(modes):
    parser = argparse.ArgumentParser()
    parser.add_argument("experiment")
    parser.add_argument("mode", choices=modes)
    parser.add_argument("--batch", type=int, required=True, help="of this process")
    parser.add_argument("--seconds", type=float, required=True)
    return parser.parse_args()


def measure(step, batch, seconds, version, ranks=1, agree=lambda count: count):
    """Times step(), which does a step of batch samples on each of the ranks, and returns the result
    as convoy bench steps --json names it. agree gives all ranks the count of rank 0."""
    step()
    first = time.time()
    begin = time.perf_counter()
    for _ in range(5):
        step()
    once = (time.perf_counter() - begin) / 5
    for _ in range(agree(int(0.3 / once))):
        step()
    size = agree(max(1, round(seconds / once / GROUPS)))
    speeds = []
    wall, busy = time.perf_counter(), time.process_time()
    for _ in range(GROUPS):
        begin = time.perf_counter()
        for _ in range(size):
            step()
        speeds.append(ranks * batch * size / (time.perf_counter() - begin))
    busy, wall = time.process_time() - busy, time.perf_counter() - wall
    speeds.sort()
    median = (speeds[(GROUPS - 1) // 2] + speeds[GROUPS // 2]) / 2
    return {
        "samples_per_second": median,
        "samples_per_second_min": speeds[0],
        "samples_per_second_max": speeds[-1],
        "seconds_per_step": ranks * batch / median,
        "ranks": ranks,
        "batch": ranks * batch,
        "cores_used": busy / wall,  # should be 1, or less where others have the machine too
        "samples_per_core_second": batch * size * GROUPS / busy,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "first_step_unix_time": first,
        "version": version,
    }


def report(result):
    print(json.dumps(result), flush=True)
