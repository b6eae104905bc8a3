"""Composes manifests/install.yaml from manifests/operator.yaml and the CRD; --check only compares.

The CRD stands right after the namespace, so that one `kubectl apply -f` installs everything.
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ROOT / "manifests/operator.yaml"
CRD = ROOT / "crds/entityservice.crd.yaml"
INSTALL = ROOT / "manifests/install.yaml"

HEADER = """\
# Installs the EntityService operator: kubectl apply -f install.yaml
# Made by tests/tools/manifests.py from manifests/operator.yaml and crds/entityservice.crd.yaml.
"""


def without_leading_comments(document):
    lines = document.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return "".join(lines)


def compose(parts, crd):
    namespace, *rest = parts.split("\n---\n")
    documents = [without_leading_comments(namespace), without_leading_comments(crd), *rest]
    return HEADER + "\n---\n".join(document.rstrip("\n") for document in documents) + "\n"


def main(arguments):
    text = compose(PARTS.read_text(), CRD.read_text())
    if arguments == ["--check"]:
        if not INSTALL.exists() or INSTALL.read_text() != text:
            sys.exit("manifests/install.yaml is out of date: run tests/tools/manifests.py")
        return
    INSTALL.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
