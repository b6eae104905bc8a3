#!/usr/bin/env bash
# pki.sh STATE SERVER: keys, certificates and kubeconfigs of one cluster, in STATE/pki and STATE.
# pki.sh STATE SERVER new-authority: serving-ca.crt, which signs nothing yet; ca.crt has both from now on.
# pki.sh STATE SERVER reissue: the API server's certificate comes from that.
set -euo pipefail
state=$1 server=$2 action=${3:-}
mkdir -p "$state/pki"
cd "$state/pki"
umask 077

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# authority NAME SUBJECT
authority() {
    key "$1"
    openssl req -x509 -new -key "$1.key" -subj "$2" -days 3650 -out "$1.crt"
}

# certificate AUTHORITY NAME SUBJECT EXTENSION...
certificate() {
    local authority=$1 name=$2 subject=$3
    shift 3
    key "$name"
    openssl req -new -key "$name.key" -subj "$subject" -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA "$authority.crt" -CAkey "$authority.key" -CAcreateserial -days 3650 \
        -extfile <(printf '%s\n' "$@") -out "$name.crt" 2>/dev/null
    rm "$name.csr"
}

# client NAME SUBJECT KUBECONFIG
client() {
    certificate ca "$1" "$2" extendedKeyUsage=clientAuth
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

# serving AUTHORITY
serving() {
    local address=${server#https://}
    local names=DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc
    certificate "$1" apiserver /CN=kube-apiserver extendedKeyUsage=serverAuth \
        "subjectAltName=IP:${address%:*},IP:10.96.0.1,$names,DNS:kubernetes.default.svc.cluster.local"
}

case $action in
new-authority)
    authority serving-ca "/CN=local-serving-authority-$(date +%s)"
    cat ca.crt serving-ca.crt >ca.crt.new
    mv ca.crt.new ca.crt
    exit
    ;;
reissue)
    serving serving-ca
    exit
    ;;
esac

authority ca /CN=local-control-plane
key sa
openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
serving ca
client controller-manager /CN=system:kube-controller-manager "$state/controller-manager.kubeconfig"
client scheduler /CN=system:kube-scheduler "$state/scheduler.kubeconfig"
certificate ca kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client extendedKeyUsage=clientAuth
client kwok /O=system:masters/CN=kwok "$state/kwok.kubeconfig"
client admin /O=system:masters/CN=admin "$state/admin.kubeconfig"
