"""Deletion, retention, namespaces, neighbours."""
import time

from support.api import CHILD_KINDS
from support.waiting import until


def claims(api, namespace):
    return {c["metadata"]["name"]: c["metadata"]["uid"]
            for c in api.list("PersistentVolumeClaim", namespace)}


def left(api, namespace, name="demo"):
    return [(o["kind"], o["metadata"]["name"]) for o in api.children(namespace, name)]


def test_under_retain_a_second_apply_finds_its_volumes_and_credentials(operator, api, resources, namespace):
    resources.ready(profile="Test", deletionPolicy="Retain")
    volumes = claims(api, namespace)
    password = api.get("Secret", namespace, "demo-credentials")
    assert len(volumes) == 3
    api.delete("EntityService", namespace, "demo")
    until(lambda: {k for k, _ in left(api, namespace)} <= {"Secret", "ConfigMap"}, 60)
    until(lambda: not api.list("Pod", namespace), 60)
    assert claims(api, namespace) == volumes

    resources.ready(profile="Test", deletionPolicy="Retain")
    assert claims(api, namespace) == volumes
    again = api.get("Secret", namespace, "demo-credentials")
    assert (again["metadata"]["uid"], again["data"]) == (password["metadata"]["uid"], password["data"])


def test_under_delete_nothing_is_left(operator, api, resources, namespace):
    resources.ready(profile="Test", deletionPolicy="Delete")

    def owned():
        objects = api.list("PersistentVolumeClaim", namespace) + [api.get("Secret", namespace, "demo-credentials")]
        return all(o["metadata"].get("ownerReferences") for o in objects)
    until(owned, 20, "volumes, credentials and redis-state belong to the resource")
    api.delete("EntityService", namespace, "demo")
    until(lambda: not left(api, namespace) and not claims(api, namespace), 60)


def test_the_deletion_policy_can_be_changed(operator, api, resources, namespace):
    resources.ready(profile="Test", deletionPolicy="Delete")
    until(lambda: all(c["metadata"].get("ownerReferences")
                      for c in api.list("PersistentVolumeClaim", namespace)), 20)
    resources.edit(deletionPolicy="Retain")

    def kept():
        return api.list("PersistentVolumeClaim", namespace) + [api.get("Secret", namespace, "demo-credentials")]
    until(lambda: not any(o["metadata"].get("ownerReferences") for o in kept()), 20)
    assert kept()[-1]["data"]["database-password"]


def test_neighbours_with_nearly_the_same_name_do_not_touch_each_other(operator, api, resources, namespace):
    resources.create("demo")
    resources.create("demo-highmemory")
    resources.wait_ready("demo")
    resources.wait_ready("demo-highmemory")

    def uids():
        return {(o["kind"], o["metadata"]["name"]): o["metadata"]["uid"]
                for o in api.children(namespace, "demo-highmemory")}
    before = uids()
    api.delete("EntityService", namespace, "demo")
    until(lambda: {k for k, _ in left(api, namespace)} <= {"Secret", "ConfigMap"}, 60)
    time.sleep(2)
    assert uids() == before
    resources.wait_ready("demo-highmemory")


def gone(api, namespace):
    started = time.monotonic()
    api.delete("Namespace", None, namespace)
    until(lambda: not api.find("Namespace", None, namespace), 60, "the namespace is gone")
    return time.monotonic() - started


def test_a_namespace_is_deleted_while_the_operator_runs(operator, api, resources, namespace):
    resources.ready(profile="Test")
    gone(api, namespace)


def test_a_namespace_is_deleted_while_the_operator_is_stopped(operator, api, resources, namespace):
    resources.ready(profile="Test")
    operator.stop()
    gone(api, namespace)
    operator.start()


def test_a_deleted_namespace_makes_no_trouble(operator, api, resources, namespace, audit):
    mark = audit.mark()
    resources.create()
    until(lambda: resources.children(kinds=["Service"]), 20)
    gone(api, namespace)
    assert not [o for o in CHILD_KINDS if api.list(o, namespace)]
    refused = [e for e in audit.writes(mark, namespace) if e["responseStatus"]["code"] == 403]
    assert len(refused) <= 5


def test_a_namespace_that_becomes_one_for_prereleases_lets_the_waiting_resource_go_on(
        operator, api, resources, namespace):
    resources.create(channel="Develop", version="develop", suspend=True)
    resources.wait_condition("ConfigurationValid", "False", "InvalidSpec")
    api.merge("Namespace", None, namespace, {"metadata": {"labels": {"environment": "staging"}}})
    resources.wait_condition("ConfigurationValid", "True", timeout=30)
