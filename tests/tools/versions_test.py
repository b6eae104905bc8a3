"""Kubernetes versions are pinned in one place, and what is built follows it."""
import re
import subprocess

import pytest

import cluster
from conftest import PINNED


def path(*version):
    return subprocess.run([cluster.HERE / "build.sh", "--path", *version], check=True,
                          capture_output=True, text=True).stdout


@pytest.mark.parametrize("version", PINNED)
def test_module_of_a_pinned_version_requires_it_and_its_parts(version):
    folder = cluster.HERE / "kubernetes" / version.rpartition(".")[0]
    module = (folder / "go.mod").read_text()
    assert f"require k8s.io/kubernetes v{version}\n" in module
    parts = re.findall(r"^\tk8s.io/(\S+) => k8s.io/(\S+) v(\S+)$", module, re.MULTILINE)
    assert len(parts) > 20
    assert all(one == same and number == version.replace("1.", "0.", 1)
               for one, same, number in parts)
    assert f"k8s.io/kubernetes v{version} h1:" in (folder / "go.sum").read_text()


def test_no_module_is_left_of_a_version_that_is_not_pinned():
    minors = {version.rpartition(".")[0] for version in PINNED}
    assert {one.parent.name for one in cluster.HERE.glob("kubernetes/*/go.mod")} == minors


def test_each_version_is_kept_apart_and_the_first_is_the_usual_one():
    assert len({path(version) for version in PINNED}) == len(PINNED)
    assert path() == path(PINNED[0])
    for version in PINNED:
        assert path(version) == path(version.rpartition(".")[0])


def test_unknown_version_is_refused_with_those_that_there_are(capfd):
    with pytest.raises(cluster.ClusterError):
        cluster.binaries("1.12")
    assert f"no Kubernetes 1.12 here; there are: {' '.join(PINNED)}" in capfd.readouterr().err
