"""Growing volumes: the claims follow the spec, the StatefulSets stay, and the status says how far it is."""
import pytest

from support.api import ApiError
from support.audit import describe
from support.waiting import until

CLAIM = "data-demo-postgres-0"
VOLUMES = "entityservice-operator-volumes"


@pytest.fixture
def fixed_class(api, namespace):
    """A StorageClass whose volumes do not grow."""
    name = f"fixed-{namespace}"
    api.create("StorageClass", None, {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
        "provisioner": "fake.test/volume", "volumeBindingMode": "WaitForFirstConsumer"})
    yield name
    api.delete("StorageClass", None, name)


def size(of):
    return {"managed": {"storage": {"size": of}}}


def claim(resources, name=CLAIM):
    return resources.child("PersistentVolumeClaim", name)


def request(resources, name=CLAIM):
    return claim(resources, name)["spec"]["resources"]["requests"]["storage"]


def writes(audit, mark, namespace):
    return [describe(e) for e in audit.writes(mark, namespace)
            if e["objectRef"]["resource"] not in ("entityservices", "events")]


def mode(api, namespace, value):
    api.merge("PersistentVolumeClaim", namespace, CLAIM, {"metadata": {"annotations": {"fake.test/mode": value}}})


def templates(resources):
    return {s["metadata"]["name"]: (s["metadata"]["uid"], s["metadata"]["generation"],
                                    s["spec"]["volumeClaimTemplates"])
            for s in resources.children(kinds=["StatefulSet"])}


def test_grown_sizes_are_one_write_a_claim_and_restart_nothing(
        operator, api, audit, resources, namespace, settled):
    resources.ready(profile="Production", timeout=120)
    resources.wait_condition("StorageReady", "True")
    sets = templates(resources)
    pods = {p["metadata"]["uid"] for p in api.list("Pod", namespace)}
    mark = settled()
    resources.edit(redis=size("20Gi"), database=size("9Gi"))
    condition = resources.wait_condition("StorageReady", "True", timeout=30)
    assert "data-demo-redis-2 has 20Gi" in condition["message"]
    for number in range(3):
        grown = claim(resources, f"data-demo-redis-{number}")
        assert grown["spec"]["resources"]["requests"]["storage"] == "20Gi"
        assert grown["status"]["capacity"]["storage"] == "20Gi"
        entry, = [m for m in grown["metadata"]["managedFields"] if m["manager"] == VOLUMES]
        assert entry["fieldsV1"] == {"f:spec": {"f:resources": {"f:requests": {"f:storage": {}}}}}
    assert request(resources) == "9Gi"
    settled()
    assert sorted(writes(audit, mark, namespace)) == [
        f"patch persistentvolumeclaims/{name} → 200" for name in
        (CLAIM, "data-demo-redis-0", "data-demo-redis-1", "data-demo-redis-2")]
    assert templates(resources) == sets
    assert {p["metadata"]["uid"] for p in api.list("Pod", namespace)} == pods
    assert resources.condition("Ready")["status"] == "True"
    assert resources.condition("Stalled")["status"] == "False"

    operator.stop()
    mark = audit.mark()
    operator.start()
    settled()
    assert not writes(audit, mark, namespace), "what has grown is in step after a restart, too"
    looks = [describe(e) for e in audit.requests(mark) if e["objectRef"]["resource"] == "storageclasses"]
    assert not looks


def test_a_claim_made_later_from_the_old_template_grows_as_well(operator, api, resources, namespace):
    resources.ready(profile="Test")
    resources.edit(redis=size("4Gi"))
    resources.wait_condition("StorageReady", "True")
    before = claim(resources, "data-demo-redis-0")
    api.delete("PersistentVolumeClaim", namespace, "data-demo-redis-0")
    api.delete("Pod", namespace, "demo-redis-0")
    until(lambda: (claim(resources, "data-demo-redis-0") or before)["metadata"]["uid"] != before["metadata"]["uid"],
          30, "the claim is made anew")
    until(lambda: request(resources, "data-demo-redis-0") == "4Gi", 30)
    template, = resources.child("StatefulSet", "demo-redis")["spec"]["volumeClaimTemplates"]
    assert template["spec"]["resources"]["requests"]["storage"] == "2Gi"
    resources.wait_condition("StorageReady", "True")


def test_a_class_that_lets_nothing_grow_is_named_and_not_asked_in_vain(
        operator, api, audit, resources, namespace, fixed_class):
    resources.ready(profile="Test", database={"managed": {"storage": {"className": fixed_class}}})
    mark = audit.mark()
    resources.edit(database=size("20Gi"))
    condition = resources.wait_condition("StorageReady", "False", "ExpansionNotAllowed")
    assert CLAIM in condition["message"] and fixed_class in condition["message"], condition
    assert "another class" in condition["message"]
    assert resources.condition("Ready")["status"] == "True", "it serves on the volume that it has"
    assert request(resources) == "8Gi"
    assert not writes(audit, mark, namespace), "a write that the API server must refuse is not sent"
    looks = [e for e in audit.requests(mark) if e["objectRef"]["resource"] == "storageclasses"]
    assert 1 <= len(looks) <= 2
    api.merge("StorageClass", None, fixed_class, {"allowVolumeExpansion": True})
    until(lambda: request(resources) == "20Gi", 30, "it is tried again")
    resources.wait_condition("StorageReady", "True")


def test_growth_that_does_not_arrive_is_told(operator, api, resources, namespace):
    resources.ready(profile="Test")
    mode(api, namespace, "never-resized")
    resources.edit(database=size("20Gi"))
    condition = resources.wait_condition("StorageReady", "False", "Growing")
    assert f"{CLAIM} grows from 8Gi to 20Gi" in condition["message"]
    # Told before it is written when the claim has just changed.
    until(lambda: request(resources) == "20Gi", 20, "the larger request is written")
    claim_now = claim(resources)
    api.merge("PersistentVolumeClaim", namespace, CLAIM, {"status": {"conditions": [
        {"type": "FileSystemResizePending", "status": "True", "message": "waiting for the pod",
         "lastTransitionTime": claim_now["metadata"]["creationTimestamp"]}]}}, subresource="status")
    resources.wait_condition("StorageReady", "False", "FileSystemResizePending")
    assert resources.condition("Ready")["status"] == "True"
    mode(api, namespace, None)
    resources.wait_condition("StorageReady", "True")


def test_a_claim_that_is_never_bound_is_named_and_grows_once_it_is(operator, api, audit, resources, namespace):
    api.create("PersistentVolumeClaim", namespace, {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM, "annotations": {"fake.test/mode": "never-bound"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Gi"}}}})
    resources.create(profile="Test", deletionPolicy="Retain")
    until(lambda: resources.child("StatefulSet", "demo-objectstore"), 30)
    api.merge("PersistentVolumeClaim", namespace, CLAIM, {"metadata": {"labels": {
        "entityservice.io/resource": "demo", "entityservice.io/component": "database"}}})
    until(lambda: f"{CLAIM} (8Gi, StorageClass fake) has no volume yet"
          in resources.condition("StorageReady").get("message", ""), 30)
    mark = audit.mark()
    resources.edit(database=size("20Gi"))
    resources.wait_condition("StorageReady", "False", "Pending")
    assert not [w for w in writes(audit, mark, namespace) if "persistentvolumeclaims" in w and CLAIM in w]
    mode(api, namespace, None)
    until(lambda: request(resources) == "20Gi", 40)
    resources.wait_ready()
    resources.wait_condition("StorageReady", "True")


def test_a_volume_never_shrinks(operator, api, audit, resources, namespace, settled):
    resources.ready(profile="Test")
    with pytest.raises(ApiError, match="never does") as refusal:
        resources.edit(database=size("7Gi"))
    assert refusal.value.code == 422
    api.merge("PersistentVolumeClaim", namespace, CLAIM,
              {"spec": {"resources": {"requests": {"storage": "30Gi"}}}})
    until(lambda: claim(resources)["status"]["capacity"]["storage"] == "30Gi", 20)
    mark = settled()
    resources.edit(database=size("20Gi"))
    resources.wait_condition("StorageReady", "True")
    settled()
    assert not writes(audit, mark, namespace)
    assert request(resources) == "30Gi", "what somebody made larger stays"
