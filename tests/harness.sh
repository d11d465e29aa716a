# For test scripts: source it, call `check` and `skip`, end with `finish`. The same last line as
# the C tests, and tests/run sets the environment (BUILD, CONVOY, TMPDIR, the MPI variables).
#
#   . "$(dirname "$0")/../harness.sh"
#   check "trains" "$CONVOY" train digits.yaml --out "$folder/run"
#   check_code "refuses a missing file" 2 "$CONVOY" train missing.yaml
#   skip "needs Slurm" "sbatch is not installed"
#   finish
#
# The current folder is the project's root; $folder is a fresh folder that is removed at the end.
# The output of a command is shown if it fails, and is in $folder/output.
# shellcheck shell=bash
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
BUILD=$(realpath "${BUILD:-build}")
CONVOY=${CONVOY:-$BUILD/convoy}
test_data=$(realpath -m "${CONVOY_TEST_DATA:-../shared/data}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
test_passed=0 test_failed=0 test_skipped=0
# shellcheck disable=SC2034 # for the scripts
readonly BUILD CONVOY test_data folder

# check_code NAME CODE COMMAND...: passes if the command exits with CODE.
check_code() {
    local name=$1 wanted=$2 code=0
    shift 2
    "$@" >"$folder/output" 2>&1 </dev/null || code=$?
    if [ "$code" = "$wanted" ]; then
        test_passed=$((test_passed + 1))
        return 0
    fi
    test_failed=$((test_failed + 1))
    echo "FAIL $name: exit code $code, expected $wanted: $*"
    sed 's/^/    /' "$folder/output"
    return 1
}

# check NAME COMMAND...: passes if the command exits with 0.
check() {
    local name=$1
    shift
    check_code "$name" 0 "$@"
}

# skip NAME WHY
skip() {
    test_skipped=$((test_skipped + 1))
    echo "SKIP $1: $2"
}

finish() {
    echo "$test_passed passed, $test_failed failed, $test_skipped skipped"
    [ "$test_failed" = 0 ]
    exit
}
