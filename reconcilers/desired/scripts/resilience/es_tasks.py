"""Celery's own part: results that nobody waits for, chords that count right, children that die, and
the pause after each task."""
import logging
import time as real_time

import es_journal
import es_ledger
from es_redis import persist, wraps

# A task that was lost with its process so often is not started again: it is likely the cause.
MAX_LOSSES = 3

ON_WITH, DAY = "es-chord:", 86400
# All parts, for the first of those that find them there. Again when it is carried out again: it may
# have ended before it could go on. The keys are celery's parts, further ones, number of parts.
ENTER_PART = """
if #redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[1]) == 0 then
  redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
end
if tonumber(ARGV[4]) > 0 then
  for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
end
local size = redis.call('GET', KEYS[3])
local further = redis.call('GET', KEYS[2]) or 0
if not size or redis.call('ZCARD', KEYS[1]) ~= size + further then return false end
redis.call('SET', KEYS[4], ARGV[3], 'NX', 'EX', ARGV[5])
if redis.call('GET', KEYS[4]) ~= ARGV[3] then return false end
return redis.call('ZRANGE', KEYS[1], 0, -1)
"""

log = logging.getLogger("resilience")


def mend_backend(module):
    mend_chords(module)
    mend_results(module)


def mend_results(module):
    """A task waits for no other one. So a process that carries out tasks hears of no results, which
    nobody would read (unless within `allow_join_result`, of those that are begun there); and whoever
    hears of them leaves the connection that broke."""
    consumer = module.ResultConsumer

    @wraps(consumer, "consume_from")
    def _(original):
        def consume_from(self, task_id):
            if not module.task_join_will_block():
                original(self, task_id)
        return consume_from

    @wraps(consumer, "_reconnect_pubsub")
    def _(original):
        def _reconnect_pubsub(self):
            if self._pubsub is not None:
                self._pubsub.close()
            original(self)
        return _reconnect_pubsub


def mend_chords(module):
    """A part that comes twice, after a redelivery, is one part: else the last ones would be missing
    from a result that looks complete. The first one stays, and the parts are read in the step that
    finds them complete: who reads them later may find them taken out by another one."""
    @wraps(module.RedisBackend, "on_chord_part_return")
    def _(original):
        def on_chord_part_return(self, request, state, result, **kwargs):
            if (not request.id or not request.group or request.group_index is None
                    or not self._chord_zset):
                return original(self, request, state, result, **kwargs)

            def enter():
                parts = _enter_part(self, request, state, result)
                if parts is None:
                    return None
                if module.GroupResult.restore(request.group) is None:
                    return _go_on(self, module, request, parts)
                # Its results have a structure of their own. What is there already is entered again.
                own, = (part for part in map(self.decode, parts) if part[1] == request.id)
                return original(self, request, own[2], own[3], **kwargs)
            with es_journal.noted(self.client, again=enter):
                return enter()
        return on_chord_part_return


def _parts_keys(backend, group):
    return [backend.get_key_for_group(group, end) for end in (".j", ".t", ".s")]


def _enter_part(backend, request, state, result):
    """All parts, if this one was the last and the task is the one to go on with them."""
    keys = [*_parts_keys(backend, request.group), ON_WITH + request.group]
    part = backend.encode([1, request.id, state, backend.encode_result(result, state)])
    return persist(lambda: backend.client.eval(
        ENTER_PART, len(keys), *keys, request.group_index, part, request.id,
        int(backend.expires or 0), DAY))


def _go_on(backend, module, request, parts):
    callback = module.maybe_signature(request.chord, app=backend.app)
    try:
        callback.delay([backend._unpack_chord_result(part, backend.decode) for part in parts])
    except Exception as error:
        log.exception("all parts of %s are there, and it cannot go on", request.group)
        if not isinstance(error, module.ChordError):
            error = module.ChordError("Callback error: %r" % error)
        return backend.chord_error_from_stack(callback, error)
    finally:
        backend.client.delete(*_parts_keys(backend, request.group))


def mend_lost_children(module):
    """The task of a child that was killed goes back to its queue instead of being acknowledged."""
    module.Task.reject_on_worker_lost = True
    from celery import signals
    signals.task_prerun.connect(_begin, weak=False)
    signals.task_postrun.connect(_prove, weak=False)


def _begin(task=None, **_):
    if task.request.is_eager:
        return  # a part of the one that calls it
    es_journal.end()
    if task.acks_late and hasattr(task.backend, "client"):
        task.request.es_written = es_journal.begin()


def _prove(task_id=None, task=None, **_):
    written = getattr(task.request, "es_written", None)
    if written is not None:
        task.request.es_written = None  # its parts of chords know the request
        es_journal.end()
        es_ledger.prove(task.backend.client, task_id, written)


def mend_requests(module):
    request = module.Request
    by_pool = []  # not empty while the pool tells of a child's end, not the child of its task's

    @wraps(request, "on_failure")
    def _(original):
        def on_failure(self, exc_info, send_failed_event=True, return_ok=False):
            by_pool.extend([] if return_ok else [self])
            try:
                return original(self, exc_info, send_failed_event, return_ok)
            finally:
                by_pool.clear()
        return on_failure

    @wraps(request, "acknowledge")
    def _(original):
        def acknowledge(self):
            if not by_pool and self.task.acks_late and self.time_start and not self.acknowledged:
                es_ledger.ask_for_proof(self._message.delivery_tag, self.id)
            return original(self)
        return acknowledge

    @wraps(request, "__init__")
    def _(original):
        def __init__(self, *args, **kwargs):
            original(self, *args, **kwargs)
            losses = self._request_dict.get(es_ledger.LOSSES) or 0
            if losses >= MAX_LOSSES:
                _spoil(self, losses)
        return __init__


def _spoil(request, losses):
    """Lets the task fail where tasks fail, with all that follows from it: by an argument that it
    does not take."""
    from kombu.utils.json import dumps
    if request.content_type != "application/json":
        return
    args, kwargs, embed = request._payload
    kwargs = {**kwargs, "lost_%d_times_with_its_worker" % losses: True}
    request._body = dumps([args, kwargs, embed]).encode()
    log.error("task %s was lost %d times with its worker and is given up", request.id, losses)


class _Hurried:
    """The module `time` for those who only mean to wait."""

    def __getattr__(self, name):
        return getattr(real_time, name)

    @staticmethod
    def sleep(_):
        pass


def mend_pause(module):
    """The pause is for a tracer that is off. It comes after the result is stored and before the
    slot is free."""
    module.time = _Hurried()
