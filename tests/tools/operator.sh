# shellcheck shell=bash
# Sourced. Runs the operator outside of the cluster, as the ServiceAccount that
# install.yaml gives it. Its identity is kept in the cluster's state, so `cluster down` ends it.
. "$(dirname "${BASH_SOURCE[0]}")/step.sh"

python=/usr/bin/python3

# As a program of its own so that a pid is never mistaken for another process's.
processes() {
    PYTHONPATH=$root/tests/control-plane "$python" -c "import processes, sys; $1" "${@:2}"
}

operator_runs() {
    [ -f "$1/operator.identity" ] &&
        processes 'sys.exit(not processes.alive(sys.argv[1]))' "$(cat "$1/operator.identity")"
}

# start_operator STATE BINARY: leaves one alone that runs from the same binary.
start_operator() {
    local state=$1 binary=$2 sum
    sum=$(sha256sum <"$binary")
    if operator_runs "$state"; then
        [ "$sum" != "$(cat "$state/operator.sum" 2>/dev/null)" ] || return 0
        say "the operator was built anew: restarting it"
        processes 'processes.end(sys.argv[1])' "$(cat "$state/operator.identity")"
    fi
    PYTHONPATH=$root/tests/control-plane "$python" - "$state" <<'END'
import sys
import cluster
running = cluster.running(sys.argv[1])
running.write_kubeconfig(running.state / "operator.kubeconfig", running.run_kubectl(
    "create", "token", "entityservice-operator", "-n", "entityservice-system",
    "--duration=720h").strip())
END
    local ports metrics health
    ports=$(PYTHONPATH=$root/tests/control-plane "$python" -c \
        'import programs; print(*programs.free_ports(2))')
    read -r metrics health <<<"$ports"
    # The copy keeps running while a later build replaces the original.
    install -m 755 "$binary" "$state/entityservice-operator.new"
    mv "$state/entityservice-operator.new" "$state/entityservice-operator"
    setsid "$state/entityservice-operator" run --kubeconfig "$state/operator.kubeconfig" \
        --leader-elect=true --lease-namespace entityservice-system \
        --metrics-bind-address "127.0.0.1:$metrics" \
        --health-probe-bind-address "127.0.0.1:$health" \
        </dev/null >>"$state/operator.log" 2>&1 &
    processes 'print(processes.identity(sys.argv[1]))' $! >"$state/operator.identity"
    printf '%s\n' "$sum" >"$state/operator.sum"
    printf '%s\n' "http://127.0.0.1:$metrics/metrics" >"$state/operator.metrics"
    sleep 0.5
    operator_runs "$state" || { tail -n 20 "$state/operator.log" >&2; die "the operator ended"; }
}
