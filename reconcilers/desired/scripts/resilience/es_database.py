"""Tasks outlive an outage of Postgres: each waits for it up to PATIENCE_SECONDS in all, and one
whose connection broke in the middle is carried out again.

As released, a task fails with its connection, and its run hangs if the error cannot be noted
either; a dead connection of a pool fails whoever is given it; and where a commit fails for lack of
a connection, the application goes on as if it had not.

Only tasks wait, so nobody does in the API. What counts is whether the connection is there, not
which error arrived: errors of statements leave it open, and those of connections may be swallowed.
"""
import functools
import logging
import select
import threading
import time

import psycopg2
from celery.exceptions import Retry
from psycopg2 import extensions

from es_redis import KEEPALIVE, wraps

PATIENCE_SECONDS = 120
ATTEMPTS = 4  # of a task: it may be what breaks the connections

# For libpq, to whom a node that lost its power is one that takes its time.
SETTINGS = {
    "keepalives": 1, "keepalives_idle": KEEPALIVE["TCP_KEEPIDLE"],
    "keepalives_interval": KEEPALIVE["TCP_KEEPINTVL"], "keepalives_count": KEEPALIVE["TCP_KEEPCNT"]}
if extensions.libpq_version() >= 120000:
    SETTINGS["tcp_user_timeout"] = KEEPALIVE["TCP_USER_TIMEOUT"]

# Also of a session that the server takes for alive, which would hold its locks.
END_SESSION = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = %s AND backend_xid::text::bigint = %s %% 4294967296
"""

log = logging.getLogger("resilience")


class Here(threading.local):
    task = None  # the execution that this thread is in


here = Here()


class Doomed(BaseException):
    """Ends an execution that has lost its transaction. Nobody on the way takes it for an error to
    deal with."""


class Execution:
    """Of one task, with its repetitions."""

    def __init__(self):
        self.lost = False
        self._left = PATIENCE_SECONDS

    def persist(self, connect):
        """What `connect` returns, which may be called several times."""
        pause = 0.2
        while True:
            began = time.monotonic()
            try:
                return connect()
            except psycopg2.OperationalError as error:
                if self._left <= 0:
                    raise
                log.warning("Postgres: %s; trying again for %d s", str(error).strip(), self._left)
            time.sleep(pause)
            pause = min(2 * pause, 5)
            self._left -= time.monotonic() - began


class Patient:
    """A task's `run`."""

    def __init__(self, run, name):
        functools.update_wrapper(self, run)
        self._run, self._name = run, name

    @property
    def __code__(self):
        return self._run.__code__  # the application's tracer looks for names of arguments there

    def __call__(self, *args, **kwargs):
        if here.task is not None:  # called by another one, which is carried out again as a whole
            return self._run(*args, **kwargs)
        here.task = task = Execution()
        try:
            for attempt in range(ATTEMPTS):
                task.lost = False
                try:
                    answer = self._run(*args, **kwargs)
                    if not task.lost:
                        return answer
                except Doomed:
                    pass
                except Retry:
                    raise  # it is queued already
                except Exception:
                    if not task.lost or attempt == ATTEMPTS - 1:
                        raise
                log.warning("%s lost its connection to Postgres", self._name)
            raise psycopg2.OperationalError("the connection was lost %d times" % ATTEMPTS)
        finally:
            here.task = None


def mend_tasks(module):
    @wraps(module.Celery, "_task_from_fun")
    def _(original):
        def _task_from_fun(self, *args, **kwargs):
            task = original(self, *args, **kwargs)
            if not isinstance(task.run, Patient):
                task.run = Patient(task.run, task.name)
            return task
        return _task_from_fun

    @wraps(module.Celery, "send_task")
    def _(original):
        def send_task(self, *args, **kwargs):
            if here.task is not None and here.task.lost:
                raise Doomed()  # what follows it builds on what is not there
            return original(self, *args, **kwargs)
        return send_task


class Connection(extensions.connection):
    """Knows after a commit what became of it, also if the answer was lost."""

    es_settled = False  # nothing is lost with it

    def __init__(self, dsn, *more):
        super().__init__(dsn, *more)
        self._es_dsn = dsn

    def commit(self):
        status = self.info.transaction_status
        if here.task is None or status != extensions.TRANSACTION_STATUS_INTRANS:
            return super().commit()
        session = self.info.backend_pid
        with self.cursor(cursor_factory=extensions.cursor) as cursor:
            cursor.execute("SELECT txid_current_if_assigned()")
            transaction, = cursor.fetchone()  # None: it only read
        try:
            super().commit()
        except psycopg2.Error:
            if not self.closed or transaction is not None and not here.task.persist(
                    lambda: self._is_committed(session, transaction)):
                raise
            self.es_settled = True

    def _is_committed(self, session, transaction):
        other = psycopg2.connect(self._es_dsn)
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT txid_status(%s)", (transaction,))
                state, = cursor.fetchone()
                if state == "in progress":
                    cursor.execute(END_SESSION, (session, transaction))
                    raise psycopg2.OperationalError("a session that is lost goes on")
                return state == "committed"
        except psycopg2.DataError:
            return False  # a server that does not know the number
        finally:
            other.close()


def mend_pools(module):
    @wraps(module.AbstractConnectionPool, "__init__")
    def _(original):
        def __init__(self, minconn, maxconn, *args, **kwargs):
            # Connections are made when asked for, so a process may start before Postgres.
            original(self, 0, maxconn, *args,
                     **{**SETTINGS, "connection_factory": Connection, **kwargs})
            self.minconn = int(minconn)
        return __init__

    pool = module.ThreadedConnectionPool

    @wraps(pool, "putconn")
    def _(original):
        def putconn(self, conn=None, key=None, close=False):
            if here.task is not None and _broke(conn):
                here.task.lost = True
            return original(self, conn, key, close)
        return putconn

    @wraps(pool, "getconn")
    def _(original):
        def standing(pool, key):
            while True:
                connection = original(pool, key)
                if _stands(connection):
                    return connection
                connection.close()
                pool.putconn(connection, key)

        def getconn(self, key=None):
            task = here.task
            if task is None:
                return standing(self, key)
            if task.lost:
                raise Doomed()
            return task.persist(lambda: standing(self, key))
        return getconn


def _broke(connection):
    if getattr(connection, "es_settled", False):
        return False
    if connection.closed:
        return connection.closed == 2  # 1: by the application
    return connection.info.transaction_status == extensions.TRANSACTION_STATUS_UNKNOWN


def _stands(connection):
    """Whether nothing has come on the socket of an idle one, or nothing of importance: usually it
    is its end."""
    poll = select.poll()
    try:
        poll.register(connection.fileno(), select.POLLIN)
        for _ in range(10):
            if not poll.poll(0):
                return True
            connection.poll()
    except psycopg2.Error:
        pass
    return False
