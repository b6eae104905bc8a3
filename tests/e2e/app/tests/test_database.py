"""What the loss of Postgres does to runs and requests with each `tuning`, and what the resilience
module makes of psycopg2 and Celery's tasks."""
import contextlib
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

import rest
import services
from application import request
from drills import MODULE, TUNINGS, computing, exact, left, running, settled, uploaded
from services import PASSWORD, POSTGRES_APART, Redis, eventually
from ways import Way

# The operator sets it for every role.
LIMIT = {"PGCONNECT_TIMEOUT": "10"}
ENDED = ("completed", "error")


@pytest.fixture
def postgres(stores):
    """Whoever kills or halts it, the next test finds it well."""
    yield stores
    if stores.postgres.running():
        stores.signal_postgres(signal.SIGCONT)
    else:
        stores.start_postgres()


def state_after(project, run, seconds):
    """The state in which the run ended, or the one after so many seconds."""
    end = time.monotonic() + seconds
    state = None
    while state not in ENDED and time.monotonic() < end:
        with contextlib.suppress(rest.Failed, OSError):  # while Postgres is away: 500
            state = project.state(run)
        time.sleep(0.2)
    return state


def completes(app, project, run, began):
    assert state_after(project, run, 120) == "completed"
    print("completed %.1f s after the fault" % (time.monotonic() - began))
    assert exact(project, run)
    settled(app.redis)
    assert app.worker.running()


def fails(project, run):
    """It hangs where its error could not be noted."""
    state = state_after(project, run, 60)
    print(state)
    assert state in ("error", "running")


@pytest.mark.parametrize("tuning, away", [("Upstream", 4), ("Operator", 4), ("Operator", 45)])
def test_a_run_outlives_postgres_being_killed(postgres, tuning, away):
    with running(postgres, "killed_{}_{}".format(tuning.lower(), away), sentinel=False, **LIMIT,
                 **TUNINGS[tuning]) as app:
        project = uploaded(81)
        with computing(app, begin=project.start) as run:
            postgres.kill_postgres()
            began = time.monotonic()
        time.sleep(away)
        postgres.start_postgres()
        if tuning == "Operator":
            completes(app, project, run, began)
        else:
            fails(project, run)


@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_run_outlives_postgres_hanging_and_being_killed_then(postgres, tuning):
    with running(postgres, "hung_" + tuning.lower(), sentinel=False, **LIMIT,
                 **TUNINGS[tuning]) as app:
        project = uploaded(82)
        with computing(app, begin=project.start) as run:
            postgres.signal_postgres(signal.SIGSTOP)
            began = time.monotonic()
            time.sleep(20)
            postgres.kill_postgres()
        postgres.start_postgres()
        if tuning == "Operator":
            completes(app, project, run, began)
        else:
            fails(project, run)


@contextlib.contextmanager
def cut_off():
    """What is sent to Postgres vanishes, as on the way to a node without power."""
    route = ["blackhole", POSTGRES_APART, "table", "local"]
    subprocess.run(["ip", "route", "add", *route], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "route", "del", *route], check=True)


def test_a_postgres_that_is_gone_without_a_word_is_noticed_in_half_a_minute(postgres):
    with running(postgres, "vanished", sentinel=False, DATABASE_SERVER=POSTGRES_APART, **LIMIT,
                 **TUNINGS["Operator"]) as app:
        project = uploaded(83)
        with computing(app, begin=project.start) as run:
            with cut_off():
                began = time.monotonic()
                eventually(lambda: app.worker.text().count("trying again for") >= 4, 40,
                           "all slots have noticed")
                status, _ = request("GET", run + "/status", project.token)
                assert status == 500 and time.monotonic() - began < 60
        completes(app, project, run, began)


def impatient(folder, seconds):
    """The module with a smaller bound."""
    module = shutil.copytree(MODULE, folder / "module") / "es_database.py"
    module.write_text(re.sub(r"^PATIENCE_SECONDS = .*", "PATIENCE_SECONDS = %d" % seconds,
                             module.read_text(), flags=re.MULTILINE))
    return {"PYTHONPATH": str(module.parent)}


def test_an_outage_that_is_longer_than_the_patience_is_reported(postgres, tmp_path):
    """The chunk gives up after 10 s. Who reports that waits anew."""
    with running(postgres, "reported", sentinel=False, CHUNK_SIZE_AIM="100000", **LIMIT,
                 **impatient(tmp_path, 10)) as app:
        project = uploaded(84)
        with computing(app, slots=1, begin=project.start) as run:
            postgres.kill_postgres()
        time.sleep(16)
        postgres.start_postgres()
        assert state_after(project, run, 30) == "error"
        settled(app.redis)
        assert app.worker.running()
        again = project.start()
        assert project.ended(again, 60) == "completed" and exact(project, again)


def test_a_worker_whose_grace_is_over_while_it_waits_for_postgres_loses_nothing(postgres):
    with running(postgres, "ends", sentinel=False, **LIMIT, **TUNINGS["Operator"]) as app:
        project = uploaded(85)
        with computing(app, begin=project.start) as run:
            postgres.kill_postgres()
            eventually(lambda: app.worker.text().count("trying again for") >= 4, 20, "they wait")
        began = time.monotonic()
        app.worker.popen.send_signal(signal.SIGTERM)
        time.sleep(3)
        assert app.worker.running()
        app.worker.kill()
        assert sum(left(app.redis)) >= 4
        postgres.start_postgres()
        app.worker = app.start_worker()
        completes(app, project, run, began)


@pytest.mark.parametrize("tuning, failures", [("Upstream", True), ("Operator", False)])
def test_no_request_meets_a_connection_that_died_with_postgres(postgres, tuning, failures):
    with running(postgres, "requests_" + tuning.lower(), sentinel=False, **LIMIT,
                 **TUNINGS[tuning]) as app:
        project = uploaded(86)

        def ask():
            return request("GET", "/projects/" + project.id, project.token)[0]
        assert {ask() for _ in range(40)} == {200}  # each process has its connection
        postgres.kill_postgres()
        began = time.monotonic()
        assert ask() == 500 and time.monotonic() - began < 15
        postgres.start_postgres()
        assert (500 in {ask() for _ in range(40)}) is failures
        assert app.api.running()


class LosesCommit(Way):
    """To Postgres, and it loses the first COMMIT, or its answer. The server is not told."""

    def __init__(self, loses):
        super().__init__(("127.0.2.1", 5432))
        self.loses, self.lost, self.kept = loses, 0, []

    def __exit__(self, *_):
        super().__exit__()
        for server in self.kept:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)

    def carry(self, client):
        server = socket.create_connection(("127.0.0.1", 5432))
        self.kept.append(server)
        threading.Thread(target=self._answer, args=(server, client), daemon=True).start()
        with client, contextlib.suppress(OSError):
            while data := client.recv(1 << 20):
                if b"COMMIT" in data and not self.lost:
                    self.lost += 1
                    if self.loses == "answer":
                        client.shutdown(socket.SHUT_RDWR)
                        server.sendall(data)
                    return
                server.sendall(data)

    @staticmethod
    def _answer(server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 20):
                client.sendall(data)


BEGIN = """
import contextlib, json, sys, time
import psycopg2
import entityservice
from entityservice import database
from entityservice.async_worker import celery

executions, sent = [], []

@contextlib.contextmanager
def blind():
    # As the real application's: a commit that fails is logged and no more.
    connection = database._pool.getconn()
    try:
        yield connection.cursor()
        try:
            connection.commit()
        except Exception as error:
            print(error)
    finally:
        database._pool.putconn(connection)

def outcome(task):
    try:
        task()
    except Exception as error:
        return type(error).__name__
"""
COUNT = """
database.open_pool(1, 3)

@celery.task
def count():
    executions.append(1)
    with %s() as cursor:
        cursor.execute("UPDATE counted SET n = n + 1")
"""
END = "print(json.dumps([outcome(count), len(executions)]))\n"


@pytest.fixture
def counted(postgres):
    postgres.query("DROP TABLE IF EXISTS counted; CREATE TABLE counted AS SELECT 0 AS n")
    return postgres


def python(code, tuning="Operator", server="127.0.0.1", **changes):
    """What the code prints at last, as JSON, in the application's Python."""
    home = services.built(services.APPLICATION)
    environment = {
        "PATH": "{}:/usr/bin:/bin".format(home / "bin"), "DATABASE_SERVER": server,
        "DATABASE_USER": "postgres", "DATABASE_PASSWORD": PASSWORD, **LIMIT, **TUNINGS[tuning],
        **changes}
    with services.folder() as path:  # for its log
        done = subprocess.run([home / "bin/python", "-c", BEGIN + code], cwd=path, env=environment,
                              capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("how", ["database.transaction", "blind"])
@pytest.mark.parametrize("loses, executions", [("answer", 1), ("request", 2)])
def test_what_is_committed_is_committed_once_although_the_commit_or_its_answer_was_lost(
        counted, how, loses, executions):
    with LosesCommit(loses) as way:
        assert python(COUNT % how + END, server="127.0.2.1") == [None, executions]
        assert way.lost == 1
    assert counted.query("SELECT n FROM counted") == "1"


@pytest.mark.parametrize("how, expected", [("database.transaction", "OperationalError"),
                                           ("blind", None)])
def test_upstream_fails_or_goes_on_without_its_commit(counted, how, expected):
    with LosesCommit("request"):
        assert python(COUNT % how + END, "Upstream", "127.0.2.1") == [expected, 1]


def test_nothing_follows_from_a_commit_that_failed_unnoticed(counted):
    """What comes after it is queued once, by the execution that did commit."""
    with services.folder() as path, Redis(path, sentinel=False) as redis, \
            LosesCommit("request") as way:
        address, = redis.addresses
        assert python(COUNT % "blind" + """
    celery.send_task("next")
""" + END, server="127.0.2.1", REDIS_SERVER=address, REDIS_PASSWORD=PASSWORD) == [None, 2]
        assert way.lost == 1
        assert redis.ask(address, "llen", "celery") == "1"
    assert counted.query("SELECT n FROM counted") == "1"


@pytest.mark.parametrize("statement, error", [
    ("SELECT 1 / 0", "DivisionByZero"),
    ("INSERT INTO counted VALUES ('one')", "InvalidTextRepresentation"),
    ("SELECT pg_sleep(9)", "QueryCanceled")])  # it is an OperationalError
def test_a_task_whose_statement_is_at_fault_is_not_carried_out_again(counted, statement, error):
    assert python(COUNT % "database.transaction" + """
        cursor.execute("SET statement_timeout = 200")
        cursor.execute("%s")
""" % statement + END) == [error, 1]


def test_a_task_that_breaks_its_connection_itself_is_given_up(counted):
    assert python(COUNT % "database.transaction" + """
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
""" + END) == ["InterfaceError", 4]
    assert counted.query("SELECT n FROM counted") == "0"


@pytest.mark.parametrize("tuning, expected", [("Upstream", "OperationalError"),
                                              ("Operator", None)])
def test_a_process_begins_without_postgres_and_who_asks_outside_of_a_task_is_told(tuning, expected):
    assert python("""
import psycopg2.pool
pools = []

def begin():
    pools.append(psycopg2.pool.ThreadedConnectionPool(1, 2, host="127.0.9.9", user="nobody"))
began = time.monotonic()
print(json.dumps([outcome(begin), pools and outcome(pools[0].getconn),
                  time.monotonic() - began < 5]))
""", tuning) == [expected, "OperationalError" if tuning == "Operator" else [], True]


def test_the_tracer_of_the_application_finds_the_names_of_a_tasks_arguments():
    assert python("""
from entityservice.tasks.comparing import create_comparison_jobs
print(json.dumps([create_comparison_jobs.run.__code__.co_varnames[:2],
                  type(create_comparison_jobs.run).__name__]))
""") == [["project_id", "run_id"], "Patient"]
