#!/usr/bin/env bash
# pki.sh STATE SERVER: keys, certificates and kubeconfigs of one cluster, in STATE/pki and STATE.
set -euo pipefail
state=$1 server=$2
mkdir -p "$state/pki"
cd "$state/pki"
umask 077

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# certificate NAME SUBJECT EXTENSION...
certificate() {
    local name=$1 subject=$2
    shift 2
    key "$name"
    openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 \
        -extfile <(printf '%s\n' "$@") -out "$name.crt" 2>/dev/null
    rm "$name.csr"
}

# client NAME SUBJECT KUBECONFIG
client() {
    certificate "$1" "$2" extendedKeyUsage=clientAuth
    cat >"$3" <<END
apiVersion: v1
kind: Config
clusters:
- name: local
  cluster: {server: "$server", certificate-authority: "$PWD/ca.crt"}
users:
- name: $1
  user: {client-certificate: "$PWD/$1.crt", client-key: "$PWD/$1.key"}
contexts:
- name: local
  context: {cluster: local, user: $1}
current-context: local
END
}

key ca
openssl req -x509 -new -key ca.key -subj /CN=local-control-plane -days 3650 -out ca.crt
key sa
openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
certificate apiserver /CN=kube-apiserver extendedKeyUsage=serverAuth \
    "subjectAltName=IP:127.0.0.1,IP:10.96.0.1,$names,DNS:kubernetes.default.svc.cluster.local"
client controller-manager /CN=system:kube-controller-manager "$state/controller-manager.kubeconfig"
client scheduler /CN=system:kube-scheduler "$state/scheduler.kubeconfig"
client kwok /O=system:masters/CN=kwok "$state/kwok.kubeconfig"
client admin /O=system:masters/CN=admin "$state/admin.kubeconfig"
