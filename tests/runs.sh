# For test scripts that train: source it after tests/harness.sh.
# shellcheck shell=bash disable=SC2154,SC2034,SC2013

# on RANKS ARGUMENTS...: convoy on so many ranks, for at most two minutes.
on() {
    local ranks=$1
    shift
    timeout --kill-after=5 "$((120 * ${SLOW:-1}))" mpirun -n "$ranks" "$CONVOY" "$@"
}

# rows RUN: the run's history.csv without what depends on time.
rows() {
    awk -F, 'NR == 1 {
        for (i = 1; i <= NF; i++)
            timed[i] = $i == "seconds" || $i == "samples_per_second"
    }
    {
        line = ""
        for (i = 1; i <= NF; i++)
            if (!timed[i])
                line = line (line == "" ? "" : ",") $i
        print line
    }' "$1/history.csv"
}

# same_run NAME RUN OTHER: passes if both runs have the same history and the same final model.
same_run() {
    local name=$1 one=$2 other=$3
    rows "$one" >"$folder/rows.one"
    rows "$other" >"$folder/rows.other"
    check "$name: history" diff "$folder/rows.one" "$folder/rows.other"
    "$CONVOY" digest --json "$one" 2>&1 | grep -oE "[0-9a-f]{32}" >"$folder/digest.one"
    "$CONVOY" digest --json "$other" 2>&1 | grep -oE "[0-9a-f]{32}" >"$folder/digest.other"
    check "$name: model" diff "$folder/digest.one" "$folder/digest.other"
    check "$name: is there" grep -qxE '[0-9a-f]{32}' "$folder/digest.one"
}

# start LOG COMMAND...: starts a command in the background; its process id is in $job. Not in a
# subshell, so that wait_job can wait for it.
start() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 </dev/null &
    job=$!
}

# wait_job: the exit code of the job, killed if it does not end; in $code.
wait_job() {
    local watch=0
    (
        sleep "$((60 * ${SLOW:-1}))"
        kill_tree "$job"
    ) &
    watch=$!
    code=0
    wait "$job" 2>"$folder/wait" || code=$?
    kill_tree "$watch"
    wait "$watch" 2>"$folder/wait"
}

# The process and all that it started, directly or not, a line each.
tree_of() {
    local child
    echo "$1"
    for child in $(cat "/proc/$1/task/"*/children 2>"$folder/children"); do
        tree_of "$child"
    done
}

# kill_tree PID: SIGKILL to the process and all that it started; fails if it had ended before.
kill_tree() {
    local processes
    kill -STOP "$1" 2>"$folder/kill" || return 1 # so that it starts no more
    processes=$(tree_of "$1")
    # shellcheck disable=SC2086 # words
    kill -KILL $processes 2>"$folder/kill"
    return 0
}

# within SECONDS COMMAND...: repeats it until it succeeds; fails after so many seconds.
within() {
    local end=$((SECONDS + $1 * ${SLOW:-1}))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.02
    done
}
