# shellcheck shell=bash
# Two hosts of their own network (cluster/hosts): the same bits as on one process, and a run that is
# stopped there goes on alone.
# shellcheck source=tests/harness.sh
. "$(dirname "$0")/../harness.sh"
# shellcheck source=tests/runs.sh
. tests/runs.sh

export CONVOY_CLUSTER=test$$
digits=launch/experiments/digits.yaml

# Why there can be no hosts here; nothing where there can.
refused() {
    [ "$(id -u)" = 0 ] || {
        echo "only root can make network namespaces"
        return
    }
    command -v ip >/dev/null || {
        echo "ip (iproute2) is not installed"
        return
    }
    if ! ip netns add "$CONVOY_CLUSTER" 2>"$folder/refused"; then
        echo "network namespaces are refused: $(head -n 1 "$folder/refused")"
        return
    fi
    ip netns delete "$CONVOY_CLUSTER"
}

hosts() {
    timeout --kill-after=5 "$((60 * ${SLOW:-1}))" cluster/hosts "$@"
}

nothing_left() {
    ! ip netns list | grep "^$CONVOY_CLUSTER" && [ ! -e "/run/convoy-hosts/$CONVOY_CLUSTER" ]
}

# An `ip` that fails at the second host; the real one does the rest.
half_a_cluster() {
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\ncase "$*" in *port2*) exit 1 ;; esac\nexec %s "$@"\n' "$(command -v ip)" \
        >"$folder/bin/ip"
    chmod 755 "$folder/bin/ip"
    PATH=$folder/bin:$PATH hosts up 3
}

# stopped_on_hosts RUN OPTION...: trains on the hosts until it has some epochs, then sends USR1.
stopped_on_hosts() {
    local run=$1 process
    shift
    cluster/hosts run 3 "$CONVOY" train "$digits" --out "$run" "$@" &
    process=$!
    for ((i = 0; i < 300; i++)); do
        [ ! -e "$run/history.csv" ] || [ "$(wc -l <"$run/history.csv")" -lt 3 ] || break
        sleep 0.1
    done
    kill -USR1 "$process"
    wait "$process"
}

why=$(refused)
if [ -n "$why" ]; then
    skip "hosts" "$why"
    finish
fi
trap 'cluster/hosts down; rm -rf "$folder"' EXIT

check_code "a cluster that fails half made" 1 half_a_cluster
check "leaves nothing" nothing_left
check "two hosts" hosts up 2
check_code "not twice" 5 hosts up 2
check "are two machines to MPI" hosts run 4 "$CONVOY" train "$digits" --out "$folder/two"
check "as the log says" grep -q '4 ranks on 2 machines' "$folder/two/log.txt"
check "one process" on 1 train "$digits" --out "$folder/one"
same_run "the same" "$folder/one" "$folder/two"

options=(--set fit.epochs=40 --set 'fit.callbacks=[]')
check_code "stopped on the hosts" 75 stopped_on_hosts "$folder/moved" "${options[@]}"
check "goes on alone" on 1 train --resume --out "$folder/moved"
check "never stopped" on 1 train "$digits" --out "$folder/still" "${options[@]}"
same_run "the same as never stopped" "$folder/still" "$folder/moved"

check "down" hosts down
check "nothing is left" nothing_left
finish
