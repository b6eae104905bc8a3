"""Runs that faults hit in the middle, and what came of them."""
import contextlib
import os
import subprocess

import services
from application import Application, Parties, Project, succeed
from services import Redis, children, eventually  # noqa: F401

# 30 x 30 comparisons in 36 chunks, 4 at a time, 2 s each: long enough to be hit.
MANY_CHUNKS = "25"


@contextlib.contextmanager
def running(stores, name, sentinel=True, min_replicas=0, **changes):
    with services.folder() as path, Redis(path, sentinel, min_replicas) as redis, \
            Application(path, stores, redis, name,
                        **{"CHUNK_SIZE_AIM": MANY_CHUNKS, **changes}) as app:
        yield app


# What `tuning: Operator` adds to the pods, without the rest of them.
MODULE = services.ROOT / "reconcilers/desired/scripts/resilience"
TUNINGS = {"Upstream": {}, "Operator": {"PYTHONPATH": str(MODULE)}}
QUEUES = ("celery", "compute", "highmemory")


def uploaded(seed):
    project = Project(Parties(seed), "groups")
    project.upload_binary(0)
    project.upload_binary(1)
    return project


def in_the_middle(project):
    """A run of which a part of the chunks is done."""
    run = project.start()

    def compared():
        stage = succeed("GET", run + "/status", project.token)["current_stage"]
        return 0 < stage.get("progress", {}).get("relative", 0) < 0.5
    eventually(compared, 30, "some chunks are done")
    return run


@contextlib.contextmanager
def computing(app, slots=4, begin=lambda: None):
    """Inside, all slots are in the middle of a chunk: each waits for the table of encodings. What
    they compute may begin when the table is locked."""
    psql = subprocess.Popen(
        [services.POSTGRES / "psql", "-X", "-q", "-h", "127.0.0.1", "-U", "postgres", app.database],
        stdin=subprocess.PIPE, text=True, env={**os.environ, "PGPASSWORD": services.PASSWORD})
    try:
        psql.stdin.write("BEGIN; LOCK TABLE encodings IN ACCESS EXCLUSIVE MODE;\n")
        psql.stdin.flush()
        locked = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted" \
                 " AND relation = 'encodings'::regclass"
        eventually(lambda: app.stores.query(locked, app.database) == "1", 20, "the table is locked")
        begun = begin()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}'" \
                  " AND wait_event_type = 'Lock'".format(app.database)
        eventually(lambda: int(app.stores.query(waiting)) == slots, 30, "all slots compute")
        yield begun
    finally:
        psql.stdin.close()
        psql.wait(10)


def exact(project, run):
    pairs = {(left, right) for (_, left), (_, right) in project.result(run)["groups"]}
    return pairs == set(project.parties.similarities())


def fail_over(redis):
    old = redis.master()
    redis.ask(redis.addresses[2], "sentinel", "failover", "mymaster", port=26379)
    eventually(lambda: redis.master() != old, 30, "another master")


def left(redis):
    """What the broker still holds of tasks."""
    master = redis.master()
    waiting = sum(int(redis.ask(master, "llen", queue)) for queue in QUEUES)
    return waiting, int(redis.ask(master, "hlen", "unacked"))


def settled(redis):
    eventually(lambda: left(redis) == (0, 0), 60, "no task is left")
