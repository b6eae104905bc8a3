"""What a task has written to Redis, so that it can be written again.

A server that dies loses the end of its log, and a failover what had not reached the replica. A task
that has begun to write to one server and ends on another writes all of it there again, before its
proof (es_ledger). Where it is still there, that changes nothing: what is noted here may be repeated,
while the marks of what counts are remembered (es_redis).

The task itself is not carried out again for that: it may have removed what it began with.
"""
import collections
import contextlib
import threading
import time

import redis

MARK_SECONDS = 120
# A write may have waited for a minute when it was marked, and writing again takes a while, too.
SECONDS = MARK_SECONDS / 2
# So many and no more are kept in memory.
MAX_WRITES = 10000


class Here(threading.local):
    written = None  # by the task that this thread is in


here = Here()


def begin():
    here.written = Written()
    return here.written


@contextlib.contextmanager
def paused():
    """What is written meanwhile is not noted."""
    written, here.written = here.written, None
    try:
        yield
    finally:
        here.written = written


def note(client, write):
    """Before a write; `write` repeats it. None: there is no way to."""
    written = here.written
    if written is not None:
        with paused():
            written.add(client, write)


def server(client):
    """The process that it writes to."""
    return redis.Redis(connection_pool=client.connection_pool).info("server")["run_id"]


class Written:
    """In the order of the writes."""

    def __init__(self):
        self.server = ""  # of the first one
        self._is_whole = True
        self._writes = collections.deque(maxlen=MAX_WRITES)

    def add(self, client, write):
        if not self.server:
            self.server = server(client)
        if write is None or len(self._writes) == MAX_WRITES:
            self._is_whole = False
        self._writes.append((time.monotonic(), write))

    def again(self, client):
        """To the server that is there now; whether that was possible."""
        if not self._is_whole or (
                self._writes and time.monotonic() - self._writes[0][0] > SECONDS):
            return False
        self.server = server(client)
        for _, write in self._writes:
            write()
        return True
