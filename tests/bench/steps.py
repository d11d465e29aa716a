"""The timing of steps, which the peers share."""
import argparse
import json
import resource
import time

GROUPS = 20


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
