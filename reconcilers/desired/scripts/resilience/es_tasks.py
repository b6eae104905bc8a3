"""Celery's own part: chords that count right, children that die, and the pause after each task."""
import logging
import time as real_time

import es_ledger
from es_redis import persist, wraps

# A task that was lost with its process so often is not started again: it is likely the cause.
MAX_LOSSES = 3

ON_WITH, DAY = "es-chord:", 86400
# Of those that find all parts there the first one goes on. Again when it is carried out again: it
# may have ended before. The keys are celery's parts, further ones, number of parts.
ENTER_PART = """
if #redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[1]) == 0 then
  redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
end
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[4]) end
local size = redis.call('GET', KEYS[3])
local further = redis.call('GET', KEYS[2]) or 0
if not size or redis.call('ZCARD', KEYS[1]) ~= size + further then return false end
redis.call('SET', KEYS[4], ARGV[3], 'NX', 'EX', ARGV[4])
if redis.call('GET', KEYS[4]) ~= ARGV[3] then return false end
return redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[1])[1]
"""

log = logging.getLogger("resilience")


def mend_chords(module):
    """A part that comes twice, after a redelivery, is one part: else the last ones would be missing
    from a result that looks complete. The first one stays, also while it comes again: else one that
    is just being read would be missing."""
    @wraps(module.RedisBackend, "on_chord_part_return")
    def _(original):
        def on_chord_part_return(self, request, state, result, **kwargs):
            if not request.group or request.group_index is None or not self._chord_zset:
                return original(self, request, state, result, **kwargs)
            part = _enter_part(self, request, state, result)
            if part is None:
                return None
            # What is there already, so that it changes nothing and finds all parts.
            _, _, state, result = self.decode(part)
            return original(self, request, state, result, **kwargs)
        return on_chord_part_return


def _enter_part(backend, request, state, result):
    """The part as it is entered, if all are there and this task is the one to go on with them."""
    group = request.group
    keys = [*(backend.get_key_for_group(group, end) for end in (".j", ".t", ".s")), ON_WITH + group]
    part = backend.encode([1, request.id, state, backend.encode_result(result, state)])
    return persist(lambda: backend.client.eval(
        ENTER_PART, len(keys), *keys, request.group_index, part, request.id, backend.expires or DAY))


def mend_lost_children(module):
    """The task of a child that was killed goes back to its queue instead of being acknowledged."""
    module.Task.reject_on_worker_lost = True
    from celery import signals
    signals.task_postrun.connect(_prove, weak=False)


def _prove(task_id=None, task=None, **_):
    client = getattr(task.backend, "client", None)
    if task.acks_late and client is not None:
        es_ledger.prove(client, task_id)


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
