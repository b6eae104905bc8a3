"""A worker ends as its pod ends it: by the hook that the operator renders."""
import contextlib
import itertools
import signal
import time

import pytest

import rendered
import services
from drills import TUNINGS, children, computing, exact, left, running, settled, uploaded
from roles import Role
from services import Process, eventually


class Ending:
    """The rendered high-memory worker, the first process of its container, and its end."""

    def __init__(self, app, found):
        self.app, self.found = app, found
        self.process = Process(["unshare", "--pid", "--fork", "--kill-child", *found.command],
                               app.path / "rendered.log", cwd=app.home / "www",
                               env=self.environment)
        app.processes.append(self.process)
        eventually(lambda: " ready." in self.process.text(), 40, "the worker is ready")

    @property
    def environment(self):
        return {**self.app.environment, "CELERY_BROKER_URL": "redis://:{}@{}:6379/0".format(
            services.PASSWORD, services.REDIS_ADDRESSES[0])}

    def begin(self):
        first, = children(self.process.popen.pid)
        hook = self.found.container["lifecycle"]["preStop"]["exec"]["command"]
        self.hook = Process(["nsenter", "--pid", "--target", str(first), "--", *hook],
                            self.app.path / "hook.log", env=self.environment)
        self.app.processes.append(self.hook)
        eventually(lambda: "Warm shutdown" in self.process.text(), 60, "it has been told")


numbers = itertools.count()


@pytest.fixture(params=TUNINGS)
def worker(request, stores, tmp_path):
    """Starts the only worker, rendered from the sample."""
    with contextlib.ExitStack() as stack:
        def start(sample):
            found = Role(rendered.render(sample, tmp_path), "Deployment/-worker-highmemory")
            app = stack.enter_context(running(
                stores, "ending_{}".format(next(numbers)), sentinel=False,
                CHUNK_SIZE_AIM="100000", CELERYD_CONCURRENCY="16", **TUNINGS[request.param]))
            app.worker.stop()
            return Ending(app, found)
        yield start


def test_a_worker_that_ends_leaves_what_is_queued_then_and_finishes_what_it_has(worker):
    """It has room for more, and lives on until a task is done, but no longer reads what it is
    given."""
    ending = worker("production")
    app = ending.app

    def ask(*command):
        return app.redis.ask(app.redis.addresses[0], *command)
    project, other = uploaded(81), uploaded(82)
    with computing(app, slots=1, begin=project.start) as run:
        later = other.start()  # its tasks follow each other just then
        ending.begin()
        ask("lpush", "highmemory", "a-task")
        time.sleep(1.5)
        assert ending.process.running()
        assert ask("lrem", "highmemory", "0", "a-task") == "1"
    assert ending.process.popen.wait(30) == 0
    assert "compute_filter_similarity" in ending.process.text().split("Warm shutdown")[1]
    assert left(app.redis)[1] == 0
    app.start_worker()
    assert (project.ended(run), other.ended(later)) == ("completed", "completed")
    assert exact(project, run) and exact(other, later)


def test_runs_go_on_after_their_worker_has_ended_in_the_middle(worker):
    ending = worker("production")
    projects = [uploaded(seed) for seed in range(83, 87)]
    runs = [project.start() for project in projects]
    ending.begin()
    assert ending.process.popen.wait(60) == 0
    ending.app.start_worker()
    for project, run in zip(projects, runs):
        assert project.ended(run, 60) == "completed" and exact(project, run)
    settled(ending.app.redis)


def test_a_worker_is_told_to_end_also_when_nobody_can_be_asked(worker):
    ending = worker("minimal")
    server = ending.app.redis.servers[ending.app.redis.addresses[0]].popen
    server.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        ending.begin()
        assert time.monotonic() - began < 10
    finally:
        server.send_signal(signal.SIGCONT)
