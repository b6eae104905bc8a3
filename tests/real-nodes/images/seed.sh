#!/usr/bin/env bash
# seed.sh ARCHIVE FOLDER: makes FOLDER the disk of a containerd that has the archive's images, unpacked.
set -euo pipefail
if [ -z "${SEEDING:-}" ]; then
    # Whatever happens, no process and no mount stays.
    SEEDING=yes exec unshare --mount --pid --fork --kill-child --propagation private --mount-proc \
        "$0" "$@"
fi
archive=$1 folder=$2
run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
mkdir -p "$folder"
printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >"$run/containerd.toml"
containerd --config "$run/containerd.toml" --root "$folder" --state "$run/state" --address "$run/socket" &
served=$!
export CONTAINERD_ADDRESS=$run/socket CONTAINERD_NAMESPACE=k8s.io
until ctr version >/dev/null 2>&1; do
    kill -0 "$served"
    sleep 0.1
done
ctr images import "$archive"
kill "$served"
wait "$served" || true
