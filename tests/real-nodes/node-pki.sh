#!/usr/bin/env bash
# node-pki.sh PKI FOLDER NAME ADDRESS SERVER: keys, certificates and kubeconfigs of a node, in FOLDER.
set -euo pipefail
pki=$1 folder=$2 name=$3 address=$4 server=$5
cd "$folder"
umask 077

# certificate FILE SUBJECT EXTENSION
certificate() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    openssl req -new -key "$1.key" -subj "$2" |
        openssl x509 -req -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -set_serial "0x$(openssl rand -hex 8)" \
            -days 3650 -extfile <(printf '%s\n' "$3") -out "$1.crt" 2>/dev/null
}

# kubeconfig FILE SUBJECT
kubeconfig() {
    certificate "$1-client" "$2" extendedKeyUsage=clientAuth
    cat >"$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters:
- name: local
  cluster: {server: "$server", certificate-authority: "$pki/ca.crt"}
users:
- name: $1
  user: {client-certificate: "$folder/$1-client.crt", client-key: "$folder/$1-client.key"}
contexts:
- name: local
  context: {cluster: local, user: $1}
current-context: local
END
}

certificate kubelet "/CN=$name" "extendedKeyUsage=serverAuth
subjectAltName=IP:$address,DNS:$name"
kubeconfig kubelet "/O=system:nodes/CN=system:node:$name"
kubeconfig kube-proxy /CN=system:kube-proxy
