"""An operator with rights in one namespace only, and operators that share a cluster by a label."""
import time

import pytest
import yaml

from conftest import ROOT, Resources
from support.audit import describe
from support.operator import NAMESPACE, Operator
from support.waiting import until

RBAC = "apis/rbac.authorization.k8s.io/v1"
# docs/security.md says what is lost without each.
UNGRANTED = {"namespaces", "storageclasses"}


def started(cluster, api, folder, *flags, **options):
    folder.mkdir()
    return Operator(cluster, api, str(folder), **options).start(*flags)


@pytest.fixture
def alone(operator):
    """The session's operator is away, and back after the test."""
    operator.stop()


@pytest.fixture
def tenant(alone, cluster, api, namespace, kubectl, tmp_path):
    """An operator with what namespaced.yaml grants, in the namespace of the test."""
    text = (ROOT / "manifests/namespaced.yaml").read_text().replace("NAMESPACE", namespace)
    granted = [d for d in yaml.safe_load_all(text) if d["kind"] not in ("Deployment", "Service")]
    kubectl("apply", "-f", "-", input=yaml.safe_dump_all(granted))
    user = f"system:serviceaccount:{namespace}:entityservice-operator"
    until(lambda: allowed(api, user, namespace), 30, "the role is in force")
    tenant = started(cluster, api, tmp_path / "tenant", f"--namespace={namespace}",
                     account=(namespace, "entityservice-operator"))
    yield tenant
    tenant.stop()


def allowed(api, user, namespace):
    return api.create("SubjectAccessReview", None, {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": {
            "namespace": namespace, "resource": "pods", "verb": "watch"}}})["status"]["allowed"]


def test_rights_in_one_namespace_are_enough_but_for_what_is_documented(
        tenant, api, audit, resources, namespace, failing):
    mark = audit.mark()
    with failing("migration"):
        resources.create(profile="Test", api={"replicas": 2})
        resources.wait_condition("MigrationsApplied", "False", "JobFailed")
    resources.wait_ready(timeout=150)
    resources.edit(replicas=3, config={"EXTRA": "x"}, database={"managed": {"storage": {"size": "9Gi"}}})
    until(lambda: api.get("PersistentVolumeClaim", namespace, "data-demo-postgres-0")
          ["spec"]["resources"]["requests"]["storage"] == "9Gi", 60, "the volume grows")
    resources.wait_ready(timeout=120)
    resources.edit(deletionPolicy="Retain", api={"replicas": 1})
    until(lambda: not any(c["metadata"].get("ownerReferences")
                          for c in api.list("PersistentVolumeClaim", namespace)), 30)
    until(lambda: not resources.child("PodDisruptionBudget", "demo-api"), 30, "it is pruned")
    assert not audit.requests(mark), "the session's operator is not there"

    requests = audit.requests(0, user=tenant.user)  # who was not there before
    forbidden = {e["objectRef"]["resource"] for e in requests if e["responseStatus"]["code"] == 403}
    assert forbidden == UNGRANTED, sorted({describe(e) for e in requests
                                           if e["responseStatus"]["code"] == 403})
    elsewhere = [describe(e) for e in requests if e["responseStatus"]["code"] < 400
                 and e.get("objectRef", {}).get("namespace") != namespace]
    assert not elsewhere, elsewhere


class Shard:
    """An operator of one shard, under a user of its own so that the audit log tells them apart."""

    def __init__(self, cluster, api, kubectl, folder, name):
        account = f"shard-{name}"
        kubectl("-n", NAMESPACE, "create", "serviceaccount", account)
        for kind, role in (("clusterrolebinding", "clusterrole"), ("rolebinding", "role")):
            scope = [] if kind == "clusterrolebinding" else ["-n", NAMESPACE]
            kubectl(*scope, "create", kind, account, f"--{role}=entityservice-operator",
                    f"--serviceaccount={NAMESPACE}:{account}")
        user = f"system:serviceaccount:{NAMESPACE}:{account}"
        until(lambda: allowed(api, user, "default"), 30, "the role is in force")
        self.operator = started(cluster, api, folder / name, f"--watch-label-selector=shard={name}",
                                lease=f"operator-{name}", account=(NAMESPACE, account))

    def written(self, audit, mark, namespace):
        """Names of the resources whose objects, status or events it wrote."""
        return {e["objectRef"]["name"].split(".")[0].split("-")[0]
                for e in audit.writes(mark, namespace, self.operator.user)
                if e["objectRef"].get("name")}


@pytest.fixture
def shards(alone, cluster, api, kubectl, tmp_path):
    made = [Shard(cluster, api, kubectl, tmp_path, name) for name in ("a", "b")]
    yield made
    for shard in made:
        shard.operator.stop()
        account = shard.operator.account
        kubectl("delete", "clusterrolebinding", account)
        kubectl("-n", NAMESPACE, "delete", "rolebinding,serviceaccount", account)


def to_shard(api, namespace, name, shard):
    api.merge("EntityService", namespace, name, {"metadata": {"labels": {"shard": shard}}})


def uids(resources, name):
    return {(o["kind"], o["metadata"]["name"]): o["metadata"]["uid"] for o in resources.children(name)}


def quiet(audit, namespace, users, seconds=3):
    """Waits until none of the users has written for a while; returns a mark."""
    def at_rest():
        mark = audit.mark()
        time.sleep(seconds)
        return not any(audit.writes(mark, namespace, user) for user in users) and audit.mark()
    return until(at_rest, 60, "the operators come to rest")


def test_operators_with_disjoint_selectors_touch_nothing_of_each_other(
        shards, api, audit, namespace):
    resources = Resources(api, namespace)
    a, b = shards
    users = [shard.operator.user for shard in shards]
    start = audit.mark()
    for name, shard in (("first", "a"), ("second", "b"), ("third", None), ("fourth", "a")):
        resources.create(name)
        if shard:
            to_shard(api, namespace, name, shard)
    # One moves in the middle of its creation.
    until(lambda: resources.child("StatefulSet", "fourth-postgres"), 30)
    credentials = api.get("Secret", namespace, "fourth-credentials")
    to_shard(api, namespace, "fourth", "b")
    for name in ("first", "second", "fourth"):
        resources.wait_ready(name, timeout=120)
    assert api.get("Secret", namespace, "fourth-credentials")["data"] == credentials["data"]
    assert not uids(resources, "third"), "nobody's"
    mark = quiet(audit, namespace, users)
    assert a.written(audit, start, namespace) == {"first", "fourth"}
    assert b.written(audit, start, namespace) == {"second", "fourth"}

    # One that is in step goes over without a single write.
    before = uids(resources, "first")
    to_shard(api, namespace, "first", "b")
    quiet(audit, namespace, users)
    for user in users:
        assert not audit.writes(mark, namespace, user), [describe(e) for e in audit.writes(mark, namespace, user)]
    mark = audit.mark()
    resources.edit("first", replicas=3)
    until(lambda: resources.child("Deployment", "first-worker")["spec"]["replicas"] == 3, 20)
    resources.wait_ready("first")
    assert uids(resources, "first") == before
    assert a.written(audit, mark, namespace) == set()
    assert b.written(audit, mark, namespace) == {"first"}
    deleted = [describe(e) for user in users for e in audit.writes(start, namespace, user)
               if e["verb"] == "delete"]
    assert not deleted, deleted

    # The label goes: the objects stay, and nobody looks after them.
    to_shard(api, namespace, "second", None)
    before = uids(resources, "second")
    mark = quiet(audit, namespace, users)
    api.merge("Deployment", namespace, "second-worker", {"spec": {"replicas": 7}})
    time.sleep(2)
    assert uids(resources, "second") == before
    assert not a.written(audit, mark, namespace) | b.written(audit, mark, namespace)
