"""One real control plane and one operator for all tests; a fresh namespace for each."""
import contextlib
import functools
import importlib.util
import itertools
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(ROOT / "tests/control-plane"))
sys.path.insert(0, str(ROOT / "tests/tools"))

import cluster as control_plane  # noqa: E402
import faults  # noqa: E402
from support.api import Api, CHILD_KINDS  # noqa: E402
from support.audit import OPERATOR, Audit  # noqa: E402
from support.operator import Operator  # noqa: E402
from support.waiting import until  # noqa: E402


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    started = control_plane.start(str(tmp_path_factory.mktemp("cluster")))
    yield started
    leave_audit(started.audit_log)
    started.stop()


def leave_audit(log):
    """What the operator asked for, to test_permissions.py, which speaks of all processes of a run."""
    folder = os.environ.get("AUDIT_LOGS")
    if folder is None:
        return
    os.makedirs(folder, exist_ok=True)
    left = os.path.join(folder, os.environ.get("PYTEST_XDIST_WORKER", "all") + ".log")
    with open(log) as lines, open(left, "w") as out:
        out.writelines(line for line in lines if OPERATOR in line)


def kubectl_of(cluster):
    def run(*arguments, check=True, **options):
        return subprocess.run([cluster.kubectl, "--kubeconfig", cluster.kubeconfig, *arguments],
                              check=check, capture_output=True, text=True, timeout=60, **options)
    return run


@pytest.fixture(scope="session")
def kubectl(cluster):
    return kubectl_of(cluster)


@pytest.fixture(scope="session")
def api(cluster):
    return installed(cluster)


def installed(cluster):
    """A client of the cluster, in which install.yaml is in force; the operator of there does not run."""
    client, kubectl = Api(cluster.kubeconfig), kubectl_of(cluster)
    kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/install.yaml"))
    kubectl("-n", "entityservice-system", "scale", "deployment/entityservice-operator", "--replicas=0")
    kubectl("wait", "--for=condition=Established", "crd/entityservices.entityservice.io")
    until(lambda: role_is_in_force(client), 30, "install.yaml's role is in force")
    return client


def role_is_in_force(client):
    """The authorizer follows its own watches: a moment after install.yaml it still says no."""
    attributes = [("entityservice.io", "entityservices", "watch"), ("apps", "deployments", "patch"),
                  ("", "secrets", "list"), ("policy", "poddisruptionbudgets", "delete")]
    return all(client.create("SubjectAccessReview", None, {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": OPERATOR, "resourceAttributes": {
            "group": group, "resource": resource, "verb": verb}}})["status"]["allowed"]
        for group, resource, verb in attributes)


@pytest.fixture(scope="session")
def audit(cluster):
    return Audit(cluster.audit_log)


@pytest.fixture(scope="session")
def session_operator(cluster, api, tmp_path_factory):
    operator = Operator(cluster, api, str(tmp_path_factory.mktemp("operator"))).start()
    yield operator
    operator.stop()


@pytest.fixture
def operator(session_operator):
    """Running; a test may stop and start it, here it is put right again."""
    if session_operator.process is None:
        session_operator.start()
    yield session_operator
    if session_operator.process is None:
        session_operator.start()
    assert session_operator.process.poll() is None, session_operator.tail()


numbers = itertools.count(1)


@pytest.fixture
def namespace(api):
    name = f"it-{next(numbers)}"
    api.create("Namespace", None, {
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    until(lambda: api.find("ServiceAccount", name, "default"), 30, "the namespace's ServiceAccount")
    yield name
    api.delete("Namespace", None, name)


class Resources:
    """EntityServices of one namespace: makes, reads, waits."""

    def __init__(self, api, namespace):
        self.api, self.namespace = api, namespace

    def create(self, name="demo", **spec):
        spec = {"profile": "Minimal", "version": "1.15.1", **spec}
        return self.api.create("EntityService", self.namespace, {
            "apiVersion": "entityservice.io/v1alpha1", "kind": "EntityService",
            "metadata": {"name": name}, "spec": spec})

    def ready(self, name="demo", timeout=90, **spec):
        self.create(name, **spec)
        return self.wait_ready(name, timeout)

    def get(self, name="demo"):
        return self.api.get("EntityService", self.namespace, name)

    def edit(self, name="demo", **spec):
        return self.api.merge("EntityService", self.namespace, name, {"spec": spec})

    def condition(self, kind, name="demo"):
        """{} until the condition speaks of the present generation."""
        resource = self.get(name)
        for condition in resource.get("status", {}).get("conditions", []):
            if condition["type"] == kind and \
                    condition.get("observedGeneration") == resource["metadata"]["generation"]:
                return condition
        return {}

    def wait_condition(self, kind, status, reason=None, name="demo", timeout=60):
        def reached():
            condition = self.condition(kind, name)
            right = condition.get("status") == status and reason in (None, condition["reason"])
            return condition if right else None
        try:
            return until(reached, timeout)
        except AssertionError:
            status_now = self.get(name).get("status", {})
            raise AssertionError(f"{name} never had {kind}={status} {reason or ''}: "
                                 + json.dumps(status_now)[:3000]) from None

    def wait_ready(self, name="demo", timeout=90):
        self.wait_condition("Ready", "True", name=name, timeout=timeout)
        return self.get(name)

    def child(self, kind, name):
        return self.api.find(kind, self.namespace, name)

    def children(self, name="demo", kinds=None):
        return self.api.children(self.namespace, name, kinds or CHILD_KINDS)


@contextlib.contextmanager
def house(api, name):
    """The Resources of a namespace that several tests of a file share."""
    api.create("Namespace", None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    until(lambda: api.find("ServiceAccount", name, "default"), 30)
    yield Resources(api, name)
    api.delete("Namespace", None, name)


@pytest.fixture
def resources(api, namespace):
    return Resources(api, namespace)


@pytest.fixture
def failing(cluster, namespace):
    """While it lasts, Jobs of the component fail in the test's namespace."""
    @contextlib.contextmanager
    def fail(component):
        faults.break_pods(cluster, namespace, f"entityservice.io/component={component}", "fail")
        try:
            yield
        finally:
            faults.mend(cluster, namespace)
    return fail


@pytest.fixture
def settled(audit, namespace):
    """Waits until the operator has written nothing to the namespace for a while; returns a mark."""
    return functools.partial(come_to_rest, audit, namespace)


def come_to_rest(audit, namespace, quiet=2.0, timeout=40):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        mark = audit.mark()
        time.sleep(quiet)
        if not audit.writes(mark, namespace):
            return audit.mark()
    raise AssertionError("the operator does not come to rest")


def render(*arguments):
    """The objects that `render` prints."""
    answer = subprocess.run([os.environ["OPERATOR"], "render", *arguments], check=True, text=True,
                            capture_output=True, timeout=60)
    return [document for document in yaml.safe_load_all(answer.stdout) if document]
