"""Composes manifests/install.yaml and namespaced.yaml from manifests/operator.yaml and the CRD.

--check only compares. In install.yaml the CRD stands right after the namespace, so that one
`kubectl apply -f` installs everything. namespaced.yaml is for who has no say over the cluster: it
holds nothing of cluster scope, and its Role has the rules of the ClusterRole as far as a Role can.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ROOT / "manifests/operator.yaml"
CRD = ROOT / "crds/entityservice.crd.yaml"
INSTALL = ROOT / "manifests/install.yaml"
NAMESPACED = ROOT / "manifests/namespaced.yaml"

HEADER = """\
# Installs the EntityService operator: kubectl apply -f install.yaml
# Made by tests/tools/manifests.py from manifests/operator.yaml and crds/entityservice.crd.yaml.
"""
NAMESPACED_HEADER = """\
# Installs an operator for one namespace, with rights in that namespace only:
#   sed s/NAMESPACE/team-a/ namespaced.yaml | kubectl apply -f -
# The resource definition must be there already; it is crds/entityservice.crd.yaml.
# Made by tests/tools/manifests.py from manifests/operator.yaml.
"""
# What no Role can grant. docs/security.md says what is lost without it.
OF_THE_CLUSTER = ("namespaces", "storageclasses")
RULE = re.compile(r"(?:  #.*\n)*  - apiGroups:.*\n    resources: \[(.*)\]\n    verbs:.*\n")


def without_leading_comments(document):
    lines = document.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return "".join(lines)


def kind_of(document):
    return re.search(r"^kind: (.*)$", document, re.MULTILINE).group(1)


def joined(header, documents):
    return header + "\n---\n".join(document.rstrip("\n") for document in documents) + "\n"


def compose(parts, crd):
    namespace, *rest = parts.split("\n---\n")
    return joined(HEADER, [without_leading_comments(namespace), without_leading_comments(crd),
                           *rest])


def compose_namespaced(parts):
    by_kind = {kind_of(document): document for document in parts.split("\n---\n")}
    role = by_kind["Role"].rstrip("\n") + "\n"
    for rule in RULE.finditer(by_kind["ClusterRole"].rstrip("\n") + "\n"):
        if rule.group(1) not in OF_THE_CLUSTER:
            role += rule.group(0)
    role = without_leading_comments(role)
    deployment = by_kind["Deployment"].replace("args: [run]", "args: [run, --namespace=NAMESPACE]")
    documents = [by_kind["ServiceAccount"], role, by_kind["RoleBinding"], deployment,
                 by_kind["Service"]]
    return joined(NAMESPACED_HEADER, documents).replace(
        "namespace: entityservice-system", "namespace: NAMESPACE")


def texts():
    parts = PARTS.read_text()
    return {INSTALL: compose(parts, CRD.read_text()), NAMESPACED: compose_namespaced(parts)}


def main(arguments):
    for path, text in texts().items():
        if arguments != ["--check"]:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path.relative_to(ROOT)} is out of date: run tests/tools/manifests.py")


if __name__ == "__main__":
    main(sys.argv[1:])
