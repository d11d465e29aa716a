# shellcheck shell=bash
# datasets/get and datasets/check, with sets made here, from file:// addresses.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"

# A copy of the scripts with two small sets: "tiny" of two packed files, "boxed" in an archive.
sets=$folder/datasets
base=$folder/base
mkdir -p "$sets" "$base" "$folder/box/inner"
cp datasets/get datasets/check datasets/sets.sh "$sets"
md5() {
    md5sum | cut -d ' ' -f 1
}
printf 'one one one' | gzip -n >"$base/one.gz"
printf 'two' | gzip -n >"$base/two.gz"
printf 'aaaa' >"$folder/box/inner/a.bin"
printf 'bb' >"$folder/box/inner/b.bin"
tar -czf "$base/boxed.tar.gz" -C "$folder/box" inner
cat >"$sets/tiny.yaml" <<END
name: tiny
addresses:
  - file://$folder/absent/
  - file://$base/
files:
  - {name: one.gz, size: 31, md5: $(md5 <"$base/one.gz"), unpacked_md5: $(printf 'one one one' | md5)}
  - {name: two.gz, size: 23, md5: $(md5 <"$base/two.gz"), unpacked_md5: $(printf 'two' | md5)}
END
cat >"$sets/boxed.yaml" <<END
name: boxed
addresses:
  - file://$base
archive:
  - {name: boxed.tar.gz, size: 100, md5: $(md5 <"$base/boxed.tar.gz")}
files:
  - {name: a.bin, size: 4, md5: $(printf 'aaaa' | md5)}
  - {name: b.bin, size: 2}
END

# left_over FOLDER: succeeds if something unfinished lies there.
# shellcheck disable=SC2317 # check calls it
left_over() {
    [ -n "$(find "$1" -name '.get.*' 2>/dev/null)" ]
}
# says NAME TEXT: passes if the last command's output has TEXT.
says() {
    cp "$folder/output" "$folder/last"
    check "$1" grep -qF -- "$2" "$folder/last"
    cp "$folder/last" "$folder/output" # for the next one
}
to=$folder/to

check "gets a set" "$sets/get" tiny --to "$to"
says "says where it is" "$to/two.gz"
check "the file is the same" cmp "$base/one.gz" "$to/one.gz"
check "it is right" "$sets/check" tiny --in "$to"
check "gets it again" "$sets/get" tiny --to "$to"
says "which is not needed" "in $to already"

# Packed again: another digest, the same content.
again=$folder/again
mkdir -p "$again"
printf 'one one one' | gzip >"$again/one.gz"
gzip -dc "$base/two.gz" | gzip -1 -c >"$again/two.gz"
printf 'x' | gzip -n | head -c 8 >"$folder/half.gz"
check "takes what was packed again" "$sets/get" tiny --from "file://$again" --to "$folder/to2"

# Damaged.
cp "$to/two.gz" "$folder/kept.gz"
printf 'not it' | gzip -n >"$again/one.gz"
check_code "refuses other content" 3 "$sets/get" tiny --from "file://$again/" --to "$folder/to3"
says "says why" "expected $(md5 <"$base/one.gz")"
check_code "leaves no file" 1 test -e "$folder/to3/one.gz"
check_code "leaves nothing half" 1 left_over "$folder/to3"
cp "$folder/half.gz" "$again/one.gz"
check_code "refuses half a file" 3 "$sets/get" tiny --from "file://$again/" --to "$folder/to3"
says "says that it is not whole" "is not a whole gzip file"
cp "$folder/half.gz" "$to/two.gz"
check_code "finds a damaged file" 3 "$sets/check" tiny --in "$to"
says "names it" "$to/two.gz: is not a whole gzip file"
check "mends it" "$sets/get" tiny --to "$to"
check "it is mended" cmp "$folder/kept.gz" "$to/two.gz"
rm "$to/one.gz"
check_code "finds a missing file" 3 "$sets/check" tiny --in "$to"

# Not there.
check_code "fails without a source" 5 "$sets/get" tiny --from "file://$folder/absent" --to "$folder/to4"
check_code "leaves nothing" 1 left_over "$folder/to4"

# An archive.
check "gets an archive" "$sets/get" boxed --to "$folder/to5"
check "takes out what is wanted" cmp "$folder/box/inner/a.bin" "$folder/to5/a.bin"
check_code "and nothing else" 1 test -e "$folder/to5/boxed.tar.gz"
check "it is right" "$sets/check" boxed --in "$folder/to5"
printf 'bbb' >"$folder/to5/b.bin"
check_code "finds a wrong size" 3 "$sets/check" boxed --in "$folder/to5"
head -c 60 "$base/boxed.tar.gz" >"$again/boxed.tar.gz"
check_code "refuses half an archive" 3 "$sets/get" boxed --from "file://$again" --to "$folder/to6"
check_code "leaves nothing of it" 1 test -e "$folder/to6/a.bin"

# Interrupted while it waits for a file that never ends.
mkfifo "$again/one.gz.fifo" && mv -f "$again/one.gz.fifo" "$again/one.gz"
# shellcheck disable=SC2317 # check_code calls it
interrupted() {
    local pid
    "$sets/get" tiny --from "file://$again" --to "$folder/to7" &
    pid=$!
    sleep 0.5
    kill -TERM "$pid"
    printf 'x' >"$again/one.gz"
    wait "$pid"
}
check_code "can be interrupted" 143 interrupted
check_code "leaves nothing then" 1 left_over "$folder/to7"

# Usage and places.
check_code "needs a name" 2 "$sets/get"
check_code "knows its sets" 2 "$sets/get" none
says "lists them" "known: boxed tiny"
check_code "refuses a path" 2 "$sets/get" ../tiny
check_code "refuses an option" 2 "$sets/get" tiny --frm x
check_code "wants a value" 2 "$sets/get" tiny --to
check "has help" "$sets/get" --help
CONVOY_DATA_DIR=$folder/place check "uses CONVOY_DATA_DIR" "$sets/get" tiny
check "puts it there" test -e "$folder/place/tiny/one.gz"
HOME=$folder/home CONVOY_DATA_DIR='' check "or the home folder" "$sets/get" tiny
check "puts it there" test -e "$folder/home/.local/share/convoy/tiny/one.gz"

# The real sets, where they are.
if [ -d "$test_data/mnist" ]; then
    check "MNIST is right" datasets/check mnist --in "$test_data/mnist"
else
    skip "MNIST is right" "it is not among the test data"
fi
if [ -d /usr/share/datasets/fashion-mnist ]; then
    check "Fashion-MNIST is right" datasets/check fashion-mnist --in /usr/share/datasets/fashion-mnist
else
    skip "Fashion-MNIST is right" "Debian's dataset-fashion-mnist is not installed"
fi
finish
