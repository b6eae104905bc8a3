"""Redis with Sentinel: the master, all three at once, and a disk that is empty, under load."""
import json
import time

import pytest

import blows
from system import eventually, is_ready, node_names

MASTER_SECONDS = 30  # what is promised


def assert_kept(drill, found):
    """Nothing that was acknowledged is lost or wrong, and no worker ended."""
    assert (found.lost, found.wrong) == ([], [])
    assert drill.row["worker_restarts"] == 0


def assert_failures_only_meanwhile(drill, seconds=MASTER_SECONDS):
    assert not drill.outside
    assert drill.row["failed_until_s"] <= seconds
    assert drill.row["longest_gap_s"] <= seconds


def assert_runs_end(drill, found):
    """With the module every run is complete and exact, as released it is that or reported."""
    assert found.hanging == []
    if drill.tuning == "Operator":
        assert_exact(found)


def assert_exact(found):
    assert found.hanging == [] and found.reported == 0 and found.exact == found.runs


def new_master(redis, old, without=()):
    def found():
        master = redis.master(without)
        same = master and master["metadata"]["uid"] == old["metadata"]["uid"]
        return None if same else master
    return found


def hand_over(system, master):
    """What the operator's own hook does before a master stops; here it goes on as a replica. With
    SENTINEL FAILOVER alone the old master would take writes for ten seconds more, and lose them."""
    system.kubectl("exec", master["metadata"]["name"], "-c", "redis", "--", "/bin/sh", "-c",
                   "sh /etc/redis/stop-redis.sh; status=$?; . /etc/redis/redis-lib.sh;"
                   " rm -f \"$ending\"; redis_cli 127.0.0.1 CONFIG SET bind '* -::*'; exit $status")
    return 1


def evict(system, pod):
    system.kubectl("delete", "--wait=false", f"pod/{pod['metadata']['name']}")
    return 1


def evict_one_by_one(system, redis, names):
    for name in names:
        eventually(redis.in_step, 90, "all Redis are in step")
        pod = system.pod(name)
        yield evict(system, pod)
        eventually(lambda old=pod: system.pod(old["metadata"]["name"])["metadata"]["uid"]
                   != old["metadata"]["uid"], 90, "a new pod")


def free_of_singles(system, redis):
    """A master on a node that holds neither the database nor the object store: they stay where
    their volumes are, and their loss is another drill's."""
    taken = {pod["spec"]["nodeName"] for pod in system.pods("database", "object-store")}
    for pod in redis.pods().values():  # or Sentinel may choose among the others forever
        likes = "200" if pod["spec"]["nodeName"] in taken else "100"
        redis.ask(pod, "CONFIG", "SET", "replica-priority", likes)
    for _ in range(6):
        master = redis.master()
        if master and master["spec"]["nodeName"] not in taken:
            return master
        eventually(redis.in_step, 60, "all Redis are in step")
        hand_over(system, master)
        eventually(new_master(redis, master), 40, "another master")
        eventually(redis.in_step, 60, "all Redis are in step")
    raise AssertionError(f"no master on a node without {taken}")


def dns_on(system, node):
    """How many of the servers of cluster DNS are on the node; sees to it that one is."""
    def found():
        pods = json.loads(system.cluster.run_kubectl(
            "-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns", "-o", "json"))["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and is_ready(pod)]
    here = [pod for pod in found() if pod["spec"]["nodeName"] == node]
    if not here:
        others = [name for name in node_names(system.cluster) if name != node]
        system.cluster.run_kubectl("cordon", *others)
        system.cluster.run_kubectl("-n", "kube-system", "delete", "pod",
                                   found()[0]["metadata"]["name"])
        here = eventually(lambda: len(found()) == 2 and [
            pod for pod in found() if pod["spec"]["nodeName"] == node], 60, f"DNS on {node}")
        system.cluster.run_kubectl("uncordon", *others)
    return len(here)


def strike_the_master(drill, redis, blow, condition, kind=()):
    """The judgement after the blow, on what is the master's (kind: which container of it)."""
    with drill as it:
        it.in_the_middle()
        old = redis.master()
        it.strike_in_a_chunk(blow, *kind, old)
        it.recovered(condition(old), MASTER_SECONDS, "a master")
        it.whole(redis.in_step, 90, "all Redis are in step")
    found = it.judge()
    assert_kept(it, found)
    assert_failures_only_meanwhile(it)
    return found


def test_the_process_of_the_redis_master_is_killed(redis, drill, operator):
    it = drill(operator)
    found = strike_the_master(it, redis, blows.kill_containers, lambda _: redis.master, ["redis"])
    assert_runs_end(it, found)


def test_the_pod_of_the_redis_master_is_killed(redis, drill, operator):
    it = drill(operator)
    found = strike_the_master(it, redis, blows.kill_pods, lambda old: new_master(redis, old))
    assert_runs_end(it, found)


def test_the_pod_of_the_redis_master_is_evicted(redis, drill, operator):
    """A planned failover: its hook hands over before it stops, and no run notices."""
    it = drill(operator)
    found = strike_the_master(it, redis, evict, lambda old: new_master(redis, old))
    assert_exact(found)
    assert it.row["unacked_after"] == 0


def test_the_node_of_the_redis_master_loses_its_power(system, redis, drill, operator):
    master = free_of_singles(system, redis)
    lost = master["spec"]["nodeName"]
    dns = dns_on(system, lost)
    with drill(operator, avoid=[lost]) as it:
        it.in_the_middle()
        assert redis.master()["metadata"]["uid"] == master["metadata"]["uid"]
        it.strike_in_a_chunk(blows.power_off, lost)
        it.recovered(new_master(redis, master, without=[lost]), MASTER_SECONDS, "a new master")
        time.sleep(20)
        blows.power_on(system, lost)
        it.whole(redis.in_step, 180, "all Redis are in step")
    found = it.judge({"dns_on_node": dns})
    assert (found.lost, found.wrong) == ([], [])
    assert_failures_only_meanwhile(it)
    assert_runs_end(it, found)


@pytest.mark.parametrize("what", ["processes", "pods"])
def test_all_redis_are_killed_at_once(system, redis, drill, operator, what):
    with drill(operator, f"test_all_redis_{what}_are_killed_at_once") as it:
        it.in_the_middle()
        before = redis.waiting_tasks()
        everyone = redis.pods().values()
        if what == "pods":
            it.strike_in_a_chunk(blows.kill_pods, *everyone)
        else:
            it.strike_in_a_chunk(blows.kill_containers, "redis", *everyone)
        assert it.kills == 3
        it.recovered(redis.master, 120, "a master")
        after = redis.waiting_tasks()
        it.whole(redis.in_step, 120, "all Redis are in step")
    found = it.judge({"tasks_before": before, "tasks_after": after})
    assert (found.lost, found.wrong) == ([], [])
    assert not it.outside
    # As released, a worker that was connected anew keeps tasks that it never begins, for an hour.
    if it.tuning == "Operator":
        assert_exact(found)


@pytest.mark.parametrize("who", ["replica", "master"])
def test_a_redis_returns_with_an_empty_volume(system, redis, drill, operator, who):
    with drill(operator, f"test_a_redis_{who}_returns_with_an_empty_volume") as it:
        it.in_the_middle()
        master = redis.master()
        chosen = master if who == "master" else next(
            pod for pod in redis.pods().values()
            if pod["metadata"]["uid"] != master["metadata"]["uid"])
        claim = next(volume["persistentVolumeClaim"]["claimName"]
                     for volume in chosen["spec"]["volumes"] if "persistentVolumeClaim" in volume)
        old = system.get(f"pvc/{claim}")["metadata"]["uid"]
        system.kubectl("delete", f"pvc/{claim}", "--wait=false")
        it.strike_in_a_chunk(blows.kill_pods, chosen)
        it.recovered(new_master(redis, chosen) if who == "master" else redis.master,
                     MASTER_SECONDS, "a master")
        it.whole(lambda: redis.in_step() and
                 system.get(f"pvc/{claim}")["metadata"]["uid"] != old, 120,
                 "all Redis are in step, one on an empty volume")
    found = it.judge()
    assert_kept(it, found)
    assert_failures_only_meanwhile(it)
    assert_runs_end(it, found)


def roll_redis(system, redis, drill, between=lambda number: None):
    """One pod after the other is evicted, the master last; runs notice nothing."""
    with drill as it:
        it.in_the_middle()
        master = redis.master()["metadata"]["name"]
        last = sorted(redis.pods(), key=lambda name: name == master)

        def roll(_):
            kills = 0
            for number, one in enumerate(evict_one_by_one(system, redis, last), 1):
                kills += one
                between(number)
            return kills
        it.strike(roll)
        it.recovered(redis.in_step, 90, "all Redis are in step")
    found = it.judge()
    assert_kept(it, found)
    assert_exact(found)
    assert it.row["unacked_after"] == 0


def test_redis_is_rolled_with_the_master_last(system, redis, drill, operator):
    roll_redis(system, redis, drill(operator))


def test_redis_is_rolled_while_the_operator_is_killed(system, redis, drill):
    def kill(number):
        if number == 2:
            assert blows.kill_operator(system)
    roll_redis(system, redis, drill("killed"), kill)
