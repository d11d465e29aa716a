# shellcheck shell=bash
# convoy bench, and convoy train --profile: that they run, and that their JSON is sound. The times
# themselves are not judged.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"

bench() {
    "$CONVOY" bench "$@"
}

# says NAME TEXT: passes if the last command's output has TEXT.
says() {
    cp "$folder/output" "$folder/last"
    check "$1" grep -qF -- "$2" "$folder/last"
    cp "$folder/last" "$folder/output" # for the next one
}

# json NAME COMMAND...: runs the command; its output, as `d`, must satisfy the Python on stdin.
json() {
    local name=$1 script
    shift
    script=$(cat)
    check "$name" "$@"
    cp "$folder/output" "$folder/bench.json"
    if command -v python3 >/dev/null; then
        check "$name: JSON" python3 -c "import json, sys
d = json.load(open(sys.argv[1]))
$script" "$folder/bench.json"
    else
        skip "$name: JSON" "python3 is not installed"
    fi
}

check "steps" bench steps digits --steps 2
says "on its own data" "data: digits"
says "phases" "backward"
says "layers" "conv2d_1 (Conv2D)"

json "steps on 2 ranks" bench steps launch/experiments/digits.yaml -n 2 -b 8 --steps 4 --json \
    -s fit.microbatch_size=4 <<'END'
assert d["ranks"] == 2 and d["batch"] == 8 and d["microbatch"] == 4 and d["steps"] == 4, d
assert d["backend"] == "native" and d["exposed_communication"] >= 0, d
assert abs(d["seconds_per_step"] * d["samples_per_second"] - 8) < 1e-6, d
assert d["cores_used"] > 0 and d["samples_per_core_second"] > 0, d
assert d["samples_per_second_min"] <= d["samples_per_second"] <= d["samples_per_second_max"], d
phases = d["phases"]
assert abs(sum(v for k, v in phases.items() if k != "all") - phases["all"]) < 1e-9, phases
assert len(d["layers"]) == 8 and d["layers"][0]["forward_gflops"] > 0, d["layers"]
assert d["layers"][1]["forward_gflops"] is None, d["layers"]
buckets = d["buckets"]
parameters = sum(b["parameters"] for b in buckets)
# a rank takes half of the gradient from the other, and half of the parameters
assert abs(sum(b["bytes"] for b in buckets) - 4 * parameters) < 1e-6, buckets
assert all(b["seconds"] >= b["exposed_seconds"] > 0 for b in buckets), buckets
names = [name for b in buckets for name in b["layers"]]
assert names == ["dense_1", "dense", "conv2d_1", "conv2d"], names
END

json "reference, random numbers" bench steps digits --synthetic --backend reference --steps 1 --json \
    -s fit.microbatch_size=4 <<'END'
assert d["backend"] == "reference" and d["data"] == "random numbers" and d["microbatch"] == 4, d
END

cat >"$folder/nowhere.yaml" <<'END'
name: nowhere
data: {train: {format: csv, file: none.csv}}
model: {input: [6], layers: [{Dense: 3}]}
compile: {loss: mean_squared_error}
END
check "data that are not there" bench steps "$folder/nowhere.yaml" --steps 1
says "are replaced, and said to be" "data: random numbers (none.csv: no such file"

cat >"$folder/kernels.py" <<'END'
assert d["peak_gflops"] > 1 and d["memory_gbytes"] > 0.1, d
layers = d["layers"]
assert {l["backend"] for l in layers} == {"blas"}, layers
assert len({l["layer"] for l in layers}) == len(layers) > 20, layers
assert any(l["layer"].startswith("Conv2D (8, 8, 1) to (8, 8, 16)") for l in layers), layers
assert all(l["forward_gflops"] > 0 for l in layers), layers
assert all(l["weights_gflops"] is None for l in layers if l["type"] == "MaxPooling2D"), layers
END
json "kernels" bench kernels digits -b 2 --backend blas --json <"$folder/kernels.py"

json "reduction" bench reduction -n 2 --json <<'END'
assert d["ranks"] == 2 and d["sizes"][0]["size"] == 4096 and d["sizes"][-1]["size"] == 64 << 20, d
assert all(s["wrong"] == 0 and s["exact"]["time_us"] > 0 for s in d["sizes"]), d
END

check "help" bench --help
says "has the usage" "usage: convoy bench steps"
check "help of a part" bench kernels --help
check_code "nothing to do" 2 bench
check_code "an unknown part" 2 bench stesp digits
check_code "no experiment" 2 bench steps
check_code "two experiments" 2 bench kernels digits lenet5-mnist
check_code "an unknown experiment" 2 bench steps digit
check_code "an unknown backend" 2 bench steps digits --backend cuda
says "names them" "expected one of native, blas"
check_code "a batch of nothing" 2 bench steps digits -b 0
check_code "an option of another part" 2 bench kernels -n 2
check_code "a batch that is more than all" 2 bench steps digits -b 5000

train_json() { # what it says besides is not wanted here
    "$CONVOY" train launch/experiments/digits.yaml --set fit.epochs=2 --json "$@" 2>"$folder/said"
}
json "train --profile" train_json -n 2 --out "$folder/run" --profile <<'END'
assert d["phases"]["forward"] > 0 and d["phases"]["files"] > 0 and len(d["layers"]) == 8, d
END
json "trace" cat "$folder/run/trace.json" <<'END'
events = d["traceEvents"]
names = {e["args"]["name"] for e in events if e["ph"] == "M"}
assert names == {"rank 0", "rank 1"}, names
spans = [e for e in events if e["ph"] == "X"]
assert all(e["ts"] >= 0 and e["dur"] >= 0 and e["pid"] in (0, 1) for e in spans), spans
assert sum(e["cat"] == "step" for e in spans) == 40, "20 steps on each of 2 ranks"
for pid in 0, 1:
    steps = [e for e in spans if e["pid"] == pid and e["cat"] == "step"]
    inside = [e for e in spans if e["pid"] == pid and e["cat"] == "forward"]
    assert all(any(s["ts"] <= e["ts"] and e["ts"] + e["dur"] <= s["ts"] + s["dur"] + 0.01
                   for s in steps) for e in inside), "a layer outside all steps"
END
train_json -n 1 --out "$folder/plain" >"$folder/output"
check "a profile changes no bit" cmp "$folder/run/model.h5" "$folder/plain/model.h5"
check "the table" "$CONVOY" train launch/experiments/digits.yaml -n 1 --set fit.epochs=1 \
    --out "$folder/table" --profile
says "has phases" "ms a step"
finish
