#!/usr/bin/env bash
# build.sh: builds what real nodes run into the cache, programs and images, and prints its folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../tools/go-program.sh"
. "$here/../control-plane/versions.env"
version=${KUBERNETES_VERSIONS%% *}
node=(node "$here/kubernetes" "-s -w -X k8s.io/component-base/version.gitVersion=v$version"
    k8s.io/kubernetes/cmd/{kubelet,kube-proxy})
volumes=(volumes "$here/volumes" "-s -w" . github.com/kubernetes-csi/external-attacher/v4/cmd/csi-attacher
    github.com/kubernetes-csi/external-provisioner/v6/cmd/csi-provisioner
    github.com/kubernetes-csi/external-resizer/v2/cmd/csi-resizer)

build_program "${node[@]}"
build_program "${volumes[@]}"
images=$("$here/images/build.sh")
parts=("$(program_dir "${node[@]}")" "$(program_dir "${volumes[@]}")")
key=$(printf '%s\n' "${parts[@]##*/}" "$images" | sha256sum | cut -c1-12)
together=$cache/programs/real-nodes-$key
assemble() {
    link_parts "${parts[@]}" "$1"
    ln -s "../${images#"$cache/programs/"}" "$1/images"
}
once "$together" real-nodes assemble
printf '%s\n' "$together"
