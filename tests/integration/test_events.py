"""Events for people: what happens again is counted in the one that is there."""
import faults
from support.waiting import until


def events(api, namespace, reason):
    return [e for e in api.list("Event", namespace) if e["reason"] == reason
            and e["involvedObject"]["kind"] == "EntityService"]


def test_a_resource_that_flaps_is_one_event_with_a_count(operator, cluster, api, kubectl, resources, namespace):
    resources.ready()
    for _ in range(2):
        faults.break_pods(cluster, namespace, "entityservice.io/component=api", "never-ready")
        resources.wait_condition("Ready", "False", timeout=30)
        faults.mend(cluster, namespace)
        resources.wait_ready(timeout=30)
    event, = events(api, namespace, "NotReady")
    until(lambda: events(api, namespace, "NotReady")[0].get("series", {}).get("count") == 2, 10)
    described = kubectl("-n", namespace, "describe", "es/demo").stdout
    assert "(x2 over " in described, described[-1500:]
    assert len(events(api, namespace, "Ready")) == 1
