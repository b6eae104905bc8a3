"""The Services of single Redis pods keep their addresses, which pods have in their hosts files; and
three Redis that have lost all data have a way out."""
import re
import shlex

import pytest

import faults
from support.waiting import until


@pytest.fixture
def production(operator, resources, settled):
    resources.ready(profile="Production", timeout=120)
    settled()
    return resources


def address(resources, name):
    service = resources.child("Service", name)
    return service and service["spec"]["clusterIP"]


def templates(resources):
    """Of whatever has the addresses in its hosts file."""
    return {w["metadata"]["name"]: w["spec"]["template"] for w in
            resources.children(kinds=["StatefulSet", "Deployment"])}


def test_a_deleted_service_comes_back_with_its_address(production, api, namespace, settled):
    before, pods = address(production, "demo-redis-1"), templates(production)
    api.delete("Service", namespace, "demo-redis-1")
    until(lambda: address(production, "demo-redis-1"), 30, "the Service is made again")
    settled()
    assert address(production, "demo-redis-1") == before
    assert templates(production) == pods
    production.wait_ready()


def test_so_does_one_that_was_lost_while_no_operator_ran(production, operator, api, namespace, settled):
    names = [f"demo-redis-{i}" for i in range(3)]
    before, pods = {name: address(production, name) for name in names}, templates(production)
    operator.stop()
    for name in names:
        api.delete("Service", namespace, name)
    operator.start()
    until(lambda: all(address(production, name) for name in names), 30, "the Services are made again")
    settled()
    assert {name: address(production, name) for name in names} == before
    assert templates(production) == pods


def test_an_address_that_is_taken_is_given_up(production, operator, api, namespace, settled):
    before = address(production, "demo-redis-1")
    operator.stop()
    api.delete("Service", namespace, "demo-redis-1")
    api.create("Service", namespace, {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "somebody-elses"},
        "spec": {"clusterIP": before, "ports": [{"port": 80}]}})
    operator.start()
    until(lambda: address(production, "demo-redis-1"), 30, "the Service is made again")
    assert address(production, "demo-redis-1") != before
    until(lambda: address(production, "demo-redis-1") in str(templates(production)["demo-worker"]), 30)
    settled()
    production.wait_ready()


def test_three_that_find_no_data_begin_with_nothing_by_the_command_that_they_name(
        production, cluster, kubectl, namespace):
    selector = "entityservice.io/component=redis"
    faults.break_pods(cluster, namespace, selector, "never-ready")
    told = until(lambda: re.search(r": kubectl (.* patch configmap .*)",
                                   production.condition("RedisReady").get("message", "")), 60)
    kubectl(*shlex.split(told[1]))
    until(lambda: "kubectl" not in production.condition("RedisReady")["message"], 60)
    assert production.child("ConfigMap", "demo-redis-state")["data"] == {"bootstrap": "true"}
    faults.mend(cluster, namespace)
    production.wait_ready(timeout=120)
    until(lambda: production.child("ConfigMap", "demo-redis-state")["data"] == {"bootstrap": "false"}, 30,
          "it cannot happen a second time")
