# shellcheck shell=bash
# shellcheck disable=SC2016 # awk programs
# The promise: one experiment gives the same bits on any number of ranks. The history of every epoch
# (losses, metrics, digests; not the times) and the final model are compared.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh

# exact NAME "RANKS ..." EXPERIMENT OPTIONS...: the runs are left in $folder/NAME.RANKS
exact() {
    local name=$1 ranks=$2 first=${2%% *} n
    shift 2
    for n in $ranks; do
        check "$name on $n ranks" on "$n" train "$@" --progress quiet --out "$folder/$name.$n"
        cp "$folder/output" "$folder/$name.$n.log"
        [ "$n" != "$first" ] || continue
        same_run "$name: $first and $n ranks" "$folder/$name.$first" "$folder/$name.$n"
        check "$name: $first and $n ranks: file" cmp "$folder/$name."{"$first","$n"}/model.h5
    done
}

# says NAME FILE TEXT; silent NAME FILE TEXT
says() {
    check "$1" grep -qF -- "$3" "$2"
}
silent() {
    check_code "$1" 1 grep -F -- "$3" "$2"
}

# small NAME OPTIONS...: a fast run of the digits on 1 and 3 ranks; 20 microbatches a step.
small() {
    local name=$1
    shift
    exact "$name" "1 3" launch/experiments/digits.yaml --set fit.epochs=2 \
        --set data.train.subset=240 --set fit.batch_size=60 --set fit.microbatch_size=3 "$@"
}

# ---- whole experiments ----

digits=launch/experiments/digits.yaml
exact digits "1 2 3 4 7" "$digits"
silent "enough microbatches, no warning" "$folder/digits.4.log" warning
says "too few microbatches are said" "$folder/digits.7.log" \
    "7 ranks share the 4 microbatches of a step"
says "and what to change" "$folder/digits.7.log" "fit.microbatch_size (16)"
check "it learned" awk -F, 'END { exit !($8 > 0.97) }' <(rows "$folder/digits.1")

# The first 200 images of a batch of CIFAR-10, so that it need not be unpacked in each run.
cifar() {
    local name=$1 ranks=$2
    shift 2
    exact "$name" "$ranks" "launch/experiments/$name.yaml" "$@" --set fit.epochs=1 \
        --set "data.train={format: cifar10, files: $folder/batch.bin, subset: 168}" \
        --set 'data.validation={split: 8}' --set fit.batch_size=8
}
if [ -e "$test_data/cifar10/data_batch_1.bin.xz" ] && command -v xz >/dev/null; then
    xz -dc "$test_data/cifar10/data_batch_1.bin.xz" | head -c $((200 * 3073)) >"$folder/batch.bin"
    cifar cifar10-cnn "1 2 3 4 7" --set fit.microbatch_size=1
    cifar resnet20-cifar10 "1 2 3 4 7" --set fit.microbatch_size=2
    check "20 steps" awk -F, 'END { exit $2 != 20 }' "$folder/resnet20-cifar10.7/history.csv"
else
    skip cifar10 "there is no cifar10/data_batch_1.bin.xz below $test_data, or no xz"
fi

if [ -e "$test_data/mnist/train-images-idx3-ubyte.gz" ]; then
    CONVOY_DATA_DIR=$test_data exact lenet5-mnist "1 2 3 4 7" launch/experiments/lenet5-mnist.yaml \
        --set fit.epochs=1 --set data.train.subset=6000 --set data.validation.split=1000
else
    skip lenet5-mnist "there is no mnist/train-images-idx3-ubyte.gz below $test_data"
fi

# ---- sizes ----

# 211 samples: 3 batches of 60 and one of 31; microbatches of 7, the last of 4 or of 3
exact short "1 2 3 4" "$digits" --set fit.epochs=2 --set data.train.subset=240 \
    --set data.validation.split=29 --set fit.batch_size=60 --set fit.microbatch_size=7
check "short: 4 steps of 211 samples" awk -F, 'END { exit $1 != 2 || $2 != 8 || $3 != 211 }' \
    "$folder/short.1/history.csv"
exact batch-1 "1 3" "$digits" --set fit.epochs=1 --set data.train.subset=40 \
    --set fit.batch_size=1 --set fit.microbatch_size=1
check "batch 1: a step a sample" awk -F, 'END { exit $2 != $3 }' "$folder/batch-1.3/history.csv"
exact full-batch "1 2 3" "$digits" --set fit.epochs=3 --set data.train.subset=301 \
    --set fit.batch_size=full --set fit.microbatch_size=8
check "full batch: a step an epoch" awk -F, 'END { exit $2 != $1 }' \
    "$folder/full-batch.3/history.csv"
small one-microbatch --set fit.microbatch_size=60
says "one microbatch: the warning counts the idle" "$folder/one-microbatch.3.log" \
    "so that 2 have nothing to do"
small unshuffled --set fit.shuffle=false

# ---- what can be chosen ----

exact reference "1 2 3" "$digits" --set backend=reference --set fit.epochs=1 \
    --set data.train.subset=100 --set fit.batch_size=20 --set fit.microbatch_size=3
small blas --set backend=blas
small direct --set kernels.conv=direct
small winograd --set kernels.conv=winograd
small channel --set data.standardize=channel
small feature --set data.standardize=feature
small L1 --set 'model.layers.5.Dense.kernel_regularizer={L1: 0.001}'
small L2 --set 'model.layers.0.Conv2D.kernel_regularizer={L2: 0.01}' \
    --set 'model.layers.7.Dense.bias_regularizer={L2: 0.01}'
small L1L2 --set 'model.layers.5.Dense.kernel_regularizer={L1L2: {l1: 0.001, l2: 0.01}}'
small SGD --set compile.optimizer=SGD
small momentum --set 'compile.optimizer={SGD: {learning_rate: 0.05, momentum: 0.9}}'
small nesterov --set 'compile.optimizer={SGD: {learning_rate: 0.05, momentum: 0.9, nesterov: true}}'
small RMSprop --set compile.optimizer=RMSprop
small centered --set 'compile.optimizer={RMSprop: {centered: true, momentum: 0.5}}'
small Adagrad --set 'compile.optimizer={Adagrad: {learning_rate: 0.05}}'
small mse --set compile.loss=mean_squared_error --set data.one_hot=true \
    --set 'compile.metrics=[accuracy, mae, mse]'
small simple-layers --set "model=$(cat tests/models/simple_layers.yaml)"
# Losses, weights, and metrics of as many kinds as there is room for.
labels='accuracy, SparseCategoricalAccuracy, {SparseTopKCategoricalAccuracy: 2}, Precision,
    {Recall: {class_id: 3}}, F1Score, {FBetaScore: {beta: 2, average: weighted}}, AUC, {AUC: PR},
    sparse_categorical_crossentropy, perceptron'
vectors='accuracy, {BinaryAccuracy: {threshold: 0.25}}, CategoricalAccuracy, mse, mae, rmse, r2_score,
    CosineSimilarity, {TopKCategoricalAccuracy: 3}, kld, poisson, {huber: 0.5}, log_cosh, hinge,
    categorical_focal_crossentropy, {AUC: {name: area}}'
small balanced --set fit.class_weight=balanced --set "compile.metrics=[$labels]" \
    --set 'fit.callbacks=[{ModelCheckpoint: {monitor: val_auc_1, save_best_only: true}}]'
says "balanced: a column a metric" "$folder/balanced.3/history.csv" \
    ",precision,recall,f1_score,fbeta_score,auc,auc_1,"
small class-weight --set 'fit.class_weight={3: 5.0, 7: 0.25}'
small smoothing --set 'compile.loss={categorical_crossentropy: {label_smoothing: 0.1}}' \
    --set data.one_hot=true --set "compile.metrics=[$vectors]"
small focal --set 'compile.loss={binary_focal_crossentropy: {gamma: 1.5}}' --set data.one_hot=true
small perceptron --set compile.loss=perceptron --set 'model.layers.7.Dense.activation=linear' \
    --set 'compile.metrics=[accuracy, perceptron]'
small from-logits --set 'compile.loss={sparse_categorical_crossentropy: {from_logits: true}}' \
    --set 'model.layers.7.Dense.activation=linear'
for n in 1 3; do
    check "a confusion matrix on $n ranks" [ "$(wc -l <"$folder/balanced.$n/confusion.csv")" = 11 ]
done
check "the same on 1 and 3 ranks" cmp "$folder/balanced."{1,3}/confusion.csv
check "it has all validation samples" awk -F, '
    NR > 1 { for (i = 2; i <= NF; i++) n += $i } END { exit n != 36 }' "$folder/balanced.1/confusion.csv"

# A model of zeros has the loss log 10 for each sample; so weights can be seen in the first step's.
# weighted_loss NAME TIMES OPTIONS...: that of the first epoch is so many times log 10.
weighted_loss() {
    local name=$1 times=$2
    shift 2
    exact "$name" 1 "$digits" --set fit.epochs=1 --set fit.batch_size=2000 --set data.validation=null \
        --set 'model.layers=[Flatten, {Dense: {units: 10, activation: softmax, kernel_initializer: zeros}}]' \
        --set fit.callbacks=[] "$@"
    check "$name: $times log 10" awk -F, -v times="$times" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
        END { d = $at["loss"] - times * log(10); exit !(d < 1e-6 && d > -1e-6) }' \
        "$folder/$name.1/history.csv"
}
all='{0: 2, 1: 2, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2, 8: 2, 9: 2}'
weighted_loss zeros-plain 1
weighted_loss zeros-twice 2 --set "fit.class_weight=$all"
weighted_loss zeros-balanced 1 --set fit.class_weight=balanced
weighted_loss zeros-none 0 --set "fit.class_weight=${all//: 2/: 0}"

# A class a pixel: which of 17 grey values it has.
small pixels --set 'data.train={format: idx, images: images-idx3-ubyte, labels: images-idx3-ubyte}' \
    --set data.folder="$PWD/datasets/digits" --set data.train.subset=240 \
    --set data.validation.stratify=false --set data.test=null \
    --set 'model.layers=[{Conv2D: {filters: 17, kernel_size: 1, activation: softmax}}]' \
    --set 'compile.metrics=[accuracy, {SparseTopKCategoricalAccuracy: 3}, AUC]' \
    --set 'compile.optimizer={Adam: {learning_rate: 0.1}}'
check "pixels: it learns" awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
    END { exit !($at["accuracy"] > 0.5 && $at["val_accuracy"] > 0.5) }' "$folder/pixels.1/history.csv"

# Samples that weigh 0 could as well be absent, but for the number that the sum is divided by.
awk 'BEGIN {
    print "a,b,y,w"
    for (i = 0; i < 90; i++)
        printf "%g,%g,%g,%g\n", i % 7 / 7, i % 11 / 11, i % 7 / 7 - i % 11 / 5, i % 4 / 2
}' >"$folder/weighted.csv"
cat >"$folder/weighted.yaml" <<END2
name: weighted
data:
  train: {format: csv, file: weighted.csv, label: y, sample_weight: w}
  validation: {split: 20}
model: {input: [2], layers: [{Dense: {units: 3, activation: tanh}}, {Dense: {units: 1}}]}
compile: {loss: huber, optimizer: {SGD: {learning_rate: 0.2}}, metrics: [mse, r2_score]}
fit: {batch_size: 16, microbatch_size: 3, epochs: 2}
END2
cut -d, -f1,2,3 "$folder/weighted.csv" >"$folder/unweighted.csv"
exact weighted "1 2 3" "$folder/weighted.yaml"
exact unweighted 1 "$folder/weighted.yaml" --set data.train.sample_weight=null \
    --set data.train.file=unweighted.csv

small convolutions --set 'model.layers=[
    {Conv2D: {filters: 6, kernel_size: 3, padding: same, activation: relu}},
    {Conv2D: {filters: 8, kernel_size: 3, padding: same, groups: 2}},
    {GroupNormalization: {groups: 4, activation: relu}},
    {DepthwiseConv2D: {kernel_size: 3, strides: 2, padding: same, depth_multiplier: 2}},
    {LayerNormalization: {axis: [2, 3]}},
    {SeparableConv2D: {filters: 6, kernel_size: 3, padding: same, activation: tanh}},
    {Conv2DTranspose: {filters: 4, kernel_size: 3, strides: 2, padding: same}}, UnitNormalization,
    Flatten, {Dense: {units: 10, activation: softmax}}]'
small sequences --set 'model.input=[8, 8]' --set 'model.layers=[
    {Conv1D: {filters: 6, kernel_size: 3, padding: causal, activation: relu}},
    {DepthwiseConv1D: {kernel_size: 3, padding: same}}, LayerNormalization,
    {SeparableConv1D: {filters: 8, kernel_size: 3, strides: 2, padding: same}},
    {Conv1DTranspose: {filters: 4, kernel_size: 3, strides: 2, activation: tanh}},
    {GroupNormalization: {groups: 2}}, Flatten, {Dense: {units: 10, activation: softmax}}]'

check "the choices are not all one" awk '$1 in seen { exit 1 } { seen[$1] = 1 }' <(
    for name in one-microbatch unshuffled blas direct winograd channel feature L1 L2 L1L2 SGD momentum nesterov RMSprop \
        centered Adagrad mse balanced class-weight smoothing focal perceptron from-logits weighted \
        unweighted convolutions sequences simple-layers; do
        tail -n 1 "$folder/$name.1/history.csv" | sed 's/.*,//'
    done
)

# ---- instruction sets ----

# on_isa ISA NAME OPTIONS...: a run with the native kernels of that instruction set, compared with
# the run NAME.1 on the one that was chosen.
on_isa() {
    local isa=$1 name=$2
    shift 2
    CONVOY_ISA=$isa check "$name on $isa" on 1 train "$@" --progress quiet \
        --out "$folder/$name.$isa"
    same_run "$name: $isa and the best" "$folder/$name.1" "$folder/$name.$isa"
}
instruction_sets="generic avx2 avx512"
[ "$(uname -m)" != aarch64 ] || instruction_sets="generic neon"
for isa in $instruction_sets; do
    if ! "$CONVOY" --version | grep -q "available:.* $isa"; then
        skip "instruction set $isa" "this processor does not have it"
        continue
    fi
    on_isa "$isa" winograd "$digits" --set fit.epochs=2 --set data.train.subset=240 \
        --set fit.batch_size=60 --set fit.microbatch_size=3 --set kernels.conv=winograd
    [ ! -e "$folder/resnet20-cifar10.1" ] || [ "$isa" = generic ] ||
        on_isa "$isa" resnet20-cifar10 launch/experiments/resnet20-cifar10.yaml \
            --set fit.epochs=1 --set fit.batch_size=8 --set fit.microbatch_size=2 \
            --set "data.train={format: cifar10, files: $folder/batch.bin, subset: 168}" \
            --set 'data.validation={split: 8}'
done

# ---- another model's weights ----

weights="model.weights={file: $folder/digits.1, skip: dense_1}"
small transfer --set "$weights" --set "model.freeze=[conv2d*, dense]"
says "what is taken is said" "$folder/transfer.1.log" "weights of 3 of 4 layers taken"
says "and what is not" "$folder/transfer.1.log" "'dense_1' starts anew"
small unchanged --set "model.weights={file: $folder/digits.1}" --set 'model.freeze=["*"]'
same_digest() {
    [ "$("$CONVOY" digest "$1" | cut -c1-32)" = "$("$CONVOY" digest "$2" | cut -c1-32)" ]
}
check "a frozen model stays as it was" same_digest "$folder/unchanged.1" "$folder/digits.1"
check_code "a layer that does not fit" 2 on 2 train "$digits" --out "$folder/misfit" \
    --set "model.weights={file: $folder/digits.1}" --set model.layers.7.Dense.units=11
cp "$folder/output" "$folder/misfit.log"
says "is named" "$folder/misfit.log" "layer 'dense_1' kernel is (64, 10) there and (64, 11) here"
check_code "no such file" 4 on 2 train "$digits" --out "$folder/misfit" \
    --set "model.weights={file: $folder/missing.h5}"

# ---- evaluate and predict ----

for n in 1 2 3 7; do
    check "evaluate on $n ranks" on "$n" evaluate "$folder/digits.1" --json \
        --confusion "$folder/confusion.$n"
    cp "$folder/output" "$folder/evaluate.$n"
    check "predict on $n ranks" on "$n" predict "$folder/digits.1" test --probabilities \
        --output "$folder/predict.$n"
    [ "$n" != 1 ] || continue
    check "evaluate on $n ranks as on 1" diff "$folder/evaluate.1" "$folder/evaluate.$n"
    check "confusion on $n ranks as on 1" cmp "$folder/confusion.1" "$folder/confusion.$n"
    check "predict on $n ranks as on 1" cmp "$folder/predict.1" "$folder/predict.$n"
done
check "the confusion matrix has all samples" awk -F, 'NR > 1 { for (i = 2; i <= NF; i++) n += $i }
    END { exit n != 297 || NR != 11 }' "$folder/confusion.7"
says "evaluate says the accuracy" "$folder/evaluate.7" '"accuracy": 0.9'
check "predict has a row a sample" [ "$(grep -c '^[0-9]' "$folder/predict.7")" = 297 ]

finish
