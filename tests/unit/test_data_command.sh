# shellcheck shell=bash
# convoy data info, check and convert.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"

# says NAME TEXT: passes if the last command's output has TEXT.
says() {
    cp "$folder/output" "$folder/last"
    check "$1" grep -qF -- "$2" "$folder/last"
    cp "$folder/last" "$folder/output" # for the next one
}
# shellcheck disable=SC2317 # check calls it
data() {
    "$CONVOY" data "$@"
}

check "info of the digits" data info '{format: digits, part: test}'
says "samples" "samples     297"
says "shape, type, size, storage" "inputs      8x8x1 uint8, 18.6 KiB, embedded"
check "info of files" data info datasets/digits/images-idx3-ubyte datasets/digits/labels-idx1-ubyte
says "the format is told" "format      idx (datasets/digits/images-idx3-ubyte)"
says "mapped" "uint8, 112.3 KiB, mapped"
check "info as JSON" data info --json '{format: digits}' '{format: digits, subset: 10}'
cp "$folder/output" "$folder/info.json"
if command -v python3 >/dev/null; then
    check "is JSON" python3 -c '
import json, sys
a, b = json.load(open(sys.argv[1]))
assert a["samples"] == 1797 and a["inputs"]["shape"] == [8, 8, 1], a
assert sum(a["class_counts"]) == 1797 and a["channels"][0]["max"] == 16, a
assert b["samples"] == 10 and b["stored"] == 1797, b' "$folder/info.json"
else
    skip "is JSON" "python3 is not installed"
fi

check "synthetic numbers" data info '{format: synthetic, shape: [4, 4, 3], samples: 50, classes: 7}'
says "their shape" "inputs      4x4x3 uint8"
says "their classes" "classes     7"
check "synthetic targets" data info '{format: synthetic, shape: 5, targets: 2}'
says "as numbers" "targets     2 float32"
check_code "synthetic images of two axes" 2 data info '{format: synthetic, shape: [4, 4]}'

check "info of NumPy's archive" data info tests/fuzz/seeds/npz/packed
says "the format is told by its bytes" "format      npz (tests/fuzz/seeds/npz/packed)"
says "unpacked" "inputs      6 float32, 0.1 KiB, unpacked"
mkdir -p "$folder/pictures/a" "$folder/pictures/b"
cp tests/fuzz/seeds/image/rgb.png "$folder/pictures/a"
cp tests/fuzz/seeds/image/palette.png "$folder/pictures/b"
check "info of a folder" data info "$folder/pictures"
says "its format" "format      images ($folder/pictures)"
says "its pictures" "inputs      13x17x3 uint8"
says "its classes" "       1         1  b"
check "pictures to HDF5" data convert "$folder/pictures" "$folder/pictures.h5"
check "which are sound" data check "$folder/pictures.h5"
check_code "preview without a picture's name" 2 data preview experiment.yaml

check "check" data check '{format: digits}'
says "sound" "1797 samples are sound"
printf '1,0\n2,3\n' >"$folder/labels.csv"
check "a class without samples is no trouble" data check "{format: csv, file: $folder/labels.csv, label: 1}"
says "but is said" "note: class 1 has no sample"
printf '5,5\n5,5\n' >"$folder/same.csv"
check_code "numbers that are all the same" 3 data check "$folder/same.csv"
says "are trouble" "all numbers are the same"
printf '1,x\n' >"$folder/bad.csv"
check_code "a damaged file" 3 data check "$folder/bad.csv"
check_code "a missing file" 3 data check "$folder/none.csv"
says "is named" "$folder/none.csv"

check "to HDF5" data convert '{format: digits}' "$folder/digits.h5"
check "which is a set" data check "$folder/digits.h5"
check "to IDX" data convert "$folder/digits.h5" "$folder/digits-idx"
check "the same images" cmp "$folder/digits-images-idx3-ubyte" datasets/digits/images-idx3-ubyte
check "the same labels" cmp "$folder/digits-labels-idx1-ubyte" datasets/digits/labels-idx1-ubyte
check_code "to a folder that is not there" 5 data convert '{format: digits}' "$folder/no/digits.h5"
check_code "to an unknown format" 2 data convert '{format: digits}' "$folder/digits.npy"

cat >"$folder/experiment.yaml" <<'END'
name: small
data:
  train: {format: csv, file: train.csv, label: -1}
  validation: {split: 0.5}
  test: {format: csv, file: test.csv, label: -1}
model:
  input: [2]
  layers:
    - Dense: {units: 2, activation: softmax}
compile:
  optimizer: SGD
  loss: sparse_categorical_crossentropy
fit:
  batch_size: 16
  epochs: 1
END
printf '1,2,0\n3,4,1\n5,6,1\n' >"$folder/train.csv"
printf '1,2,0\n3,4,1\n' >"$folder/test.csv"
check "all sets of an experiment" data check "$folder/experiment.yaml"
says "the first" "train: 3 samples are sound"
says "the last" "test: 2 samples are sound"

check "help" data --help
says "has the usage" "usage: convoy data info"
check_code "no action" 2 data
check_code "an unknown action" 2 data inform x
check_code "no set" 2 data info
check_code "an unknown option" 2 data info --jsn x
check_code "a broken set" 2 data info '{format: digits, prat: test}'
says "names the key" "prat"
finish
