"""Calls of Redis outlive a failover: they are repeated, through Sentinel's answer, for a minute.

A call whose answer is lost may have been carried out. So what may be repeated is listed:
- REPEATABLE: a second execution changes nothing (two times HSET is one HSET);
- COUNTED: a second execution would count twice or give a task out twice, so these are sent as a
  script that leaves a mark with the answer, as one step, and does nothing where the mark is;
- anything else is sent once, as without this module.
"""
import functools
import logging
import random
import re
import socket
import threading
import time
import uuid

from redis.exceptions import AuthenticationError, ConnectionError, TimeoutError

import es_journal

PATIENCE_SECONDS = 60
CONNECT_SECONDS = 3
ANSWER_SECONDS = 10
SENTINEL_SECONDS = 2
# How long a connection in use is believed to lead to the master: a failover that was asked for
# leaves the old one writable for seconds, and what is written there is lost.
BELIEVED_SECONDS, BELIEVED_BLINDLY_SECONDS = 1, 10
# A peer that is gone without a word: probes when idle, else how long sent data may go unanswered.
KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20000}

UNAVAILABLE = (ConnectionError, TimeoutError)

READING = frozenset("""
    EXISTS GET HEXISTS HGET HGETALL HKEYS HLEN HMGET HVALS INFO LLEN LRANGE MGET PING ROLE SCARD
    SISMEMBER SMEMBERS STRLEN TIME TTL TYPE ZCARD ZCOUNT ZRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE
    ZSCORE""".split())
REPEATABLE = READING | frozenset("""
    DEL EXPIRE HDEL HMSET HSET HSETNX PEXPIRE PSETEX PUBLISH SADD SET SETEX SREM UNLINK ZADD ZREM
    ZREMRANGEBYSCORE""".split())
COUNTED = frozenset("HINCRBY INCRBY LPUSH RPUSH".split())

ONCE = """
local answer = redis.call('GET', KEYS[1])
if answer then return tonumber(answer) end
answer = redis.call(unpack(ARGV, 2))
redis.call('SET', KEYS[1], answer, 'PX', ARGV[1])
return answer
"""

log = logging.getLogger("resilience")


class NotNow(ConnectionError):
    """Redis answers, and not as a master that may be written to. Later, or elsewhere, it does."""


# What a server says while roles change, or while it cannot write its log, which redis-py knows as a
# mistake of the caller.
REFUSALS = ("NOREPLICAS", "READONLY", "MASTERDOWN", "UNBLOCKED", "MISCONF")
# Redis before 7 says so in the middle of a script's error.
IN_SCRIPT = re.compile(r"^ERR Error running script.*-(%s) " % "|".join(REFUSALS), re.DOTALL)


def is_full(error):
    """Whether it refuses what needs memory (`maxmemory`). What is there it goes on to hand out."""
    return str(error).startswith("OOM ")


class Patience:
    """How long one call goes on. After a call has waited in vain, the next ones of the process try
    once only, until one succeeds: callers have loops of their own, and the waits would multiply."""

    _gave_up = None

    def __init__(self):
        self._begun = self._last = None
        self._wait = 0.1

    def wait(self, error):
        """Sleeps before the next attempt, or raises the error when it is time to give up."""
        now = time.monotonic()
        given_up = Patience._gave_up
        if given_up is not None and now - given_up < PATIENCE_SECONDS:
            raise error
        self._forget_former(now)
        if self._begun is None:
            self._begun = now
            log.warning("Redis: %s; trying again for %s s", error, PATIENCE_SECONDS)
        self._last = now
        if now > self._begun + PATIENCE_SECONDS:
            Patience._gave_up = now
            raise error
        time.sleep(self._wait * random.uniform(0.5, 1))
        self._wait = min(2 * self._wait, 1)

    def succeeded(self):
        Patience._gave_up = None
        now = time.monotonic()
        self._forget_former(now)
        if self._begun is not None:
            log.warning("Redis answers again after %.1f s", now - self._begun)
            self.__init__()

    def _forget_former(self, now):
        """Who had nothing to ask for since the last failure has not waited meanwhile."""
        if self._last is not None and now - self._last > PATIENCE_SECONDS:
            self.__init__()


def persist(call):
    """What the call returns, which may be executed several times."""
    patience = Patience()
    while True:
        try:
            answer = call()
        except AuthenticationError:
            raise
        except UNAVAILABLE as error:
            patience.wait(error)
        else:
            patience.succeeded()
            return answer


def once(command):
    """The command with its mark, if a second execution would count."""
    if command[0] not in COUNTED:
        return command
    mark = "es-once:" + uuid.uuid4().hex
    return ("EVAL", ONCE, 1, mark, 1000 * es_journal.MARK_SECONDS, *command)


def may_repeat(command):
    return command[0] in REPEATABLE or command[0] in COUNTED


def wraps(owner, name):
    """Replaces a method by what the decorated function makes of it."""
    def replace(make):
        original = getattr(owner, name)
        setattr(owner, name, functools.wraps(original)(make(original)))
    return replace


def keepalive():
    """{option: value} of TCP, as far as there is such an option."""
    return {getattr(socket, name): value for name, value in KEEPALIVE.items()
            if hasattr(socket, name)}


def mend_connections(module):
    for word in REFUSALS:
        module.BaseParser.EXCEPTION_CLASSES[word] = NotNow

    @wraps(module.BaseParser, "parse_error")
    def _(original):
        def parse_error(self, response):
            return NotNow(response) if IN_SCRIPT.match(response) else original(self, response)
        return parse_error

    options = keepalive()

    @wraps(module.Connection, "__init__")
    def _(original):
        def __init__(self, *args, **kwargs):
            original(self, *args, **kwargs)
            self.socket_timeout = min(self.socket_timeout or ANSWER_SECONDS, ANSWER_SECONDS)
            self.socket_connect_timeout = min(self.socket_connect_timeout or CONNECT_SECONDS,
                                              CONNECT_SECONDS)
            self.socket_keepalive = True
            self.socket_keepalive_options = {**options, **self.socket_keepalive_options}
        return __init__

    @wraps(module.ConnectionPool, "reset")
    def _(original):
        def reset(self):
            original(self)
            # Garbage may be collected while it is held, and a subscription among it gives its
            # connection back, in the same thread (https://github.com/redis/redis-py/pull/1578).
            self._lock = threading.RLock()
        return reset


def mend_clients(module):
    module.Redis.es_patient = True
    module.Redis.es_master = None  # of a client that reads from replicas

    @wraps(module.Redis, "execute_command")
    def _(original):
        def execute_command(self, *args, **options):
            if self.es_master is not None:
                return _from_replica(self, original, args, options)
            if not self.es_patient:
                return original(self, *args, **options)
            if not may_repeat(args):
                with es_journal.noted(self):
                    return original(self, *args, **options)
            command = once(args)

            def attempt():
                return persist(lambda: original(self, *command, **options))
            if args[0] in READING:
                return attempt()
            with es_journal.noted(self, [command]):
                return attempt()
        return execute_command

    def es_repeat(self, commands):
        """Of which those that count bear their marks."""
        for command in commands:
            persist(lambda: send(self, *command))

    send = module.Redis.execute_command.__wrapped__
    module.Redis.es_repeat = es_repeat

    @wraps(module.Pipeline, "execute")
    def _(original):
        def execute(self, raise_on_error=True):
            stack = self.command_stack
            if not self.es_patient:
                return original(self, raise_on_error)
            if (self.watching or self.scripts
                    or not all(may_repeat(command) for command, _ in stack)):
                with es_journal.noted(self):
                    return original(self, raise_on_error)
            stack = [(once(command), options) for command, options in stack]

            def attempt():
                self.command_stack = list(stack)
                return original(self, raise_on_error)
            commands = [command for command, _ in stack]
            if all(command[0] in READING for command in commands):
                return persist(attempt)
            with es_journal.noted(self, commands):
                return persist(attempt)
        return execute


def _from_replica(client, original, args, options):
    """A replica that has nothing may be late, or a former master that nobody has told yet: only the
    master's word counts for that."""
    try:
        answer = original(client, *args, **options)
    except UNAVAILABLE:
        answer = None
    return answer or client.es_master.execute_command(*args, **options)


def _look_for_master(pool):
    try:
        pool.get_master_address()  # closes what is connected to another one and not in use
        pool.es_next_look = time.monotonic() + BELIEVED_SECONDS
    except UNAVAILABLE:
        pool.es_next_look = time.monotonic() + BELIEVED_BLINDLY_SECONDS


def mend_sentinels(module):
    @wraps(module.Sentinel, "__init__")
    def _(original):
        def __init__(self, *args, **kwargs):
            original(self, *args, **kwargs)
            # The others are asked when one does not answer, so nobody waits for it.
            for client in self.sentinels:
                client.es_patient = False
                client.connection_pool.connection_kwargs.update(
                    socket_timeout=SENTINEL_SECONDS, socket_connect_timeout=SENTINEL_SECONDS)
        return __init__

    module.SentinelConnectionPool.es_next_look = 0

    @wraps(module.SentinelConnectionPool, "get_connection")
    def _(original):
        def get_connection(self, command_name, *keys, **options):
            if self.is_master and time.monotonic() > self.es_next_look:
                _look_for_master(self)
            return original(self, command_name, *keys, **options)
        return get_connection

    @wraps(module.Sentinel, "slave_for")
    def _(original):
        def slave_for(self, service_name, *args, **kwargs):
            client = original(self, service_name, *args, **kwargs)
            client.es_master = self.master_for(service_name, *args, **kwargs)
            return client
        return slave_for
