"""Drills on real pods: three nodes, the operator in a pod, one service for each tuning.

E2E_CLUSTER names the folder of a cluster with three real nodes that runs already and is to be left
running; its operator and its services are used as they are. E2E_TUNING is the only tuning to drill.
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
from system import COMPONENT, System, eventually, manifest, node_names  # noqa: E402

TUNINGS = [os.environ["E2E_TUNING"]] if "E2E_TUNING" in os.environ else ["Operator", "Upstream"]
HEALTHY_SECONDS = 120
PRESENT, ABSENT = "present", "absent"


def pytest_configure(config):
    config.addinivalue_line("markers", "expects(pattern, reason): what the operator may log")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """All drills of a tuning that do without the operator come together, and last."""
    def place(item):
        given = item.callspec.params if hasattr(item, "callspec") else {}
        return TUNINGS.index(given.get("tuning", TUNINGS[0])), given.get("operator") == ABSENT
    items.sort(key=place)


@pytest.fixture(scope="session", name="nodes")
def cluster_of_three_nodes(tmp_path_factory):
    kept = os.environ.get("E2E_CLUSTER")
    if kept:
        found = _cluster.running(kept)
        assert found and found.has_real_nodes, f"{kept} has no cluster with real nodes"
        with open(found.state / "drills", "w", encoding="utf-8") as one_at_a_time:
            fcntl.flock(one_at_a_time, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield found
            scale_operator(found, 1)
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
    scale_operator(nodes, 1)
    began = time.monotonic()
    system = System(nodes, namespace, manifest("drill", tuning=tuning))
    system.wait_ready()
    if "E2E_CLUSTER" not in os.environ:
        rows.write({"drill": "first_deployment_seconds", "tuning": tuning,
                    "figure": round(time.monotonic() - began), "ready": system.breakdown()})
    yield system
    if "E2E_CLUSTER" not in os.environ:
        remove(system)
        nodes.run_kubectl("delete", "namespace", namespace)


def remove(system):
    # High-memory workers finish their task first, for up to an hour.
    system.kubectl("delete", f"es/{system.name}")
    system.kubectl("delete", "pods", "--all", "--grace-period=0", "--force")


@pytest.fixture(params=[PRESENT, ABSENT])
def operator(request):
    """Whether the operator runs meanwhile."""
    return request.param


@pytest.fixture
def ground(request, nodes, deployed):
    """The operator is there, or is not, before anything else is looked at."""
    scale_operator(nodes, 0 if request.node.callspec.params.get("operator") == ABSENT else 1)


def operators(nodes):
    return json.loads(nodes.run_kubectl(
        "-n", deployment.SYSTEM, "get", "pods", "-o", "json"))["items"]


def scale_operator(nodes, replicas):
    nodes.run_kubectl("-n", deployment.SYSTEM, "scale", deployment.OPERATOR,
                      f"--replicas={replicas}")
    eventually(lambda: len(operators(nodes)) == replicas, 60, f"{replicas} operators")
    if replicas:
        nodes.run_kubectl("-n", deployment.SYSTEM, "rollout", "status", deployment.OPERATOR,
                          "--timeout=110s")


@pytest.fixture
def redis(deployed):
    return RedisSet(deployed)


@pytest.fixture
def system(request, nodes, ground, deployed, redis):
    """The service in good health, before the test; all operator's messages are known, after it."""
    def healthy():
        return deployed.all_ready() and redis.in_step()
    deployed.make()  # as many workers as there shall be, whatever a test that failed has left
    try:
        eventually(healthy, HEALTHY_SECONDS, "all pods are ready")
    except AssertionError:
        make_anew(nodes, deployed)
        eventually(healthy, HEALTHY_SECONDS, "all pods are ready")
    forget_tasks(deployed, redis)
    eventually(lambda: deployed.answers("node-1"), 60, "the API answers")
    began = time.time()
    yield deployed
    expected = [mark.args[0] for mark in request.node.iter_markers("expects")]
    unexpected = operator_log.unexpected(deployed.cluster, began, expected)
    assert not unexpected, "\n".join(unexpected[:20])


def make_anew(nodes, system):
    """An earlier test left it ill."""
    for node in node_names(nodes):
        nodes.power_on(node)
        nodes.run_kubectl("uncordon", node)
    remove(system)
    eventually(lambda: not system.get("pods,pvc,secrets")["items"], 60, "nothing of it is left")
    present = len(operators(nodes))
    scale_operator(nodes, 1)
    system.make()
    system.wait_ready()
    scale_operator(nodes, present)


def forget_tasks(system, redis):
    """What an earlier test left would come back in the middle of another, or an hour later."""
    for _ in range(8):
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
    def make(operator=PRESENT, name=None, avoid=()):
        return Drill(system, redis, name or request.node.originalname, tuning, operator, avoid)
    return make
