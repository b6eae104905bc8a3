"""The operator's image: small, complete, and the same bytes each time."""
import io
import json
import os
import pathlib
import subprocess
import tarfile

import operator_image
import pytest

PROGRAM = pathlib.Path(operator_image.__file__).resolve().parents[2] / "build/bin/entityservice-operator"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "operator.oci.tar"
    return path, *operator_image.write(PROGRAM, path)


def read(archive, digest):
    with tarfile.open(archive) as tar:
        return tar.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}").read()


def layer(archive, digest):
    manifest = json.loads(read(archive, digest))
    only, = manifest["layers"]
    return tarfile.open(fileobj=io.BytesIO(read(archive, only["digest"])))


def test_written_twice_in_two_folders_it_has_the_same_bytes(archive, tmp_path):
    path, name, digest = archive
    assert operator_image.write(PROGRAM, tmp_path / "again.tar") == (name, digest)
    assert (tmp_path / "again.tar").read_bytes() == path.read_bytes()


def test_it_is_named_as_the_manifest_names_it(archive):
    _, name, _ = archive
    manifest = (PROGRAM.parents[2] / "manifests/operator.yaml").read_text()
    assert f"image: {name.removeprefix('docker.io/library/')}\n" in manifest


def test_the_program_runs_with_nothing_but_the_image(archive, tmp_path):
    path, _, digest = archive
    with layer(path, digest) as files:
        names = files.getnames()
        files.extractall(tmp_path)
    assert not [name for name in names if name.endswith(("/sh", "/bash", "/apt", "/dpkg"))]
    config = json.loads(read(path, json.loads(read(path, digest))["config"]["digest"]))["config"]
    assert config["User"] == "65532:65532"
    # In a user namespace of its own, so that it needs no root.
    said = subprocess.run(
        ["unshare", "--map-root-user", "chroot", tmp_path, *config["Entrypoint"], "version"],
        capture_output=True, text=True, check=False, env={**os.environ, "PATH": "/usr/sbin:/bin:/usr/bin"})
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("entityservice-operator ")


def test_the_program_allocates_by_jemalloc_with_the_settings_of_its_own():
    assert any("libjemalloc" in name for name in operator_image.libraries(PROGRAM))
    said = subprocess.run([PROGRAM, "version"], capture_output=True, text=True, check=True,
                          env={**os.environ, "MALLOC_CONF": "stats_print:true"}).stderr
    for setting in ("narenas: 1", "dirty_decay_ms: 500", "muzzy_decay_ms: 0"):
        assert f"opt.{setting}" in said, said[:2000]


def test_a_library_that_is_missing_is_told(monkeypatch):
    class Said:
        stdout = "\tlibabsent.so.1 => not found\n"
    monkeypatch.setattr(operator_image.subprocess, "run", lambda *_, **__: Said)
    with pytest.raises(ValueError, match="libabsent.so.1 => not found; install it"):
        operator_image.libraries("program")
