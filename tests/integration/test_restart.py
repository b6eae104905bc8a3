"""Restarts: silence when in step, the same end however often it was killed."""
import pytest

from support.operator import Operator
from support.projection import ordered, owned
from support.proxy import WritesProxy
from support.waiting import until


def child_writes(audit, mark, namespace):
    return [e for e in audit.writes(mark, namespace)]


def test_a_restart_in_step_writes_nothing_and_still_repairs(operator, api, audit, resources, namespace, settled):
    resources.ready(profile="Production", redis={"managed": {"replicas": 3}})
    settled()
    operator.stop()
    assert operator.stopping_took < 5
    mark = audit.mark()
    operator.start()
    settled(quiet=3)
    assert not child_writes(audit, mark, namespace)
    api.merge("Deployment", namespace, "demo-worker", {"spec": {"replicas": 11}})
    until(lambda: resources.child("Deployment", "demo-worker")["spec"]["replicas"] == 2, 20)


def test_a_second_apply_changes_nothing(operator, api, resources, namespace, kubectl, settled):
    from conftest import ROOT
    sample = str(ROOT / "manifests/samples/production.yaml")
    kubectl("apply", "-n", namespace, "-f", sample)
    resources.wait_ready(timeout=120)
    settled()

    def versions():
        objects = resources.children() + [resources.get()]
        return {(o["kind"], o["metadata"]["name"]):
                (o["metadata"]["resourceVersion"], o["metadata"].get("generation")) for o in objects}
    before = versions()
    kubectl("apply", "-n", namespace, "-f", sample)
    settled(quiet=3)
    assert versions() == before


def masked(value, uids):
    if isinstance(value, dict):
        return {k: masked(v, uids) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(v, uids) for v in value]
    return "<uid>" if value in uids else value


def picture(api, namespace, uid):
    """What the operator owns in the namespace, without what differs from one life to the next."""
    import re
    result = {}
    for obj in api.children(namespace, "demo"):
        name = re.sub(r"-[0-9a-f]{8}$", "-HASH", obj["metadata"]["name"])
        text = masked(ordered(owned(obj)), {uid})
        if obj["kind"] == "Secret":
            text = {"metadata": text["metadata"], "data": sorted(text["data"])}
        result[obj["kind"], name] = neutral(text)
    return result


def neutral(value):
    """Values that are random or assigned are left out: hashes in names, HMACs, cluster addresses."""
    import re
    if isinstance(value, dict):
        hashes = ("entityservice.io/secrets", "entityservice.io/inputs", "entityservice.io/template")
        return {k: "<hash>" if k in hashes else "<ip>" if k == "ip" else neutral(v)
                for k, v in value.items()}
    if isinstance(value, list):
        return [neutral(v) for v in value]
    if isinstance(value, str):
        value = re.sub(r"-[0-9a-f]{8}(?=$|\")", "-HASH", value)
        value = re.sub(r"\bkill-[0-9a-z]+\b|\bit-\d+\b", "<ns>", value)
        return re.sub(r"\b[0-9a-f]{40}\b", "<id>", value)
    return value


@pytest.mark.parametrize("after", [2, 9, 17])
def test_a_kill_in_the_middle_of_a_create_changes_nothing_of_its_end(
        operator, cluster, api, resources, namespace, tmp_path, after):
    """The operator is killed after its n-th write, which a counting proxy sees; another one goes on."""
    resources.ready()
    undisturbed = picture(api, namespace, resources.get()["metadata"]["uid"])
    operator.stop()

    from conftest import Resources
    other = f"kill-{after}"
    api.create("Namespace", None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    try:
        with WritesProxy(cluster, str(tmp_path), after) as proxy:
            first = Operator(cluster, api, str(tmp_path), server=proxy.url, ca=proxy.ca, lease=f"kill-{after}")
            made = Resources(api, other)
            made.create()
            first.start(ready=False)
            until(lambda: proxy.reached, 60, f"{after} writes")
            first.stop(kill=True)
        volumes = {c["metadata"]["uid"] for c in api.list("PersistentVolumeClaim", other)}
        password = api.find("Secret", other, "demo-credentials")
        operator.start()
        made.wait_ready(timeout=120)
        assert picture(api, other, made.get()["metadata"]["uid"]) == undisturbed
        assert volumes <= {c["metadata"]["uid"] for c in api.list("PersistentVolumeClaim", other)}
        if password:
            assert api.get("Secret", other, "demo-credentials")["data"] == password["data"]
    finally:
        api.delete("Namespace", None, other)
