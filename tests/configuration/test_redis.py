"""Redis and Sentinel, three pods of each, by the rendered scripts and configuration."""
import os
import signal
import threading
import time

import rendered
from pod import Pod, eventually
from redis_set import cli, role


def test_a_new_set_elects_the_first_pod_and_becomes_ready(redis):
    assert redis.await_settled() == 0
    assert all(pod.alive() for pod in redis.pods.values())
    for ordinal in range(3):
        address = redis.address(ordinal)
        assert cli(address, "PING", password=None) == "NOAUTH Authentication required."
        assert cli(address, "CONFIG", "GET", "maxmemory").splitlines()[1] == str(2 * 2**30 * 70 // 100)
        # the application's client cannot give Sentinels a password
        known = cli(address, "SENTINEL", "MASTER", "mymaster", port=26379, password=None).splitlines()
        facts = dict(zip(known[::2], known[1::2]))
        assert (facts["num-slaves"], facts["num-other-sentinels"], facts["quorum"]) == ("2", "2", "2")


def test_the_probes_tell_a_dead_server_from_a_living_one(redis):
    redis.await_settled()
    container = redis.pods[1].containers["redis"]
    container.kill()
    assert not container.probe("livenessProbe")
    assert not container.probe("readinessProbe")


def test_a_killed_master_is_replaced_and_returns_as_a_replica(redis):
    redis.write()
    redis.established()
    redis.kill(0)
    master = eventually(redis.master, 30, "another master")
    redis.start(0)
    assert redis.await_settled() == master
    assert redis.roles()[0] == "slave"
    assert redis.content()


def test_a_master_that_only_restarts_loses_nothing(redis):
    redis.write()
    redis.established()
    redis.pods[0].containers["redis"].kill()
    redis.pods[0].containers["redis"].start()
    redis.await_settled()
    assert redis.content()


def test_the_content_survives_when_all_pods_restart(redis):
    redis.write()
    redis.established()
    redis.kill()
    redis.start()
    redis.await_settled(90)
    assert redis.content()


def test_a_pod_alone_waits_alive_and_unready_instead_of_guessing(redis):
    redis.write()
    redis.established()
    redis.kill()
    redis.start(0)
    pod = redis.pods[0]
    log = pod.containers["redis"].log
    eventually(lambda: "no Sentinel of a peer answers" in log.read_text(), 10, "the reason")
    assert pod.alive()
    assert not pod.containers["redis"].probe("readinessProbe")
    assert role(redis.address(0)) == ""
    assert pod.containers["redis"].stop() < 5  # it can be told to end while it waits
    redis.kill()
    redis.start()
    redis.await_settled(90)
    assert redis.content()


def test_a_master_that_is_told_to_stop_hands_over_first(redis):
    redis.write()
    redis.established()
    assert redis.pods[0].containers["redis"].stop() < 20
    eventually(lambda: "master" in redis.roles().values(), 2, "a new master")
    redis.pods[0].containers["redis"].start()
    assert redis.await_settled() != 0
    assert redis.content()


def test_a_master_hands_over_to_replicas_that_no_sentinel_has_seen_fit_yet(redis):
    redis.write()
    redis.established()

    def known(priority):
        found = [cli(redis.address(one), "SENTINEL", "REPLICAS", "mymaster", port=26379, password=None)
                 for one in range(3)]
        return all(text.splitlines().count("slave-priority") == 2
                   and text.count(f"slave-priority\n{priority}\n") == 2 for text in found)

    def set_priority(priority):
        for one in (1, 2):
            assert cli(redis.address(one), "CONFIG", "SET", "replica-priority", str(priority)) == "OK"
    set_priority(0)
    eventually(lambda: known(0), 25, "every Sentinel takes them for unfit")
    set_priority(100)
    assert redis.pods[0].containers["redis"].stop() < 28
    eventually(lambda: "master" in redis.roles().values(), 2, "a new master")


class Counting:
    """Counts at an address, as fast as it answers, until it is no master any more."""

    def __init__(self, address):
        self.address, self.acknowledged, self.stopping = address, 0, threading.Event()
        self.thread = threading.Thread(target=self._count)

    def _count(self):
        while not self.stopping.is_set():
            answer = cli(self.address, "INCR", "count")
            if answer.isdigit():
                self.acknowledged = int(answer)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


def test_nothing_that_a_master_takes_while_it_hands_over_is_lost_when_that_takes_seconds(redis):
    old = redis.await_settled()
    redis.established()
    replicas = [redis.pods[it].containers["redis"].main_pid() for it in range(3) if it != old]
    hook = redis.pods[old].containers["redis"]
    with Counting(redis.address(old)) as client:
        eventually(lambda: client.acknowledged > 20, 20, "it counts")
        for pid in replicas:
            os.kill(pid, signal.SIGSTOP)
        threading.Timer(2.6, lambda: [os.kill(pid, signal.SIGCONT) for pid in replicas]).start()
        began = time.monotonic()
        hook.execute(hook.spec["lifecycle"]["preStop"]["exec"]["command"])
        assert 2.6 < time.monotonic() - began
    hook.kill()
    hook.start()
    new = redis.await_settled()
    assert new != old
    assert int(cli(redis.address(new), "GET", "count")) >= client.acknowledged > 20


def test_a_single_redis_starts_at_once_and_keeps_its_content(tmp_path):
    objects = rendered.render("test", tmp_path)
    workload = objects.find("StatefulSet", "-redis")
    tmp_path.chmod(0o755)
    for expected in ("", "value"):
        pod = Pod(objects, workload, "demo-redis-0", "10.96.0.11", tmp_path / "claims",
                  tmp_path / "pods").start()
        try:
            eventually(pod.ready, 15, "ready")
            assert pod.alive()
            assert cli(pod.address, "PING", password=None) == "NOAUTH Authentication required."
            assert cli(pod.address, "GET", "key") == expected
            assert cli(pod.address, "SET", "key", "value") == "OK"
            pod.containers["redis"].stop()
        finally:
            print(pod.logs())
            pod.kill()
