"""In step there is silence: no write, and no read but the lease, the watches and a moved Secret."""
import os
import time

import pytest

from support.audit import describe
from support.waiting import until

LONG = "LONG_TESTS" in os.environ
SECONDS = 600 if LONG else 20
RESOURCES = 1000


def assert_silent(audit, mark, secrets_touched):
    requests = audit.requests(mark)
    writes = [describe(e) for e in requests if e["verb"] not in ("get", "list", "watch")]
    assert not writes, writes
    reads = [e for e in requests if e["verb"] in ("get", "list")]
    secrets = [e for e in reads if e["objectRef"]["resource"] == "secrets" and e["verb"] == "get"]
    assert len(reads) == len(secrets), [describe(e) for e in reads]
    assert 1 <= len(secrets) <= secrets_touched


def await_end_of_others(api):
    """Silence is asked of all namespaces, and those of the tests before go by and by."""
    until(lambda: not [one for one in api.list("Namespace", None) if "deletionTimestamp" in one["metadata"]],
          60, "the namespaces of the tests before are gone")


def touch(api, obj, number):
    api.merge(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"],
              {"metadata": {"labels": {"example.org/touched": str(number)}}})


def test_in_step_the_operator_is_silent_under_churn(operator, api, audit, resources, namespace, settled):
    """Pods change their status, and somebody labels everything again and again."""
    resources.ready(profile="Production", redis={"managed": {"replicas": 3}})
    await_end_of_others(api)
    settled(quiet=4)
    pods = api.list("Pod", namespace)
    objects = resources.children() + [dict(resources.get(), kind="EntityService")]
    secrets = len([obj for obj in objects if obj["kind"] == "Secret"])
    mark, rounds = audit.mark(), 0
    end = time.monotonic() + SECONDS
    while rounds < 6 or time.monotonic() < end:
        rounds += 1
        for pod in pods:
            api.merge("Pod", namespace, pod["metadata"]["name"],
                      {"status": {"message": f"churn {rounds}"}}, subresource="status")
        if rounds % 5 == 1:
            for obj in objects:
                touch(api, obj, rounds)
        time.sleep(0.5)
    assert len(pods) > 5 and len(objects) > 30
    assert_silent(audit, mark, secrets * (rounds // 5 + 1))


@pytest.mark.skipif(not LONG, reason="half an hour; set LONG_TESTS=1")
def test_a_storm_of_labels_on_many_resources_costs_no_write(operator, api, audit, resources, namespace, settled):
    names = [f"storm-{number}" for number in range(RESOURCES)]
    for name in names:
        resources.create(name)
    for name in names:
        resources.wait_ready(name, timeout=60 + 5 * RESOURCES)
    await_end_of_others(api)
    settled(quiet=4, timeout=120)
    kinds = ["Deployment", "StatefulSet", "Service", "ConfigMap", "Secret", "ServiceAccount", "NetworkPolicy"]
    objects = [obj for kind in kinds for obj in api.list(kind, namespace, "entityservice.io/resource")]
    objects += [dict(resources.get(name), kind="EntityService") for name in names]
    assert len(objects) > 20 * RESOURCES
    mark = audit.mark()
    for number in range(2):
        for obj in objects:
            touch(api, obj, number)
    time.sleep(3)
    assert_silent(audit, mark, 2 * RESOURCES)
