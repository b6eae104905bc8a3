"""A relay before a server; what passes through it stays as it is."""
import contextlib
import select
import socket
import ssl
import threading
import urllib.parse


class Relay:
    def __init__(self, url, address="127.0.0.1"):
        target = urllib.parse.urlparse(url)
        self.target = (target.hostname, target.port)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, 0), family=family)
        self.port = self.listener.getsockname()[1]
        self.connections = 0

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def connect(self, peer):
        """(client, server): what is read from the one is written to the other."""
        return peer, socket.create_connection(self.target)

    def admit(self, _):
        """Sees what comes from the client; when it is False, the connection ends instead."""
        return True

    def admit_answer(self, _):
        """The same for what comes from the server."""
        return True

    def serve(self, peer):
        try:
            client, server = self.connect(peer)
        except OSError:
            peer.close()
            return
        with client, server, contextlib.suppress(OSError):
            self.relay(client, server)

    def relay(self, client, server):
        """In one thread, since a TLS connection must not be read and written by two at once."""
        other = {client: server, server: client}
        while True:
            ready = [end for end in other if decrypted(end)] or select.select(other, [], [])[0]
            for source in ready:
                source.settimeout(0)
                try:
                    data = source.recv(65536)
                except (BlockingIOError, ssl.SSLWantReadError):  # a record that carries no data
                    continue
                admit = self.admit if source is client else self.admit_answer
                if not data or not admit(data):
                    return
                other[source].settimeout(30)
                other[source].sendall(data)


def decrypted(end):
    """True when there is data that select does not see, since it has left the kernel."""
    return isinstance(end, ssl.SSLSocket) and end.pending() > 0
