# shellcheck shell=bash
# shellcheck disable=SC2016 # awk programs
# StopAt: training ends after the first epoch in which a number is good enough, on any ranks alike.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh

stop_at() {
    local ranks=$1 run=$2 arguments=$3
    shift 3
    on "$ranks" train launch/experiments/digits.yaml --progress quiet --out "$folder/$run" \
        --set "fit.callbacks=[{StopAt: $arguments}]" "$@"
}

# good_enough COLUMN SIGN VALUE RUN: is the last epoch, and no other, at least as good? SIGN is -1
# where less is better.
good_enough() {
    awk -F, -v column="$1" -v sign="$2" -v value="$3" '
        NR == 1 { for (i = 1; i <= NF; i++) at = $i == column ? i : at; next }
        { good = sign * $at >= sign * value; count += good }
        END { exit !(at && NR > 2 && good && count == 1) }' "$folder/$4/history.csv"
}

check "accuracy" stop_at 1 more.1 '{value: 0.9}'
cp "$folder/output" "$folder/log"
check "says so" grep -qF "StopAt: val_accuracy has reached 0.9 in epoch" "$folder/log"
check "the first epoch that is good enough" good_enough val_accuracy 1 0.9 more.1
check "accuracy on 3 ranks" stop_at 3 more.3 '{value: 0.9}'
same_run "1 and 3 ranks" "$folder/more.1" "$folder/more.3"
check "loss" stop_at 2 less '{monitor: loss, value: 0.6}'
check "less is better" good_enough loss -1 0.6 less
check "never" stop_at 1 never '{value: 1.1}' --set fit.epochs=2
check "trains to the end" test "$(wc -l <"$folder/never/history.csv")" = 3
check "already" stop_at 1 less '{monitor: loss, value: 0.6}' --resume
check_code "no value" 2 stop_at 1 wrong '{monitor: loss}'
check_code "an unknown number" 2 stop_at 1 wrong '{monitor: val_speed, value: 1}'
cp "$folder/output" "$folder/error"
check "which are named" grep -qF "there are: loss, accuracy, val_loss" "$folder/error"
finish
