"""What clients notice of Redis pods that are told to end and come again, one by one or all."""
import contextlib
import os
import signal
import threading
import time

from pod import eventually
from redis_clients import Keeper, Reader, Writer
from redis_set import DOMAIN, KEYS, cli, role


def end(redis, *ordinals):
    """As a kubelet does it: all containers are told at once, and then the pod's address is gone."""
    threads = [threading.Thread(target=container.stop) for ordinal in ordinals
               for container in redis.pods[ordinal].containers.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    redis.kill(*ordinals)


def in_service(redis):
    """Its master, once all have the data."""
    redis.write()
    redis.established()
    return redis.await_settled()


@contextlib.contextmanager
def working(clients):
    try:
        yield
    finally:
        for client in clients:
            client.stop()


def go_on(clients):
    before = [it.done for it in clients]
    eventually(lambda: all(it.done > old for it, old in zip(clients, before)), 5, "they go on")


def test_clients_that_repeat_nothing_notice_nothing_of_a_set_that_is_rolled(redis):
    master = in_service(redis)
    ending = []
    clients = [kind(lambda: [it for it in range(3) if it not in ending])
               for kind in (Writer, Writer, Keeper, Reader, Reader)]
    with working(clients):
        for ordinal in [*(it for it in range(3) if it != master), master]:
            ending.append(ordinal)  # the Sentinels' Service leads nobody to it
            end(redis, ordinal)
            redis.start(ordinal)
            redis.await_settled()
            ending.clear()
    assert [it.failures for it in clients] == [[], [], [], [], []]
    assert all(it.done > 100 and it.late < 5 for it in clients)
    new = redis.await_settled()
    assert new != master
    assert cli(redis.address(new), "GET", "count") == str(sum(it.done for it in clients[:3]))


def counted(redis, clients):
    """What the new master has, and what was acknowledged."""
    new = redis.await_settled()
    return cli(redis.address(new), "GET", "count"), str(sum(it.done for it in clients))


def test_a_hand_over_while_another_pod_is_silent_loses_and_refuses_nothing(redis):
    master = in_service(redis)
    silent, other = (it for it in range(3) if it != master)
    frozen = [it.main_pid() for it in redis.pods[silent].containers.values()]
    clients = [kind(lambda: [other]) for kind in (Writer, Writer, Keeper)]
    with working(clients):
        try:
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            redis.pods[master].containers["redis"].stop()
            eventually(lambda: role(redis.address(other)) == "master", 2, "it is promoted")
            go_on(clients)
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
    redis.pods[master].containers["redis"].start()
    assert [it.failures for it in clients] == [[], [], []]
    kept, acknowledged = counted(redis, clients)
    assert kept == acknowledged


def test_a_sentinel_that_is_slow_to_hold_its_clients_sends_none_to_a_master_that_refuses_them(redis):
    master = in_service(redis)
    slow = next(it for it in range(3) if it != master)
    pid = redis.pods[slow].containers["sentinel"].main_pid()
    asked = redis.pods[master].volumes["run"] / f"held.demo-redis-{slow}.{DOMAIN}"

    def hold_back():
        deadline = time.monotonic() + 20
        while not asked.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.4)
        os.kill(pid, signal.SIGCONT)
    slowness = threading.Thread(target=hold_back, daemon=True)
    slowness.start()
    clients = [Writer(lambda: [slow]) for _ in range(4)]
    with working(clients):
        redis.pods[master].containers["redis"].stop()
        slowness.join(5)
        go_on(clients)
    redis.pods[master].containers["redis"].start()
    assert [it.failures for it in clients] == [[], [], [], []]
    kept, acknowledged = counted(redis, clients)
    assert kept == acknowledged


def test_a_sentinel_stays_until_those_of_the_peers_name_another_master(redis):
    """Until then their clients come to its pod, and its own failover may be unknown to them."""
    master = in_service(redis)
    asked = redis.address(next(it for it in range(3) if it != master))
    containers = redis.pods[master].containers
    telling = threading.Thread(target=containers["redis"].stop)
    telling.start()
    eventually((redis.pods[master].volumes["run"] / "ending").exists, 5, "its hook has begun")
    containers["redis"].kill()  # before it has handed over
    telling.join()
    containers["sentinel"].stop()
    named = cli(asked, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster", port=26379, password=None)
    assert named.splitlines()[0] != f"demo-redis-{master}.{DOMAIN}"


def test_a_master_whose_own_sentinel_is_dead_hands_over_all_the_same(redis):
    master = in_service(redis)
    others = [it for it in range(3) if it != master]
    client = Writer(lambda: others)
    with working([client]):
        redis.pods[master].containers["sentinel"].kill()
        redis.pods[master].containers["redis"].stop()
        eventually(lambda: "master" in [role(redis.address(it)) for it in others], 2, "a new master")
    for container in redis.pods[master].containers.values():
        container.start()
    kept, acknowledged = counted(redis, [client])
    assert int(kept) >= int(acknowledged) > 0


def test_a_sentinel_that_is_started_anew_does_not_wait_for_the_redis_beside_it(redis):
    """As the kubelet does it when the Sentinel is not alive any more."""
    redis.await_settled()
    assert redis.pods[0].containers["sentinel"].stop() < 10
    redis.pods[0].containers["sentinel"].start()
    redis.await_settled()


def test_a_replica_is_read_only_once_it_is_in_step(redis):
    master = in_service(redis)
    replica = next(it for it in range(3) if it != master)
    end(redis, replica)
    for command in (("SET", "key1", "of today"), ("CONFIG", "SET", "rdb-key-save-delay", "30000")):
        assert cli(redis.address(master), *command) == "OK"
    redis.start(replica)
    answers = []

    def it_is_read():
        answers.append(cli(redis.address(replica), "GET", "key1"))
        return answers[-1] != ""  # it was not refused
    eventually(it_is_read, 20, "it is read")
    assert answers[0] == "" and answers[-1] == "of today"
    assert "master_link_status:up" in cli(redis.address(replica), "INFO", "replication")


def test_a_master_whose_peers_have_ended_hands_over_to_nobody(redis):
    master = in_service(redis)
    for pod in (pod for ordinal, pod in redis.pods.items() if ordinal != master):
        pod.containers["redis"].kill()
    assert redis.pods[master].containers["redis"].stop() < 10  # it would look for one to promote for 14 s


def test_a_set_that_is_deleted_ends_before_its_grace_period_is_over(redis):
    redis.write()
    redis.established()
    ends = [container.process for pod in redis.pods.values() for container in pod.containers.values()]
    thread = threading.Thread(target=end, args=(redis, 0, 1, 2))
    thread.start()
    try:
        eventually(lambda: all(process.poll() is not None for process in ends), 20, "all have ended")
    finally:
        thread.join()


def test_a_replica_that_is_told_to_end_while_it_begins_its_log_ends_when_that_is_done(redis):
    """Redis ignores the signal meanwhile, and would be killed when the grace period is over."""
    master = in_service(redis)
    replica = next(it for it in range(3) if it != master)
    address, container = redis.address(replica), redis.pods[replica].containers["redis"]
    host, port = cli(address, "INFO", "replication").split("master_host:")[1].split()[0], "6379"
    assert cli(address, "CONFIG", "SET", "rdb-key-save-delay", "50000") == "OK"
    for command in (("REPLICAOF", "NO", "ONE"), ("SET", "key0", "other"), ("REPLICAOF", host, port)):
        assert cli(address, *command) == "OK"
    eventually(lambda: "aof_rewrite_in_progress:1" in cli(address, "INFO", "persistence"), 5,
               "it writes what it got")
    assert container.stop() < 20
    container.start()
    redis.await_settled()
    assert cli(address, "DBSIZE") == str(KEYS)
