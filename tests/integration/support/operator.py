"""The operator under test: a process that has what is granted to a ServiceAccount, by default install.yaml's."""
import os
import random
import signal
import socket
import subprocess
import time
import urllib.request

import sanitizers
import yaml

from .waiting import until

NAMESPACE = "entityservice-system"


given = set()


def free_port():
    """Below the range from which connections take theirs, or one of those could have it a moment later."""
    while True:
        port = random.randrange(20000, 27000)
        if port in given:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        given.add(port)
        return port


class Operator:
    def __init__(self, cluster, api, folder, server=None, ca=None, lease="entityservice-operator",
                 account=(NAMESPACE, "entityservice-operator"), server_name=None):
        self.cluster, self.api, self.folder = cluster, api, folder
        self.server, self.ca, self.lease, self.server_name = server, ca, lease, server_name
        self.namespace, self.account = account
        self.user = f"system:serviceaccount:{self.namespace}:{self.account}"
        self.process = None
        self.log = os.path.join(folder, "operator.log")

    def kubeconfig(self):
        token = self.api.request(
            "POST", f"api/v1/namespaces/{self.namespace}/serviceaccounts/{self.account}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
             "spec": {"expirationSeconds": 7200}})["status"]["token"]
        admin = yaml.safe_load(open(self.cluster.kubeconfig))["clusters"][0]["cluster"]
        path = os.path.join(self.folder, "operator.kubeconfig")
        named = {"tls-server-name": self.server_name} if self.server_name else {}
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "it",
            "clusters": [{"name": "it", "cluster": {
                "server": self.server or admin["server"],
                "certificate-authority": self.ca or admin["certificate-authority"], **named}}],
            "users": [{"name": "it", "user": {"token": token}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        }
        with open(path, "w") as file:
            yaml.safe_dump(config, file)
        return path

    def start(self, *extra, ready=True, kubeconfig=None):
        assert self.process is None
        self.health, self.metrics = free_port(), free_port()
        command = [os.environ["OPERATOR"], "run", "--kubeconfig", kubeconfig or self.kubeconfig(),
                   "--lease-namespace", self.namespace, "--lease-name", self.lease,
                   "--metrics-bind-address", f"127.0.0.1:{self.metrics}",
                   "--health-probe-bind-address", f"127.0.0.1:{self.health}", *extra]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        if ready:
            until(self.is_ready, 60, "the operator is ready; see " + self.log)
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"the operator ended: {self.tail()}"
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.health}/readyz", timeout=2).status == 200
        except OSError:
            return False

    def read_metrics(self):
        return urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5).read().decode()

    def stop(self, kill=False):
        """Ends the process; a proper stop must be quick and clean."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if kill:
            process.kill()
            process.wait()
        else:
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=30)
            self.stopping_took = time.monotonic() - started
            assert code == 0, f"exit code {code}: {self.tail()}"
        report = sanitizers.found_in(self.log)
        assert not report, report

    def tail(self, lines=15):
        return "".join(open(self.log, errors="replace").readlines()[-lines:])
