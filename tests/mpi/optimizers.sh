# shellcheck shell=bash
# shellcheck disable=SC2154 # folder and CONVOY, of tests/harness.sh
# Every optimizer, what goes with one, and learning rates: the same bits on any number of ranks and by
# every transport, also where a run goes on in the middle of an epoch on another number of ranks.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh

experiment=$folder/experiment.yaml
"$CONVOY" train launch/experiments/digits.yaml --dry-run --set fit.epochs=2 \
    --set data.train.subset=240 --set fit.batch_size=60 --set fit.microbatch_size=3 \
    --set "fit.callbacks=[{ModelCheckpoint: {save_freq: {steps: 1}, keep: 100}}]" >"$experiment"

# optimizer NAME OPTIONS...: whole runs on 1 and 3 ranks, of which the second has its ranks on two
# machines; and the first one from after step $middle on, on 2 ranks. An epoch has 4 steps.
middle=5
optimizer() {
    local name=$1 step
    shift
    check "$name on 1 rank" on 1 train "$experiment" --progress quiet --out "$folder/$name.1" "$@"
    CONVOY_RANKS_PER_NODE=2 check "$name on 3 ranks" on 3 train "$experiment" --progress quiet \
        --out "$folder/$name.3" "$@"
    same_run "$name: 1 and 3 ranks" "$folder/$name.1" "$folder/$name.3"
    cp -r "$folder/$name.1" "$folder/$name.2"
    rm "$folder/$name.2/model.h5"
    for ((step = middle + 1; step <= 16; step++)); do
        rm -f "$folder/$name.2/checkpoints/step-$(printf %08d "$step").h5"
    done
    check "$name goes on" on 2 train "$experiment" --resume --progress quiet \
        --out "$folder/$name.2" "$@"
    cp "$folder/output" "$folder/log"
    check "$name goes on in the middle" grep -qF \
        "epoch $((middle / 4 + 1)), step $middle, 2 ranks" "$folder/log"
    same_run "$name: and resumed" "$folder/$name.1" "$folder/$name.2"
    tail -n 1 "$folder/$name.1/history.csv" | sed 's/.*,//' >>"$folder/digests"
    rm -r "$folder/$name."*
}

for name in Adadelta AdamW Adamax Nadam Lion Lamb LARS Muon; do
    optimizer "$name" --set "compile.optimizer=$name"
done
optimizer Ftrl --set 'compile.optimizer={Ftrl: {learning_rate: 0.1, learning_rate_power: -0.6}}'
optimizer amsgrad --set 'compile.optimizer={Adam: {amsgrad: true, clipnorm: 0.1}}'
optimizer global_clipnorm --set 'compile.optimizer={SGD: {momentum: 0.9, global_clipnorm: 0.5}}'
optimizer decay --set 'compile.optimizer={SGD: {weight_decay: 0.1, clipvalue: 0.01}}' \
    --set 'compile.exclude_from_weight_decay=[bias]'
optimizer averages --set 'compile.optimizer={Adam: {use_ema: true, ema_overwrite_frequency: 3}}' \
    --set 'fit.callbacks=[{SwapEMAWeights: {swap_on_epoch: true}},
        {ModelCheckpoint: {save_freq: {steps: 1}, keep: 100, save_best_only: true}}]'
optimizer whole --set model.layers.5.Dense.kernel_constraint=UnitNorm \
    --set 'model.layers.0.Conv2D.kernel_constraint={MaxNorm: {max_value: 0.5, axis: [0, 1, 2]}}' \
    --set 'model.layers.7.Dense.kernel_regularizer={OrthogonalRegularizer: {mode: columns}}' \
    --set model.layers.0.Conv2D.learning_rate_multiplier=0.1
cosine='{CosineDecayRestarts: {initial_learning_rate: 0.01, first_decay_steps: 3}}'
optimizer schedule --set "compile.optimizer={Adam: {learning_rate: $cosine}}" \
    --set compile.warmup_steps=3 --set compile.scale_with_batch=sqrt
middle=13
optimizer plateau --set 'fit.callbacks=[{ReduceLROnPlateau: {patience: 1, min_delta: 9, factor: 0.5}},
    {ModelCheckpoint: {save_freq: {steps: 1}, keep: 100}}]' --set fit.epochs=4
check "the choices are not all one" [ "$(sort "$folder/digests" | uniq -d | wc -l)" = 0 ]

# ---- the learning rate is seen ----

rate() {
    awk -F, -v epoch="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "learning_rate") c = i }
        $1 == epoch { print $c }' "$1/history.csv"
}
check "a warm-up" on 1 train "$experiment" --progress lines --out "$folder/warm" \
    --set 'compile.optimizer={SGD: 0.5}' --set compile.warmup_steps=8 \
    --set compile.scale_with_batch=linear --set compile.reference_batch_size=30
cp "$folder/output" "$folder/log"
check "half of it after an epoch, for twice the batch" [ "$(rate "$folder/warm" 1)" = 0.5 ]
check "all of it after two" [ "$(rate "$folder/warm" 2)" = 1 ]
check "and shown" grep -qF 'lr 0.5' "$folder/log"
check "a plateau" on 2 train "$experiment" --progress quiet --out "$folder/plateau" \
    --set 'fit.callbacks=[{ReduceLROnPlateau: {patience: 1, min_delta: 100, factor: 0.5}}]' \
    --set 'compile.optimizer={SGD: 0.25}' --set fit.epochs=4
check "not in the first epochs" [ "$(rate "$folder/plateau" 2)" = 0.25 ]
check "then twice" [ "$(rate "$folder/plateau" 4)" = 0.0625 ]

# ---- looking for one ----

find_rate() {
    on "$1" train "$experiment" --find-learning-rate=40 --out "$folder/rates" \
        --set compile.optimizer=SGD
}
check "--find-learning-rate" find_rate 1
cp "$folder/output" "$folder/found"
cp "$folder/rates/learning-rate.csv" "$folder/rates.csv"
check "it suggests one" grep -qE '^suggestion: learning_rate: 0\.' "$folder/found"
check "in a table" grep -qE '^ +1e-07 ' "$folder/found"
check "on 3 ranks" find_rate 3
check "on 3 ranks: the same" cmp "$folder/rates.csv" "$folder/rates/learning-rate.csv"
check "two files are all" [ "$(echo "$folder/rates/"*)" = \
    "$folder/rates/learning-rate.csv $folder/rates/learning-rate.svg" ]
check "a step a line" awk 'END { exit NR < 20 || NR > 41 }' "$folder/rates.csv"
check "a picture" grep -qF '</svg>' "$folder/rates/learning-rate.svg"
check "a run may follow" on 2 train "$experiment" --progress quiet --out "$folder/rates"

# ---- what does not go together ----

# refuses NAME TEXT OPTIONS...
refuses() {
    local name=$1 text=$2
    shift 2
    check_code "$name" 2 "$CONVOY" train "$experiment" --dry-run "$@"
    cp "$folder/output" "$folder/log"
    check "$name: says so" grep -qF -- "$text" "$folder/log"
}
refuses "two ways to clip" "expected one of clipnorm, global_clipnorm and clipvalue, found 2" \
    --set 'compile.optimizer={SGD: {clipnorm: 1, clipvalue: 1}}'
refuses "accumulation" "multiply fit.batch_size by 4" \
    --set 'compile.optimizer={SGD: {gradient_accumulation_steps: 4}}'
refuses "a plateau of a schedule" "the learning rate follows a schedule, CosineDecay" \
    --set 'fit.callbacks=ReduceLROnPlateau' --set 'compile.optimizer={SGD: {learning_rate: {CosineDecay:
        {initial_learning_rate: 1, decay_steps: 2}}}}'
refuses "averages of none" "expected use_ema: true" --set 'fit.callbacks=SwapEMAWeights'
refuses "a learning rate that is no number" "unknown learning_rate 'fast'" \
    --set 'compile.optimizer={SGD: {learning_rate: fast}}'
refuses "a negative one" "SGD.learning_rate: found -1, expected a number from 0 to 1000000" \
    --set 'compile.optimizer={SGD: {learning_rate: -1}}'
refuses "few steps" "at least 20 steps" --find-learning-rate=3
for value in 'kernel_constraint={MaxNorm: {axis: 2}}' bias_regularizer=OrthogonalRegularizer; do
    check_code "${value%%=*}" 2 on 1 train "$experiment" --out "$folder/none" \
        --set "model.layers.5.Dense.$value"
done

finish
