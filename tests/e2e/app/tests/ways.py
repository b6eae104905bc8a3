"""Ways to a server that lose or keep what they carry."""
import contextlib
import socket
import threading


class Way:
    """Listens at an address of its own and carries each connection in a thread: `carry(client)`."""

    def __init__(self, address):
        self.listener = socket.create_server(address)

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        raise NotImplementedError
