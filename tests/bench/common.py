"""What the parts of the benchmark share: settings, processes, tables, results."""
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
RESULTS = f"{BUILD}/bench/results"
RANKS = 2
LIMIT = 900  # seconds for one process

# What the C library must be told so that it does not give large buffers back after each use.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 26),
}


def say(what):
    print(what, file=sys.stderr, flush=True)


def run(commands, environments):
    """Starts the commands together and waits; the JSON that the first prints, with when it began,
    the seconds that all took, and the load before."""
    load, began = os.getloadavg()[0], time.time()
    processes = [
        subprocess.Popen(
            command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for command, env in zip(commands, environments)
    ]
    outputs = [process.communicate(timeout=LIMIT) for process in processes]
    took = time.time() - began
    for process, (_, errors) in zip(processes, outputs):
        if process.returncode != 0:
            raise SystemExit(f"bench: {' '.join(process.args)} failed:\n{errors}")
    result = json.loads(outputs[0][0][outputs[0][0].index("{") :])
    return {**result, "load_before": load, "began": began, "seconds": took}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def run_peer(script, arguments, ranks, threads=1):
    """Runs a script of a peer on so many ranks, each with so many threads."""
    command = [sys.executable, f"{HERE}/{script}.py", *arguments]
    env = {**os.environ, **KEEP_MEMORY, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    env |= {"WORLD_SIZE": str(ranks), "OMP_NUM_THREADS": str(threads)}
    return run([command] * ranks, [{**env, "RANK": str(rank)} for rank in range(ranks)])


def set_options(values):
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def resolve(experiment, path, values=None):
    """Writes an experiment with every default, which the peers build their models from."""
    command = [f"{BUILD}/convoy", "train", experiment, "--dry-run", *set_options(values or {})]
    with open(path, "w", encoding="utf-8") as file:
        subprocess.run(command, stdout=file, check=True)


def train(experiment, folder, ranks, values=None):
    """Trains with convoy; the result as `convoy train --json` prints it, and run's numbers."""
    command = [f"{BUILD}/convoy", "train", experiment, "-n", str(ranks), "--out", folder]
    return run([command + ["--overwrite", "--json", *set_options(values or {})]], [os.environ])


def spread(values, digits):
    low, middle, high = min(values), statistics.median(values), max(values)
    if len(values) == 1:
        return f"{middle:.{digits}f}"
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def column(rounds, name, key):
    return [results[name][key] for results in rounds]


def add_table(out, head, rows):
    out.append("| " + " | ".join(head) + " |")
    out.append("|" + "---|" * len(head))
    out += ["| " + " | ".join(row) + " |" for row in rows]
    out.append("")


def machine():
    """When and on what it is measured."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": found.group(1) if found else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
    }


def read_results():
    try:
        with open(f"{RESULTS}.json", encoding="utf-8") as file:
            results = json.load(file)
            return {part: found for part, found in results.items() if "text" in found}
    except (FileNotFoundError, TypeError):  # none yet, or of another form
        return {}


def record(table):
    """Puts the tables into the document, between the two marks."""
    with open(DOCUMENT, encoding="utf-8") as file:
        before, _, rest = file.read().partition("<!-- make bench -->\n")
        _, mark, after = rest.partition("<!-- end -->")
    with open(DOCUMENT, "w", encoding="utf-8") as file:
        file.write(f"{before}<!-- make bench -->\n{table}\n{mark}{after}")


def save(part, facts, lines):
    """Keeps what a part has found, a dictionary and the lines of its text, beside what the other
    parts have, and prints the text."""
    results = {**read_results(), part: {**facts, "text": lines}}
    with open(f"{RESULTS}.json", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
    text = "\n".join(line for other in results.values() for line in other["text"])
    with open(f"{RESULTS}.md", "w", encoding="utf-8") as file:
        file.write(text)
    if RECORD:
        record(text)
    print("\n".join(lines))
