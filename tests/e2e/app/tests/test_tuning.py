"""What faults do to a run with each `tuning`. All slots are in the middle of chunks then.

With `Operator` each run completes with the exact result, no worker ends, and nothing is left in the
broker. With `Upstream` the outcome is what the operator's documents say of it.
"""
import os
import pathlib
import signal
import time

import pytest

import services
from drills import (TUNINGS, computing, exact, fail_over, left, running, settled, uploaded)
from rest import Failed
from services import eventually

ENDED = ("completed", "error")
RESULTS = services.ROOT / "build/drills.tsv"


class Drill:
    """One run, what was killed while it went on, and what came of it."""

    def __init__(self, app, tuning, what, seed):
        self.app, self.tuning, self.what = app, tuning, what
        self.project = uploaded(seed)
        self.killed = []
        self.begun = None

    @property
    def redis(self):
        return self.app.redis

    def computing(self):
        return computing(self.app, begin=self._begin)

    def _begin(self):
        self.run = self.project.start()
        return self.run

    def kill(self, pid, number=signal.SIGKILL):
        os.kill(pid, number)
        self.killed.append(pid)
        self.begun = self.begun or time.monotonic()

    def kill_redis(self, *addresses):
        for address in addresses:
            self.kill(self.redis.servers[address].popen.pid)
        for address in addresses:
            self.redis.servers[address].kill()

    def outcome(self, seconds):
        """The state after so many seconds, or as soon as the run has ended."""
        end = time.monotonic() + seconds
        state = None
        while state not in ENDED and time.monotonic() < end:
            try:
                state = self.project.state(self.run)
            except Failed:  # while Redis is away: 500, or no answer
                pass
            time.sleep(0.2)
        assert self.killed
        self.note(state)
        return state

    def note(self, state):
        RESULTS.parent.mkdir(exist_ok=True)
        with open(RESULTS, "a", encoding="utf-8") as file:
            print(self.what, self.tuning, state, "%.0f s" % (time.monotonic() - self.begun),
                  "queued, unacked: %s %s" % left(self.redis),
                  "worker runs" if self.app.worker.running() else "worker ended",
                  "executed twice: %d" % self.repeated(), sep="\t", file=file)

    def repeated(self):
        """How many chunks were carried out more than once."""
        found = {}
        for log in {process.log for process in self.app.processes}:
            for line in log.read_text(errors="replace").splitlines():
                if "compute_filter_similarity[" in line and "] succeeded" in line:
                    task = line.split("compute_filter_similarity[")[1].split("]")[0]
                    found[task] = found.get(task, 0) + 1
        return sum(1 for times in found.values() if times > 1)

    def completes(self, seconds=120):
        assert self.outcome(seconds) == "completed"
        assert exact(self.project, self.run)
        settled(self.redis)


@pytest.fixture
def drill(stores, request):
    """Makes the drill named like its test; ends what belongs to it."""
    stack = []

    def make(tuning, seed, **options):
        name = request.node.originalname.replace("test_", "", 1)
        app = running(stores, "t%d_%s" % (seed, tuning.lower()), **options, **TUNINGS[tuning])
        stack.append(app)
        return Drill(app.__enter__(), tuning, name, seed)
    yield make
    for app in stack:
        app.__exit__(None, None, None)


def another_master(redis, old):
    return eventually(lambda: redis.master() != old and redis.info("role", redis.master()) ==
                      "master" and redis.master(), 30, "another master")


@pytest.mark.parametrize("tuning", TUNINGS)
def test_the_master_is_killed(drill, tuning):
    d = drill(tuning, 31)
    with d.computing():
        old = d.redis.master()
        d.kill_redis(old)
    another_master(d.redis, old)
    if tuning == "Upstream":
        assert d.outcome(90) == "error"
    else:
        d.completes()
    assert d.app.worker.running()


@pytest.mark.parametrize("tuning, min_replicas, expected", [
    ("Upstream", 0, "error"), ("Operator", 0, "completed"), ("Operator", 1, "completed")])
def test_the_master_is_killed_and_soon_back(drill, tuning, min_replicas, expected):
    d = drill(tuning, 32 + 100 * min_replicas, min_replicas=min_replicas)
    with d.computing():
        master = d.redis.master()
        d.kill_redis(master)
    time.sleep(1.5)
    d.redis.start(master, master)
    if expected == "completed":
        d.completes()
    else:
        assert d.outcome(90) == expected
    assert d.app.worker.running()


@pytest.mark.parametrize("tuning, min_replicas", [
    ("Upstream", 0), ("Operator", 0), ("Operator", 1)])
def test_a_failover_is_asked_for(drill, tuning, min_replicas):
    d = drill(tuning, 33 + 100 * min_replicas, min_replicas=min_replicas)
    with d.computing():
        d.begun = time.monotonic()
        d.killed.append(d.redis.master())  # as a master
        fail_over(d.redis)
    if tuning == "Operator":
        d.completes()
    elif d.outcome(60) == "completed":
        assert exact(d.project, d.run)
    else:  # what chunks wrote to the old master at the last is lost
        assert d.project.state(d.run) == "running" and left(d.redis)[1] > 0
    assert d.app.worker.running()


@pytest.mark.parametrize("tuning, expected", [("Upstream", "error"), ("Operator", "completed")])
def test_all_redis_restart_at_once(drill, tuning, expected):
    d = drill(tuning, 34)
    with d.computing():
        master = d.redis.master()
        d.kill_redis(*d.redis.addresses)
    time.sleep(3)
    for address in sorted(d.redis.addresses, key=lambda one: one != master):
        d.redis.start(address, master)
    if expected == "completed":
        d.completes()
    else:
        assert d.outcome(90) == expected
    assert d.app.worker.running()


@pytest.mark.parametrize("tuning, expected", [("Upstream", "error"), ("Operator", "completed")])
def test_the_old_master_returns_as_a_master(drill, tuning, expected):
    d = drill(tuning, 35)
    old = d.redis.master()
    d.kill_redis(old)
    another_master(d.redis, old)
    time.sleep(2)  # the clients of the broker have found it
    d.redis.start(old, old)
    d.run = d.project.start()  # while Sentinel takes the old one for a replica
    if expected == "completed":
        d.completes()
    else:
        assert d.outcome(90) == expected
    assert d.app.worker.running()


@pytest.mark.parametrize("tuning", TUNINGS)
def test_the_master_hangs(drill, tuning):
    d = drill(tuning, 36)
    with d.computing():
        old = d.redis.master()
        d.kill(d.redis.servers[old].popen.pid, signal.SIGSTOP)
        another_master(d.redis, old)
    if tuning == "Operator":
        d.completes()
        assert d.app.worker.running()
        # Its subscription, too, is at the new master: it hears commands.
        eventually(lambda: "pong" in d.app.run(
            "celery", "-A", "entityservice.async_worker", "inspect", "ping").stdout, 40, "an answer")
    else:  # API and workers wait for an answer without limit
        assert d.outcome(60) not in ENDED


def children(pid):
    return [int(one) for one in
            pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]


@pytest.mark.parametrize("tuning, expected", [("Upstream", None), ("Operator", "completed")])
def test_a_child_is_killed(drill, tuning, expected):
    d = drill(tuning, 37, sentinel=False)
    with d.computing():
        busy = [pid for pid in children(d.app.worker.popen.pid)]
        d.kill(busy[0])
        time.sleep(1)
    if expected == "completed":
        d.completes()
    else:
        assert d.outcome(60) != "completed"
    assert d.app.worker.running()


@pytest.mark.parametrize("tuning, second", [
    ("Upstream", "second"), ("Operator", "second"), ("Operator", "worker")])
def test_a_worker_is_killed_and_another_one_started(drill, tuning, second):
    """Another one, or the same after a restart of its container."""
    d = drill(tuning, 38 if second == "second" else 39, sentinel=False)
    with d.computing():
        d.kill(d.app.worker.popen.pid)
        d.app.worker.kill()
    d.app.worker = d.app.start_worker(name=second)
    if tuning == "Upstream":
        assert d.outcome(100) == "running" and left(d.redis)[1] >= 4
    else:
        d.completes(30 if second == "worker" else 100)


def test_a_worker_that_takes_long_to_end_is_not_taken_for_dead(drill):
    """It finishes its tasks when it is asked to end, for longer than a dead one is waited for."""
    d = drill("Operator", 40, sentinel=False)
    other = d.app.start_worker(queues="highmemory", name="other")  # watches, and takes no chunk
    with d.computing():
        d.kill(d.app.worker.popen.pid, signal.SIGTERM)
        time.sleep(85)
        assert d.app.worker.running() and left(d.redis)[1] >= 4
    assert d.app.worker.popen.wait(30) == 0
    d.app.worker = d.app.start_worker(name="second")
    d.completes()
    assert d.repeated() == 0 and "is gone" not in other.text()
