"""Each kind of pod is killed, rolled and scaled, under load."""
import time

import pytest

import blows
from system import COMPONENT, WORKERS, eventually, node_names


def replaced(system, *killed):
    """All pods are ready, and none of them is one of the killed."""
    uids = {pod["metadata"]["uid"] for pod in killed}
    return lambda: system.all_ready() and not uids & {
        pod["metadata"]["uid"] for pod in system.pods()}


def projects(system):
    return int(system.query("SELECT count(*) FROM projects WHERE NOT marked_for_deletion"))


@pytest.mark.parametrize("component", ["database", "object-store"])
def test_the_pod_of_a_store_is_killed(system, drill, component):
    with drill(name=f"test_the_{component}_pod_is_killed") as it:
        it.in_the_middle()
        pod, = system.pods(component)
        it.strike(blows.kill_pods, pod)
        it.recovered(replaced(system, pod), 120, "all pods are ready")
    found = it.judge({"projects_in_database": projects(system)})
    assert (found.lost, found.wrong) == ([], [])
    assert it.row["projects_in_database"] >= found.projects
    assert found.hanging == []
    # Each process of gunicorn fails once when it next uses its connection, which died.
    assert len(it.outside) <= 2 * 4


def test_the_pod_of_an_api_is_killed(system, drill):
    with drill() as it:
        it.in_the_middle()
        pod = system.pods("api")[0]
        it.strike(blows.kill_pods, pod)
        it.recovered(replaced(system, pod), 120, "all pods are ready")
    found = it.judge()
    assert (found.lost, found.wrong, found.hanging, found.reported) == ([], [], [], 0)
    assert not it.outside


@pytest.mark.parametrize("component", WORKERS)
def test_the_pod_of_a_worker_is_killed(system, drill, component):
    """As released, what it was working on is delivered again when the queue's timeout of an hour is
    over; all else goes on. With the module nothing waits for that."""
    with drill(name=f"test_a_{component}_pod_is_killed") as it:
        it.in_the_middle()
        pod = system.pods(component)[0]
        it.strike(blows.kill_pods, pod)
        it.recovered(replaced(system, pod), 120, "all pods are ready")
    found = it.judge()
    assert (found.lost, found.wrong) == ([], [])
    if it.tuning == "Operator":
        assert (found.hanging, it.row["unacked_after"]) == ([], 0)
    # Each process has at most one task in its hands, and one that waits for it.
    assert len(found.hanging) <= it.row["unacked_after"] <= 8
    assert not it.load.ledger.failures()


def test_a_child_of_celery_is_killed_as_when_memory_runs_out(system, drill):
    with drill() as it:
        it.in_the_middle()
        it.strike(blows.kill_child, system.pods("worker")[0], "worker")
        it.recovered(system.all_ready, 60, "all pods are ready")
    found = it.judge()
    assert (found.lost, found.wrong, found.hanging) == ([], [], [])
    if it.tuning == "Operator":
        assert found.reported == 0
    assert not it.load.ledger.failures()


def test_a_worker_that_is_asked_to_end_loses_no_task(system, drill):
    with drill() as it:
        it.in_the_middle()
        pods = system.pods(*WORKERS)

        def end(_):
            system.kubectl("delete", "--wait=false", "pod",
                           *(pod["metadata"]["name"] for pod in pods))
            return len(pods)
        it.strike(end)
        it.recovered(replaced(system, *pods), 180, "all pods are ready")
    found = it.judge()
    assert (found.lost, found.wrong, found.hanging, found.reported) == ([], [], [], 0)
    assert it.row["unacked_after"] == 0
    assert not it.load.ledger.failures()


def test_workers_and_api_are_rolled_by_a_change_of_configuration_during_a_run(system, drill):
    with drill() as it:
        it.in_the_middle()
        pods = system.pods("api", *WORKERS)

        def change(_):
            system.patch({"config": {"DRILL": str(time.time())}})
            return len(pods)
        it.strike(change)
        it.recovered(replaced(system, *pods), 300, "all pods are new and ready")
    found = it.judge()
    assert (found.lost, found.wrong, found.hanging, found.reported) == ([], [], [], 0)
    assert it.row["unacked_after"] == 0
    assert not it.load.ledger.failures()


def test_workers_are_scaled_from_1_to_20_to_2_during_runs(system, drill):
    def workers(number):
        system.kubectl("scale", f"es/{system.name}", f"--replicas={number}")
        eventually(lambda: len(system.pods("worker")) == number and system.all_ready(), 300,
                   f"{number} workers are ready")

    workers(1)
    with drill() as it:
        it.in_the_middle()

        def scale(_):
            workers(20)
            time.sleep(5)
            workers(2)
            return 1 + 20
        it.strike(scale)
        it.recovered(system.all_ready, 60, "all pods are ready")
    found = it.judge()
    assert (found.lost, found.wrong, found.hanging, found.reported) == ([], [], [], 0)
    assert it.row["unacked_after"] == 0
    assert not it.load.ledger.failures()


@pytest.mark.expects("leader election: get Lease .* no answer came before the deadline",
                     "it starts before its node's network is there")
def test_all_nodes_lose_their_power_and_return(system, redis, drill):
    nodes = node_names(system.cluster)
    with drill() as it:
        it.in_the_middle()
        it.strike(blows.power_off, *nodes)
        time.sleep(10)
        blows.power_on(system, *nodes)
        it.recovered(lambda: system.all_ready() and redis.in_step(), 400, "all pods are ready")
    found = it.judge()
    assert (found.lost, found.wrong) == ([], [])
    if it.tuning == "Operator":
        assert found.hanging == []


def test_the_node_of_the_database_loses_its_power_and_returns(system, redis, drill):
    pod, = system.pods("database")
    node = pod["spec"]["nodeName"]
    with drill(avoid=[node]) as it:
        it.in_the_middle()
        it.strike(blows.power_off, node)
        time.sleep(10)
        blows.power_on(system, node)
        it.recovered(lambda: system.all_ready() and redis.in_step(), 300, "all pods are ready")
    found = it.judge({"projects_in_database": projects(system)})
    assert (found.lost, found.wrong) == ([], [])
    assert it.row["projects_in_database"] >= found.projects
    if it.tuning == "Operator":
        assert found.hanging == []


def test_a_node_is_drained_and_returns(system, redis, drill):
    taken = {pod["spec"]["nodeName"] for pod in system.pods("database", "object-store")}
    node = next(it for it in node_names(system.cluster) if it not in taken)
    with drill(avoid=[node]) as it:
        it.in_the_middle()
        pods = [pod for pod in system.pods() if pod["spec"]["nodeName"] == node]

        def drain(_):
            system.cluster.run_kubectl("drain", node, "--ignore-daemonsets",
                                       "--delete-emptydir-data", "--timeout=200s", timeout=220)
            return len(pods)
        it.strike(drain)
        it.recovered(redis.master, 60, "a master")
        system.cluster.run_kubectl("uncordon", node)
        it.whole(lambda: replaced(system, *pods)() and redis.in_step(), 180, "all pods are ready")
    found = it.judge()
    assert (found.lost, found.wrong, found.hanging) == ([], [], [])
    if it.tuning == "Operator":
        assert found.reported == 0


def test_the_operator_is_killed_and_goes_on_where_it_was(system, drill):
    with drill() as it:
        it.in_the_middle()
        it.strike(blows.kill_operator)
        it.recovered(system.all_ready, 60, "all pods are ready")
        workers = len(system.pods("worker"))
        system.patch({"replicas": workers + 1})
        eventually(lambda: len(system.pods("worker")) == workers + 1, 60, "another worker")
        system.patch({"replicas": workers})
        it.whole(lambda: len(system.pods("worker")) == workers and system.all_ready(), 120,
                 "as many workers as before")
    found = it.judge()
    assert (found.lost, found.wrong, found.hanging, found.reported) == ([], [], [], 0)
    assert not it.load.ledger.failures()


def test_every_pod_is_of_a_kind_that_a_drill_kills(system):
    assert {pod["metadata"]["labels"][COMPONENT] for pod in system.pods()} == {
        "api", "database", "object-store", "redis", *WORKERS}
