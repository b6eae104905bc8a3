"""Connections to the object store notice that nobody is there.

As released, a connection to an address that is gone is waited for, for more than two minutes, and
an answer of a peer that is gone for five. Requests are repeated as before.
"""
import socket

from es_redis import keepalive, wraps

CONNECT_SECONDS = 5  # TLS included


def is_number(limit):
    """Not `None`, nor urllib3's sign that nobody has said."""
    return isinstance(limit, (int, float))


def mend_pools(module):
    from urllib3.connection import HTTPConnection
    from urllib3.util import Timeout

    options = [*HTTPConnection.default_socket_options, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    options += [(socket.IPPROTO_TCP, *option) for option in keepalive().items()]

    @wraps(module.PoolManager, "__init__")
    def _(original):
        def __init__(self, *args, **given):
            original(self, *args, **given)
            settings = self.connection_pool_kw
            limit = settings.get("timeout", Timeout())
            if isinstance(limit, Timeout) and limit.total is None:
                connect = limit.connect_timeout
                connect = min(connect, CONNECT_SECONDS) if is_number(connect) else CONNECT_SECONDS
                settings["timeout"] = Timeout(connect=connect, read=limit.read_timeout)
            settings.setdefault("socket_options", options)
        return __init__
