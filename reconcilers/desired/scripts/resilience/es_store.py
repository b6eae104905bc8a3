"""Connections to the object store notice that nobody is there.

As released, a connection to an address that is gone is waited for, for more than two minutes, and
an answer of a peer that is gone for five. Requests are repeated as before.
"""
import socket

from es_redis import keepalive, wraps

CONNECT_SECONDS = 5  # TLS included


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
                settings["timeout"] = Timeout(connect=CONNECT_SECONDS, read=limit.read_timeout)
            settings.setdefault("socket_options", options)
        return __init__
