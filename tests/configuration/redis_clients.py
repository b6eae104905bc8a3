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
# The scripts wait 50 ms for those who have just been told a master. A client that this machine
# holds back for longer than that between answer and command proves nothing.
QUICK_SECONDS = 0.03


class Refused(Exception):
    """What a server answered instead of a value."""


class Connection:
    def __init__(self, address, port):
        self.socket = socket.create_connection((address, port), ANSWER_SECONDS)
        self.lines = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
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
    """Goes on until it is stopped. `ordinals`: the Sentinels that its Service leads to, a list that
    the test changes. `failures`: (seconds since the start, what), of commands that were sent in time."""

    def __init__(self, ordinals):
        self.ordinals, self.done, self.failures = ordinals, 0, []
        self.began, self.stopping = time.monotonic(), False
        self.thread = threading.Thread(target=self._go_on)
        self.thread.start()

    def stop(self):
        self.stopping = True
        self.thread.join()

    def _go_on(self):
        while not self.stopping:
            self.told = time.monotonic()
            self.late = False
            try:
                self._once()
                self.done += 1
            except (OSError, Refused) as error:
                if not self.late:
                    self.failures.append((round(time.monotonic() - self.began, 2), str(error)))
            time.sleep(0.005)

    def _command(self, connection, *words):
        connection.ask("AUTH", PASSWORD)
        self.late = time.monotonic() - self.told > QUICK_SECONDS
        return connection.ask(*words)


class Writer(Client):
    """Counts at the master."""

    def _once(self):
        name, _ = sentinel(self.ordinals, "GET-MASTER-ADDR-BY-NAME")
        self.told = time.monotonic()
        with Connection(address_of(name), 6379) as master:
            self._command(master, "INCR", "count")


class Keeper(Client):
    """Counts at the master, by a connection that it keeps for as long as the server does."""
    connection = None

    def _once(self):
        if self.connection and select.select([self.connection.socket], [], [], 0)[0]:
            self._drop()
        if self.connection is None:
            name, _ = sentinel(self.ordinals, "GET-MASTER-ADDR-BY-NAME")
            self.told = time.monotonic()
            self.connection = Connection(address_of(name), 6379)
            self.connection.ask("AUTH", PASSWORD)
            self.late = time.monotonic() - self.told > QUICK_SECONDS
        try:
            self.connection.ask("INCR", "count")
        except (OSError, Refused):
            self._drop()
            raise
        time.sleep(0.05)

    def _drop(self):
        self.connection.socket.close()
        self.connection = None


class Reader(Client):
    """Reads at a replica that is not known to be down; one that refuses its connection is passed over
    for the next. The value is there from the beginning: without it, it was read too early."""

    def _once(self):
        told = [dict(zip(it[::2], it[1::2])) for it in sentinel(self.ordinals, "REPLICAS")]
        self.told = time.monotonic()
        names = [it["ip"] for it in told if "_down" not in it["flags"]]
        for name in random.sample(names, len(names)):
            try:
                replica = Connection(address_of(name), 6379)
            except ConnectionRefusedError:
                continue
            with replica:
                if self._command(replica, "GET", "key1") is None:
                    raise Refused("nothing is there yet")
            return
