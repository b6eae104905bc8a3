"""The CRD in the repository is what its generator makes."""
import pathlib
import shutil
import subprocess
import sys

import yaml

CRDS = pathlib.Path(__file__).resolve().parents[2] / "crds"


def check(crds):
    return subprocess.run([sys.executable, "-B", crds / "schema/generate.py", "--check"],
                          capture_output=True, text=True)


def test_the_crd_is_current():
    run = check(CRDS)
    assert run.returncode == 0, run.stderr


def test_a_size_that_only_the_program_knows_is_noticed(tmp_path):
    crds = shutil.copytree(CRDS, tmp_path / "crds")
    sizes = crds / "volume_sizes.h"
    sizes.write_text(sizes.read_text().replace('{"10Gi", "2Gi"}', '{"11Gi", "2Gi"}'))
    run = check(crds)
    assert run.returncode != 0 and "run it" in run.stderr


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
    crd = yaml.safe_load((CRDS / "entityservice.crd.yaml").read_text())
    found = list(rules(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]))
    assert len(found) > 40
    for path, rule in found:
        assert any(words in rule["message"] + " " for words in REMEDIES), (path, rule["message"])
