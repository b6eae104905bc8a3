"""generate.py: writes crds/entityservice.crd.yaml; with --check it only says whether that is needed."""
import pathlib
import sys

import yaml

from shapes import obj, rule
from spec import spec
from status import status

TARGET = pathlib.Path(__file__).resolve().parents[1] / "entityservice.crd.yaml"
HEADER = "# Made by crds/schema/generate.py. Change that, then run it.\n"
NAME = rule("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')",
            "metadata.name must begin with a letter and have at most 40 lower-case letters, digits "
            "and dashes: the names of Services and Jobs are made from it")


class Dumper(yaml.SafeDumper):
    """Plain YAML: equal parts are written out, as the API server wants them."""

    def ignore_aliases(self, data):
        return True

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


def column(name, path, kind="string", **more):
    return {"name": name, "type": kind, "jsonPath": path, **more}


def columns():
    ready = '.status.conditions[?(@.type=="Ready")]'
    return [
        column("Ready", f"{ready}.status"),
        column("Reason", f"{ready}.reason"),
        column("Workers", ".status.readyReplicas", "integer"),
        column("Desired", ".spec.replicas", "integer"),
        column("Version", ".spec.version"),
        column("URL", ".status.endpoints.api"),
        column("Age", ".metadata.creationTimestamp", "date"),
    ]


def version():
    schema = obj("A complete deployment of the anonlink entity service.", {
        "apiVersion": {"type": "string", "description": "entityservice.io/v1alpha1"},
        "kind": {"type": "string", "description": "EntityService"},
        "metadata": {"type": "object"},
        "spec": spec(),
        "status": status(),
    }, required=["spec"], rules=[NAME])
    return {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas",
                      "statusReplicasPath": ".status.replicas",
                      "labelSelectorPath": ".status.selector"},
        },
        "additionalPrinterColumns": columns(),
    }


def crd():
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "entityservices.entityservice.io"},
        "spec": {
            "group": "entityservice.io",
            "scope": "Namespaced",
            "names": {"kind": "EntityService", "listKind": "EntityServiceList",
                      "plural": "entityservices", "singular": "entityservice",
                      "shortNames": ["es"]},
            "versions": [version()],
        },
    }


def main():
    text = HEADER + yaml.dump(crd(), Dumper=Dumper, sort_keys=False, width=100, allow_unicode=True)
    if sys.argv[1:] != ["--check"]:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        sys.exit(f"{TARGET.name} is not what generate.py makes: run it")


if __name__ == "__main__":
    main()
