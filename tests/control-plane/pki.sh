#!/usr/bin/env bash
# pki.sh STATE SERVER: keys, certificates and kubeconfigs of one cluster, in STATE/pki and STATE.
# pki.sh STATE SERVER new-authority: serving-ca.crt, which signs nothing yet; ca.crt has both from now on.
# pki.sh STATE SERVER reissue: the API server's certificate comes from that.
set -euo pipefail
. "$(dirname "$0")/certificates.sh"
state=$1 server=$2 action=${3:-}
mkdir -p "$state/pki"
cd "$state/pki"

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
certificate ca kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client extendedKeyUsage=clientAuth
kubeconfig() { client "$PWD/ca" "$1" "$2" "$server" "$state/$1.kubeconfig"; }
kubeconfig controller-manager /CN=system:kube-controller-manager
kubeconfig scheduler /CN=system:kube-scheduler
kubeconfig kwok /O=system:masters/CN=kwok
kubeconfig admin /O=system:masters/CN=admin
