"""What clients notice of Redis pods that are told to end and come again, one by one or all."""
import threading

from pod import eventually
from redis_clients import Keeper, Reader, Writer
from redis_set import KEYS, cli


def end(redis, *ordinals):
    """As a kubelet does it: all containers are told at once, and then the pod's address is gone."""
    threads = [threading.Thread(target=container.stop) for ordinal in ordinals
               for container in redis.pods[ordinal].containers.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    redis.kill(*ordinals)


def test_clients_that_repeat_nothing_notice_nothing_of_a_set_that_is_rolled(redis):
    redis.write()
    redis.established()
    served = [0, 1, 2]
    clients = [kind(served) for kind in (Writer, Writer, Keeper, Reader, Reader)]
    try:
        master = redis.await_settled()
        for ordinal in [*(it for it in range(3) if it != master), master]:
            served.remove(ordinal)  # its Service leads nobody to a pod that is ending
            end(redis, ordinal)
            redis.start(ordinal)
            redis.await_settled()
            served.append(ordinal)
    finally:
        for client in clients:
            client.stop()
    assert [it.failures for it in clients] == [[], [], [], [], []]
    assert all(it.done > 100 for it in clients)
    new = redis.await_settled()
    assert new != master
    assert cli(redis.address(new), "GET", "count") == str(sum(it.done for it in clients[:3]))


def test_a_replica_is_read_only_once_it_is_in_step(redis):
    redis.write()
    redis.established()
    master = redis.await_settled()
    replica = next(it for it in range(3) if it != master)
    end(redis, replica)
    for command in (("SET", "key1", "of today"), ("CONFIG", "SET", "rdb-key-save-delay", "30000")):
        assert cli(redis.address(master), *command) == "OK"
    redis.start(replica)
    seen = set()

    def in_step():
        seen.add(cli(redis.address(replica), "GET", "key1"))
        return "state=online" in cli(redis.address(master), "INFO", "replication") \
            and seen & {"of today"}
    eventually(in_step, 20, "it is read")
    assert seen == {"", "of today"}  # refused, and then the present


def test_a_master_whose_peers_have_ended_hands_over_to_nobody(redis):
    redis.write()
    redis.established()
    master = redis.await_settled()
    for pod in (pod for ordinal, pod in redis.pods.items() if ordinal != master):
        pod.containers["redis"].kill()
    assert redis.pods[master].containers["redis"].stop() < 10  # a hand-over would wait for 15 s


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
    redis.write()
    redis.established()
    replica = next(it for it in range(3) if it != redis.await_settled())
    address, container = redis.address(replica), redis.pods[replica].containers["redis"]
    master, port = cli(address, "INFO", "replication").split("master_host:")[1].split()[0], "6379"
    assert cli(address, "CONFIG", "SET", "rdb-key-save-delay", "50000") == "OK"
    for command in (("REPLICAOF", "NO", "ONE"), ("SET", "key0", "other"), ("REPLICAOF", master, port)):
        assert cli(address, *command) == "OK"
    eventually(lambda: "aof_rewrite_in_progress:1" in cli(address, "INFO", "persistence"), 5,
               "it writes what it got")
    assert container.stop() < 20
    container.start()
    redis.await_settled()
    assert cli(address, "DBSIZE") == str(KEYS)
