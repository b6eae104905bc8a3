"""Clients like the application's: each command has a connection of its own, to the server that a
Sentinel has just named, and is sent once."""
import random
import select
import socket
import threading
import time

import rendered
from redis_set import DOMAIN, PASSWORD

ANSWER_SECONDS = 8.0  # longer than any promise: an answer that takes so long is none
# The scripts wait 300 ms for those who have just been told a master. A client that this machine
# holds back for longer than that between answer and command proves nothing.
QUICK_SECONDS = 0.1


class Refused(Exception):
    """What a server answered instead of a value."""


class Connection:
    def __init__(self, address, port):
        self.socket = socket.create_connection((address, port), ANSWER_SECONDS)
        self.lines = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.lines.close()
        self.socket.close()

    def ask(self, *words):
        parts = [f"*{len(words)}"] + [part for word in words for part in (f"${len(word)}", word)]
        self.socket.sendall("".join(part + "\r\n" for part in parts).encode())
        return self._read()

    def _read(self):
        line = self.lines.readline().decode().rstrip()
        if not line:
            raise ConnectionResetError("closed by the server")
        kind, rest = line[0], line[1:]
        if kind == "-":
            raise Refused(rest)
        if kind == "*":
            return [self._read() for _ in range(int(rest))]
        if kind == "$":
            return None if rest == "-1" else self.lines.read(int(rest) + 2)[:-2].decode()
        return rest


def sentinel(ordinals, *words):
    with Connection(rendered.REDIS_ADDRESSES[random.choice(ordinals)], 26379) as asked:
        return asked.ask("SENTINEL", *words, "mymaster")


def address_of(name):
    ordinal = name.removeprefix("demo-redis-").removesuffix(f".{DOMAIN}")
    return rendered.REDIS_ADDRESSES[int(ordinal)]


class Client:
    """Goes on until it is stopped. `served()`: the Sentinels that its Service leads to. `failures`:
    (seconds since the start, what). `late`: how many failed that this machine had held back, between
    what they were told and what they sent, for longer than a client may take."""

    def __init__(self, served):
        self.served, self.done, self.failures, self.late = served, 0, [], 0
        self.connection, self.told, self.sent = None, None, None
        self.began, self.stopping, self.broken = time.monotonic(), False, None
        self.thread = threading.Thread(target=self._go_on)
        self.thread.start()

    def stop(self):
        self.stopping = True
        self.thread.join()
        if self.connection:
            self.connection.close()
        if self.broken:
            raise self.broken

    def _go_on(self):
        try:
            while not self.stopping:
                self._try_once()
                time.sleep(0.005)
        except Exception as error:  # else the thread would end unseen
            self.broken = error

    def _try_once(self):
        self.sent = None
        try:
            self._once()
            self.done += 1
        except (OSError, Refused) as error:
            if not self.sent or self.sent - self.told <= QUICK_SECONDS:
                self.failures.append((round(time.monotonic() - self.began, 2), str(error)))
            else:
                self.late += 1
            self._leave()

    def _connect(self, name):
        self.sent = time.monotonic()
        self.connection = Connection(address_of(name), 6379)
        self.connection.ask("AUTH", PASSWORD)

    def _command(self, *words):
        self.sent = time.monotonic()
        return self.connection.ask(*words)

    def _leave(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def _ask_for_master(self):
        name, _ = sentinel(self.served(), "GET-MASTER-ADDR-BY-NAME")
        self.told = time.monotonic()
        self._connect(name)


class Writer(Client):
    """Counts at the master."""

    def _once(self):
        self._ask_for_master()
        self._command("INCR", "count")
        self._leave()


class Keeper(Client):
    """Counts at the master, by a connection that it keeps for as long as the server does."""

    def _once(self):
        if self.connection and select.select([self.connection.socket], [], [], 0)[0]:
            self._leave()
        self.told = time.monotonic()
        if self.connection is None:
            self._ask_for_master()
        self._command("INCR", "count")
        time.sleep(0.05)


class Reader(Client):
    """Reads at a replica that is not known to be down; one that refuses a connection, or ends it before
    it has taken the password, is passed over for the next, and all of them for the master, as by
    redis-py's SentinelConnectionPool.rotate_slaves. The value is there from the beginning: without
    it, it was read too early."""

    def _once(self):
        self._connect_to_any()
        if self._command("GET", "key1") is None:
            raise Refused("nothing is there yet")
        self._leave()

    def _connect_to_any(self):
        told = [dict(zip(it[::2], it[1::2])) for it in sentinel(self.served(), "REPLICAS")]
        self.told = time.monotonic()
        names = [it["ip"] for it in told if "_down" not in it["flags"]]
        for name in random.sample(names, len(names)):
            try:
                return self._connect(name)
            except ConnectionError:
                continue
        self._ask_for_master()
