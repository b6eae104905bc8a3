"""Users of the test's cluster: certificates, tokens that can be revoked, kubeconfigs."""
import json
import os
import subprocess

import yaml

NAMESPACE = "entityservice-system"


class Identities:
    def __init__(self, cluster, api, folder):
        self.cluster, self.api, self.folder = cluster, api, str(folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content, mode=0o600):
        """In one step: a reader sees the old or the new content."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w") as file:
            os.chmod(path + ".new", mode)
            file.write(content)
        os.rename(path + ".new", path)
        return path

    def certificate(self, user):
        """(certificate, key) as PEM text."""
        key, request = self.path(user + ".key"), self.path(user + ".csr")
        pki = self.cluster.pki

        def openssl(*arguments):
            return subprocess.run(["openssl", *arguments], check=True, capture_output=True,
                                  text=True).stdout
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        openssl("req", "-new", "-key", key, "-subj", f"/CN={user}", "-out", request)
        signed = openssl("x509", "-req", "-in", request, "-CA", pki / "ca.crt", "-CAkey",
                         pki / "ca.key", "-CAserial", self.path("serial"), "-CAcreateserial",
                         "-days", "2")
        return signed, open(key).read()

    def account(self, name):
        """A ServiceAccount's user name."""
        self.api.create("ServiceAccount", NAMESPACE, {
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
        return f"system:serviceaccount:{NAMESPACE}:{name}"

    def token(self, account):
        """A token that lives as long as the Secret of the same name."""
        secret = self.api.create("Secret", NAMESPACE, {
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": account}})
        bound = {"apiVersion": "v1", "kind": "Secret", "name": account,
                 "uid": secret["metadata"]["uid"]}
        return self.api.request(
            "POST", f"api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
             "spec": {"expirationSeconds": 7200, "boundObjectRef": bound}})["status"]["token"]

    def revoke(self, account):
        self.api.delete("Secret", NAMESPACE, account)

    def kubeconfig(self, name, user, cluster=None):
        facts = {"server": self.cluster.server,
                 "certificate-authority": str(self.cluster.pki / "ca.crt")}
        return self.write(name, yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [{"name": "c", "cluster": {**facts, **(cluster or {})}}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}]}))


def credential(version="v1", expires=None, **status):
    """What an exec plugin prints."""
    if expires:
        status["expirationTimestamp"] = expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"apiVersion": f"client.authentication.k8s.io/{version}",
                       "kind": "ExecCredential", "status": status})
