"""Connections to Postgres: one pool for each process, made when the process first needs it."""
import contextlib
import logging
import random
import time

import psycopg2
import psycopg2.pool

from entityservice import settings

log = logging.getLogger(__name__)

# How long a process tries to reach the database before it gives up.
PATIENCE_SECONDS = 120

_pool = None


def open_pool(minimum, maximum):
    """Ends the process if the database cannot be reached; its parent starts another."""
    global _pool
    give_up = time.monotonic() + PATIENCE_SECONDS
    wait = 0.5
    while _pool is None:
        try:
            _pool = psycopg2.pool.ThreadedConnectionPool(
                minimum, maximum, host=settings.DATABASE_SERVER, dbname=settings.DATABASE,
                user=settings.DATABASE_USER, password=settings.DATABASE_PASSWORD)
        except psycopg2.OperationalError as error:
            if time.monotonic() > give_up:
                raise SystemExit("database: %s" % error)
            log.warning("database: %s", error)
            time.sleep(random.uniform(0, wait))
            wait = min(2 * wait, 10)


def close_pool():
    global _pool
    if _pool is not None:
        _pool.closeall()
        _pool = None


@contextlib.contextmanager
def transaction():
    """A cursor; commits at the end. The connection is used as the pool gives it: one that died
    since it was last used fails this once and is then replaced."""
    connection = _pool.getconn()
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        _pool.putconn(connection)


def rows(statement, *values):
    with transaction() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def row(statement, *values):
    """The first row, or None."""
    found = rows(statement, *values)
    return found[0] if found else None


def execute(statement, *values):
    """The number of rows that changed."""
    with transaction() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount
