# shellcheck shell=bash
# shellcheck disable=SC2016 # a script in quotes
# Shared memory or messages, reduced during the backward pass or after it, on one machine or on what
# is taken for several: the same bits as on one rank.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh

# A network whose gradients fill three buckets; 12 microbatches a step, and 10 in the last.
experiment=$folder/wide.yaml
cat >"$experiment" <<END
name: wide
seed: 5
data:
  train: {format: digits, part: train, subset: 250}
  validation: {split: 23}
  rescale: 1/16
model:
  input: [8, 8, 1]
  layers:
    - Flatten
    - Dense: {units: 4096, activation: relu}
    - BatchNormalization
    - Dropout: {rate: 0.2}
    - Dense: {units: 64, activation: relu, kernel_regularizer: {L2: 0.001}}
    - Dense: {units: 10, activation: softmax}
compile:
  optimizer: {Adam: {learning_rate: 0.001}}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
fit: {batch_size: 60, microbatch_size: 5, epochs: 2, callbacks: []}
END

# by TRANSPORT OVERLAP RANKS-PER-NODE RANKS OPTIONS...: trains so, into $run
by() {
    local transport=$1 overlap=$2 each=$3 ranks=$4
    shift 4
    CONVOY_TRANSPORT=$transport CONVOY_OVERLAP=$overlap CONVOY_RANKS_PER_NODE=$each \
        on "$ranks" train "$experiment" --progress quiet --out "$run" "$@"
}

# same WAY...: as on one rank?
same() {
    local way="$1, overlap $2, $4 ranks, $3 a node"
    run=$folder/$1.$2.$3.$4
    check "$way" by "$@"
    cp "$folder/output" "$run.log"
    same_run "$way" "$folder/one" "$run"
    check "$way: file" cmp "$folder/one/model.h5" "$run/model.h5"
}

run=$folder/one
check "one rank" by auto 1 0 1
cp "$folder/output" "$run.log"
check_code "one rank: no communication" 1 grep -F communication "$run.log"
for transport in shm mpi; do
    for overlap in 0 1; do
        for ranks in 1 2 3 4; do
            same "$transport" "$overlap" 0 "$ranks"
        done
    done
done
for overlap in 0 1; do
    same shm "$overlap" 1 3
    same shm "$overlap" 2 3
    same shm "$overlap" 2 4
    same shm "$overlap" 3 7
done
check "the report" grep -qE 'communication: [0-9.]+% of the step exposed, [0-9.]+ MB a step' \
    "$folder/shm.1.0.2.log"

# ---- a checkpoint fits all of them ----

run=$folder/moved
check "an epoch on 4 ranks of 2 nodes" by shm 1 2 4 --set fit.epochs=1
check "the next on 3, by messages" by mpi 1 0 3 --resume
same_run "moved" "$folder/one" "$run"
run=$folder/back
check "an epoch on 1 rank" by auto 0 0 1 --set fit.epochs=1
check "the next on 2" by shm 1 0 2 --resume
same_run "back" "$folder/one" "$run"

# ---- a rank that fails ----

# One label is not of the ten classes, so that one rank fails in the middle of a step.
labels=$PWD/datasets/digits/labels-idx1-ubyte
{ head -c 1000 "$labels" && printf '\x0b' && tail -c +1002 "$labels"; } >"$folder/eleven"
bad="data.train={format: idx, images: $PWD/datasets/digits/images-idx3-ubyte, labels: $folder/eleven}"
for way in "shm 1 0 3" "shm 0 0 3" "mpi 1 0 3" "mpi 0 0 3" "shm 1 2 4" "shm 0 2 4"; do
    run=$folder/fails
    # shellcheck disable=SC2086 # words
    check_code "a rank fails, $way" 3 by $way --set "$bad" --overwrite
    cp "$folder/output" "$run.log"
    check "a rank fails, $way: once, by name" [ "$(grep -c 'error: rank [0-9]: ' "$run.log")" = 1 ]
done

# ---- where there is no shared memory ----

# without_memory TRANSPORT SIZE OPTIONS...: on 2 ranks with a /dev/shm of that size; MPI's own memory
# lies elsewhere.
without_memory() {
    local transport=$1 size=$2
    shift 2
    OMPI_MCA_btl_vader_backing_directory=$folder CONVOY_TRANSPORT=$transport unshare --mount \
        bash -c 'mount -t tmpfs -o size=$0 none /dev/shm && "$@"' "$size" timeout --kill-after=5 \
        "$((60 * ${SLOW:-1}))" mpirun -n 2 "$CONVOY" train "$experiment" --progress quiet \
        --out "$run" "$@"
}
if [ "$(id -u)" = 0 ] && unshare --mount mount -t tmpfs none /dev/shm 2>"$folder/unshare"; then
    run=$folder/none
    check "no shared memory" without_memory auto 256k
    cp "$folder/output" "$run.log"
    check "is said once" [ "$(grep -c 'warning: .*no shared memory' "$run.log")" = 1 ]
    same_run "no shared memory" "$folder/one" "$run"
    run=$folder/insists
    check_code "no shared memory, and it was asked for" 5 without_memory shm 256k
    gzip -c datasets/digits/images-idx3-ubyte >"$folder/images.gz"
    packed="data.train={format: idx, images: $folder/images.gz, labels: $labels}"
    check_code "nor for a set that is unpacked" 5 without_memory auto 64k --set "$packed"
    cp "$folder/output" "$run.log"
    check "says so" grep -qF 'no shared memory for a data set' "$run.log"
else
    skip "no shared memory" "only root may mount a small /dev/shm"
fi

# ---- what the environment says ----

run=$folder/wrong
for ranks in 1 3; do
    check_code "an unknown transport, $ranks ranks" 2 by tcp 1 0 "$ranks"
    cp "$folder/output" "$run.log"
    check "says which there are" grep -qF \
        "CONVOY_TRANSPORT: found 'tcp', expected auto, shm or mpi" "$run.log"
done
check_code "an unknown overlap" 2 by auto 2 0 2

finish
