"""The object store, and the rendered Job that makes and proves its buckets."""
import json
import os
import pathlib
import signal
import subprocess

import pytest

import rendered
from pod import Pod, eventually

ADDRESS, JOB_ADDRESS = "10.96.0.31", "10.96.0.32"
HOST = "demo-objectstore.default.svc.cluster.local"


def programs():
    kept = os.environ.get("OBJECT_STORE_BIN")
    if not kept:
        script = rendered.ROOT / "tests/object-store/build.sh"
        kept = subprocess.run([script, "--path"], capture_output=True, text=True, check=True).stdout
    return pathlib.Path(kept.strip())


class Store:
    def __init__(self, folder):
        folder.chmod(0o755)
        self.folder = folder
        self.objects = rendered.render("production", folder)
        self.pod = None

    def start(self):
        self.pod = Pod(self.objects, self.objects.find("StatefulSet", "-objectstore"),
                       "demo-objectstore-0", ADDRESS, self.folder / "claims", self.folder / "pods",
                       image=programs(), entrypoint=["minio"]).start()
        container = self.pod.containers["objectstore"]
        eventually(lambda: container.probe("startupProbe") and self.pod.ready(), 60, "ready")
        return self

    def run_job(self, changed=()):
        """Exit status and output; `changed`: other credentials for this Job."""
        pod = Pod(self.objects, self.objects.job("-buckets-"), "demo-buckets-x", JOB_ADDRESS,
                  self.folder / "claims", self.folder / "pods", image=programs(),
                  hosts=[(ADDRESS, HOST)])
        values = {**self.objects.secret("demo-credentials"), **dict(changed)}
        pod.secret = lambda name: values
        container = pod.start().containers["buckets"]
        try:
            return container.process.wait(120), container.log.read_text()
        finally:
            pod.kill()

    def mc(self, user, *arguments, **options):
        access, secret = (rendered.CREDENTIALS[f"objectstore-{user}-{kind}-key"]
                          for kind in ("access", "secret"))
        return subprocess.run(
            [programs() / "mc", "--config-dir", self.folder / "mc", *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder),
                 "MC_HOST_it": f"http://{access}:{secret}@{ADDRESS}:9000"},
            capture_output=True, text=True, timeout=30, **options)

    def allowed(self, user, *arguments, **options):
        return self.mc(user, *arguments, **options).returncode == 0


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    one = Store(tmp_path_factory.mktemp("store")).start()
    try:
        status, output = one.run_job()
        assert status == 0, output
        yield one
    finally:
        print(one.pod.logs())
        one.pod.kill()


def test_the_job_proves_the_store_and_leaves_no_trace(store):
    listing = store.mc("root", "ls", "--recursive", "--json", "it")
    assert listing.returncode == 0 and listing.stdout == ""
    buckets = store.mc("root", "ls", "--json", "it").stdout.splitlines()
    assert [json.loads(line)["key"] for line in buckets] == ["anonlink/", "uploads/"]


def test_the_job_can_be_repeated(store):
    status, output = store.run_job()
    assert status == 0, output


def test_neither_the_job_nor_the_store_logs_a_credential(store):
    status, output = store.run_job()
    assert status == 0 and "buckets: done" in output, output
    logged = output + store.pod.containers["objectstore"].log.read_text()
    assert [key for key, value in rendered.CREDENTIALS.items() if value in logged] == []


def test_the_job_fails_at_once_with_wrong_credentials_of_the_root_user(store):
    status, output = store.run_job({"objectstore-root-secret-key": "x" * 32})
    assert status != 0 and "does not serve its root user" in output


def test_the_job_gives_a_user_its_new_secret(store):
    status, output = store.run_job({"objectstore-upload-secret-key": "n" * 32})
    assert status == 0, output
    assert not store.allowed("upload", "cp", __file__, "it/uploads/1/file")
    status, output = store.run_job()
    assert status == 0, output
    assert store.allowed("upload", "cp", __file__, "it/uploads/1/file")


def test_the_application_works_in_its_folders_and_nowhere_else(store):
    for folder in ("quarantine", "similarity-scores"):
        assert store.allowed("app", "cp", __file__, f"it/anonlink/{folder}/file")
        assert store.allowed("app", "cat", f"it/anonlink/{folder}/file")
        assert store.allowed("app", "rm", f"it/anonlink/{folder}/file")
    assert store.allowed("app", "ls", "it/uploads")
    assert not store.allowed("app", "cp", __file__, "it/anonlink/elsewhere")
    assert not store.allowed("app", "cp", __file__, "it/uploads/file")
    assert not store.allowed("app", "mb", "it/another")


def test_the_upload_user_can_put_and_nothing_else(store):
    assert store.allowed("upload", "cp", __file__, "it/uploads/2/file")
    assert store.allowed("app", "cat", "it/uploads/2/file")
    assert not store.allowed("upload", "cat", "it/uploads/2/file")
    assert not store.allowed("upload", "rm", "it/uploads/2/file")
    assert not store.allowed("upload", "cp", __file__, "it/anonlink/quarantine/file")


def test_the_download_user_can_get_results_and_nothing_else(store):
    assert store.allowed("app", "cp", __file__, "it/anonlink/similarity-scores/1")
    assert store.allowed("download", "cat", "it/anonlink/similarity-scores/1")
    assert not store.allowed("download", "rm", "it/anonlink/similarity-scores/1")
    assert not store.allowed("download", "cat", "it/uploads/1/file")


@pytest.mark.parametrize("user", ["app", "upload", "download"])
def test_no_user_reaches_the_administration_or_makes_keys_of_its_own(store, user):
    assert not store.allowed(user, "admin", "info", "it")
    assert not store.allowed(user, "admin", "user", "ls", "it")
    access = rendered.CREDENTIALS[f"objectstore-{user}-access-key"]
    assert not store.allowed(user, "admin", "user", "svcacct", "add", "it", access)
    assert store.allowed("root", "admin", "user", "info", "it", access)


def test_the_content_survives_a_restart_of_the_store(store):
    assert store.allowed("app", "cp", __file__, "it/anonlink/quarantine/kept")
    assert store.pod.containers["objectstore"].stop(signal.SIGTERM) < 20
    assert not store.pod.containers["objectstore"].probe("livenessProbe")
    store.pod.kill()
    store.start()
    kept = store.mc("app", "cat", "it/anonlink/quarantine/kept").stdout
    assert kept == pathlib.Path(__file__).read_text()
