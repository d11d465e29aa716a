# shellcheck shell=bash
# shellcheck disable=SC2016,SC2317 # a script in quotes; check calls the functions
# Bad input, on 1 and on 3 ranks: one line of error, that says where and what, the exit code of the
# contract (2 experiment, 3 data, 4 checkpoint, 5 I/O), and never a hang.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh

# The sound set, whole in files, and the experiment that trains on it.
images=datasets/digits/images-idx3-ubyte labels=datasets/digits/labels-idx1-ubyte
sound=$folder/sound.yaml
cat >"$sound" <<END2
name: sound
data:
  train: {format: idx, images: images, labels: labels}
  validation: {split: 100}
  rescale: 1/16
model:
  input: [8, 8, 1]
  layers:
    - Conv2D: {name: conv, filters: 4, kernel_size: 3, activation: relu}
    - Flatten
    - Dense: {name: scores, units: 10, activation: softmax}
compile:
  optimizer: {SGD: {learning_rate: 0.01}}
  loss: sparse_categorical_crossentropy
fit: {batch_size: 64, microbatch_size: 16, epochs: 1}
END2
cp "$images" "$folder/images"
cp "$labels" "$folder/labels"

# refused NAME CODE "TEXT|TEXT..." ARGUMENTS...: convoy on 1 and on 3 ranks ends with the code, and
# with one line of error that has every text.
refused() {
    local name=$1 code=$2 texts=$3 n text
    shift 3
    for n in 1 3; do
        check_code "$name, $n ranks" "$code" on "$n" "$@"
        grep -F 'convoy: error:' "$folder/output" >"$folder/errors"
        check "$name, $n ranks: one line" test "$(wc -l <"$folder/errors")" = 1
        while IFS= read -r -d '|' text; do
            check "$name, $n ranks: says '$text'" grep -qF -- "$text" "$folder/errors" ||
                sed 's/^/    /' "$folder/errors"
        done <<<"$texts|"
    done
}

# train NAME CODE TEXTS EDIT...: an experiment changed by a sed script or by --set options.
train() {
    local name=$1 code=$2 texts=$3 edit=$4
    shift 4
    sed "$edit" "$sound" >"$folder/bad.yaml"
    refused "$name" "$code" "$texts" train "$folder/bad.yaml" --progress quiet \
        --out "$folder/run" --overwrite "$@"
}

# set_of NAME CODE TEXTS IMAGES LABELS: an experiment with other files.
set_of() {
    train "$1" "$2" "$3" "" --set "data.train={format: idx, images: $4, labels: $5}"
}

# be32 NUMBER: four bytes, the highest first.
be32() {
    printf '%b' "$(printf '\\x%02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) \
        $(($1 & 255)))"
}

check "the sound one trains" on 1 train "$sound" --progress quiet --out "$folder/good"

# ---- the experiment ----

train "unknown key" 2 "bad.yaml:5:|rescal|did you mean 'rescale'" 's/rescale/rescal/'
train "wrong type" 2 "bad.yaml:9:|filters|four" 's/filters: 4/filters: four/'
train "convolution larger than its input" 2 "bad.yaml:9:|conv|9|8" \
    's/kernel_size: 3/kernel_size: 9/'
train "loss that does not fit the targets" 2 \
    "bad.yaml:14:|binary_crossentropy|10 outputs a sample|1 targets" \
    's/sparse_categorical_crossentropy/binary_crossentropy/'
train "crossentropy of what is no probability" 2 \
    "bad.yaml:14:|sparse_categorical_crossentropy|'activation: softmax'|'scores' has 'linear'|from_logits" \
    's/, activation: softmax//'
train "logits that are probabilities" 2 \
    "sparse_categorical_crossentropy from logits|'activation: linear'|'scores' has 'softmax'" "" \
    --set 'compile.loss={sparse_categorical_crossentropy: {from_logits: true}}'
train "loss of a wrong name" 2 "bad.yaml:14:|unknown loss|did you mean 'huber'" \
    's/sparse_categorical_crossentropy/hubber/'
train "argument of a loss out of range" 2 "huber.delta|found -1|above 0" "" \
    --set 'compile.loss={huber: {delta: -1}}'
train "metric of a wrong name" 2 "unknown metric 'acuracy'|did you mean 'accuracy'" "" \
    --set 'compile.metrics=[acuracy]'
train "metric of other targets" 2 "metric mean_squared_error needs targets of the output's shape" "" \
    --set 'compile.metrics=[mse]'
train "class that the model does not have" 2 "fit.class_weight: found class 10, expected 0..9" "" \
    --set 'fit.class_weight={10: 2}'
train "class weights of a wrong word" 2 "fit.class_weight|did you mean 'balanced'" "" \
    --set fit.class_weight=balance
train "metric to watch that is not there" 2 "monitor 'val_auc' is not watched|val_accuracy" "" \
    --set 'compile.metrics=[accuracy]' --set 'fit.callbacks=[{EarlyStopping: {monitor: val_auc}}]'
refused "missing experiment" 2 "none.yaml" train "$folder/none.yaml"
: >"$folder/empty.yaml"
refused "empty experiment" 2 "empty.yaml" train "$folder/empty.yaml"

# ---- the data ----

: >"$folder/empty"
head -c 5000 "$images" >"$folder/truncated"
{ be32 $((0x803)) && be32 99999 && be32 8 && be32 8 && tail -c +17 "$images"; } >"$folder/promises"
{ be32 $((0x801)) && be32 1000 && tail -c +9 "$labels" | head -c 1000; } >"$folder/fewer"
{ head -c 1000 "$labels" && printf '\x0b' && tail -c +1002 "$labels"; } >"$folder/eleven"
gzip -c "$images" | head -c 3000 >"$folder/ends.gz"
set_of "missing file" 3 "none: no such file|$folder" none labels
set_of "empty file" 3 "$folder/empty" empty labels
set_of "truncated IDX" 3 "$folder/truncated|5000" truncated labels
set_of "IDX that promises more" 3 "$folder/promises|99999" promises labels
set_of "counts that differ" 3 "1797|1000" images fewer
set_of "label out of range" 3 "11|10" images eleven
train "pixel of a class that is not there" 3 "images: sample|has label|expected 0..7" "" \
    --set 'data.train={format: idx, images: images, labels: images}' \
    --set 'model.layers=[{Conv2D: {filters: 8, kernel_size: 1, activation: softmax}}]'
train "labels of another shape than the pixels" 2 "needs 36 labels a sample|has 64" "" \
    --set 'data.train={format: idx, images: images, labels: images}' \
    --set 'model.layers=[{Conv2D: {filters: 8, kernel_size: 3, activation: softmax}}]'
set_of "gzip that ends early" 3 "$folder/ends.gz" ends.gz labels

# ---- pictures and augmentation ----

# pictures NAME CODE TEXTS FILE OPTIONS...: one class with a sound picture and that file.
pictures() {
    local name=$1 code=$2 texts=$3 file=$4
    shift 4
    rm -rf "$folder/pictures"
    mkdir -p "$folder/pictures/class"
    cp tests/fuzz/seeds/image/rgb.png "$folder/pictures/class"
    cp "$file" "$folder/pictures/class"
    train "$name" "$code" "$texts" "s/{format: idx.*/{format: images, folder: pictures}/" "$@"
}
echo "not a picture" >"$folder/text.jpg"
pictures "truncated JPEG" 3 "class/truncated.jpg: damaged JPEG" tests/fuzz/seeds/image/truncated.jpg
pictures "truncated PNG" 3 "class/truncated.png: damaged PNG" tests/fuzz/seeds/image/truncated.png
pictures "PNG that promises more" 3 "class/huge.png|60000 x 60000" tests/fuzz/seeds/image/huge.png
pictures "text called .jpg" 3 "class/text.jpg: neither a JPEG nor a PNG" "$folder/text.jpg"
pictures "pictures of several sizes" 3 "class/rgba.png: is 7 x 9|image_size" \
    tests/fuzz/seeds/image/rgba.png
pictures "pictures that do not suit the model" 2 "(8, 8, 1)|13x17x3" \
    tests/fuzz/seeds/image/rgb.png
pictures "a cache that is none" 3 "$folder/text.jpg|no cache" tests/fuzz/seeds/image/rgb.png \
    --set data.train.cache=text.jpg
pictures "a cache that cannot be written" 5 "$folder/none/cache" tests/fuzz/seeds/image/rgb.png \
    --set data.train.cache=none/cache
rm -r "$folder/pictures"
train "no pictures" 3 "pictures: no such file" "s/{format: idx.*/{format: images, folder: pictures}/"
train "unknown augmentation" 2 "RandomFlap|RandomFlip" "" --set 'data.augment=[RandomFlap]'
train "MixUp of class numbers" 2 "MixUp|data.one_hot" "" --set 'data.augment=[MixUp]'
train "augmentation behind a layer" 2 "bad.yaml:10:|RandomFlip|data.augment" \
    's/    - Flatten/    - RandomFlip\n    - Flatten/'
train "augmentation without a range" 2 "value_range" "" --set data.standardize=channel \
    --set 'data.augment=[{RandomContrast: 0.5}]'

# ---- NumPy's files ----

# archive NAME TEXTS FILE
archive() {
    train "$1" 3 "$2" "s/{format: idx.*/{format: npz, file: $3}/"
}
head -c 300 tests/fuzz/seeds/npz/packed >"$folder/short.npz"
{ head -c 200 tests/fuzz/seeds/npz/stored && printf x && tail -c +202 tests/fuzz/seeds/npz/stored; } \
    >"$folder/flipped.npz"
archive "NPZ that ends early" "short.npz: not a .npz file" short.npz
archive "NPZ that is damaged" "flipped.npz/x.npy: is damaged: its checksum" flipped.npz
archive "IDX called NPZ" "images: not a .npz file" images

# ---- checkpoints ----

sed 's/filters: 4/filters: 5/' "$sound" >"$folder/other.yaml"
check "another model trains" on 1 train "$folder/other.yaml" --progress quiet --out "$folder/other"
cp "$folder"/{good,other}/checkpoints/step-00000027.h5
refused "checkpoint of another model" 4 "conv|3, 3, 1, 4|3, 3, 1, 5" \
    train --resume --out "$folder/other" --set fit.epochs=2
flip() {
    local size
    size=$(stat -c %s "$1")
    dd if=/dev/zero of="$1" bs=1 seek=$((size / 2)) count=8 conv=notrunc status=none
    printf 'flipped' | dd of="$1" bs=1 seek=$((size / 2)) conv=notrunc status=none
}
cp -r "$folder/good" "$folder/flipped"
for file in "$folder"/flipped/checkpoints/*.h5; do
    flip "$file"
done
refused "checkpoints with bytes flipped" 4 "checksum" \
    train --resume --out "$folder/flipped" --set fit.epochs=2

# ---- the folder of the run ----

# in_small OPTIONS COMMAND...: the command, with a file system of 16 KiB at $folder/small.
mkdir -p "$folder/small"
in_small() {
    local options=$1
    shift
    unshare --map-root-user --mount bash -c \
        'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"' _ "$options" "$folder/small" "$@"
}
if in_small size=16k true 2>"$folder/output"; then
    on() {
        local ranks=$1
        shift
        in_small "$options" timeout --kill-after=5 60 mpirun --allow-run-as-root -n "$ranks" \
            "$CONVOY" "$@"
    }
    options=size=16k
    refused "no space left" 5 "$folder/small/|No space left" \
        train "$sound" --progress quiet --out "$folder/small/run"
    options=size=16k,ro
    refused "folder not writable" 5 "$folder/small/run|Read-only" \
        train "$sound" --progress quiet --out "$folder/small/run"
    # shellcheck source=tests/runs.sh
    . tests/runs.sh
else
    skip "no space left, folder not writable" "no mount namespace can be made here"
fi

start "$folder/first.log" "$CONVOY" train "$sound" -n 1 --out "$folder/held" --set fit.epochs=100000
check "the first run goes on" within 20 test -s "$folder/held/history.csv"
refused "second run in the same folder" 5 "$folder/held" train "$sound" --out "$folder/held"
check "the first run is ended" kill_tree "$job"
wait "$job" 2>"$folder/wait"

# ---- one rank only ----

mkdir "$folder/bad"
cp "$folder/truncated" "$folder/bad/images"
cp "$folder/labels" "$folder/bad/labels"
one_rank() {
    timeout --kill-after=5 20 mpirun -n 2 "$CONVOY" "$@" : \
        -n 1 env CONVOY_DATA_DIR="$folder/bad" "$CONVOY" "$@"
}
export CONVOY_DATA_DIR=$folder
check_code "one rank's file is damaged" 3 one_rank train "$sound" --out "$folder/one"
cp "$folder/output" "$folder/one.log"
check "it is that rank's message" grep -qE "error:.*rank 2.*$folder/bad/images" "$folder/one.log"
check "no other" test "$(grep -c 'error:' "$folder/one.log")" = 1

finish
