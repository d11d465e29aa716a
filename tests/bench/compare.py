"""The part steps: times steps of convoy and its peers in alternating rounds. Called by
tests/bench/run."""
import os
import statistics

from common import BACKEND, BUILD, MODELS, PEERS, RANKS, ROUNDS, SECONDS
from common import add_table, column, machine, resolve, run, run_peer, save, say, spread

BATCH = 64  # a rank

# name: script, mode, ranks
PEER_RUNS = {
    "PyTorch, contiguous": ("torch", "contiguous", 1),
    "PyTorch, channels_last": ("torch", "channels_last", 1),
    "PyTorch, torch.compile": ("torch", "compiled", 1),
    "Keras, TensorFlow": ("keras", "plain", 1),
    "Keras, TensorFlow, jit_compile": ("keras", "jit", 1),
    "PyTorch, DDP/gloo": ("torch", "ddp", RANKS),
}


def timed(result):
    """With the seconds to the first step."""
    result["seconds_to_first_step"] = result.pop("first_step_unix_time") - result.pop("began")
    return result


def run_convoy(model, ranks):
    command = [f"{BUILD}/convoy", "bench", "steps", model, "--json", "--synthetic"]
    command += ["-n", str(ranks), "-b", str(BATCH * ranks)]
    command += ["--backend", BACKEND] if BACKEND else []
    return timed(run([command], [os.environ]))


def run_round(model):
    """One run of each, one after the other: name to result. convoy's names end in its ranks."""
    wanted = {name: peer for name, peer in PEER_RUNS.items() if peer[0] in PEERS}
    results = {}
    for ranks in 1, RANKS:
        results[f"convoy, {ranks}"] = run_convoy(model, ranks)
        for name, (peer, mode, of_ranks) in wanted.items():
            if of_ranks == ranks:
                arguments = [f"{BUILD}/bench/{model}.yaml", mode]
                arguments += ["--batch", str(BATCH), "--seconds", SECONDS]
                results[name] = timed(run_peer(f"peers_{peer}", arguments, ranks))
    for name, result in results.items():
        say(f"  {name}: {result['samples_per_second']:.0f} samples/s")
    return results


def peer_row(model, rounds, name, ranks):
    own = f"convoy, {ranks}"
    cells = [model, name, str(ranks)]
    cells += [spread(column(rounds, n, "samples_per_second"), 0) for n in (own, name)]
    for key in "samples_per_second", "samples_per_core_second":
        pairs = zip(column(rounds, own, key), column(rounds, name, key))
        cells.append(spread([a / b for a, b in pairs], 2))
    for key, unit, digits in (("seconds_to_first_step", 1, 1), ("peak_memory_bytes", 1 << 20, 0)):
        pair = (statistics.median(column(rounds, n, key)) / unit for n in (own, name))
        cells += [f"{value:.{digits}f}" for value in pair]
    return cells


def cost_row(model, rounds, name, one, many):
    """How much longer a step is on two ranks than on one with the same work a rank."""
    pairs = zip(column(rounds, one, "seconds_per_step"), column(rounds, many, "seconds_per_step"))
    return [model, name, spread([100 * (b / a - 1) for a, b in pairs], 1)]


def markdown(facts, results):
    every_round = [one for rounds in results.values() for one in rounds]
    loads = [result["load_before"] for one in every_round for result in one.values()]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    out = [
        f"{facts['date']}, {facts['cpu']}, {facts['cores']} cores; convoy's backend "
        f"{facts['backend']}; {versions or 'no peers'}.",
        f"{BATCH} samples a rank and step; rounds: {ROUNDS}; median (min to max) of them.",
        f"Load average before a run (the benchmark alone makes 1 to {RANKS}): {spread(loads, 1)}.",
        "",
    ]
    rows, costs = [], []
    for model, rounds in results.items():
        for name in rounds[0]:
            if name in PEER_RUNS:
                rows.append(peer_row(model, rounds, name, PEER_RUNS[name][2]))
        costs.append(cost_row(model, rounds, "convoy", "convoy, 1", f"convoy, {RANKS}"))
        if "torch" in PEERS:
            one, many = "PyTorch, channels_last", "PyTorch, DDP/gloo"
            costs.append(cost_row(model, rounds, many, one, many))
    if rows:
        head = "model|peer|ranks|convoy, samples/s|peer, samples/s|ratio|ratio, by core time"
        head += "|first step after, s: convoy|peer|peak memory, MiB: convoy|peer"
        add_table(out, head.split("|"), rows)
    head = ["model", "", f"a step on {RANKS} ranks is longer by, %"]
    add_table(out, head, costs)
    return out


def main():
    results = {model: [] for model in MODELS}
    for model in MODELS:
        resolve(f"launch/experiments/{model}.yaml", f"{BUILD}/bench/{model}.yaml")
    for number in range(ROUNDS):
        for model in MODELS:
            say(f"steps, round {number + 1}/{ROUNDS}, {model}")
            results[model].append(run_round(model))
    first = results[MODELS[0]][0]
    facts = machine() | {
        "backend": first["convoy, 1"]["backend"],
        "versions": {
            name.split(",")[0]: result["version"]
            for name, result in first.items()
            if "version" in result
        },
    }
    save("steps", {**facts, "rounds": results}, markdown(facts, results))


main()
