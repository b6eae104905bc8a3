"""Drills on real pods: three nodes, the operator in a pod, one service for each tuning.

E2E_CLUSTER names the folder of a cluster with three real nodes that runs already and is to be left
running; its operator and its services are used as they are.
"""
import fcntl
import json
import os
import pathlib
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
import deployment  # noqa: E402
import cluster as _cluster  # noqa: E402  # deployment adds its folder
import operator_log  # noqa: E402
import rows  # noqa: E402
from drill import Drill  # noqa: E402
from redis_set import RedisSet  # noqa: E402
from system import COMPONENT, System, eventually, manifest  # noqa: E402

TUNINGS = ["Operator", "Upstream"]


@pytest.fixture(scope="session", name="nodes")
def cluster_of_three_nodes(tmp_path_factory):
    kept = os.environ.get("E2E_CLUSTER")
    if kept:
        found = _cluster.running(kept)
        assert found and found.has_real_nodes, f"{kept} has no cluster with real nodes"
        with open(found.state / "drills", "w", encoding="utf-8") as one_at_a_time:
            fcntl.flock(one_at_a_time, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield found
        return
    with _cluster.start(tmp_path_factory.mktemp("nodes") / "state", real=3) as started:
        deployment.install(started)
        yield started


@pytest.fixture(scope="session", params=TUNINGS)
def tuning(request):
    return request.param


@pytest.fixture(scope="session", name="deployed")
def a_service(nodes, tuning):
    namespace = f"drills-{tuning.lower()}"
    began = time.monotonic()
    system = System(nodes, namespace, manifest("drill", tuning=tuning))
    system.wait_ready()
    if "E2E_CLUSTER" not in os.environ:
        rows.write({"drill": "first_deployment_seconds", "tuning": tuning,
                    "figure": round(time.monotonic() - began), "ready": system.breakdown()})
    yield system
    if "E2E_CLUSTER" not in os.environ:
        # High-memory workers finish their task first, for up to an hour.
        nodes.run_kubectl("-n", namespace, "delete", f"es/{system.name}")
        nodes.run_kubectl("-n", namespace, "delete", "pods", "--all", "--grace-period=0", "--force")
        nodes.run_kubectl("delete", "namespace", namespace)


@pytest.fixture
def redis(deployed):
    return RedisSet(deployed)


@pytest.fixture
def system(deployed, redis):
    """The service in good health, before the test; all operator's messages are known, after it."""
    eventually(lambda: deployed.all_ready() and redis.in_step(), 180, "all pods are ready")
    forget_tasks(deployed, redis)
    eventually(lambda: deployed.answers("node-1"), 60, "the API answers")
    began = time.time()
    yield deployed
    unexpected = operator_log.unexpected(deployed.cluster, began)
    assert not unexpected, "\n".join(unexpected[:20])


def forget_tasks(system, redis):
    """What an earlier test left would come back in the middle of another, or an hour later."""
    for _ in range(20):
        if redis.is_calm():
            return
        time.sleep(1)
    redis.ask(redis.master(), "FLUSHALL")
    system.kubectl("delete", "pod", "--grace-period=0", "--force", "-l",
                   f"{COMPONENT} in (worker,worker-highmemory)")
    eventually(system.all_ready, 180, "all workers are ready")


@pytest.fixture
def drill(request, system, redis, tuning):
    """A function that makes the test's drill."""
    def make(operator="present", name=None, avoid=()):
        return Drill(system, redis, name or request.node.originalname, tuning, operator, avoid)
    return make


@pytest.fixture(params=["present", "absent"])
def operator(request, nodes, system):
    """Whether the operator runs meanwhile."""
    if request.param == "absent":
        scale(nodes, 0)
    yield request.param
    if request.param == "absent":
        scale(nodes, 1)


def scale(nodes, replicas):
    nodes.run_kubectl("-n", deployment.SYSTEM, "scale", deployment.OPERATOR,
                      f"--replicas={replicas}")
    eventually(lambda: len(json.loads(nodes.run_kubectl(
        "-n", deployment.SYSTEM, "get", "pods", "-o", "json"))["items"]) == replicas, 60,
        f"{replicas} operators")
    if replicas:
        nodes.run_kubectl("-n", deployment.SYSTEM, "rollout", "status", deployment.OPERATOR,
                          "--timeout=110s")

