# shellcheck shell=bash
# Sourced. Keys, certificates and kubeconfigs, made in the current folder.
umask 077

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

# authority NAME SUBJECT
authority() {
    key "$1"
    openssl req -x509 -new -key "$1.key" -subj "$2" -days 3650 -out "$1.crt"
}

# certificate AUTHORITY NAME SUBJECT EXTENSION...: the authority's files are AUTHORITY.crt and .key.
certificate() {
    local authority=$1 name=$2 subject=$3
    shift 3
    key "$name"
    openssl req -new -key "$name.key" -subj "$subject" |
        openssl x509 -req -CA "$authority.crt" -CAkey "$authority.key" -set_serial "0x$(openssl rand -hex 8)" \
            -days 3650 -extfile <(printf '%s\n' "$@") -out "$name.crt" 2>/dev/null
}

# client AUTHORITY NAME SUBJECT SERVER KUBECONFIG: the authority's path is an absolute one.
client() {
    certificate "$1" "$2" "$3" extendedKeyUsage=clientAuth
    cat >"$5" <<END
apiVersion: v1
kind: Config
clusters:
- name: local
  cluster: {server: "$4", certificate-authority: "$1.crt"}
users:
- name: $2
  user: {client-certificate: "$PWD/$2.crt", client-key: "$PWD/$2.key"}
contexts:
- name: local
  context: {cluster: local, user: $2}
current-context: local
END
}
