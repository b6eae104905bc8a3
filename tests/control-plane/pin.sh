#!/usr/bin/env bash
# Writes go.mod and go.sum of every program's module from versions.env.
set -euo pipefail
cd "$(dirname "$0")"
. ../tools/go-program.sh
. ./versions.env
use_go

staging="api apiextensions-apiserver apimachinery apiserver cli-runtime client-go cloud-provider
cluster-bootstrap code-generator component-base component-helpers controller-manager cri-api
cri-client csi-translation-lib dynamic-resource-allocation endpointslice externaljwt kms
kube-aggregator kube-controller-manager kube-proxy kube-scheduler kubectl kubelet metrics
mount-utils pod-security-admission sample-apiserver"

# kubernetes replaces its staging modules by folders of its own repository, which another module
# cannot inherit: the same replacements, by version, have to be repeated here.
pin_kubernetes() {
    local version=$1 modules=$staging module
    local minor=${version%.*}
    [ "${minor#1.}" -lt 36 ] || modules="$modules cri-streaming streaming"
    mkdir -p "kubernetes/$minor"
    ln -sf ../tools.go "kubernetes/$minor/tools.go"
    {
        printf 'module example.invalid/kubernetes\n\ngo 1.26\n\n'
        printf 'require k8s.io/kubernetes v%s\n\nreplace (\n' "$version"
        for module in $modules; do
            printf '\tk8s.io/%s => k8s.io/%s v0.%s\n' "$module" "$module" "${version#1.}"
        done
        echo ')'
    } >"kubernetes/$minor/go.mod"
}

for old in kubernetes/*/; do
    case " $KUBERNETES_VERSIONS" in *" $(basename "$old")."*) ;; *) rm -r "$old" ;; esac
done
for version in $KUBERNETES_VERSIONS; do pin_kubernetes "$version"; done
printf 'module example.invalid/etcd\n\ngo 1.26\n\nrequire go.etcd.io/etcd/server/v3 v%s\n' \
    "$ETCD_VERSION" >etcd/go.mod
printf 'module example.invalid/kwok\n\ngo 1.26\n\nrequire sigs.k8s.io/kwok v%s\n' \
    "$KWOK_VERSION" >kwok/go.mod

for program in kubernetes/*/ etcd kwok; do
    (cd "$program" && rm -f go.sum && go mod tidy)
done
