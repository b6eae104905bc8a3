"""Redis and Sentinel, three pods of each, by the rendered scripts and configuration."""
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

import rendered
from pod import Pod, eventually

PASSWORD = rendered.CREDENTIALS["redis-password"]
DOMAIN = "demo-redis-peers.default.svc.cluster.local"
KEYS = 50


def cli(address, *command, port=6379, password=PASSWORD):
    environment = {**os.environ, "REDISCLI_AUTH": password} if password else None
    return subprocess.run(["timeout", "2", "redis-cli", "-h", address, "-p", str(port), *command],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          env=environment).stdout.strip()


def role(address):
    return (cli(address, "ROLE").splitlines() or [""])[0]


class Set:
    """The StatefulSet's pods, with addresses and volumes that stay."""

    def __init__(self, folder):
        self.folder = folder
        self.objects = rendered.render("production", folder, "--bootstrap")
        self.workload = self.objects.find("StatefulSet", "-redis")
        self.state = self.objects.get("ConfigMap", "demo-redis-state")["data"]
        self.pods = {}

    def address(self, ordinal):
        return rendered.REDIS_ADDRESSES[ordinal]

    def start(self, *ordinals):
        for ordinal in ordinals or range(3):
            self.pods[ordinal] = Pod(
                self.objects, self.workload, f"demo-redis-{ordinal}", self.address(ordinal),
                self.folder / "claims", self.folder / "pods").start()
        return self

    def kill(self, *ordinals):
        for ordinal in ordinals or list(self.pods):
            self.pods.pop(ordinal).kill()

    def established(self):
        """What the operator does once all were ready."""
        self.state["bootstrap"] = "false"
        for pod in self.pods.values():
            (pod.volumes["state"] / "bootstrap").write_text("false")

    def may_begin_with_nothing(self):
        """What an admin does whose volumes are all lost, as RedisReady says."""
        for pod in self.pods.values():
            (pod.volumes["state"] / "bootstrap").write_text("true")

    def disk(self, ordinal):
        return self.folder / "claims" / f"data-demo-redis-{ordinal}"

    def lose_disk(self, ordinal):
        shutil.rmtree(self.disk(ordinal))

    def roles(self):
        return {ordinal: role(self.address(ordinal)) for ordinal in self.pods}

    def master(self):
        """Its ordinal, once Sentinels and servers agree."""
        named = {(cli(self.address(ordinal), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster",
                      port=26379, password=None).splitlines() or [""])[0] for ordinal in self.pods}
        masters = [ordinal for ordinal, one in self.roles().items() if one == "master"]
        if len(masters) == 1 and named == {f"demo-redis-{masters[0]}.{DOMAIN}"}:
            return masters[0]
        return None

    def settled(self):
        """The master's ordinal when, besides, everyone is ready and every replica in step."""
        master = self.master()
        if master is None or not all(pod.ready() for pod in self.pods.values()):
            return None
        links = [cli(self.address(ordinal), "INFO", "replication")
                 for ordinal in self.pods if ordinal != master]
        # not the bare ordinal: 0 is a result
        return {"ordinal": master} if all("master_link_status:up" in link for link in links) else None

    def await_settled(self, seconds=60):
        return eventually(self.settled, seconds, "one master, all ready and in step")["ordinal"]

    def write(self):
        address = self.address(self.await_settled())
        for number in range(KEYS):
            assert cli(address, "SET", f"key{number}", str(number)) == "OK"
        assert cli(address, "WAIT", "2", "5000") == "2"

    def content(self):
        """What each holds."""
        counts = {ordinal: cli(self.address(ordinal), "DBSIZE") for ordinal in self.pods}
        return counts == {ordinal: str(KEYS) for ordinal in self.pods}


@pytest.fixture
def redis(tmp_path):
    redis_set = Set(tmp_path)
    tmp_path.chmod(0o755)
    try:
        yield redis_set.start()
    finally:
        print("\n".join(pod.logs() for pod in redis_set.pods.values()))
        redis_set.kill()


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


def test_a_master_that_returns_with_an_empty_disk_takes_the_content_of_the_others(redis):
    redis.write()
    redis.established()
    redis.kill(0)
    redis.lose_disk(0)
    redis.start(0)  # long before anyone misses it
    assert redis.await_settled() != 0
    assert redis.content()


def sentinel_says(redis, ordinal):
    """{name: value} of the master, of one moment; {}: nothing."""
    lines = cli(redis.address(ordinal), "SENTINEL", "MASTER", "mymaster", port=26379,
                password=None).splitlines()
    return dict(zip(lines[::2], lines[1::2]))


def elected(redis, ordinals, seconds):
    """The masters that Sentinels named, in their order, from now on."""
    found = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for ordinal in ordinals:
            told = sentinel_says(redis, ordinal)
            if told:
                found.add((int(told["config-epoch"]), told["ip"]))
    return [name for _, name in sorted(found)]


def asked_for_failover(redis, ordinal):
    return "failover asked" in redis.pods[ordinal].containers["redis"].log.read_text()


@pytest.mark.parametrize("moment", ["noticed it", "agreed on it"])
def test_a_master_that_returns_with_an_empty_disk_does_not_disturb_the_election(redis, moment):
    """A second failover would be one away from the new master, which takes writes meanwhile."""
    def notice():
        flags = [sentinel_says(redis, ordinal).get("flags", "") for ordinal in (1, 2)]
        wanted = "s_down" if moment == "noticed it" else "o_down"
        return any(wanted in one for one in flags)

    redis.write()
    redis.established()
    redis.kill(0)
    redis.lose_disk(0)
    eventually(notice, 20, f"somebody {moment}")
    redis.start(0)
    new = [name for name in elected(redis, (1, 2), 25) if name != f"demo-redis-0.{DOMAIN}"]
    assert len(new) == 1, new
    assert not asked_for_failover(redis, 0)  # of those who elect already
    redis.await_settled()
    assert redis.content()


def test_a_master_that_returns_with_an_empty_disk_asks_for_a_failover_that_nobody_makes(redis):
    redis.write()
    redis.established()
    def never_agrees(ordinal):
        return cli(redis.address(ordinal), "SENTINEL", "SET", "mymaster", "quorum", "4",
                   port=26379, password=None) == "OK"

    assert never_agrees(1) and never_agrees(2)
    redis.kill(0)
    redis.lose_disk(0)
    eventually(lambda: all("s_down" in sentinel_says(redis, ordinal).get("flags", "")
                           for ordinal in (1, 2)), 20, "both miss it")
    redis.start(0)
    eventually(lambda: never_agrees(0), 5, "its own Sentinel does not agree, either")
    assert elected(redis, (1, 2), 15) == [f"demo-redis-0.{DOMAIN}"]
    assert not asked_for_failover(redis, 0)
    assert redis.await_settled(60) != 0
    assert asked_for_failover(redis, 0)
    assert redis.content()


def test_an_empty_replica_cannot_be_elected_before_it_is_in_step(redis):
    def priority():
        return cli(redis.address(2), "CONFIG", "GET", "replica-priority").splitlines()[1]

    redis.write()
    redis.established()
    redis.kill(2)
    redis.lose_disk(2)
    # the master dies: there is nothing to fill itself from
    for container in redis.pods[0].containers.values():
        container.kill()
    redis.start(2)
    eventually(lambda: role(redis.address(2)) == "slave", 4, "a replica")
    assert priority() == "0"
    redis.kill(0)
    assert redis.await_settled() == 1
    eventually(lambda: priority() == "100", 5, "electable")
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


def test_a_set_that_lost_every_disk_waits_until_it_may_begin_with_nothing(redis):
    redis.write()
    redis.established()
    redis.kill()
    for ordinal in range(3):
        redis.lose_disk(ordinal)
    redis.start()
    for pod in redis.pods.values():
        log = pod.containers["redis"].log
        eventually(lambda log=log: "no Sentinel of a peer answers" in log.read_text(), 10, "it waits")
    assert not any(pod.ready() for pod in redis.pods.values())
    redis.may_begin_with_nothing()
    assert redis.await_settled(90) == 0
    assert cli(redis.address(0), "DBSIZE") == "0"


def test_a_set_that_may_begin_with_nothing_keeps_what_one_disk_still_has(redis):
    redis.write()
    redis.established()
    redis.kill()
    redis.lose_disk(0)
    redis.lose_disk(1)
    shutil.rmtree(redis.disk(2) / "sentinel")  # nor does its Sentinel know who was the master
    redis.start()
    redis.may_begin_with_nothing()
    assert redis.await_settled(120) == 2
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
