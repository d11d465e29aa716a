# shellcheck shell=bash
# shellcheck disable=SC2154,SC2016 # folder and CONVOY, of tests/harness.sh; awk programs
# BatchNormalization with synchronized: true: the same bits on any number of ranks and by every
# transport; nearly the same numbers however a batch is cut; resuming; a rank that fails; memory.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh

# Synchronized layers in a graph, and one that is not; samples that change, targets that are mixed,
# weights. 12 microbatches a step and 8 in the last, of which the last is short.
experiment=$folder/synchronized.yaml
cat >"$experiment" <<END
name: synchronized
seed: 3
data:
  train: {format: digits, part: train, subset: 240}
  validation: {split: 23}
  rescale: 1/16
  one_hot: true
  augment: [{RandomTranslation: {height_factor: 0.1, width_factor: 0.1}}, {MixUp: {alpha: 0.2}}]
model:
  input: [8, 8, 1]
  layers:
    - Conv2D: {filters: 6, kernel_size: 3, padding: same, use_bias: false}
    - BatchNormalization: {synchronized: true, activation: relu, name: a}
    - Conv2D: {filters: 6, kernel_size: 3, padding: same, use_bias: false}
    - BatchNormalization: {synchronized: true, name: b}
    - Add: {inputs: [a, b], activation: tanh}
    - Dropout: 0.1
    - BatchNormalization
    - Flatten
    - Dense: {units: 20, kernel_regularizer: {L2: 0.001}}
    - BatchNormalization: {synchronized: true, scale: false, activation: gelu}
    - Dense: {units: 10, activation: softmax}
compile: {optimizer: Adam, loss: categorical_crossentropy, metrics: [accuracy]}
fit:
  batch_size: 60
  microbatch_size: 5
  epochs: 2
  class_weight: {3: 2.0}
  callbacks: [{ModelCheckpoint: {save_freq: {steps: 1}, keep: 100}}]
END

# by TRANSPORT RANKS-PER-NODE RANKS OPTIONS...: trains so, into $run
by() {
    local transport=$1 each=$2 ranks=$3
    shift 3
    CONVOY_TRANSPORT=$transport CONVOY_RANKS_PER_NODE=$each \
        on "$ranks" train "$experiment" --progress quiet --out "$run" "$@"
}

# ---- ranks, transports ----

run=$folder/one
check "one rank" by auto 0 1
cp "$folder/output" "$run.log"
check "what is kept is said" grep -qE \
    'synchronized layers: 3, for which a rank keeps its microbatches, at most 12, in [0-9.]+ MiB' \
    "$run.log"
for way in "shm 0 2" "shm 0 3" "shm 0 4" "mpi 0 1" "mpi 0 2" "mpi 0 3" "mpi 0 4" "shm 2 4" "shm 3 7" \
    "auto 0 15"; do
    run=$folder/${way// /.}
    # shellcheck disable=SC2086 # words
    check "$way" by $way
    same_run "$way" "$folder/one" "$run"
    check "$way: file" cmp "$folder/one/model.h5" "$run/model.h5"
done

# ---- microbatches ----

# Every layer synchronized; the order of sums is all that then differs.
plain=(--set "data.augment=[]" --set model.layers.6.BatchNormalization.synchronized=true)
losses() {
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
        NR > 1 { print $at["loss"], $at["val_loss"] }' "$1/history.csv"
}
for size in 60 20 7 1; do
    run=$folder/by.$size
    check "microbatches of $size" by auto 0 2 "${plain[@]}" \
        --set "fit.microbatch_size=$size"
    losses "$run" >"$folder/losses.$size"
    check "microbatches of $size: the same losses" awk '
        { for (i = 1; i <= 2; i++) { d = $i / $(i + 2) - 1; if (d > 1e-5 || d < -1e-5) exit 1 } n++ }
        END { exit n != 2 }' <(paste -d ' ' "$folder/losses.60" "$folder/losses.$size")
done

# ---- resuming ----

# On another number of ranks, in the middle of an epoch of 4 steps.
cp -r "$folder/one" "$folder/resumed"
rm "$folder/resumed/model.h5" "$folder/resumed/checkpoints/step-"*[678].h5
run=$folder/resumed
check "goes on" by mpi 0 3 --resume
cp "$folder/output" "$folder/log"
check "goes on in the middle" grep -qF "epoch 2, step 5, 3 ranks" "$folder/log"
same_run "resumed" "$folder/one" "$run"

# ---- second-order methods ----

# Those that need gradients only, line search included; others need what the layer does not have.
solver=(--set 'data.augment=[]' --set fit.batch_size=full --set fit.callbacks=[])
for name in LBFGS ConjugateGradient; do
    for way in "shm 0 1" "shm 0 3" "mpi 0 2"; do
        run=$folder/$name.${way// /.}
        # shellcheck disable=SC2086 # words
        check "$name, $way" by $way "${solver[@]}" --set "compile.optimizer=$name"
        same_run "$name, $way" "$folder/$name.shm.0.1" "$run"
    done
done
run=$folder/newton
check_code "Newton" 2 by auto 0 2 "${solver[@]}" --set compile.optimizer=Newton
cp "$folder/output" "$folder/log"
check "Newton: says why" grep -qF "products with the Hessian are not known" "$folder/log"

# ---- a rank that fails ----

# One label is not of the ten classes, so that one rank fails in the middle of a step.
labels=$PWD/datasets/digits/labels-idx1-ubyte
{ head -c 1000 "$labels" && printf '\x0b' && tail -c +1002 "$labels"; } >"$folder/eleven"
bad="data.train={format: idx, images: $PWD/datasets/digits/images-idx3-ubyte, labels: $folder/eleven}"
run=$folder/fails
for way in "shm 0 1" "shm 0 3" "mpi 0 3" "shm 2 4" "mpi 0 4"; do
    # shellcheck disable=SC2086 # words
    check_code "a rank fails, $way" 3 by $way --set "$bad" --set data.one_hot=false \
        --set compile.loss=sparse_categorical_crossentropy --set data.augment=[] --overwrite
    cp "$folder/output" "$folder/log"
    check "a rank fails, $way: once" [ "$(grep -c 'error: ' "$folder/log")" = 1 ]
done

# ---- memory ----

if awk '$1 == "MemTotal:" { exit $2 > 200e6 }' /proc/meminfo; then
    run=$folder/large
    for ranks in 1 2; do
        check_code "too much on $ranks ranks" 2 by auto 0 "$ranks" --overwrite --set data.augment=[] \
            --set data.train.subset=null --set fit.batch_size=100000 --set fit.microbatch_size=1 \
            --set 'model.layers=[{UpSampling2D: {size: 32}}, {Conv2D: {filters: 128, kernel_size: 1}},
                {BatchNormalization: {synchronized: true}}, GlobalAveragePooling2D, {Dense: {units: 10,
                activation: softmax}}]'
        cp "$folder/output" "$folder/log"
        check "too much on $ranks ranks: says so" grep -qE "'batch_normalization'.* is synchronized, so \
that a rank keeps its microbatches of a step, [0-9]+: [0-9]+ bytes, [0-9.]+ GiB for all ranks of this \
machine, which has [0-9.]+ GiB; lower fit.batch_size" "$folder/log"
    done
else
    skip "too much memory" "this machine has more than 200 GB"
fi

finish
