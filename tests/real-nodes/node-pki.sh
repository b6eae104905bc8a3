#!/usr/bin/env bash
# node-pki.sh PKI FOLDER NAME ADDRESS SERVER: keys, certificates and kubeconfigs of a node, in FOLDER.
set -euo pipefail
. "$(dirname "$0")/../control-plane/certificates.sh"
authority=$1/ca folder=$2 name=$3 address=$4 server=$5
cd "$folder"

certificate "$authority" kubelet "/CN=$name" extendedKeyUsage=serverAuth "subjectAltName=IP:$address,DNS:$name"
client "$authority" kubelet-client "/O=system:nodes/CN=system:node:$name" "$server" kubelet.kubeconfig
client "$authority" kube-proxy-client /CN=system:kube-proxy "$server" kube-proxy.kubeconfig
