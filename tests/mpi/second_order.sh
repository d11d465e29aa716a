# shellcheck shell=bash
# shellcheck disable=SC2016 # awk programs
# Second-order methods give the same bits on any number of ranks, by shared memory and by messages,
# and after a stop and a resume; each of them trains.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh

# convergence RUN: its solver.csv without the times
convergence() {
    sed 's/,[^,]*$//' "$1/solver.csv"
}

# same NAME RUN OTHER
same() {
    same_run "$@"
    convergence "$2" >"$folder/solver.one"
    convergence "$3" >"$folder/solver.other"
    check "$1: solver.csv" diff "$folder/solver.one" "$folder/solver.other"
}

# solved NAME "RANKS ..." LOSS EXPERIMENT OPTIONS...: the last loss is to be at most LOSS.
solved() {
    local name=$1 ranks=$2 loss=$3 n
    shift 3
    for n in $ranks; do
        check "$name on $n ranks" on "$n" train "$@" --progress quiet --out "$folder/$name.$n"
        [ "$n" = 1 ] || same "$name: 1 and $n ranks" "$folder/$name.1" "$folder/$name.$n"
    done
    check "$name: loss at most $loss" awk -F, -v most="$loss" \
        'NR > 1 { loss = $7 } END { exit !(loss != "" && loss <= most) }' \
        "$folder/$name.1/history.csv"
}

# by_messages NAME EXPERIMENT OPTIONS...: the run NAME.1 again on 3 ranks without shared memory
by_messages() {
    local name=$1
    shift
    CONVOY_TRANSPORT=mpi check "$name by messages" on 3 train "$@" --progress quiet \
        --out "$folder/$name.mpi"
    same "$name: shared memory and messages" "$folder/$name.1" "$folder/$name.mpi"
}

# resumed NAME EPOCHS EXPERIMENT OPTIONS...: the run NAME.1 again, ended after so many epochs on 2
# ranks and gone on with on 3.
resumed() {
    local name=$1 epochs=$2
    shift 2
    check "$name: first part" on 2 train "$@" --set "fit.epochs=$epochs" --progress quiet \
        --out "$folder/$name.parts"
    check "$name: second part" on 3 train "$@" --resume --progress quiet --out "$folder/$name.parts"
    same "$name: resumed" "$folder/$name.1" "$folder/$name.parts"
}

xor=launch/experiments/xor-newton.yaml
solved newton "1 2 3 4" 0.001 "$xor"
check "newton: it says that it has converged" grep -q 'converged after' "$folder/newton.1/log.txt"
check "newton: and ends" [ "$(wc -l <"$folder/newton.1/history.csv")" -lt 30 ]
by_messages newton "$xor"
solved newton-cg "1 3" 0.01 "$xor" --set 'compile.optimizer={Newton: cg}'
solved bfgs "1 3" 0.01 "$xor" --set compile.optimizer=BFGS
solved conjugate-gradient "1 3" 0.002 "$xor" --set compile.optimizer=ConjugateGradient
solved fletcher-reeves "1 3" 0.01 "$xor" --set fit.epochs=100 \
    --set 'compile.optimizer={ConjugateGradient: fletcher_reeves}'
solved hestenes-stiefel "1 3" 0.01 "$xor" --set 'compile.optimizer={ConjugateGradient: hestenes_stiefel}'
wave=launch/experiments/wave-lm.yaml
solved levenberg-marquardt "1 2 3 4" 0.05 "$wave" --set fit.epochs=80
by_messages levenberg-marquardt "$wave" --set fit.epochs=80
resumed levenberg-marquardt 7 "$wave" --set fit.epochs=80

digits=(launch/experiments/digits-lbfgs.yaml --set fit.epochs=15 --set data.train.subset=300)
solved lbfgs "1 2 3 4" 0.2 "${digits[@]}"
check "lbfgs: it learned" awk -F, 'NR > 1 { last = $8 } END { exit !(last > 0.95) }' \
    "$folder/lbfgs.1/history.csv"
by_messages lbfgs "${digits[@]}"
resumed lbfgs 6 "${digits[@]}"
solved digits-newton-cg "1 3" 0.3 "${digits[@]}" --set fit.epochs=5 \
    --set 'compile.optimizer={Newton: {method: cg, max_products: 20}}'
resumed digits-newton-cg 2 "${digits[@]}" --set fit.epochs=5 \
    --set 'compile.optimizer={Newton: {method: cg, max_products: 20}}'
solved digits-cg "1 3" 1 "${digits[@]}" --set compile.optimizer=ConjugateGradient
resumed digits-cg 5 "${digits[@]}" --set compile.optimizer=ConjugateGradient
solved digits-bfgs "1 3" 1 "${digits[@]}" --set compile.optimizer=BFGS \
    --set model.layers.1.Dense.units=6
resumed digits-bfgs 5 "${digits[@]}" --set compile.optimizer=BFGS \
    --set model.layers.1.Dense.units=6

# Convolutions, dropout, and batches that are not the whole set: 5 steps an epoch
conv=(launch/experiments/digits.yaml --set data.train.subset=300 --set fit.epochs=2
    --set 'fit.callbacks=[]')
solved minibatches "1 3" 2.4 "${conv[@]}" --set fit.batch_size=51 --set fit.microbatch_size=8 \
    --set 'compile.optimizer={LBFGS: {history: 4, max_evaluations: 8}}'
solved tangents "1 2 3 4" 2.5 "${conv[@]}" --set fit.batch_size=full --set fit.microbatch_size=16 \
    --set 'compile.optimizer={Newton: {method: cg, max_products: 6}}'

# ---- what cannot be ----

# refused NAME TEXT EXPERIMENT OPTIONS...
refused() {
    local name=$1 text=$2
    shift 2
    check_code "$name" 2 on 2 train "$@" --out "$folder/refused"
    cp "$folder/output" "$folder/refused.log"
    check "$name: the message" grep -qF -- "$text" "$folder/refused.log"
    check "$name: nothing is left behind" [ ! -e "$folder/refused" ]
}
refused "Newton and BatchNormalization" \
    "products with the Hessian are not known for BatchNormalization" \
    "${conv[@]}" --set compile.optimizer=Newton --set model.layers.1=BatchNormalization
refused "batch_size" "or full" "$xor" --set fit.batch_size=half
refused "squares" "needs a loss that is a sum of squares, mean_squared_error; found binary" \
    "$xor" --set compile.optimizer=LevenbergMarquardt
refused "L1" "no L1 penalty, as kernel has" "$xor" \
    --set 'model.layers.0.Dense.kernel_regularizer={L1: 0.1}' --set compile.optimizer=LBFGS
refused "memory" "needs 3" "${digits[@]}" --set compile.optimizer=BFGS \
    --set model.layers.1.Dense.units=9000
check "memory: in bytes" grep -qE 'BFGS needs [0-9]{10,} bytes on each rank' "$folder/refused.log"

# ---- beside each other ----

compared=("${digits[@]}" --set fit.epochs=3 --out "$folder/compared")
check "compare" on 2 compare "${compared[0]}" Adam LBFGS '{LBFGS: {history: 2}}' "${compared[@]:1}"
cp "$folder/output" "$folder/compare.log"
check "compare: a line each" [ "$(grep -cE '^(Adam|LBFGS|LBFGS-2)  ' "$folder/compare.log")" = 3 ]
check "compare: all samples in a batch" grep -q 'batch_size: full' \
    "$folder/compared/LBFGS/experiment.yaml"
check "compare: three drawings of three lines" \
    [ "$(grep -c '<path class="line ' "$folder/compared/compare.html")" = 9 ]
check "compare: again, from what is there" on 1 compare "${compared[0]}" Adam LBFGS \
    "${compared[@]:1}"
check "compare: finished runs" on 1 compare "$folder/compared/Adam" "$folder/lbfgs.1" \
    --out "$folder/compared"
check_code "compare: no run" 5 on 1 compare "$folder/compared" "$folder/lbfgs.1"
check_code "compare: an unknown optimizer" 2 on 1 compare "${compared[@]}" Adam LBGFS

finish
