"""An operator that is measured: what a JSON file says of it, and its running process.

    {"name": "…",                      what tables call it
     "namespace": "…", "serviceAccount": "…",   who it is; its requests are counted by that
     "clusterAdmin": true,             optional: binds that role to it
     "install": ["file.yaml", …],      applied before; workloads in it are scaled to none
     "command": ["…", "{kubeconfig}", …],  also {root}, {health} and {metrics}, which are free ports
     "ready": "http://127.0.0.1:{health}/readyz",
     "resource": "file.json",          a resource with {name} for its name
     "collection": "apis/GROUP/VERSION", "plural": "…",
     "label": "…"}                     of the children; its value is the name of their resource
"""
import json
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

import machine
import processes
import programs

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Contender:
    def __init__(self, file):
        said = json.loads(pathlib.Path(file).read_text())
        self.name, self.label = said["name"], said["label"]
        self.namespace, self.account = said["namespace"], said["serviceAccount"]
        self.user = f"system:serviceaccount:{self.namespace}:{self.account}"
        self.admin = said.get("clusterAdmin", False)
        self.install = [ROOT / one for one in said.get("install", [])]
        self.template = ROOT / said["resource"]
        self.collection, self.plural = said["collection"], said["plural"]
        self._command, self._ready = said["command"], said["ready"]

    def path(self, namespace):
        return f"{self.collection}/namespaces/{namespace}/{self.plural}"

    def start(self, plane):
        return Running(self, plane)

    def command(self, kubeconfig, ports):
        values = {"root": ROOT, "kubeconfig": kubeconfig, "health": ports[0], "metrics": ports[1]}
        return ([one.format(**values) for one in self._command], self._ready.format(**values))


class Running:
    """Its process, from the start to `stop`."""

    def __init__(self, contender, plane):
        self.contender = contender
        command, self._ready = contender.command(plane.kubeconfig(contender),
                                                 programs.free_ports(2))
        self.log = plane.folder / f"{contender.name}.log"
        self.began = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log,
                                            preexec_fn=processes.die_with_parent)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.contender.name} ended; see {self.log}")
        try:
            with urllib.request.urlopen(self._ready, timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.HTTPError):
            return False

    def wait_ready(self, seconds=120):
        end = time.monotonic() + seconds
        while not self.is_ready():
            if time.monotonic() > end:
                raise RuntimeError(f"{self.contender.name} is not ready; see {self.log}")
            time.sleep(0.02)
        return time.monotonic()

    def wait_idle(self, quiet=2.0, share=0.02, seconds=900):
        """When it last wanted more than `share` of a core, once it has not for `quiet` seconds.

        Waiting for a core counts as well, or a busy machine would make it look at rest.
        """
        end, step = time.monotonic() + seconds, 0.1
        busy, used = time.monotonic(), sum(machine.scheduled(self.pid))
        while time.monotonic() - busy < quiet:
            if time.monotonic() > end:
                raise RuntimeError(f"{self.contender.name} does not come to rest")
            time.sleep(step)
            now = sum(machine.scheduled(self.pid))
            if now - used > share * step:
                busy = time.monotonic()
            used = now
        return busy

    def cpu(self):
        return machine.precise_cpu_seconds(self.pid)

    def memory(self):
        return machine.memory(self.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
