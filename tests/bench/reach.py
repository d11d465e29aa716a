"""The part reach: how long convoy and PyTorch take from the start of the program to 99.0 % of
MNIST's test set, in alternating rounds, each with a seed of its own. Called by tests/bench/run."""
from common import BACKEND, BUILD, PEERS, RANKS, ROUNDS
from common import add_table, column, machine, resolve, run_peer, save, say, spread, train
from experiment import find_data

EXPERIMENT = "launch/experiments/lenet5-mnist.yaml"
WANTED = 0.99
EPOCHS = 40  # at most
IMAGES, LABELS = "mnist/t10k-images-idx3-ubyte.gz", "mnist/t10k-labels-idx1-ubyte.gz"

# name: mode, ranks, threads
PEER_RUNS = {
    "PyTorch, DDP/gloo": ("ddp", RANKS, 1),
    "PyTorch, one process": ("threads", 1, RANKS),
}


def run_round(seed):
    values = {
        "seed": seed,
        "data.validation": f"{{format: idx, images: {IMAGES}, labels: {LABELS}}}",
        "fit.epochs": EPOCHS,
        "fit.callbacks": f"[{{StopAt: {{monitor: val_accuracy, value: {WANTED}}}}}]",
        **({"backend": BACKEND} if BACKEND else {}),
    }
    path = f"{BUILD}/bench/reach.yaml"
    resolve(EXPERIMENT, path, values)
    results = {"convoy": train(EXPERIMENT, f"{BUILD}/bench/reach", RANKS, values)}
    for name, (mode, ranks, threads) in PEER_RUNS.items():
        results[name] = run_peer("reach_torch", [path, mode, str(threads)], ranks, threads)
    for name, result in results.items():
        say(f"  {name}: {result['seconds']:.1f} s, {result['epochs']} epochs")
        if result["val_accuracy"] < WANTED:
            raise SystemExit(f"bench: {name} does not reach {WANTED} in {EPOCHS} epochs")
    return results


def markdown(facts, rounds):
    loads = [result["load_before"] for one in rounds for result in one.values()]
    out = [
        f"{facts['date']}, {facts['cpu']}, {facts['cores']} cores; PyTorch {facts['version']}.",
        f"From the start of the program to its end, which comes after the first epoch with "
        f"{100 * WANTED:.1f} % on MNIST's test set; {RANKS} cores. Rounds, each with a seed of its "
        f"own: {ROUNDS}; median (min to max) of them.",
        f"Load average before a run: {spread(loads, 1)}.",
        "",
    ]
    convoy = column(rounds, "convoy", "seconds")
    rows = []
    for name in rounds[0]:
        seconds, epochs = column(rounds, name, "seconds"), column(rounds, name, "epochs")
        an_epoch = [s / e for s, e in zip(seconds, epochs)]
        ratio = spread([s / own for s, own in zip(seconds, convoy)], 2)
        rows.append([name, spread(seconds, 1), spread(epochs, 0), spread(an_epoch, 2), ratio])
    best = [min(one[name]["seconds"] for name in PEER_RUNS) for one in rounds]
    ratio = spread([s / own for s, own in zip(best, convoy)], 2)
    rows.append(["PyTorch, the best of each round", spread(best, 1), "", "", ratio])
    head = ["", "seconds to 99.0 %", "epochs", "seconds / epochs", "times convoy's seconds"]
    add_table(out, head, rows)
    return out


def main():
    if "torch" not in PEERS or not find_data(IMAGES):
        say("SKIP reach: it takes PyTorch (BENCH_PEERS) and MNIST (datasets/get mnist)")
        return
    rounds = []
    for number in range(ROUNDS):
        say(f"reach, round {number + 1}/{ROUNDS}")
        rounds.append(run_round(number + 1))
    facts = machine() | {"version": rounds[0]["PyTorch, DDP/gloo"]["version"]}
    save("reach", {**facts, "rounds": rounds}, markdown(facts, rounds))


main()
