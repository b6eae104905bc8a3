"""A TLS proxy before the API server that lets n writes pass and holds the next one for ever."""
import os
import socket
import ssl
import subprocess
import threading

from .relay import Relay

WRITES = (b"PATCH ", b"POST ", b"PUT ", b"DELETE ")


def self_signed(folder, name):
    """(certificate, key) of a server on 127.0.0.1, as paths."""
    certificate, key = (os.path.join(folder, f"{name}.{end}") for end in ("crt", "key"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return certificate, key


class WritesProxy(Relay):
    def __init__(self, cluster, folder, after):
        super().__init__(cluster.server)
        self.after, self.count = after, 0
        self.reached = False
        self.lock = threading.Lock()
        self.outward = ssl.create_default_context(cafile=cluster.pki / "ca.crt")
        self.ca, key = self_signed(folder, "proxy")
        self.inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.inward.load_cert_chain(self.ca, key)
        self.url = f"https://127.0.0.1:{self.port}"

    def connect(self, peer):
        client = self.inward.wrap_socket(peer, server_side=True)
        return client, self.outward.wrap_socket(socket.create_connection(self.target),
                                                server_hostname=self.target[0])

    def admit(self, data):
        line = data.split(b"\r\n", 1)[0]
        if not line.startswith(WRITES) or b"/leases" in line:
            return True
        with self.lock:
            if self.count < self.after:
                self.count += 1
                return True
            self.reached = True
        threading.Event().wait(120)  # until the operator is killed
        return False
