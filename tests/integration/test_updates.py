"""Changes that another version of the operator brings: held on request, let go by an approval."""
import pytest

from support.projection import owned
from support.waiting import until

MANAGER = "entityservice-operator"
EARLIER = "registry.k8s.io/pause:3.9"
STORES = ["demo-postgres", "demo-redis", "demo-objectstore"]
ANNOTATION = "entityservice.io/approve-updates"


def leave_as_earlier(api, namespace, name):
    """As an operator with another table of images left it: the whole intent, by the same manager."""
    intent = owned(api.get("StatefulSet", namespace, name))
    intent["apiVersion"], intent["kind"] = "apps/v1", "StatefulSet"
    intent["metadata"].update(name=name, namespace=namespace)
    intent["metadata"]["annotations"]["entityservice.io/template"] = "0000abcd"
    intent["spec"]["template"]["spec"]["containers"][0]["image"] = EARLIER
    api.apply(intent, manager=MANAGER)


def image(resources, name):
    return resources.child("StatefulSet", name)["spec"]["template"]["spec"]["containers"][0]["image"]


def stateful_writes(audit, mark, namespace):
    return [e for e in audit.writes(mark, namespace) if e["objectRef"]["resource"] == "statefulsets"]


@pytest.fixture
def earlier(operator, api, resources, namespace, settled):
    """A Production resource in step; the operator is away, and its stores are of an earlier one."""
    resources.ready(profile="Production", timeout=120)
    settled()
    operator.stop()
    for name in STORES:
        leave_as_earlier(api, namespace, name)
    return resources


def test_an_operator_upgrade_waits_for_approval_and_the_service_stays_ready(
        earlier, operator, api, audit, namespace, settled):
    mark = audit.mark()
    operator.start()
    told = earlier.wait_condition("UpdateAvailable", "True", "WaitsForApproval")
    settled()
    assert all(f"StatefulSet {name}" in told["message"] for name in STORES)
    assert ANNOTATION in told["message"]
    assert all(image(earlier, name) == EARLIER for name in STORES)
    assert not stateful_writes(audit, mark, namespace)
    assert earlier.condition("Ready")["status"] == "True"
    held = {entry["object"] for entry in earlier.get()["status"]["held"]}
    assert held >= {f"StatefulSet {name}" for name in STORES}

    earlier.edit(replicas=3)
    until(lambda: earlier.child("Deployment", "demo-worker")["spec"]["replicas"] == 3, 20)
    settled()
    assert all(image(earlier, name) == EARLIER for name in STORES), "a scale approves nothing"

    operator.stop()
    operator.start()
    settled()
    assert not stateful_writes(audit, mark, namespace), "nor does a restart"

    api.merge("EntityService", namespace, "demo", {"metadata": {"annotations": {ANNOTATION: "monday"}}})
    until(lambda: earlier.get()["status"].get("triggers") == {"approve-updates": "monday"}, 60,
          "the approval is acknowledged")
    assert all(image(earlier, name) != EARLIER for name in STORES)
    earlier.wait_ready()
    until(lambda: not earlier.condition("UpdateAvailable"), 20, "nothing waits any more")
    settled()


def test_an_admins_own_change_is_applied_at_once(earlier, operator, settled):
    earlier.edit(database={"managed": {"maxConnections": 450}})
    operator.start()
    until(lambda: image(earlier, "demo-postgres") != EARLIER, 60, "the database takes the change")
    assert image(earlier, "demo-objectstore") == EARLIER
    earlier.edit(updates="Automatic")
    until(lambda: image(earlier, "demo-objectstore") != EARLIER, 60, "automatic updates go on")
    earlier.wait_ready()
    settled()
