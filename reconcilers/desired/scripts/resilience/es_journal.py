"""What a task has written to Redis, so that it can be written again.

A server that dies loses the end of its log, and a failover what had not reached the replica. A task
that has begun to write to one server and ends on another writes all of it there again, before its
proof (es_ledger). What is noted may be repeated while the marks of what counts are remembered
(es_redis); of what somebody else has written to the same key since, the task's is what stays.

The task itself is not carried out again for that: it may have removed what it began with. Noted is
what the task's own thread writes.
"""
import contextlib
import functools
import threading
import time

import redis

MARK_SECONDS = 120
# A write may have waited for a minute when it was marked, and writing again takes a while, too.
SECONDS = MARK_SECONDS / 2
MAX_WRITES, MAX_BYTES = 10000, 32 << 20


class Here(threading.local):
    written = None  # by the task that this thread is in


here = Here()


def begin():
    here.written = Written()
    return here.written


def end():
    here.written = None


@contextlib.contextmanager
def noted(client, commands=None, again=None):
    """Around a write: of commands, or one that `again` repeats, or that nothing does. What is
    written for it, within, needs no note."""
    written, here.written = here.written, None
    try:
        if written is not None:
            written.add(client, commands, again)
        yield
    except BaseException:
        if written is not None:
            written.give_up()  # whether it took effect is not known
        raise
    finally:
        here.written = written


def server(client):
    """The process that it writes to; one that does not tell is never the same."""
    try:
        return client.info("server")["run_id"]
    except (redis.exceptions.ResponseError, KeyError):
        return "unknown"


def _send(pool, commands):
    redis.Redis(connection_pool=pool).es_repeat(commands)


class Written:
    """In the order of the writes."""

    def __init__(self):
        self.server = ""  # of the first one
        self._is_whole = True
        self._writes, self._bytes = [], 0  # [(when, how to repeat it)]
        self._pools = {}  # one for each database: each holds connections

    def give_up(self):
        self._is_whole = False
        self._writes.clear()
        self._pools.clear()

    def add(self, client, commands, again):
        pool = client.connection_pool
        if not self.server:
            self.server = server(redis.Redis(connection_pool=pool))
        if commands is not None:
            pool = self._pools.setdefault(pool.connection_kwargs.get("db", 0), pool)
            again = functools.partial(_send, pool, commands)
            self._bytes += sum(len(part) for command in commands for part in command
                               if isinstance(part, (bytes, str)))
        self._writes.append((time.monotonic(), again))
        if (not self._is_whole or again is None or len(self._writes) > MAX_WRITES
                or self._bytes > MAX_BYTES or self._is_late()):
            self.give_up()

    def _is_late(self):
        return bool(self._writes) and time.monotonic() - self._writes[0][0] > SECONDS

    def again(self, client):
        """To the server that is there now; whether that was possible."""
        if not self._is_whole:
            return False
        self.server = server(client)
        for _, write in self._writes:
            if self._is_late():
                return False
            write()
        return True
