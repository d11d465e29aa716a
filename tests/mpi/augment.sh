# shellcheck shell=bash
# Pictures and augmentation: the same bits on any number of ranks, from a cache, and when a run is
# resumed in the middle of an epoch.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh

# run NAME RANKS OPTIONS...: trains $experiment; the run is left in $folder/NAME.RANKS
run() {
    local name=$1 ranks=$2
    shift 2
    check "$name on $ranks ranks" on "$ranks" train "$experiment" --progress quiet \
        --out "$folder/$name.$ranks" "$@"
}

# exact NAME OPTIONS...: on 1 and on 3 ranks
exact() {
    run "$1" 1 "${@:2}"
    run "$1" 3 "${@:2}"
    same_run "$1: 1 and 3 ranks" "$folder/$1.1" "$folder/$1.3"
}

# ---- each augmentation, on digits; 20 microbatches a step, the last step of each epoch a short one

experiment=$folder/digits.yaml
"$CONVOY" train launch/experiments/digits.yaml --dry-run --set fit.epochs=2 \
    --set data.train.subset=240 --set fit.batch_size=60 --set fit.microbatch_size=3 \
    --set data.one_hot=true --set compile.loss=categorical_crossentropy \
    --set fit.callbacks=[] >"$experiment"
names=(plain)
exact plain
augment() {
    names+=("$1")
    exact "$1" --set "data.augment=[$2]"
}
augment flip 'RandomFlip'
augment translation '{RandomTranslation: {height_factor: 0.2, width_factor: [0.0, 0.2]}}'
augment rotation '{RandomRotation: 0.1}'
augment zoom '{RandomZoom: {height_factor: 0.2, fill_mode: constant}}'
augment crop '{RandomCrop: {padding: 1}}'
augment contrast '{RandomContrast: 0.4}'
augment brightness '{RandomBrightness: {factor: 0.2, value_range: [0, 1]}}'
augment erasing '{RandomErasing: {factor: 0.5, value_range: [0, 1]}}'
augment mixup 'MixUp'
augment cutmix 'CutMix'
check "each changes the run" [ "$(for name in "${names[@]}"; do
    tail -n 1 "$folder/$name.1/history.csv" | sed 's/.*,//'
done | sort -u | wc -l)" = "${#names[@]}" ]

# ---- all of them, cut off in the middle of the second epoch ----

all='RandomFlip, {RandomTranslation: {height_factor: 0.1, width_factor: 0.1}}, {RandomZoom: 0.1},
     {RandomRotation: 0.05}, {RandomCrop: {padding: 1}}, MixUp, {RandomContrast: 0.2},
     {RandomErasing: {factor: 0.3, fill_value: 0.5}}, CutMix'
saved='fit.callbacks=[{ModelCheckpoint: {save_freq: {steps: 1}, keep: 20}}]'
run all 1 --set "data.augment=[$all]" --set "$saved"
cp -r "$folder/all.1" "$folder/cut"
mapfile -t checkpoints < <(ls "$folder/cut/checkpoints")
check "there is a checkpoint a step" [ "${#checkpoints[@]}" = 8 ]
rm "$folder/cut/checkpoints/${checkpoints[6]}" "$folder/cut/checkpoints/${checkpoints[7]}"
check "resumed on 3 ranks" on 3 train --resume --progress quiet --out "$folder/cut"
cp "$folder/output" "$folder/resume.log"
check "in the middle of an epoch" grep -qF "epoch 2, step 6, 3 ranks" "$folder/resume.log"
same_run "resumed" "$folder/all.1" "$folder/cut"

# ---- as Keras's layers in front of the model ----

layers=$(sed -n '/^  layers:/,/^[a-z]/p' "$experiment" | sed '1d;$d')
sed '/^  layers:/,$d' "$experiment" >"$folder/keras.yaml"
{
    printf '  layers:\n    - RandomFlip\n    - MixUp\n%s\n' "$layers"
    sed -n '/^compile:/,$p' "$experiment"
} >>"$folder/keras.yaml"
run listed 1 --set 'data.augment=[RandomFlip, MixUp]'
experiment=$folder/keras.yaml run keras 1
same_run "layers that augment" "$folder/listed.1" "$folder/keras.1"

# ---- pictures ----

seeds=tests/fuzz/seeds/image
for class in odd even; do
    mkdir -p "$folder/pictures/$class"
    cp "$seeds"/{rgb,palette,turned}.png "$seeds"/{turned?,4??,progressive,grey}.jpg \
        "$folder/pictures/$class"
done
cp "$seeds/truncated.jpg" "$folder/pictures/odd"
experiment=$folder/pictures.yaml
cat >"$experiment" <<'END'
name: pictures
data:
  train: {format: images, folder: pictures, image_size: [12, 10], on_error: skip}
  rescale: 1/255
  augment:
    - RandomFlip: horizontal
    - RandomCrop: {padding: 2}
model:
  input: [12, 10, 3]
  layers:
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
    - Flatten
    - Dense: {units: 2, activation: softmax}
compile: {loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {batch_size: 12, microbatch_size: 2, epochs: 2}
END
exact pictures
check "info" "$CONVOY" data info "$experiment"
cp "$folder/output" "$folder/info"
check "a file is skipped" grep -q "skipped: .*truncated.jpg: damaged" "$folder/info"
check "and counted" grep -q "1 of 33 files are skipped" "$folder/info"
run cached 3 --set data.train.cache=cache
check "the cache is there" test -s "$folder/cache"
run cached 1 --set data.train.cache=cache
for n in 1 3; do
    same_run "with a cache, $n ranks" "$folder/pictures.1" "$folder/cached.$n"
done
check "nothing half written is left" [ -z "$(compgen -G "$folder/cache.tmp.*")" ]
check "a preview" "$CONVOY" data preview "$experiment" "$folder/preview.png"
echo preview.png,0 >"$folder/preview.csv"
check "is a picture" "$CONVOY" data info \
    "{format: images, folder: $folder, labels: $folder/preview.csv, header: false}"
cp "$folder/output" "$folder/info"
check "of 8 x 8 samples of 60x50, 2 apart" grep -q "inputs      494x414x3" "$folder/info"
finish
