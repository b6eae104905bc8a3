"""Situations of kubeconfigs, and who one is in each by kubectl's rules."""
import dataclasses

from .identities import NAMESPACE, credential

V1 = "client.authentication.k8s.io/v1"


@dataclasses.dataclass
class Case:
    name: str
    files: dict              # {folder: content of its `config`}
    user: str | None = None  # None: refused
    order: tuple = ("a",)    # in KUBECONFIG
    flag: str | None = None  # --kubeconfig
    message: str = ""        # of the refusal
    kubectl_too: bool = True


def config(server, users, current="x", context=("x", "u"), **cluster):
    """One cluster c, `users` by name, one context."""
    out = {"apiVersion": "v1", "kind": "Config",
           "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
           "users": [{"name": name, "user": fields} for name, fields in users],
           "contexts": [{"name": context[0], "context": {"cluster": "c", "user": context[1]}}]}
    if current:
        out["current-context"] = current
    return out


def exec_user(**fields):
    return {"exec": {"apiVersion": V1, "interactiveMode": "Never", **fields}}


def prepare(cluster, identities):
    """Writes what the kubeconfigs refer to; returns (user's name, token) of a ServiceAccount."""
    for folder, user in (("a", "ann"), ("b", "ben")):
        certificate, key = identities.certificate(user)
        identities.write(f"{folder}/{user}.crt", certificate)
        identities.write(f"{folder}/{user}.key", key)
    name, token = identities.account("carl"), identities.token("carl")
    identities.write("a/token", token)
    identities.write("a/ca.crt", (cluster.pki / "ca.crt").read_text())
    identities.write("a/bin/plugin", mode=0o700, content=(
        "#!/bin/sh\ncat <<'END'\n" + credential(token=token) + "\nEND\n"))
    identities.write("a/bin/beta", "#!/bin/sh\nprintf '%s' \"$ANSWER\"\n", mode=0o700)
    return name, token


def accepted(cluster, carl, token):
    good, dead = cluster.server, "https://127.0.0.1:9"
    ca = {"certificate-authority": "ca.crt"}
    far_ca = {"certificate-authority": str(cluster.pki / "ca.crt")}
    insecure = {"insecure-skip-tls-verify": True}
    ann = {"client-certificate": "ann.crt", "client-key": "ann.key"}
    ben = {"client-certificate": "ben.crt", "client-key": "ben.key"}
    beta = {"exec": {"apiVersion": V1 + "beta1", "command": "./bin/beta",
                     "env": [{"name": "ANSWER", "value": credential("v1beta1", token=token)}]}}

    def one(user, **fields):
        return {"a": config(good, [("u", user)], **(fields or ca))}

    decorated = {**config(good, [("u", {**ann, "colour": "red"})], shade=1, **ca),
                 "preferences": {}, "colour": "red"}
    other_context = config(dead, [("v", ben)], "other", ("other", "v"), **far_ca)
    return [
        Case("files beside the kubeconfig", one(ann), "ann"),
        Case("a token", one({"token": token}), carl),
        Case("a token file", one({"tokenFile": "token"}), carl),
        Case("a plugin in the folder", one(exec_user(command="./bin/plugin")), carl),
        Case("a plugin of v1beta1 without a mode", one(beta), carl),
        Case("a token beside a plugin", one({"token": token, **exec_user(command="/bin/false")}),
             carl),
        Case("a server that is not verified", one(ann, **insecure), "ann"),
        Case("another name in the certificate",
             one(ann, **ca, **{"tls-server-name": "kubernetes.default.svc"}), "ann"),
        Case("unknown fields", {"a": decorated}, "ann"),
        Case("the first cluster and user win",
             {**one(ann), "b": config(dead, [("u", ben)], **far_ca)}, "ann", ("a", "b")),
        Case("parts of several files, paths from each file's folder",
             {"a": config(good, [], None, **ca), "b": config(dead, [("u", ben)], **far_ca)},
             "ben", ("a", "none", "b")),
        Case("current-context of the first file that sets it",
             {"a": config(good, [("u", ann)], None, **ca), "b": other_context}, "ben", ("a", "b")),
        Case("--kubeconfig alone", {**one(ann), "b": config(good, [("u", ben)], **far_ca)}, "ben",
             flag="b"),
    ]


def refused(cluster):
    good = cluster.server
    ca = {"certificate-authority": "ca.crt"}
    ann = {"client-certificate": "ann.crt", "client-key": "ann.key"}

    def no(name, message, *users, kubectl_too=True, current="x", **fields):
        content = config(good, [("u", user) for user in users], current, **ca, **fields)
        return Case(name, {"a": content}, message=message, kubectl_too=kubectl_too)

    def plugin(**fields):
        return exec_user(**{"command": "./bin/plugin", **fields})

    failing = plugin(command="sh", args=["-c", "echo no login >&2; exit 7"])
    return [
        no("no such context", "contexts[z] does not exist; there are: x", ann, current="z"),
        no("no such user", "users[u] does not exist"),
        no("a name twice", "'u' is there twice", ann, ann),
        no("an authority beside no verification", "insecure-skip-tls-verify is true beside", ann,
           **{"insecure-skip-tls-verify": True}),
        no("a plugin that wants a person", "'Always' is not supported",
           plugin(interactiveMode="Always")),
        no("a plugin of v1 without a mode", "interactiveMode is missing",
           plugin(interactiveMode=None)),
        no("a plugin of v1alpha1", "v1alpha1' is not supported", plugin(apiVersion=V1 + "alpha1")),
        no("a plugin that fails", "'sh' exited with status 7; it said: no login", failing),
        Case("a file that is no kubeconfig", {"a": {"apiVersion": "v1", "kind": "Pod"}},
             message="it must be v1 Config"),
        Case("KUBECONFIG of nothing", {}, order=("none",), message="none of them exists"),
        # What kubectl can do, and we refuse by name.
        no("impersonation", "users[u].as is not supported", {**ann, "as": "joe"},
           kubectl_too=False),
        no("a proxy", "clusters[c].proxy-url is not supported", ann, kubectl_too=False,
           **{"proxy-url": "http://p:1"}),
    ]


def cases(cluster, identities):
    carl, token = prepare(cluster, identities)
    return accepted(cluster, carl, token) + refused(cluster)


USERS = ("ann", "ben", f"system:serviceaccount:{NAMESPACE}:carl")
