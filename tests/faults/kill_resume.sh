# shellcheck shell=bash
# shellcheck disable=SC2154 # job and code, of tests/runs.sh
# A run that is killed, or asked to stop, or whose checkpoint is damaged, and is then resumed on
# another number of ranks, ends with the bits of a run that nothing disturbed.
# SEED=n repeats the random choices of an earlier time (not the timing).
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh

enough=10 # kills that hit a running job
seed=${SEED:-$(($(date +%s) % 32768))}
RANDOM=$seed
echo "seed $seed"

experiment=$folder/experiment.yaml
checkpoint='{ModelCheckpoint: {save_best_only: true, save_freq: {steps: 5}, keep: 3}}'
"$CONVOY" train launch/experiments/digits.yaml --dry-run --set fit.epochs=8 --set \
    "fit.callbacks=[{EarlyStopping: {patience: 5, restore_best_weights: true}}, $checkpoint]" \
    --set 'compile.metrics=[accuracy, AUC, F1Score, perceptron]' --set fit.class_weight=balanced \
    >"$experiment"

# ranks: a random number of them, in $ranks
choose_ranks() {
    ranks=$((RANDOM % 4 + 1))
}

# says NAME FILE TEXT
says() {
    check "$1" grep -qF -- "$3" "$2"
}

# resume NAME RANKS RUN: to the end, which must be that of the undisturbed run
resume() {
    check "$1: resumes on $2" on "$2" train "$experiment" --resume --progress quiet --out "$3"
    cp "$folder/output" "$folder/resume.log"
    same_run "$1" "$folder/undisturbed" "$3"
}

start_time=${EPOCHREALTIME//[.,]/}
check "undisturbed" on 2 train "$experiment" --progress quiet --out "$folder/undisturbed"
duration=$((${EPOCHREALTIME//[.,]/} - start_time)) # microseconds
check "resuming what is finished" on 3 train "$experiment" --resume --progress quiet \
    --out "$folder/undisturbed"

# ---- killed ----

# no_process PIDS...: have all of them ended?
no_process() {
    local pid state
    for pid in "$@"; do
        state=$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>"$folder/stat")
        [ -z "$state" ] || [ "$state" = Z ] || return 1
    done
}

# kill_once RUN: starts or resumes the run and kills it at a random moment of its life.
kill_once() {
    local processes moment=$((RANDOM * 32768 + RANDOM))
    choose_ranks
    start "$folder/kill.log" mpirun -n "$ranks" "$CONVOY" train "$experiment" --resume \
        --progress quiet --out "$1"
    moment=$((moment % duration))
    sleep "$((moment / 1000000)).$(printf %06d $((moment % 1000000)))"
    mapfile -t processes < <(tree_of "$job")
    ! kill_tree "$job" || hits=$((hits + 1))
    wait_job
    check "no process outlives the kill" within 10 no_process "${processes[@]}"
    midway=$((midway + $(grep -c '^convoy: resumed from' "$folder/kill.log")))
}

# A temporary name is what a kill leaves in the middle of writing a checkpoint.
has_half_file() {
    compgen -G "$1/checkpoints/*.tmp.*" >"$folder/half"
}

hits=0 midway=0 half_files=0 trial=0
while [ "$hits" -lt "$enough" ] && [ "$trial" -lt 30 ]; do
    trial=$((trial + 1))
    run=$folder/killed.$trial
    for ((left = RANDOM % 3 + 1; left > 0; left--)); do
        kill_once "$run"
        ! has_half_file "$run" || half_files=$((half_files + 1))
    done
    choose_ranks
    resume "killed, trial $trial" "$ranks" "$run"
    rm -rf "$run"
done
echo "$hits kills in $trial runs; $midway went on midway before the next kill; $half_files times a" \
    "checkpoint was half written"
check "enough kills" [ "$hits" -ge "$enough" ]

# ---- asked to stop ----

has_checkpoint() {
    compgen -G "$1/checkpoints/step-*.h5" >"$folder/found"
}

# stop NAME SIGNAL RUN COMMAND...: a signal to the command once it has written a checkpoint
stop() {
    local name=$1 signal=$2 run=$3
    shift 3
    start "$folder/stop.log" "$@" train "$experiment" --progress quiet --out "$run"
    check "$name: starts" within 20 has_checkpoint "$run"
    kill -s "$signal" "$job"
    wait_job
    check "$name: exit code 75, found $code" [ "$code" = 75 ]
    check "$name: says so once" [ "$(grep -c 'stopped after step' "$folder/stop.log")" = 1 ]
    check_code "$name: no error" 1 grep -F 'error:' "$folder/stop.log"
    stopped_at=$(sed -n 's/.*stopped after step \([0-9]*\) .*/\1/p' "$folder/stop.log")
    says "$name: a checkpoint of that step" <(ls "$run/checkpoints") \
        "step-$(printf %08d "${stopped_at:-0}").h5"
    check "$name: before the end" [ ! -e "$run/model.h5" ]
}

# $CONVOY with the option that says how many processes it starts itself
alone() {
    exec "$CONVOY" "${@:2}" -n "$1"
}

for signal in USR1 INT TERM; do
    stop "$signal to convoy" "$signal" "$folder/$signal.self" alone 2
    resume "$signal to convoy" 3 "$folder/$signal.self"
done
stop "INT to one process" INT "$folder/INT.one" alone 1
cp -r "$folder/INT.one" "$folder/damaged"
resume "INT to one process" 2 "$folder/INT.one"
stop "USR1 to mpirun" USR1 "$folder/USR1.mpirun" mpirun -n 3 "$CONVOY"
resume "USR1 to mpirun" 2 "$folder/USR1.mpirun"

# ---- damaged ----

# flip FILE OFFSET: another byte there
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf '%b' "\\x$(printf %02x $((byte ^ 16)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
as_it_is() {
    :
}
empty() {
    : >"$1"
}
flip_first() {
    flip "$1" 0
}
flip_middle() {
    flip "$1" $(($(stat -c %s "$1") / 2))
}
flip_last() {
    flip "$1" $(($(stat -c %s "$1") - 1))
}
half() {
    truncate -s $(($(stat -c %s "$1") / 2)) "$1"
}
longer() {
    echo >>"$1"
}
folder_in_its_place() {
    rm "$1"
    mkdir "$1"
}

mapfile -t files < <(cd "$folder/damaged/checkpoints" && printf '%s\n' step-*.h5 | sort -r)
check "there are older checkpoints" [ "${#files[@]}" -ge 2 ]
newest=${files[0]} older=${files[1]}
for damage in flip_first flip_middle flip_last half empty longer folder_in_its_place; do
    run=$folder/damaged.$damage
    cp -r "$folder/damaged" "$run"
    "$damage" "$run/checkpoints/$newest"
    resume "$damage" 2 "$run"
    says "$damage: a warning" "$folder/resume.log" "convoy: warning: $run/checkpoints/$newest: "
    says "$damage: the one before" "$folder/resume.log" \
        "resumed from $run/checkpoints/$older"
    check "$damage: one warning" [ "$(grep -c warning: "$folder/resume.log")" = 1 ]
done

# What a kill in the middle of writing leaves, with the highest number there is.
cp -r "$folder/damaged" "$folder/unfinished"
head -c 300000 "$folder/unfinished/checkpoints/$newest" \
    >"$folder/unfinished/checkpoints/step-00000900.h5.tmp.4711"
resume "half a file" 3 "$folder/unfinished"
says "half a file: is not read" "$folder/resume.log" "resumed from $folder/unfinished/checkpoints/$newest"
check_code "half a file: no warning" 1 grep -F warning: "$folder/resume.log"
check "half a file: is cleared away" [ ! -e "$folder/unfinished/checkpoints/step-00000900.h5.tmp.4711" ]

# A folder that holds no run yet is somebody's.
mkdir "$folder/new"
echo mine >"$folder/new/notes.tmp.1"
check "a new run" on 2 train "$experiment" --progress quiet --set fit.epochs=1 --out "$folder/new"
says "leaves what it finds" "$folder/new/notes.tmp.1" mine

for file in "${files[@]}"; do
    flip_middle "$folder/damaged/checkpoints/$file"
done
for n in 1 3; do
    check_code "all damaged, on $n" 4 on "$n" train "$experiment" --resume --progress quiet \
        --out "$folder/damaged"
    check "all damaged, on $n: one error" [ "$(grep -c 'convoy: error:' "$folder/output")" = 1 ]
done

finish
