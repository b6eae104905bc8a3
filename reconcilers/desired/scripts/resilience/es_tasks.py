"""Celery's own part: chords that count right, children that die, and the pause after each task."""
import logging
import time as real_time

import es_ledger
from es_redis import wraps

# A task that was lost with its process so often is not started again: it is likely the cause.
MAX_LOSSES = 3

log = logging.getLogger("resilience")


def mend_chords(module):
    """A part that comes twice, after a redelivery, is one part: else the last ones would be missing
    from a result that looks complete."""
    @wraps(module.RedisBackend, "on_chord_part_return")
    def _(original):
        def on_chord_part_return(self, request, state, result, **kwargs):
            if request.group and request.group_index is not None and self._chord_zset:
                self.client.zremrangebyscore(self.get_key_for_group(request.group, ".j"),
                                             request.group_index, request.group_index)
            return original(self, request, state, result, **kwargs)
        return on_chord_part_return


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
