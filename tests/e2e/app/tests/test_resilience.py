"""What the resilience module makes of the pinned libraries, on real Redis."""
import contextlib
import json
import os
import re
import signal
import socket
import threading
import time

import pytest

import services
from application import Application, request
from drills import MODULE, TUNINGS, children, computing, exact, left, running, settled, uploaded
from services import PASSWORD, Redis, eventually
from ways import Way

# The application's environment, for programs that need no more of it than its import.
BEGIN = "import entityservice, redis, sys, json\nfrom entityservice import cache\n"


@pytest.fixture
def alone():
    """Redis without Sentinel."""
    with services.folder() as path, Redis(path, sentinel=False) as redis:
        yield redis


@pytest.fixture
def watched():
    """Redis with Sentinel."""
    with services.folder() as path, Redis(path, sentinel=True) as redis:
        yield redis


def python(redis, code, tuning="Operator", **changes):
    """What the code prints, as JSON, in the application's Python."""
    home = services.built(services.APPLICATION)
    environment = {
        "PATH": "{}:/usr/bin:/bin".format(home / "bin"), "HOME": str(redis.path),
        "REDIS_SERVER": services.REDIS_NAME if redis.sentinel else redis.addresses[0],
        "REDIS_PASSWORD": PASSWORD, "REDIS_USE_SENTINEL": "true" if redis.sentinel else "false",
        **TUNINGS[tuning], **changes}
    done = services.subprocess.run(
        [home / "bin/python", "-c", BEGIN + code], env=environment, cwd=redis.path,
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # the log goes there, too


class LosesAnswers(Way):
    """A way to Redis that carries a chosen request over and loses its answer, once."""

    def __init__(self, redis, word):
        super().__init__(("127.0.2.1", 6379))
        self.target, self.word, self.lost = redis.addresses[0], word.encode(), 0

    def carry(self, client):
        server = socket.create_connection((self.target, 6379))
        with client, server, contextlib.suppress(OSError):
            while data := client.recv(1 << 20):
                server.sendall(data)
                answer = server.recv(1 << 20)
                if self.word in data and not self.lost:
                    self.lost += 1
                    return
                client.sendall(answer)


def through(way, redis, code, tuning="Operator"):
    return python(redis, """
client = redis.Redis(host="127.0.2.1", password="%s")
def attempt(call):
    try:
        return call()
    except redis.exceptions.ConnectionError:
        return "ConnectionError"
""" % PASSWORD + code, tuning)


@pytest.mark.parametrize("word, call, key, reader, expected", [
    ("RPUSH", "client.rpush('list', 'a')", "list", "llen", 1),
    ("LPUSH", "client.lpush('list', 'a')", "list", "llen", 1),
    ("INCRBY", "client.incr('number', 5)", "number", "get", 5),
    ("HINCRBY", "client.hincrby('hash', 'field', 7)", "hash", "hvals", 7)])
def test_what_counts_is_counted_once_although_its_answer_was_lost(alone, word, call, key, reader,
                                                                  expected):
    alone.ask(alone.addresses[0], "del", key)
    with LosesAnswers(alone, word) as way:
        assert through(way, alone, "print(json.dumps(attempt(lambda: %s)))" % call) == expected
        assert way.lost == 1
    assert alone.ask(alone.addresses[0], reader, key) == str(expected)


def test_a_transaction_is_counted_once_although_its_answer_was_lost(alone):
    alone.ask(alone.addresses[0], "del", "run:x")
    with LosesAnswers(alone, "HINCRBY") as way:
        assert through(way, alone, """
pipe = client.pipeline()
pipe.hincrby("run:x", "comparisons", 30).hincrby("run:x", "candidates", 2).expire("run:x", 99)
print(json.dumps(attempt(pipe.execute)))
""") == [30, 2, True]
        assert way.lost == 1
    assert alone.ask(alone.addresses[0], "hvals", "run:x").split() == ["30", "2"]


def test_what_may_not_be_repeated_is_sent_once(alone):
    alone.ask(alone.addresses[0], "del", "list")
    alone.ask(alone.addresses[0], "rpush", "list", "a", "b")
    with LosesAnswers(alone, "RPOP") as way:
        assert through(way, alone, "print(json.dumps(attempt(lambda: client.rpop('list'))))"
                       ) == "ConnectionError"
        assert way.lost == 1
    assert alone.ask(alone.addresses[0], "llen", "list") == "1"


def test_upstream_counts_nothing_twice_and_fails_instead(alone):
    alone.ask(alone.addresses[0], "del", "list")
    with LosesAnswers(alone, "RPUSH") as way:
        assert through(way, alone, "print(json.dumps(attempt(lambda: client.rpush('list', 'a'))))",
                       "Upstream") == "ConnectionError"


@pytest.mark.parametrize("password", ["wrong", None])
def test_a_password_that_does_not_open_is_told_at_once(alone, password):
    assert python(alone, """
import time
began = time.monotonic()
try:
    redis.Redis(host="%s", password=%r).ping()
except redis.exceptions.RedisError:
    print(json.dumps(time.monotonic() - began))
""" % (alone.addresses[0], password)) < 5


@pytest.mark.parametrize("tuning, expected", [("Upstream", False), ("Operator", True)])
def test_a_replica_that_knows_nothing_of_a_run_is_not_believed(watched, tuning, expected):
    master = watched.master()
    watched.ask(master, "hset", "run:r", "state", "active")
    for address in watched.addresses:
        if address != master:
            watched.ask(address, "replicaof", "no", "one")
            watched.ask(address, "del", "run:r")
    try:
        assert python(watched, "print(json.dumps(cache.is_run_active('r')))", tuning) is expected
    finally:
        for address in watched.addresses:
            if address != master:
                watched.ask(address, "replicaof", master, "6379")
        eventually(lambda: all(watched.info("master_link_status", one) == "up"
                               for one in watched.addresses if one != master), 20, "replicas")


@pytest.mark.parametrize("tuning, expected", [("Upstream", 3), ("Operator", 2)])
def test_a_part_of_a_chord_that_comes_twice_is_one_part(alone, tuning, expected):
    """With other content, as the real application's second execution gives it."""
    alone.ask(alone.addresses[0], "del", "celery-taskset-meta-g.j")
    assert python(alone, """
from celery.app.task import Context
from entityservice.async_worker import celery
celery.backend.set_chord_size("g", 9)
for task, index, result in (("a", 0, "first"), ("b", 1, "other"), ("a", 0, "second")):
    celery.backend.on_chord_part_return(
        Context(id=task, group="g", group_index=index, chord=None), "SUCCESS", result)
print(json.dumps(celery.backend.client.zcard("celery-taskset-meta-g.j")))
""", tuning) == expected


CHORD = """
import os
from celery import canvas, result
from celery.app.task import Context
from entityservice.async_worker import celery
def part(task, index, value):
    celery.backend.on_chord_part_return(
        Context(id=task, group="g", group_index=index, chord=celery.signature("joined")), "SUCCESS",
        value)
joined = []
canvas.Signature.delay = lambda self, values: joined.append(values)
"""


@pytest.mark.parametrize("moment", ["result.GroupResult.restore", "canvas.Signature.delay"])
@pytest.mark.parametrize("again, times", [(("a", 0, "second"), 1), (("b", 1, "second"), 2)])
def test_a_part_that_comes_again_while_the_parts_are_read_changes_nothing(alone, moment, again, times):
    """Whether of another task or of the one that reads them, which somebody took for dead."""
    alone.ask(alone.addresses[0], "flushall")
    assert python(alone, CHORD + """
celery.backend.set_chord_size("g", 2)
proper, again = {0}, [{1}]
def meanwhile(*arguments):
    while again:
        part(*again.pop())
    return proper(*arguments)
{0} = meanwhile
part("a", 0, "first")
part("b", 1, "other")
print(json.dumps(joined))
""".format(moment, again)) == times * [["first", "other"]]


def test_of_the_parts_that_find_all_there_the_one_that_went_on_goes_on_again(alone):
    """The process ended before it could; all its tasks are carried out again."""
    alone.ask(alone.addresses[0], "flushall")
    python(alone, CHORD + """
celery.backend.set_chord_size("g", 2)
def ends(self, values):
    print(json.dumps(values), flush=True)
    os._exit(0)
canvas.Signature.delay = ends
part("a", 0, "first")
part("b", 1, "other")
""")
    assert python(alone, CHORD + """
part("a", 0, "second")
before = list(joined)
part("b", 1, "other")
print(json.dumps([before, joined]))
""") == [[], [["first", "other"]]]
    assert alone.ask(alone.addresses[0], "keys", "celery-taskset-meta-*") == ""


@pytest.mark.parametrize("tuning", TUNINGS)
def test_garbage_that_is_collected_while_a_connection_is_taken_hangs_upstream_only(alone, tuning):
    """A subscription that was dropped, as celery does when its connection broke, gives it back."""
    assert python(alone, """
import gc, threading
gc.disable()
client = redis.Redis(host="%s", password="%s")
dropped = client.pubsub()
dropped.subscribe("results")
client.connection_pool.reset()
del dropped
def take():
    with client.connection_pool._lock:
        gc.collect()
thread = threading.Thread(target=take, daemon=True)
thread.start()
thread.join(5)
print(json.dumps(thread.is_alive()), flush=True)
import os
os._exit(0)
""" % (alone.addresses[0], PASSWORD), tuning) is (tuning == "Upstream")


RESULTS = """
from celery import chord, signature
from celery._state import _set_task_join_will_block
from entityservice.async_worker import celery
heard = celery.backend.result_consumer
def start():
    chord([celery.signature("part"), celery.signature("part")])(celery.signature("joined"))
"""


@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_process_that_carries_out_tasks_hears_of_results_upstream_only(alone, tuning):
    assert python(alone, RESULTS + """
_set_task_join_will_block(True)
start()
print(json.dumps(heard._pubsub is not None))
""", tuning) is (tuning == "Upstream")


@pytest.mark.parametrize("tuning", TUNINGS)
def test_whoever_hears_of_results_keeps_the_connection_that_broke_upstream_only(alone, tuning):
    assert python(alone, RESULTS + """
start()
former = heard._pubsub
heard._reconnect_pubsub()
print(json.dumps([former is heard._pubsub, former.connection is not None]))
""", tuning) == [False, tuning == "Upstream"]


@pytest.mark.parametrize("tuning", TUNINGS)
def test_the_slot_of_a_task_that_has_ended_is_held_upstream_only(stores, tuning):
    with running(stores, "held_" + tuning.lower(), sentinel=False, CHUNK_SIZE_AIM="100",
                 CELERYD_CONCURRENCY="1", **TUNINGS[tuning]) as app:
        project = uploaded(51)
        run = project.start()
        assert project.ended(run, 120) == "completed" and exact(project, run)
        chunks, seconds = app.stores.query("""
            SELECT chunks, extract(epoch FROM time_completed - time_started) FROM runs
            WHERE run_id = '{}'""".format(run.rsplit("/", 1)[1]), app.database).split("|")
        held = float(seconds) >= 2 * int(chunks) > 10
        assert held is (tuning == "Upstream")


def test_the_ledger_of_a_living_worker(stores):
    """Its tasks stay young, and what a failover brought back of them is queued again."""
    with running(stores, "ledger", sentinel=False, **TUNINGS["Operator"]) as app:
        project, redis = uploaded(52), app.redis
        ask = lambda *command: redis.ask(redis.master(), *command)  # noqa: E731
        with computing(app, begin=project.start) as run:
            tag = ask("hkeys", "unacked_owners").split()[0]
            entry, owner = ask("hget", "unacked", tag), ask("hget", "unacked_owners", tag)
            began = float(ask("zscore", "unacked_index", tag))
            assert owner.startswith("worker@")
            eventually(lambda: float(ask("zscore", "unacked_index", tag)) > began + 5, 30,
                       "its task is as young as its last beat")
        assert project.ended(run, 60) == "completed" and exact(project, run)
        settled(redis)
        ask("hset", "unacked", tag, entry)
        ask("zadd", "unacked_index", str(time.time()), tag)
        ask("hset", "unacked_owners", tag, owner)
        settled(redis)
        assert "a task was back" in app.worker.text()
        assert ask("hlen", "unacked_owners") == "0"


def test_a_task_whose_proof_is_lost_is_carried_out_again(stores):
    with running(stores, "proof", sentinel=False, **TUNINGS["Operator"]) as app:
        project, redis = uploaded(53), app.redis
        proofs = services.subprocess.Popen(
            ["sh", "-c", "while :; do redis-cli -h {0} --no-auth-warning eval \"local k = "
             "redis.call('keys', 'es-done:*'); if #k > 0 then redis.call('del', unpack(k)) end; "
             "return #k\" 0; done".format(redis.addresses[0])],
            stdout=services.subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "REDISCLI_AUTH": PASSWORD})
        try:
            run = project.start()
            eventually(lambda: "wrote is lost" in app.worker.text(), 30, "a proof was lost")
        finally:
            os.killpg(proofs.pid, signal.SIGKILL)
            proofs.wait()
        assert project.ended(run, 60) == "completed" and exact(project, run)
        settled(redis)


def test_a_task_that_kills_each_process_that_executes_it_fails_at_last(stores):
    with running(stores, "poison", sentinel=False, CHUNK_SIZE_AIM="1000", CELERYD_CONCURRENCY="1",
                 **TUNINGS["Operator"]) as app:
        project = uploaded(54)
        kills = 0
        with computing(app, 1, begin=project.start) as run:
            while kills < 3:
                child, = children(app.worker.popen.pid)
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'poison'" \
                          " AND wait_event_type = 'Lock'"
                eventually(lambda: app.stores.query(waiting) == str(kills + 1), 40, "it computes")
                os.kill(child, signal.SIGKILL)
                kills += 1
                eventually(lambda: children(app.worker.popen.pid) not in ([], [child]), 40,
                           "another child")
        assert project.ended(run, 60) == "error"
        _, document = request("GET", run + "/status", project.token)
        assert "lost_3_times" in document["message"], document
        assert app.worker.running()
        settled(app.redis)
        assert left(app.redis) == (0, 0)


def test_every_library_is_mended_in_api_and_worker(stores):
    with running(stores, "mended", sentinel=False, **TUNINGS["Operator"]) as app:
        for process in (app.api, app.worker):
            assert "resilience module: on" in process.text()
            assert "stays as it is" not in process.text()


def test_a_worker_loses_its_subscription_twice_and_its_consumer_goes_on(stores):
    """The second time is measured from its own beginning, not from the first one."""
    patience = int(re.search(r"^PATIENCE_SECONDS = (\d+)$", (MODULE / "es_redis.py").read_text(),
                             re.MULTILINE)[1])
    with running(stores, "twice", sentinel=False, **TUNINGS["Operator"]) as app:
        for wait in (patience + 5, 5):
            assert int(app.redis.ask(app.redis.addresses[0], "client", "kill", "type", "pubsub")) > 0
            time.sleep(wait)
        assert "trying again" in app.worker.text()
        assert "Connection to broker lost" not in app.worker.text()


def test_a_worker_whose_child_was_replaced_goes_on_at_once_when_its_connections_break(stores):
    """The new child has all that was open when it was forked, also what its parent closes then."""
    with running(stores, "replaced", sentinel=False, CELERYD_CONCURRENCY="1",
                 **TUNINGS["Operator"]) as app:
        worker, redis = app.worker, app.redis
        first, = children(worker.popen.pid)
        os.kill(first, signal.SIGKILL)
        eventually(lambda: children(worker.popen.pid) not in ([], [first]), 40, "another child")
        for kind in ("pubsub", "normal"):
            assert int(redis.ask(redis.master(), "client", "kill", "type", kind)) > 0
        project = uploaded(57)
        assert project.ended(project.start(), 60) == "completed"
        settled(redis)
        assert "Connection closed by server" in worker.text()
        assert "Timeout reading from socket" not in worker.text()


@contextlib.contextmanager
def no_memory(redis):
    address = redis.addresses[0]
    assert redis.ask(address, "config", "set", "maxmemory", "1") == "OK"
    yield "OOM "
    redis.ask(address, "config", "set", "maxmemory", "0")


@contextlib.contextmanager
def no_disk(redis):
    """A folder where the snapshot belongs, so that saving fails, as on a volume that is full."""
    address = redis.addresses[0]
    redis.ask(address, "config", "set", "save", "3600 1")
    (redis.path / address / "dump.rdb").mkdir()
    redis.ask(address, "bgsave")
    eventually(lambda: redis.info("rdb_last_bgsave_status", address) == "err", 20, "it has failed")
    yield "unable to persist"
    (redis.path / address / "dump.rdb").rmdir()
    redis.ask(address, "config", "set", "save", "")


@pytest.mark.parametrize("full", [no_memory, no_disk])
@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_redis_that_is_full_ends_workers_upstream_only(stores, tuning, full):
    with running(stores, "{}_{}".format(full.__name__, tuning.lower()), sentinel=False,
                 **TUNINGS[tuning]) as app:
        project, worker = uploaded(58), app.worker
        settled(app.redis)
        os.kill(worker.popen.pid, signal.SIGSTOP)
        run = project.start()
        with full(app.redis) as word:
            os.kill(worker.popen.pid, signal.SIGCONT)
            eventually(lambda: word in worker.text(), 20, "it was refused")
            if tuning == "Upstream":
                eventually(lambda: not worker.running(), 40, "the worker has ended")
                return
            time.sleep(5)
            assert worker.running()
        assert project.ended(run, 90) == "completed" and exact(project, run)
        assert worker.running()
        settled(app.redis)


# A task that writes, and a server that is another one when it is proved, as after a restart.
TASK = """
import es_journal, es_ledger
client = redis.Redis(host="%s", password="%s")
client.flushall()
def progress():
    with client.pipeline() as pipe:
        pipe.hincrby("run", "comparisons", 5)
        pipe.expire("run", 1000)
        pipe.execute()
writes = [lambda: client.hset("run", "state", "active"), progress,
          lambda: client.lpush("celery", "message")]
def kept():
    es_journal.end()
    found = {key: client.dump(key) for key in client.keys()}
    es_journal.here.written = written
    return found
written, states = es_journal.begin(), []
for write in writes:
    states.append(kept())
    write()
states.append(kept())
def prove(state, server="f" * 40):
    es_journal.end()
    client.flushall()
    for key, value in state.items():
        client.restore(key, 60000, value)
    written.server = server or written.server
    es_ledger.prove(client, "task", written)
    told = [client.hget("run", "state"), client.hget("run", "comparisons"), client.llen("celery"),
            client.exists(es_ledger.PROOF + "task")]
    print(json.dumps(told, default=bytes.decode))
"""
WRITTEN = ["active", "5", 1]


REFUSED = """
try:
    client.hincrby("celery", "field", 1)
except redis.exceptions.ResponseError:
    pass
"""


def after_task(redis, code):
    return python(redis, TASK % (redis.addresses[0], PASSWORD) + code)


@pytest.mark.parametrize("remembered", range(4))
def test_writes_to_a_server_that_is_no_more_are_there_once_when_their_task_is_proved(
        alone, remembered):
    """It may have lost the last of them."""
    assert after_task(alone, "prove(states[%d])" % remembered) == WRITTEN + [1]


def test_a_task_whose_server_is_the_same_writes_nothing_again(alone):
    assert after_task(alone, "prove({}, server=None)") == [None, None, 0, 1]


@pytest.mark.parametrize("why", [
    "client.lrem('celery', 1, 'none')", REFUSED, "es_journal.SECONDS = -1",
    "es_journal.MAX_WRITES = 3\nclient.hset('run', 'state', 'active')",
    "es_journal.MAX_BYTES = 9\nclient.hset('run', 'state', 'active')"])
def test_a_task_is_not_taken_for_done_if_it_cannot_write_all_again(alone, why):
    """A write may not be repeated, or has failed, or its mark is forgotten, or there were too many."""
    assert after_task(alone, why + "\nprove(states[0])")[3] == 0


def test_a_task_that_has_only_read_asks_for_no_server_and_is_proved_on_any(alone):
    assert after_task(alone, """
written = es_journal.begin()
client.hget("run", "state")
es_journal.end()
es_ledger.prove(client, "task", written)
print(json.dumps([written.server, client.exists(es_ledger.PROOF + "task")]))
""") == ["", 1]


def test_a_redis_that_tells_nothing_of_itself_fails_no_task(alone):
    address = alone.addresses[0]
    alone.ask(address, "acl", "setuser", "default", "-info")
    try:
        assert after_task(alone, "print(json.dumps(client.hget('run', 'state').decode()))") == "active"
    finally:
        alone.ask(address, "acl", "setuser", "default", "+info")


def test_a_task_that_writes_by_many_clients_holds_few_connections(alone):
    assert python(alone, """
import os, es_journal
es_journal.begin()
before = len(os.listdir("/proc/self/fd"))
for number in range(50):
    cache.set_run_deleted("run-%d" % number)
print(json.dumps(len(os.listdir("/proc/self/fd")) - before < 10))
""") is True


def test_a_part_of_a_chord_that_was_lost_is_entered_again_and_goes_on(alone):
    alone.ask(alone.addresses[0], "flushall")
    assert python(alone, CHORD + """
import es_journal, es_ledger
client = celery.backend.client
celery.backend.set_chord_size("g", 2)
part("a", 0, "first")
before = {key: client.dump(key) for key in client.keys()}
written = es_journal.begin()
part("b", 1, "other")
es_journal.end()
client.flushall()
for key, value in before.items():
    client.restore(key, 60000, value)
written.server = "f" * 40
es_ledger.prove(client, "b", written)
print(json.dumps(joined))
""") == 2 * [["first", "other"]]


# A channel that gets commands and tasks, as a worker's main process has it.
CHANNEL = """
import es_take, kombu
from kombu.asynchronous import Hub, set_event_loop
connection = kombu.Connection("redis://:%s@%s:6379/0")
hub = Hub()
set_event_loop(hub)
channel = connection.default_channel
kombu.Consumer(channel, [kombu.Queue("q")], callbacks=[lambda *_: None]).consume()
connection.register_with_event_loop(hub)
"""


def in_main_process(redis, code):
    return python(redis, CHANNEL % (PASSWORD, redis.addresses[0]) + code)


def test_a_lost_connection_whose_channel_was_closed_meanwhile_is_told_as_such(alone):
    assert in_main_process(alone, """
def closed_and_lost(_):
    channel.close()
    raise redis.exceptions.ConnectionError("lost")
channel._receive_one = closed_and_lost
try:
    channel._receive()
except redis.exceptions.ConnectionError as error:
    print(json.dumps(str(error)))
""") == "lost"


def test_a_task_that_is_acknowledged_when_the_loop_has_ended_asks_for_no_other(alone):
    assert in_main_process(alone, """
hub.close()
es_take.ask(channel)
print(json.dumps("acknowledged"))
""") == "acknowledged"


def test_a_task_whose_proof_was_refused_by_a_full_redis_is_not_taken_for_done(alone):
    """Although it has been without one for so long that it would be, were there room."""
    alone.ask(alone.addresses[0], "flushall")
    assert in_main_process(alone, """
import es_ledger
class Keeper:
    owner, proofs = "worker", {"tag": "task"}
    delivers = lambda self, qos: False
es_ledger.keeper = Keeper()
channel.qos.append(channel.Message({
    "body": "", "headers": {es_ledger.UNPROVEN: 1}, "properties": {
        "delivery_tag": "tag", "delivery_info": {"exchange": "", "routing_key": "other"}}},
    channel=channel), "tag")
with channel.conn_or_acquire() as client:
    client.config_set("maxmemory", 1)
    channel.qos.ack("tag")
    client.config_set("maxmemory", 0)
    print(json.dumps([client.hlen("unacked"), client.llen("other")]))
""") == [0, 1]


def test_patience_begins_anew_when_nothing_was_asked_for_a_long_time(alone):
    """As by a worker that had no slot free when its connection broke, and that has one later."""
    assert python(alone, """
import es_redis
class Clock:
    now = 1000
    monotonic = lambda self: self.now
    sleep = lambda self, seconds: None
es_redis.time = clock = Clock()
patience, waits = es_redis.Patience(), []
for pause in (0, 59, 3600, 59, 2):
    clock.now += pause
    try:
        patience.wait("no answer")
        waits.append(True)
    except TypeError:  # what it was given, which is no exception
        waits.append(False)
print(json.dumps(waits))
""") == [True, True, True, True, False]


class HoldsTask(Way):
    """A way to Redis that keeps the next answer that hands out a task."""

    def __init__(self, redis):
        super().__init__(("127.0.2.1", 6379))
        self.target = redis.addresses[0]
        self.armed, self.holds, self.released = (threading.Event() for _ in range(3))

    def __exit__(self, *_):
        self.released.set()
        super().__exit__()

    def carry(self, client):
        server = socket.create_connection((self.target, 6379))
        threading.Thread(target=self._pass_on, args=(client, server, None), daemon=True).start()
        self._pass_on(server, client, self._hold)

    @staticmethod
    def _pass_on(source, target, look):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 20):
                if look:
                    look(data)
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _hold(self, answer):
        if b'"delivery_tag"' in answer and self.armed.is_set():
            self.armed.clear()
            self.holds.set()
            self.released.wait(60)


@contextlib.contextmanager
def on_the_way(stores, name, **changes):
    """An application whose worker has been handed a task that it has not got yet: it, its project
    and run, and who holds the task."""
    with services.folder() as path, Redis(path, sentinel=False) as redis, HoldsTask(redis) as way, \
            Application(path, stores, redis, name, REDIS_SERVER="127.0.2.1", **changes) as app:
        project = uploaded(72)
        settled(redis)
        way.armed.set()
        run = project.start()
        assert way.holds.wait(20)
        yield app, project, run, way


@pytest.mark.parametrize("tuning", TUNINGS)
def test_a_task_on_its_way_to_a_worker_that_is_killed_is_lost_upstream_only(stores, tuning):
    with on_the_way(stores, "on_its_way_" + tuning.lower(), **TUNINGS[tuning]) as \
            (app, project, run, way):
        app.worker.popen.kill()
        way.released.set()
        assert left(app.redis) == (0, 1 if tuning == "Operator" else 0)
        app.start_worker()  # of the same name, so that nobody waits for a sign of life
        if tuning == "Operator":
            assert project.ended(run, 60) == "completed" and exact(project, run)
            settled(app.redis)


def test_a_task_on_its_way_to_a_worker_that_is_ending_goes_back_to_its_queue(stores):
    with on_the_way(stores, "ending", **TUNINGS["Operator"]) as (app, _, _, way):
        os.kill(app.worker.popen.pid, signal.SIGTERM)
        eventually(lambda: "Warm shutdown" in app.worker.text(), 10, "it knows")
        assert left(app.redis) == (0, 1)
        way.released.set()
        eventually(lambda: left(app.redis) == (1, 0), 5, "it is queued again")


def test_a_consumer_that_starts_anew_loses_no_task_that_was_on_its_way(stores, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("""
import es_redis
def wait(self, error):
    raise error
es_redis.Patience.wait = wait
""")
    path = "{}:{}".format(TUNINGS["Operator"]["PYTHONPATH"], tmp_path)
    with on_the_way(stores, "anew", PYTHONPATH=path) as (app, project, run, way):
        redis = app.redis
        assert int(redis.ask(redis.addresses[0], "client", "kill", "type", "pubsub")) > 0
        time.sleep(1)  # it knows, and waits for the answer
        way.released.set()
        assert project.ended(run, 15) == "completed" and exact(project, run)
        assert "Connection to broker lost" in app.worker.text()


def test_an_idle_worker_asks_rarely_and_begins_soon(stores):
    with running(stores, "idle", sentinel=False, **TUNINGS["Operator"]) as app:
        redis = app.redis

        def calls():
            text = redis.ask(redis.addresses[0], "info", "commandstats")
            return int(re.search(r"cmdstat_eval:calls=(\d+)", text)[1])
        time.sleep(2)
        before = calls()
        time.sleep(5)
        assert 10 <= calls() - before <= 25  # four times a second
        project = uploaded(73)
        run = project.start()
        assert project.ended(run, 20) == "completed" and exact(project, run)


STORE = """
import minio, socket, time, urllib3
client = minio.Minio("127.0.3.1:9000", "access", "secret", secure=False)
pool = client._http.connection_from_url("http://127.0.3.1:9000")
"""


@pytest.fixture
def silent():
    """An address at which connections are neither made nor refused."""
    with socket.create_server(("127.0.3.1", 9000), backlog=0) as listener:
        fill = [socket.socket() for _ in range(4)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield
        for one in fill:
            one.close()


def test_a_connection_to_an_object_store_that_is_gone_is_given_up_soon(alone, silent):
    assert 4 < python(alone, STORE + """
began = time.monotonic()
try:
    pool.urlopen("GET", "/", retries=False)
except urllib3.exceptions.ConnectTimeoutError:
    print(json.dumps(time.monotonic() - began))
""") < 10


@pytest.mark.parametrize("tuning, expected", [("Upstream", [300, 0, 0]),
                                              ("Operator", [300, 1, 20000])])
def test_an_object_store_that_goes_away_in_the_middle_is_noticed_one_that_takes_its_time_is_not(
        alone, tuning, expected):
    with socket.create_server(("127.0.3.1", 9000)):
        assert python(alone, STORE + """
connection = pool._get_conn()
connection.connect()
ask = connection.sock.getsockopt
print(json.dumps([pool.timeout.read_timeout, ask(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                  ask(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)]))
""", tuning) == expected


@pytest.mark.parametrize("order", ["{}, entityservice", "entityservice, {}"])
@pytest.mark.parametrize("first", ["celery.app.base", "psycopg2.pool", "urllib3.poolmanager"])
def test_the_libraries_are_mended_whichever_is_imported_first(first, order, tmp_path):
    home = services.built(services.APPLICATION)
    done = services.subprocess.run(
        [home / "bin/python", "-c", "import " + order.format(first) + """
import entityservice.web, entityservice.async_worker
import celery, psycopg2.pool, redis, urllib3
for mended in (celery.Celery.send_task, psycopg2.pool.ThreadedConnectionPool.getconn,
               redis.Redis.execute_command, urllib3.PoolManager.__init__):
    mended.__wrapped__
"""], capture_output=True, text=True, timeout=60, cwd=tmp_path,
        env={"PATH": "{}:/usr/bin:/bin".format(home / "bin"), **TUNINGS["Operator"]})
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("resilience module: on") and "stays" not in done.stderr
