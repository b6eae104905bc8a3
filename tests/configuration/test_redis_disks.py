"""Redis pods that return without their volumes: what is left is kept, and elections are not disturbed."""
import shutil
import time

import pytest

from pod import Pod, eventually
from redis_set import DOMAIN, cli, role


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

    def misses_the_master_after(milliseconds):
        return cli(redis.address(1), "SENTINEL", "SET", "mymaster", "down-after-milliseconds",
                   str(milliseconds), port=26379, password=None) == "OK"

    redis.write()
    redis.established()
    redis.kill(2)
    redis.lose_disk(2)
    assert misses_the_master_after(60_000)  # nobody is elected while this looks
    # the master dies: there is nothing to fill itself from
    for container in redis.pods[0].containers.values():
        container.kill()
    redis.start(2)
    eventually(lambda: role(redis.address(2)) == "slave", 20, "a replica")
    assert priority() == "0"
    assert misses_the_master_after(5_000)
    redis.kill(0)
    assert redis.await_settled() == 1
    eventually(lambda: priority() == "100", 5, "electable")
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


def test_a_redis_waits_until_another_one_has_left_its_volume(redis):
    """As after a pod was deleted by force, while its containers run on."""
    redis.write()
    replica = next(ordinal for ordinal in range(3) if ordinal != redis.master())
    successor = Pod(redis.objects, redis.workload, f"demo-redis-{replica}", "10.96.0.14",
                    redis.folder / "claims", redis.folder / "next").start()
    try:
        log = successor.containers["redis"].log
        eventually(lambda: "still in use" in log.read_text(), 20, "it waits")
        time.sleep(2)
        assert "starting as" not in log.read_text()
        assert successor.containers["redis"].probe("livenessProbe")
        redis.kill(replica)
        eventually(lambda: "starting as" in log.read_text(), 30, "it starts")
    finally:
        print(successor.logs())
        successor.kill()
