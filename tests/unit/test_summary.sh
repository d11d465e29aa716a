# shellcheck shell=bash
# convoy summary: the table, its JSON, and the algorithm of each convolution.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"

# algorithms EXPERIMENT [OPTION...]: of its convolutions, forward, in a line.
algorithms() {
    "$CONVOY" summary "launch/experiments/$1.yaml" --json "${@:2}" |
        grep -o '"forward": "[a-z]*"' | cut -d '"' -f 4 | tr '\n' ' '
}

# chooses NAME WORDS EXPERIMENT [OPTION...]
chooses() {
    local name=$1 words=$2
    shift 2
    check "$name" test "$(algorithms "$@")" = "$words"
}

chooses "3x3 by Winograd's method, but where there is one channel or three" \
    "direct winograd winograd winograd " cifar10-cnn
chooses "5x5" "direct direct " lenet5-mnist
chooses "direct" "direct direct direct direct " cifar10-cnn --set kernels.conv=direct
chooses "winograd" "winograd winograd winograd winograd " cifar10-cnn --set kernels.conv=winograd
chooses "no choice" "" cifar10-cnn --set backend=blas

check "the table" "$CONVOY" summary launch/experiments/cifar10-cnn.yaml
cp "$folder/output" "$folder/table"
check "has the algorithm" grep -qE '^conv2d_1 .*\(32, 32, 32\) .* M  winograd$' "$folder/table"
check "the table of LeNet-5" "$CONVOY" summary launch/experiments/lenet5-mnist.yaml
cp "$folder/output" "$folder/table"
check "has an algorithm a pass" grep -qE '^conv2d_1 .*  direct, scatter, direct$' "$folder/table"
finish
