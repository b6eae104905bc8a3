"""What faults do to a run with nothing set beyond the environment (`tuning: Upstream`).

Each of these is a property of the application that the operator has to live with, so a stand-in
that did better would hide what the drills are for.
"""
import os
import signal
import time

from application import request
from drills import computing, exact, fail_over, in_the_middle, running, uploaded
from services import eventually


def test_a_killed_master_costs_the_run_in_progress_and_no_worker(stores):
    with running(stores, "killed_master") as app:
        project = uploaded(11)
        run = in_the_middle(project)
        old = app.redis.master()
        with computing(app):
            app.redis.servers[old].kill()
        eventually(lambda: app.redis.master() != old, 30, "another master")
        assert project.ended(run, 90) == "error"
        assert app.worker.running()
        again = project.start()
        assert project.ended(again, 120) == "completed" and exact(project, again)


def test_a_planned_failover_leaves_the_result_exact(stores):
    with running(stores, "planned") as app:
        project = uploaded(12)
        run = in_the_middle(project)
        fail_over(app.redis)
        assert project.ended(run, 120) == "completed" and exact(project, run)
        assert app.worker.running()


def test_workers_exit_when_writes_need_a_replica_and_the_master_returns_alone(stores):
    with running(stores, "noreplicas", min_replicas=1) as app:
        project = uploaded(13)
        run = in_the_middle(project)
        master = app.redis.master()
        replicas = [process.popen.pid for address, process in app.redis.servers.items()
                    if address != master]
        with computing(app):
            for replica in replicas:
                os.kill(replica, signal.SIGSTOP)
            app.redis.servers[master].kill()
            time.sleep(1.5)
            app.redis.start(master, master)
            eventually(lambda: "NOREPLICAS" in app.worker.text(), 30, "a write was refused")
        eventually(lambda: not app.worker.running(), 60, "the worker has ended")
        for replica in replicas:
            os.kill(replica, signal.SIGCONT)
        app.start_worker(name="second")
        eventually(lambda: app.redis.ask(app.redis.master(), "llen", "compute") == "0", 90,
                   "the queue is empty")
        time.sleep(10)
        assert project.state(run) == "running" and app.redis.unacked() > 0


def test_a_run_ends_in_error_when_it_is_read_from_a_stale_replica(stores):
    with running(stores, "stale") as app:
        project = uploaded(14)
        run = project.start()
        eventually(lambda: project.state(run) == "running", 30, "a running run")
        # What a former master is until Sentinel demotes it: it knows nothing of the run.
        for address in app.redis.addresses:
            if address != app.redis.master():
                app.redis.ask(address, "replicaof", "no", "one")
                app.redis.ask(address, "del", "run:" + run.rsplit("/", 1)[1])
        assert project.ended(run, 90) == "error"
        assert "is not active, chunk skipped" in app.worker.text()
        assert "TypeError" in app.worker.text()


def test_each_task_occupies_its_slot_for_two_seconds_after_it_has_ended(stores):
    with running(stores, "slots", sentinel=False, CHUNK_SIZE_AIM="100",
                 CELERYD_CONCURRENCY="1") as app:
        project = uploaded(15)
        run = project.start()
        assert project.ended(run, 120) == "completed"
        chunks, seconds = app.stores.query("""
            SELECT chunks, extract(epoch FROM time_completed - time_started) FROM runs
            WHERE run_id = '{}'""".format(run.rsplit("/", 1)[1]), app.database).split("|")
        assert float(seconds) >= 2 * int(chunks) > 10


def test_a_killed_workers_task_waits_for_the_visibility_timeout(stores):
    with running(stores, "visibility", sentinel=False) as app:
        project = uploaded(16)
        run = in_the_middle(project)
        with computing(app):
            app.worker.kill()
        assert app.redis.unacked() >= 4
        app.start_worker(name="second")
        eventually(lambda: app.redis.ask(app.redis.master(), "llen", "compute") == "0", 90,
                   "the queue is empty")
        time.sleep(5)
        assert project.state(run) == "running" and app.redis.unacked() >= 4


def test_a_worker_that_is_asked_to_end_loses_no_task(stores):
    with running(stores, "terminated", sentinel=False) as app:
        project = uploaded(17)
        run = in_the_middle(project)
        os.kill(app.worker.popen.pid, signal.SIGTERM)
        assert app.worker.popen.wait(30) == 0
        app.start_worker(name="second")
        assert project.ended(run, 120) == "completed" and exact(project, run)
        eventually(lambda: app.redis.unacked() == 0, 10, "all is acknowledged")


def test_status_fails_without_redis_and_the_version_does_not(stores):
    with running(stores, "no_redis", sentinel=False) as app:
        app.redis.servers[app.redis.master()].kill()
        assert request("GET", "/status")[0] == 500
        assert request("GET", "/version")[0] == 200
