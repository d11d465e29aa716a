# shellcheck shell=bash
# convoy train --watch, and the warning of overfitting: the numbers against closed forms and on any
# number of ranks, warnings for networks that are made to fail, and that a run stays the same.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh
digits=launch/experiments/digits.yaml
all=gradients,activations,weights

# watched NAME RANKS OPTIONS...: a run into $folder/NAME.
watched() {
    local name=$1 ranks=$2
    shift 2
    check "$name" on "$ranks" train "$@" --progress quiet --out "$folder/$name"
    cp "$folder/output" "$folder/$name.log"
}
says() {
    check "$1" grep -qE -- "$3" "$folder/$2.log"
}
silent() {
    check_code "$1" 1 grep -E -- "$3" "$folder/$2.log"
}
# cell RUN STEP LAYER COLUMN
cell() {
    awk -F, -v step="$2" -v layer="$3" -v name="$4" 'NR == 1 {
        for (i = 1; i <= NF; i++)
            if ($i == name)
                column = i
    }
    $2 == step && $3 == layer { print $column }' "$folder/$1/watch.csv"
}
# near NAME RUN STEP LAYER COLUMN EXPECTED
near() {
    check "$1" awk -v a="$(cell "$2" "$3" "$4" "$5")" -v b="$6" \
        'BEGIN { d = a - b; exit !(a != "" && d * d <= 1e-12 * b * b + 1e-24) }'
}

# ---- numbers ----

# y = relu(w x) with w = (1, 1): w x is 3, 1, 0, -2. The gradient of the mean squared error is 2/4 of
# the sum of (y - t) x over the first two, (2 (1, 2) + 1 (0, 1)) / 2 = (1, 2.5).
printf '%s\n' a,b,t 1,2,1 0,1,0 -1,1,0 -2,0,1 >"$folder/line.csv"
cat >"$folder/line.yaml" <<END
name: line
data: {train: {format: csv, file: $folder/line.csv, label: t}}
model:
  input: [2]
  layers:
    - Dense: {units: 1, use_bias: false, kernel_initializer: ones, name: line}
    - ReLU: {name: relu}
compile: {optimizer: {SGD: 0.1}, loss: mean_squared_error}
fit: {batch_size: 4, microbatch_size: 1, epochs: 1, shuffle: false}
END
watched line 2 "$folder/line.yaml" --watch "$all"
near "norm of the gradient" line 1 line gradient_norm 2.6925824036
near "its largest element" line 1 line gradient_largest 2.5
near "update by weights" line 1 line update_ratio 0.1903943277
near "mean" line 1 line activation_mean 0.5
near "deviation" line 1 line activation_deviation 1.8027756377
near "least" line 1 line activation_least -2
near "most" line 1 line activation_most 3
near "zeros" line 1 line zeros 0.25
near "of a ReLU" line 1 relu zeros 0.5
near "mean of a ReLU" line 1 relu activation_mean 1
near "a ReLU that lives" line 1 relu dead 0
near "norm of the weights" line 1 line weight_norm 1.1715374514
near "largest weight" line 1 line weight_largest 0.9
check "a ReLU has no gradient" [ -z "$(cell line 1 relu gradient_norm)" ]
check "a Dense is not dead" [ -z "$(cell line 1 line dead)" ]
says "a table" line '^line +2\.69 '

# ---- the same on any number of ranks, and for the run nothing changes ----

small=("$digits" --set fit.epochs=3 --set data.train.subset=240 --set fit.batch_size=50
    --set fit.microbatch_size=3)
watched one 1 "${small[@]}" --watch "$all"
watched three 3 "${small[@]}" --watch "$all"
CONVOY_RANKS_PER_NODE=1 watched apart 3 "${small[@]}" --watch "$all"
watched plain 2 "${small[@]}"
check "1 and 3 ranks" cmp "$folder/"{one,three}/watch.csv
check "3 ranks apart" cmp "$folder/"{one,apart}/watch.csv
same_run "watched or not" "$folder/one" "$folder/plain"
check "and the file" cmp "$folder/"{one,plain}/model.h5
check "nobody asked" [ ! -e "$folder/plain/watch.csv" ]
# 204 samples for training: 4 whole batches and one of 4
check "first step and last whole batches" [ "$(cut -d, -f2 "$folder/one/watch.csv" | uniq | xargs)" = \
    "step 1 4 9 14" ]
watched often 2 "${small[@]}" --watch weights --watch-every 4 --profile
check "every fourth step" [ "$(cut -d, -f2 "$folder/often/watch.csv" | uniq | xargs)" = \
    "step 1 4 8 12" ]
check "weights alone" [ "$(head -n 1 "$folder/often/watch.csv")" = \
    epoch,step,layer,type,weight_norm,weight_largest ]

# stopped after the second epoch, and with rows that the checkpoint does not know
cp -r "$folder/one" "$folder/resumed"
rm "$folder/resumed/model.h5" "$folder/resumed/checkpoints/"*15.h5
watched resumed 2 "$digits" "${small[@]:1}" --watch "$all" --resume
check "goes on" cmp "$folder/"{one,resumed}/watch.csv
watched resumed 1 "$digits" "${small[@]:1}" --watch weights --set fit.epochs=4 --resume
says "other columns" resumed "watch.csv: had other columns, begins anew"
check "nothing of a run that was overwritten" on 1 train "${small[@]}" --overwrite \
    --no-report --progress quiet --out "$folder/resumed"
check "its layers are gone" [ ! -e "$folder/resumed/watch.csv" ]
check "and its report" [ ! -e "$folder/resumed/report.html" ]

# ---- warnings ----

short=("$digits" --set fit.epochs=1 --set 'fit.callbacks=[]')
watched dead 2 "${short[@]}" --watch activations,gradients \
    --set 'model.layers.5.Dense.bias_initializer={Constant: {value: -1000}}'
says "dead ReLUs" dead "step 1: dead ReLUs: 100% of the 64 units of layer 'dense' were 0 for all 64"
says "no gradient" dead "step 1: vanishing gradient: that of layer 'conv2d(_1)?' has the root mean \
square 0, .* likewise 2 other layers"
check "said once" [ "$(grep -c "dead ReLUs" "$folder/dead.log")" = 1 ]
says "and in the table" dead '^dense .* vanishing  dead$'
watched large 2 "${short[@]}" --watch gradients --set 'compile.optimizer={SGD: 30}'
says "exploding" large "exploding: the gradient of layer 'conv2d' has the norm [0-9.]+, and its \
update is [0-9.]+ times its weights"
check_code "no number" 6 on 2 train "${short[@]}" --watch gradients --watch-every 1 --progress quiet \
    --set 'compile.optimizer={SGD: 1000000}' --set data.validation=null --out "$folder/diverged"
check "its last steps" [ "$(wc -l <"$folder/diverged/watch.csv")" -gt 8 ]
watched sound 2 "${short[@]}" --watch "$all"
silent "nothing to warn of" sound warning

few=("$digits" --set data.train.subset=40 --set data.validation.split=20 --set fit.batch_size=20
    --set 'fit.callbacks=[]' --set 'compile.optimizer={Adam: 0.01}'
    --set model.layers.4.Dropout.rate=0 --set model.layers.6.Dropout.rate=0)
watched overfit 2 "${few[@]}" --set fit.epochs=30
says "overfitting" overfit 'overfitting: val_loss was least in epoch [0-9]+, .* while loss went from'
check "once" [ "$(grep -c overfitting "$folder/overfit.log")" = 1 ]
watched overfit 1 "${few[@]}" --set fit.epochs=32 --resume
silent "not again after resuming" overfit overfitting

# ---- usage ----

check_code "something unknown" 2 "$CONVOY" train "$digits" --watch gradients,loss
cp "$folder/output" "$folder/usage.log"
says "is said" usage "found 'gradients,loss', expected gradients"
check_code "every without what" 2 "$CONVOY" train "$digits" --watch-every 3
check_code "a second-order method" 2 on 2 train "$digits" --watch weights --progress quiet \
    --out "$folder/newton" --set compile.optimizer=LBFGS --set fit.batch_size=full
check_code "nothing to watch" 2 "$CONVOY" train "$digits" --find-learning-rate --watch weights
finish
