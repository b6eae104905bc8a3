"""The CRD in the repository is what its generator makes."""
import pathlib
import subprocess
import sys

import yaml

GENERATOR = pathlib.Path(__file__).resolve().parents[2] / "crds/schema/generate.py"


def test_the_crd_is_current():
    run = subprocess.run([sys.executable, "-B", GENERATOR, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


REMEDIES = ("must ", "write ", "remove ", "use ", "name ", "make a new ")


def rules(schema, path=""):
    for rule in schema.get("x-kubernetes-validations", []):
        yield path, rule
    for name, child in schema.get("properties", {}).items():
        yield from rules(child, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            yield from rules(schema[inner], path)


def test_every_rule_says_what_to_do():
    crd = yaml.safe_load((GENERATOR.parents[1] / "entityservice.crd.yaml").read_text())
    found = list(rules(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))
    assert len(found) > 40
    for path, rule in found:
        assert any(words in rule["message"] + " " for words in REMEDIES), (path, rule["message"])
