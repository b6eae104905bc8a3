"""A network of its own for an operator; what it sends passes a relay, unless packets vanish.

Nothing of the machine's own network is touched: both ends of the line lie in new namespaces, the
relay's in one and the operator in the other.
"""
import concurrent.futures
import subprocess
import threading

import namespaces

from .relay import Relay

HERE, THERE = "10.78.0.1", "10.78.0.2"


class _Place:
    """A thread that lives in a network namespace, and all that it starts."""

    def __init__(self):
        self.pool = concurrent.futures.ThreadPoolExecutor(
            1, initializer=lambda: namespaces.enter(namespaces.NETWORK))
        self.thread = self.do(threading.get_native_id)

    def do(self, function, *arguments, **options):
        return self.pool.submit(function, *arguments, **options).result()

    def ip(self, line):
        self.do(subprocess.run, ["ip", *line.split()], check=True)


class Elsewhere:
    def __init__(self, server):
        self.here, self.there = _Place(), _Place()
        self.here.ip("link set lo up")
        self.here.ip("link add line type veth peer name end")
        self.here.ip(f"link set end netns {self.there.thread}")
        for place, address, device in ((self.here, HERE, "line"), (self.there, THERE, "end")):
            place.ip(f"addr add {address}/24 dev {device}")
            place.ip(f"link set {device} up")
        self.relay = self.there.do(Relay, server, THERE)
        self.url = f"https://{THERE}:{self.relay.port}"

    def __enter__(self):
        self.relay.__enter__()  # its connections to the server are made from the machine's network
        return self

    def __exit__(self, *_):
        self.relay.__exit__()
        for place in (self.here, self.there):
            place.pool.shutdown()

    def swallow_packets(self):
        """Nothing arrives here any more, acknowledgements included."""
        self.there.ip(f"route add blackhole {HERE}/32")

    def let_through(self):
        self.there.ip(f"route del blackhole {HERE}/32")
