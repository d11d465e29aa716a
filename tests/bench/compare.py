"""Runs convoy and its peers in alternating rounds, and compares them. Called by tests/bench/run."""
import datetime
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ["BUILD"]
MODELS = os.environ["BENCH_MODELS"].split()
ROUNDS = int(os.environ["BENCH_ROUNDS"])
PEERS = os.environ["BENCH_PEERS"].split()
SECONDS = os.environ["BENCH_SECONDS"]
BACKEND = os.environ["BENCH_BACKEND"]
RECORD = os.environ["BENCH_RECORD"] == "1"
DOCUMENT = "docs/PERFORMANCE.md"
BATCH = 64  # a rank
RANKS = 2
LIMIT = 900  # seconds for one process

# name: script, mode, ranks
PEER_RUNS = {
    "PyTorch, contiguous": ("torch", "contiguous", 1),
    "PyTorch, channels_last": ("torch", "channels_last", 1),
    "PyTorch, torch.compile": ("torch", "compiled", 1),
    "Keras, TensorFlow": ("keras", "plain", 1),
    "Keras, TensorFlow, jit_compile": ("keras", "jit", 1),
    "PyTorch, DDP/gloo": ("torch", "ddp", RANKS),
}

# What the C library must be told so that it does not give large buffers back after each use.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 26),
}


def run(commands, environments):
    """Starts the commands together; the JSON of the first, with seconds to its first step."""
    load = os.getloadavg()[0]
    began = time.time()
    processes = [
        subprocess.Popen(
            command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for command, env in zip(commands, environments)
    ]
    outputs = [process.communicate(timeout=LIMIT) for process in processes]
    for process, (_, errors) in zip(processes, outputs):
        if process.returncode != 0:
            raise SystemExit(f"bench: {' '.join(process.args)} failed:\n{errors}")
    result = json.loads(outputs[0][0][outputs[0][0].index("{") :])
    result["load_before"] = load
    result["seconds_to_first_step"] = result.pop("first_step_unix_time") - began
    return result


def run_convoy(model, ranks):
    command = [f"{BUILD}/convoy", "bench", "steps", model, "--json", "--synthetic"]
    command += ["-n", str(ranks), "-b", str(BATCH * ranks)]
    command += ["--backend", BACKEND] if BACKEND else []
    return run([command], [dict(os.environ)])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def run_peer(model, peer, mode, ranks):
    command = [sys.executable, f"{HERE}/peers_{peer}.py", f"{BUILD}/bench/{model}.yaml", mode]
    command += ["--batch", str(BATCH), "--seconds", SECONDS]
    env = {**os.environ, **KEEP_MEMORY, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    env["WORLD_SIZE"] = str(ranks)
    return run([command] * ranks, [{**env, "RANK": str(rank)} for rank in range(ranks)])


def say(what):
    print(what, file=sys.stderr, flush=True)


def resolve(model):
    """Writes the experiment with every default, which the peers build their models from."""
    with open(f"{BUILD}/bench/{model}.yaml", "w", encoding="utf-8") as file:
        subprocess.run(
            [f"{BUILD}/convoy", "train", f"launch/experiments/{model}.yaml", "--dry-run"],
            stdout=file,
            check=True,
        )


def run_round(model):
    """One run of each, one after the other: name to result. convoy's names end in its ranks."""
    wanted = {name: peer for name, peer in PEER_RUNS.items() if peer[0] in PEERS}
    results = {}
    for ranks in 1, RANKS:
        results[f"convoy, {ranks}"] = run_convoy(model, ranks)
        for name, (peer, mode, of_ranks) in wanted.items():
            if of_ranks == ranks:
                results[name] = run_peer(model, peer, mode, ranks)
    for name, result in results.items():
        say(f"  {name}: {result['samples_per_second']:.0f} samples/s")
    return results


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def spread(values, digits):
    low, middle, high = min(values), statistics.median(values), max(values)
    if len(values) == 1:
        return f"{middle:.{digits}f}"
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def column(rounds, name, key):
    return [results[name][key] for results in rounds]


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


def add_table(out, head, rows):
    out.append("| " + " | ".join(head) + " |")
    out.append("|" + "---|" * len(head))
    out += ["| " + " | ".join(row) + " |" for row in rows]
    out.append("")


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
    return "\n".join(out)


def record(table):
    """Puts the table into the document, between the two marks."""
    with open(DOCUMENT, encoding="utf-8") as file:
        before, _, rest = file.read().partition("<!-- make bench -->\n")
        _, mark, after = rest.partition("<!-- end -->")
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(f"{before}<!-- make bench -->\n{table}\n{mark}{after}")


def main():
    results = {model: [] for model in MODELS}
    for model in MODELS:
        resolve(model)
    for number in range(ROUNDS):
        for model in MODELS:
            say(f"round {number + 1}/{ROUNDS}, {model}")
            results[model].append(run_round(model))
    first = results[MODELS[0]][0]
    facts = {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "backend": first["convoy, 1"]["backend"],
        "versions": {
            name.split(",")[0]: result["version"]
            for name, result in first.items()
            if "version" in result
        },
    }
    with open(f"{BUILD}/bench/results.json", "w", encoding="utf-8") as file:
        json.dump({**facts, "rounds": results}, file, indent=1)
    table = markdown(facts, results)
    with open(f"{BUILD}/bench/results.md", "w", encoding="utf-8") as file:
        file.write(table)
    if RECORD:
        record(table)
    print(table)


main()
