# For test scripts that train: source it after tests/harness.sh.
# shellcheck shell=bash

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
