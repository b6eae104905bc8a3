"""Which worker has which task, so that tasks of a dead worker come back in a minute, not in an
hour, and tasks of a living one never do, however long they take.

kombu keeps delivered tasks in `unacked` until they are acknowledged, and takes those back that are
older than the visibility timeout. Beside each we write its owner, and each worker counts up a beat
of its own. A worker whose beat another one has watched standing still for DEAD_SECONDS is dead;
clocks are not compared.

A failover loses the last writes, so a task may be done and what it wrote be gone. One server keeps
the order of writes, also in its log and in its replicas: the last one of a task is a proof of all
before it, if all went to one process of one server, as it is seen to (es_journal). It is
acknowledged where that is found, else carried out again. So are tasks whose entries come back after
they were done.
"""
import contextlib
import logging
import math
import threading
import time
import uuid

import redis
from kombu.transport import virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads

from es_redis import UNAVAILABLE, is_full, persist, wraps

OWNERS, BEATS = "unacked_owners", "unacked_beats"
BEAT_SECONDS = 10
DEAD_SECONDS = 60
PROOF, PROOF_SECONDS = "es-done:", 3600
MOVES = 3  # of the master, while one task ends
# In a task's headers: since when it is done without proof. Some time later it is acknowledged all
# the same: somebody may be able to run tasks and not to write proofs.
UNPROVEN, UNPROVEN_SECONDS = "es_unproven", 120
# In a task's headers: how often the process that executed it died.
LOSSES = "es_losses"

# Moves one delivered task back to its queues, if it is still the one that was seen: no crash in
# between loses it, and of two who try one succeeds.
MOVE_BACK = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
for i = 5, #ARGV do redis.call(ARGV[3], ARGV[i], ARGV[4]) end
return 1
"""

ACKNOWLEDGE = """
if redis.call('DEL', KEYS[4]) == 0 then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1
"""

PROVE = """
if not string.find(redis.call('INFO', 'server'), ARGV[1], 1, true) then return 0 end
redis.call('SETEX', KEYS[1], ARGV[2], 1)
return 1
"""

log = logging.getLogger("resilience")
keeper = None
_is_entered = False


def _enter(pipe, qos, message, tag, owner):
    """Queues what kombu writes of a delivered task, and its owner."""
    info = message.delivery_info
    pipe.zadd(qos.unacked_index_key, {tag: time.time()})
    pipe.hset(qos.unacked_key, tag, dumps([message._raw, info["exchange"], info["routing_key"]]))
    if owner is not None:
        pipe.hset(OWNERS, tag, owner)
    return pipe


def serves(qos):
    """Whether it is that of this worker's tasks."""
    return keeper is not None and keeper.delivers(qos)


@contextlib.contextmanager
def entered():
    """What is delivered meanwhile was entered when it was taken."""
    global _is_entered
    _is_entered = True
    try:
        yield
    finally:
        _is_entered = False


def append(self, message, delivery_tag):
    """QoS.append. A task that was taken is carried out also if that cannot be written."""
    owner = keeper.owner if keeper is not None else None
    try:
        if not _is_entered:
            with self.pipe_or_acquire() as pipe:
                _enter(pipe, self, message, delivery_tag, owner).execute()
    except UNAVAILABLE as error:
        if owner is None:
            raise
        log.warning("Redis: %s; a delivered task is entered later", error)
    virtual.QoS.append(self, message, delivery_tag)


def restore_by_tag(self, tag, client=None, leftmost=False):
    """QoS.restore_by_tag. Leftmost is only asked for when a child died with the task."""
    with self.channel.conn_or_acquire(client) as client:
        move_back(client, self, tag, lost=leftmost)


def move_back(client, qos, tag, lost=False, unproven=False):
    """Queues a delivered task again; whether it was there. `lost`: its process died."""
    seen = persist(lambda: client.hget(qos.unacked_key, tag))
    if seen is None:
        return False
    payload, exchange, routing_key = loads(bytes_to_str(seen))
    headers = payload.setdefault("headers", {})
    headers["redelivered"] = True
    if lost:
        headers[LOSSES] = headers.get(LOSSES, 0) + 1
    if unproven:
        headers.setdefault(UNPROVEN, time.time())
    queues = qos.channel._lookup(exchange, routing_key)
    return bool(persist(lambda: client.eval(
        MOVE_BACK, 3, qos.unacked_key, qos.unacked_index_key, OWNERS,
        tag, seen, "lpush" if lost else "rpush", dumps(payload), *queues)))


def prove(client, task_id, written):
    """The last write of a task that was carried out. All of them go to the same server, if need be
    once more: a restart or a failover meanwhile may have lost those before it."""
    moves = 0
    while not persist(lambda: client.eval(
            PROVE, 1, PROOF + task_id, written.server, PROOF_SECONDS)):
        moves += 1
        if moves > MOVES or not written.again(client):
            log.warning("what task %s wrote may be lost, it is not taken for done", task_id)
            return
        log.warning("Redis is another one than task %s began with, it wrote all again", task_id)


def ask_for_proof(tag, task_id):
    """The task was carried out by a child, so its acknowledgement needs the child's proof."""
    if keeper is not None:
        keeper.proofs[tag] = task_id


def acknowledging(original):
    def ack(self, delivery_tag):
        if keeper is None:
            return original(self, delivery_tag)
        task_id = keeper.proofs.pop(delivery_tag, None)
        message = self._delivered.get(delivery_tag)
        unproven = message.headers.get(UNPROVEN, math.inf) if message else math.inf
        try:
            if task_id is None or (unproven + UNPROVEN_SECONDS < time.time()
                                   and _takes_proofs(self, task_id)):
                self._remove_from_indices(delivery_tag).execute()
            else:
                _acknowledge(self, delivery_tag, task_id)
        except UNAVAILABLE as error:
            log.warning("Redis: %s; a task will be carried out again", error)
        virtual.QoS.ack(self, delivery_tag)
    return ack


def _takes_proofs(qos, task_id):
    """Not if it is full: then what the task wrote may have been refused, too."""
    with qos.channel.conn_or_acquire() as client:
        try:
            client.setex(PROOF + task_id, PROOF_SECONDS, 1)
        except redis.exceptions.ResponseError as error:
            return not is_full(error)
    return True


def _acknowledge(qos, tag, task_id):
    with qos.channel.conn_or_acquire() as client:
        # Asked twice, because an answer was lost, it says no, and there is nothing to move back.
        if not persist(lambda: client.eval(
                ACKNOWLEDGE, 4, qos.unacked_key, qos.unacked_index_key, OWNERS, PROOF + task_id,
                tag)) and move_back(client, qos, tag, unproven=True):
            log.warning("what task %s wrote is lost, it is queued again", task_id)


def mend_consumer(module):
    @wraps(module.Tasks, "start")
    def _(original):
        def start(self, c):
            original(self, c)
            qos = c.task_consumer.channel.qos
            if hasattr(qos, "unacked_key"):  # Redis is the broker
                keep(c.hostname, qos)
        return start

    @wraps(module.Tasks, "stop")
    def _(original):
        def stop(self, c):
            original(self, c)
            if c.task_consumer:
                give_back(c.task_consumer.channel)
        return stop


def mend_restart(module):
    @wraps(module.Consumer, "on_connection_error_after_connected")
    def _(original):
        def on_connection_error_after_connected(self, exc):
            # It closes all connections, also one that is well and brings a task.
            if self.task_consumer:
                give_back(self.task_consumer.channel)
            return original(self, exc)
        return on_connection_error_after_connected


def give_back(channel):
    """The consumer has asked for one more task and ends, so nobody would read the answer."""
    if not getattr(channel, "_in_poll", None):
        return
    client = channel.client
    try:
        answer = client.parse_response(client.connection, "BRPOP")
        if answer:
            task = loads(bytes_to_str(answer[1]))
            move_back(client, channel.qos, task["properties"]["delivery_tag"])
    except UNAVAILABLE as error:
        log.warning("Redis: %s; a task that was handed out meanwhile comes back later", error)
    finally:
        channel._in_poll = None


def keep(name, qos):
    global keeper
    if keeper is None:
        keeper = Keeper(name)
        keeper.serve(qos)
        keeper.start()
    else:
        keeper.serve(qos)


class Keeper(threading.Thread):
    """A thread of the main process, because that one waits for its children when it ends."""

    def __init__(self, name):
        super().__init__(name="resilience", daemon=True)
        self.owner = "%s/%s" % (name, uuid.uuid4().hex)
        self.proofs = {}  # tag -> task, of what is to be acknowledged
        self._beat = 0
        self._qos = self._client = None
        self._last_round = None
        self._beats = {}  # owner -> (beat, since when it stands)
        self._asked = None  # when the main process had asked for a task that had not come
        self._odd = set()  # (what, tag) of the last round: only what is odd twice is mended

    def delivers(self, qos):
        return self._qos is qos

    def serve(self, qos):
        """The consumer of this process delivers through this one from now on."""
        # A client of its own: the channel's is closed with the channel, in another thread.
        self._client = redis.Redis(connection_pool=qos.channel._get_pool())
        self._qos = qos

    def run(self):
        while True:
            try:
                self.round(time.monotonic())
            except UNAVAILABLE as error:
                log.info("Redis: %s", error)
            except Exception:
                log.exception("the ledger of tasks")
            time.sleep(BEAT_SECONDS)

    def round(self, now):
        qos, client = self._qos, self._client
        held = self._held(qos)
        self._beat += 1
        with client.pipeline() as pipe:
            pipe.hset(BEATS, self.owner, self._beat)
            # Ours are as young as our last beat, for everybody who goes by their age.
            if held:
                pipe.zadd(qos.unacked_index_key, dict.fromkeys(held, time.time()), xx=True)
            pipe.hgetall(BEATS).hgetall(OWNERS).hkeys(qos.unacked_key)
            beats, owners, entries = pipe.execute()[-3:]
        beats = {bytes_to_str(owner): beat for owner, beat in beats.items()}
        owners = {bytes_to_str(tag): bytes_to_str(owner) for tag, owner in owners.items()}
        entries = {bytes_to_str(tag) for tag in entries}
        self._mend_own(qos, client, held, owners, entries)
        for owner in self._dead(beats, owners, now):
            self._bury(qos, client, owner, [tag for tag in owners if owners[tag] == owner])

    @staticmethod
    def _held(qos):
        """{tag: message} of what was delivered to us and is not acknowledged."""
        acked = set(qos._dirty)
        return {tag: message for tag, message in list(qos._delivered.items()) if tag not in acked}

    def _mend_own(self, qos, client, held, owners, entries):
        ours = {tag for tag in entries if owners.get(tag) == self.owner}
        odd = set()
        if not self._waits_for_the_same(qos.channel):
            odd |= {("back", tag) for tag in ours if tag not in held}
        odd |= {("absent", tag) for tag in held if tag not in entries}
        odd |= {("without task", tag) for tag in owners if tag not in entries}
        for what, tag in odd & self._odd:
            if what == "back":
                move_back(client, qos, tag)
            elif what == "absent":
                _enter(client.pipeline(), qos, held[tag], tag, self.owner).execute()
            else:
                client.hdel(OWNERS, tag)
            log.warning("ledger: a task was %s: %s", what, tag)
        self._odd = odd

    def _waits_for_the_same(self, channel):
        """Whether the main process has not yet read what it had asked for at the last round: a task
        that is ours and not held may be just that one."""
        before, self._asked = self._asked, channel._in_poll and channel.es_asked
        return self._asked and self._asked == before

    def _dead(self, beats, owners, now):
        # Who did not look cannot say that nothing moved.
        if self._last_round is None or now - self._last_round > 3 * BEAT_SECONDS:
            self._beats.clear()
        self._last_round = now
        known = set(beats) | set(owners.values())
        self._beats = {owner: seen for owner, seen in self._beats.items() if owner in known}
        name = self.owner.rpartition("/")[0]
        for owner in known - {self.owner}:
            beat, since = self._beats.setdefault(owner, (beats.get(owner), now))
            if beat != beats.get(owner):
                self._beats[owner] = (beats.get(owner), now)
            # One worker has each name: ours had it before us.
            elif now - since > DEAD_SECONDS or owner.rpartition("/")[0] == name:
                yield owner

    @staticmethod
    def _bury(qos, client, owner, tags):
        moved = sum(move_back(client, qos, tag, lost=True) for tag in tags)
        if moved:
            log.warning("worker %s is gone, its %d tasks are queued again", owner, moved)
        client.hdel(BEATS, owner)
