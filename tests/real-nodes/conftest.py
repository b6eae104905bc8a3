import itertools
import json
import pathlib
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "control-plane")]

import cluster  # noqa: E402

IMAGE = "docker.io/valkey/valkey:8.1"  # any with a shell and Python
numbers = itertools.count(1)


@pytest.fixture(name="real", scope="module")
def cluster_with_real_nodes(tmp_path_factory):
    """Two of them. One for each file: a machine has one such cluster at a time."""
    with cluster.start(tmp_path_factory.mktemp("real") / "state", real=2) as started:
        yield started


def eventually(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s; last: {value!r}"
        time.sleep(0.2)
    return value


class Space:
    """A namespace of its own, in which only restricted pods are let in."""

    def __init__(self, on, name):
        self.cluster, self.name = on, name
        on.run_kubectl("create", "namespace", name)
        on.run_kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        eventually(lambda: self.kubectl("get", "serviceaccount", "default", "--ignore-not-found"))

    def kubectl(self, *arguments, **options):
        return self.cluster.run_kubectl("-n", self.name, *arguments, **options)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def apply(self, *objects):
        self.kubectl("apply", "-f", "-", input=json.dumps(
            {"apiVersion": "v1", "kind": "List", "items": objects}))

    def run(self, name, *, wait=True, **given):
        self.apply(pod(name, **given))
        if wait:
            self.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
        return self

    def remove(self, *what):
        self.kubectl("delete", "--grace-period=1", *what)

    def shell(self, name, script):
        return self.kubectl("exec", name, "--", "sh", "-c", script).strip()

    def fails(self, name, script):
        """What it wrote when it failed; a failure of the test when it did not."""
        with pytest.raises(subprocess.CalledProcessError) as failed:
            self.shell(name, script)
        return failed.value.stderr


def pod(name, *, labels=None, node=None, claim=None, command=("sleep", "infinity"), ports=(),
        group=999):
    container = {
        "name": "main", "image": IMAGE, "command": list(command),
        "ports": [{"name": key, "containerPort": value} for key, value in ports],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}] if claim else [],
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]}}}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {}},
        "spec": {
            "containers": [container], "terminationGracePeriodSeconds": 1,
            "nodeSelector": {"kubernetes.io/hostname": node} if node else {},
            "volumes": [{"name": "data",
                         "persistentVolumeClaim": {"claimName": claim}}] if claim else [],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 999, "runAsGroup": 999,
                                "fsGroup": group, "seccompProfile": {"type": "RuntimeDefault"}}}}


@pytest.fixture(name="space")
def a_namespace(real):
    made = Space(real, f"space-{next(numbers)}")
    yield made
    real.run_kubectl("delete", "namespace", made.name, "--wait=false")


@pytest.fixture(name="other")
def another_namespace(real):
    made = Space(real, f"space-{next(numbers)}")
    yield made
    real.run_kubectl("delete", "namespace", made.name, "--wait=false")
