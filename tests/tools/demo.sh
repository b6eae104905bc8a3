#!/usr/bin/env bash
# From nothing to two sample resources Ready on a local control plane, which stays up.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/operator.sh"
cd "$root"
state=$root/build/cluster

"$root/tests/control-plane/build.sh" >/dev/null
"$here/build.sh" release
"$python" tests/control-plane/command.py up
eval "$("$python" tests/control-plane/command.py env)"

apply() { kubectl apply --server-side --force-conflicts "$@" >/dev/null; }

# kwok would only pretend to run the operator's pod: the real program runs here instead.
apply -f manifests/install.yaml
kubectl -n entityservice-system scale deployment/entityservice-operator --replicas=0 >/dev/null
kubectl wait --for=condition=Established crd/entityservices.entityservice.io --timeout=60s >/dev/null
start_operator "$state" build/bin/entityservice-operator
say "operator runs, its log: build/cluster/operator.log"

gave_up() {
    "$python" "$here/show_status.py" || true
    say "--- warnings"
    kubectl get events -A --field-selector type=Warning 2>&1 | tail -n 10 >&2 || true
    say "--- the end of build/cluster/operator.log"
    tail -n 20 "$state/operator.log" >&2
    die "$1"
}

for sample in production minimal; do
    apply -f - <<END
apiVersion: v1
kind: Namespace
metadata:
  name: $sample
  labels: {pod-security.kubernetes.io/enforce: restricted}
END
    apply -n "$sample" -f "manifests/samples/$sample.yaml"
    say "applied manifests/samples/$sample.yaml in namespace $sample"
done
for sample in production minimal; do
    step "ready-$sample" "waiting for $sample to become Ready" \
        kubectl -n "$sample" wait es --all --for=condition=Ready --timeout=300s ||
        gave_up "$sample did not become Ready"
done
"$python" "$here/show_status.py"

say "scaling the workers: kubectl -n minimal scale es/demo --replicas=20"
kubectl -n minimal scale es/demo --replicas=20 >/dev/null
step scaled "waiting for 20 workers" kubectl -n minimal wait es/demo \
    --for=jsonpath='{.status.readyReplicas}'=20 --timeout=120s ||
    gave_up "the workers did not become 20"
kubectl -n minimal get es/demo
cat <<'END'

Cluster and operator stay up. To look around:
    eval "$(./dev cluster env)"
    kubectl get es -A
    kubectl -n production get all
    less build/cluster/operator.log
To end both: ./dev cluster down
END
