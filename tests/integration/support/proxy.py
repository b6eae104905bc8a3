"""A TLS proxy before the API server that lets n writes pass and holds the next one for ever."""
import os
import select
import socket
import ssl
import subprocess
import threading
import urllib.parse

import yaml

WRITES = (b"PATCH ", b"POST ", b"PUT ", b"DELETE ")


class WritesProxy:
    def __init__(self, cluster, folder, after):
        self.after, self.count = after, 0
        self.reached = False
        self.lock = threading.Lock()
        entry = yaml.safe_load(open(cluster.kubeconfig))["clusters"][0]["cluster"]
        target = urllib.parse.urlparse(entry["server"])
        self.target = (target.hostname, target.port)
        self.outward = ssl.create_default_context(cafile=entry["certificate-authority"])
        self.ca = os.path.join(folder, "proxy.crt")
        key = os.path.join(folder, "proxy.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", self.ca, "-days", "2", "-subj", "/CN=proxy",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        self.inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.inward.load_cert_chain(self.ca, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"

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
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        try:
            client = self.inward.wrap_socket(peer, server_side=True)
            server = self.outward.wrap_socket(socket.create_connection(self.target),
                                              server_hostname=self.target[0])
        except OSError:
            peer.close()
            return
        try:
            self.relay(client, server)
        except OSError:
            pass
        for end in (client, server):
            end.close()

    def admit(self, data):
        line = data.split(b"\r\n", 1)[0]
        if not line.startswith(WRITES) or b"/leases" in line:
            return True
        with self.lock:
            if self.count == self.after:
                self.reached = True
                return False
            self.count += 1
            return True

    def relay(self, client, server):
        """In one thread, since a TLS connection must not be read and written by two at once."""
        other = {client: server, server: client}
        while True:
            ready = [end for end in other if end.pending()] or select.select(other, [], [])[0]
            for source in ready:
                source.settimeout(0)
                try:
                    data = source.recv(65536)
                except ssl.SSLWantReadError:  # a record that carries no data
                    continue
                if not data:
                    return
                if source is client and not self.admit(data):
                    threading.Event().wait(120)  # until the operator is killed
                    return
                other[source].settimeout(30)
                other[source].sendall(data)
