#!/usr/bin/env bash
# build.sh [--path] [VERSION]: builds the programs of the local control plane into the cache and
# prints the folder that holds them all. With --path it only prints. VERSION is a Kubernetes version
# of versions.env, whole or as minor version ("1.33"); without it the first one is taken.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tools/go-program.sh"
. "$here/versions.env"

only_path=
[ "${1:-}" != --path ] || { only_path=1 && shift; }
asked=${1:-${KUBERNETES_VERSIONS%% *}} version=
for one in $KUBERNETES_VERSIONS; do
    case $asked in "$one" | "${one%.*}") version=$one ;; esac
done
[ -n "$version" ] || die "no Kubernetes $asked here; there are: $KUBERNETES_VERSIONS"

minor=${version%.*}
stamp="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    stamp="$stamp -X $package.gitVersion=v$version -X $package.gitMajor=1"
    stamp="$stamp -X $package.gitMinor=${minor#1.} -X $package.gitTreeState=clean"
    stamp="$stamp -X $package.gitCommit=unknown -X $package.buildDate=2026-01-01T00:00:00Z"
done
etcd=(etcd "$here/etcd" "-s -w" .)
kwok=(kwok "$here/kwok" "-s -w" sigs.k8s.io/kwok/cmd/kwok)
kubernetes=(kubernetes "$here/kubernetes/$minor" "$stamp"
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kubectl})

parts=("$(program_dir "${etcd[@]}")" "$(program_dir "${kwok[@]}")" "$(program_dir "${kubernetes[@]}")")
together=$cache/programs/control-plane-$(printf '%s\n' "${parts[@]##*/}" | sha256sum | cut -c1-12)

assemble() {
    link_parts "${parts[@]}" "$1"
    use_go
    # Also when kwok was built long ago and its module is no longer in Go's cache.
    (cd "$here/kwok" && go mod download sigs.k8s.io/kwok)
    local source
    source=$(cd "$here/kwok" && go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)
    install -m 644 "$source/kustomize/crd/bases/kwok.x-k8s.io_stages.yaml" "$1/stages-crd.yaml"
}

if [ -z "$only_path" ] && [ ! -d "$together" ]; then
    build_program "${etcd[@]}"
    build_program "${kwok[@]}"
    build_program "${kubernetes[@]}"
    once "$together" control-plane assemble
fi
printf '%s\n' "$together"
