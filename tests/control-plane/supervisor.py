"""supervisor.py STATE BINARIES [--runner PID] [--real COUNT PROGRAMS]: starts one cluster and keeps it
until told to end it, until the runner is gone, or until it is itself killed; its programs never outlive
it. With --real it has so many real nodes, whose programs are in the folder PROGRAMS.

STATE gets state.json (what runs), `started` or `failed`, the programs' logs, kubeconfigs, keys.
"""
import argparse
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

import fake_nodes
import processes
import programs

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "real-nodes"))
import real_nodes  # noqa: E402

MEMORY = pathlib.Path("/dev/shm")
MEMORY_PREFIX = "entityservice-cluster-"


class Supervisor:
    def __init__(self, state, binaries, runner, nodes):
        self.state, self.binaries, self.runner, self.nodes = state, binaries, runner, nodes
        self.children = {}
        me = processes.identity(os.getpid())
        self.data = MEMORY / (MEMORY_PREFIX + me) if os.access(MEMORY, os.W_OK) else state / "etcd"
        self.data.mkdir(mode=0o700, parents=True)
        ports = programs.free_ports(6)
        self.commands = programs.commands(HERE, binaries, state, self.data, ports, nodes.address)
        self.facts = {"supervisor": me, "binaries": str(binaries),
                      "server": f"https://{nodes.address}:{ports[0]}",
                      "etcd": f"http://127.0.0.1:{ports[1]}", "programs": {}}

    def write_facts(self):
        self.facts["programs"] = {name: processes.identity(child.pid)
                                  for name, child in self.children.items()}
        fresh = self.state / "state.json.new"
        fresh.write_text(json.dumps(self.facts, indent=1))
        fresh.rename(self.state / "state.json")

    def start(self, name):
        if name in self.children and self.children[name].poll() is None:
            return
        with open(self.state / f"{name}.log", "ab") as log:
            self.children[name] = subprocess.Popen(
                self.commands[name], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.state, preexec_fn=processes.die_with_parent)
        self.write_facts()

    def stop(self, name):
        # SIGKILL: after SIGTERM an API server lives on for a minute while watches are open.
        child = self.children.pop(name, None)
        if child:
            child.kill()
            child.wait()
        self.write_facts()

    def kubectl(self, *arguments, check=True):
        return subprocess.run(
            [self.binaries / "kubectl", f"--kubeconfig={self.state}/admin.kubeconfig", *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=check)

    def until(self, what, condition, seconds=90):
        deadline = time.monotonic() + seconds
        while not condition():
            if self.runner_is_gone():
                raise RuntimeError("the runner is gone")
            for name, child in self.children.items():
                if child.poll() is not None:
                    raise RuntimeError(f"{name} ended; see {self.state}/{name}.log")
            if time.monotonic() > deadline:
                raise RuntimeError(f"no {what} within {seconds} s; see the logs in {self.state}")
            time.sleep(0.1)

    def ready(self):
        return self.kubectl("get", "--raw=/readyz", check=False).returncode == 0

    def start_all(self):
        subprocess.run([HERE / "pki.sh", self.state, self.facts["server"]], check=True)
        self.start("etcd")
        self.start("kube-apiserver")
        self.until("ready API server", self.ready, 180)
        self.start("kube-controller-manager")
        self.start("kube-scheduler")
        self.nodes.start(self)
        self.until("default ServiceAccount", lambda: self.kubectl(
            "get", "serviceaccount", "default", check=False).returncode == 0)
        self.until("ready nodes", lambda: self.kubectl(
            "wait", "--for=condition=Ready", "node", "--all", "--timeout=5s",
            check=False).returncode == 0)
        self.nodes.finish(self)
        # Published last and under this name: who sees it finds a cluster that works.
        shutil.copy(self.state / "admin.kubeconfig", self.state / "kubeconfig.new")
        (self.state / "kubeconfig.new").rename(self.state / "kubeconfig")
        (self.state / "started").touch()

    def answer(self, request):
        if request.get("program") in self.nodes.names():
            switch = self.nodes.power_on if request["do"] == "start" else self.nodes.power_off
            switch(request["program"])
        elif request["do"] == "start":
            self.start(request["program"])
            if request["program"] == "kube-apiserver":
                self.until("ready API server", self.ready, 180)
        elif request["do"] == "stop":
            self.stop(request["program"])
        return {"facts": self.facts}

    def runner_is_gone(self):
        return self.runner is not None and bool(select.select([self.runner], [], [], 0)[0])

    def serve(self, listener):
        """Until asked to end; requests come from the same user only."""
        awaited = [listener] if self.runner is None else [listener, self.runner]
        while not self.runner_is_gone():
            if listener in select.select(awaited, [], [])[0]:
                connection, _ = listener.accept()
                with connection:
                    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                    if int.from_bytes(peer[4:8], sys.byteorder) != os.getuid():
                        continue
                    try:
                        request = json.loads(connection.makefile().readline() or "{}")
                        if request.get("do") == "down":
                            return
                        reply = self.answer(request) if request else {}
                    except Exception as error:  # told to the one who asked
                        reply = {"error": str(error)}
                    try:
                        connection.sendall(json.dumps(reply).encode() + b"\n")
                    except OSError:
                        pass

    def end(self):
        self.nodes.end()
        for child in self.children.values():
            child.kill()
        for child in self.children.values():
            child.wait()
        shutil.rmtree(self.data, ignore_errors=True)
        for name in ("started", "kubeconfig"):
            (self.state / name).unlink(missing_ok=True)


def end_by_signal(*_):
    sys.exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("state", type=pathlib.Path)
    parser.add_argument("binaries", type=pathlib.Path)
    parser.add_argument("--runner", type=int)
    parser.add_argument("--real", nargs=2, metavar=("COUNT", "PROGRAMS"))
    given = parser.parse_args()
    state = given.state.resolve()
    os.environ.pop("KUBECONFIG", None)  # csi-provisioner prefers it to its own argument
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end_by_signal)
    try:
        runner = os.pidfd_open(given.runner) if given.runner else None
    except ProcessLookupError:
        return
    nodes = real_nodes.RealNodes(state, pathlib.Path(given.real[1]), int(given.real[0])) \
        if given.real else fake_nodes.FakeNodes()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(processes.control_address(state))
    listener.listen()
    supervisor = Supervisor(state, given.binaries.resolve(), runner, nodes)
    supervisor.write_facts()
    try:
        nodes.prepare()
        supervisor.start_all()
        supervisor.serve(listener)
    except Exception as error:
        (state / "failed").write_text(f"{error}\n{getattr(error, 'stderr', '') or ''}")
        raise
    finally:
        supervisor.end()


if __name__ == "__main__":
    main()
