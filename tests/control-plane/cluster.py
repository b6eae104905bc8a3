"""A local control plane: real API server, fake nodes and pods.

    import cluster
    with cluster.start(state_dir) as c:
        c.run_kubectl("get", "nodes")

It ends with the process that started it, however that ends (die_with=None: it stays until `stop`).
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import faults
import processes
import supervisor as _supervisor

HERE = pathlib.Path(__file__).resolve().parent


# Seconds that an answer of the supervisor may take, and that its end may.
PATIENCE = {"start": 240, "stop": 240, "down": 5}
GRACE = 20


class ClusterError(RuntimeError):
    pass


def binaries(kubernetes=None):
    """The folder of the programs; builds those that the cache lacks."""
    version = kubernetes or os.environ.get("KUBERNETES")
    built = subprocess.run([HERE / "build.sh", *([version] if version else [])],
                           stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        raise ClusterError("the control plane's programs could not be built")
    return pathlib.Path(built.stdout.strip())


def node_programs():
    """The folder of what a real node runs; builds it when the cache lacks it."""
    built = subprocess.run([HERE.parent / "real-nodes/build.sh"], stdout=subprocess.PIPE, text=True,
                           check=False)
    if built.returncode != 0:
        raise ClusterError("the programs of real nodes could not be built")
    return pathlib.Path(built.stdout.strip())


def _ask(state, request):
    """The supervisor's answer, None when there is no supervisor."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE[request["do"]])
        try:
            connection.connect(processes.control_address(state))
            connection.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(connection.makefile().readline() or "{}")
        except (ConnectionError, FileNotFoundError):
            return None


def _facts(state):
    try:
        return json.loads((state / "state.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}


def _sweep():
    """Removes etcd data in memory whose supervisor was killed together with everything else."""
    for left in _supervisor.MEMORY.glob(_supervisor.MEMORY_PREFIX + "*"):
        if not processes.alive(left.name.removeprefix(_supervisor.MEMORY_PREFIX)):
            shutil.rmtree(left, ignore_errors=True)


def stop(state_dir):
    """Ends what runs on this state, a started operator included, and removes the state."""
    state = pathlib.Path(state_dir).resolve()
    operator = state / "operator.identity"
    if operator.exists():
        processes.end(operator.read_text().strip())
    facts = _facts(state)
    with contextlib.suppress(TimeoutError):  # then it is ended below
        _ask(state, {"do": "down"})
    deadline = time.monotonic() + 5
    while processes.alive(facts.get("supervisor")) and time.monotonic() < deadline:
        time.sleep(0.02)
    processes.end(facts.get("supervisor"), GRACE)
    for known in facts.get("programs", {}).values():
        processes.end(known, grace=2)
    _sweep()
    if (state / "node-1").exists():
        _supervisor.real_nodes.clear()
    if (state / "supervisor.log").exists():  # ours, not a folder given by mistake
        shutil.rmtree(state)


class KubectlError(subprocess.CalledProcessError):
    """What kubectl said is part of the message."""

    def __str__(self):
        return f"{super().__str__()} {(self.stderr or '').strip()}".strip()


class Cluster:
    def __init__(self, state, programs_dir, child=None):
        self.state, self.binaries, self._child = state, programs_dir, child
        self.kubeconfig = state / "kubeconfig"
        self.pki = state / "pki"
        self.audit_log = state / "audit.log"
        self.kubectl = programs_dir / "kubectl"
        self.server = _facts(state)["server"]
        self.etcd = _facts(state)["etcd"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def pid(self, program):
        known = _facts(self.state).get("programs", {}).get(program)
        return int(known.partition("-")[0]) if processes.alive(known) else None

    @property
    def api_pid(self):
        return self.pid("kube-apiserver")

    def run_kubectl(self, *arguments, **options):
        """Its standard output as text; raises KubectlError unless check=False."""
        options = {"capture_output": True, "text": True, "check": True, "timeout": 120, **options}
        try:
            return subprocess.run([self.kubectl, f"--kubeconfig={self.kubeconfig}", *arguments],
                                  **options).stdout
        except subprocess.CalledProcessError as error:
            raise KubectlError(*error.args, error.output, error.stderr) from None

    def token(self, namespace, service_account):
        return self.run_kubectl("create", "token", service_account, "-n", namespace,
                                "--duration=24h").strip()

    def write_kubeconfig(self, path, token):
        """A kubeconfig for this cluster whose only user has this token."""
        path = pathlib.Path(path)
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "local",
            "clusters": [{"name": "local", "cluster": {
                "server": self.server, "certificate-authority": str(self.pki / "ca.crt")}}],
            "users": [{"name": "token", "user": {"token": token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "token"}}]}
        path.touch(mode=0o600)
        path.write_text(json.dumps(config, indent=1))
        return path

    def _do(self, what, program):
        try:
            reply = _ask(self.state, {"do": what, "program": program})
        except TimeoutError:
            raise ClusterError(f"{what} {program}: the cluster's supervisor does not answer; end it: "
                               "./dev cluster down") from None
        if reply is None or "error" in reply:
            raise ClusterError(f"{what} {program}: {reply or 'the cluster does not run'}")

    def stop_program(self, program):
        self._do("stop", program)

    def start_program(self, program):
        self._do("start", program)

    def power_off(self, node):
        """A real node, at once."""
        self._do("stop", node)

    def power_on(self, node):
        """Returns before the node is Ready."""
        self._do("start", node)

    def restart_program(self, program):
        self.stop_program(program)
        self.start_program(program)

    def restart_apiserver(self, expire_watches=False):
        """With expire_watches every older resourceVersion then gets 410 Expired."""
        self.stop_program("kube-apiserver")
        if expire_watches:
            faults.move_revision(self)
        self.start_program("kube-apiserver")

    def pause_program(self, program):
        """It stands still and keeps its connections, as when its machine hangs."""
        self._signal(program, signal.SIGSTOP)

    def resume_program(self, program):
        self._signal(program, signal.SIGCONT)

    @contextlib.contextmanager
    def paused(self, *programs):
        try:
            for program in programs:
                self.pause_program(program)
            yield
        finally:
            for program in programs:
                self.resume_program(program)

    def _signal(self, program, number):
        pid = self.pid(program)
        if pid is None:
            raise ClusterError(f"{program} does not run")
        os.kill(pid, number)

    @property
    def has_real_nodes(self):
        return any(self.state.glob("node-*/process"))

    def load_images(self, archive):
        """Real nodes have the archive's images from then on, instead of those of the same names."""
        archive = pathlib.Path(archive).resolve(strict=True)
        if not self.has_real_nodes:
            raise ClusterError("only real nodes have images: ./dev cluster up --real")
        for process in sorted(self.state.glob("node-*/process")):
            try:
                names = _supervisor.real_nodes.node.load(process.parent, archive)
            except subprocess.CalledProcessError as error:
                raise ClusterError(f"{archive}: {error.stderr.strip()}; an archive is what "
                                   "`docker save` and `./dev image` write") from None
        return names

    def version(self):
        return json.loads(self.run_kubectl("get", "--raw=/version"))["gitVersion"]

    def stop(self):
        stop(self.state)
        if self._child:
            self._child.wait()


def programs_of(state_dir):
    return list(_facts(pathlib.Path(state_dir).resolve()).get("programs", {}))


def running(state_dir):
    """The Cluster of this state if it runs and is usable, else None."""
    state = pathlib.Path(state_dir).resolve()
    facts = _facts(state)
    if (state / "started").exists() and processes.alive(facts.get("supervisor")) \
            and "binaries" in facts:
        return Cluster(state, pathlib.Path(facts["binaries"]))
    return None


def start(state_dir, die_with=0, seconds=300, kubernetes=None, real=0):
    """die_with: pid of the process to end with, 0 the caller's own, None nobody's.

    kubernetes: a version of versions.env; by default $KUBERNETES or the first one there.
    real: how many real nodes instead of the three fake ones.
    """
    state = pathlib.Path(state_dir).resolve()
    if lacking := _supervisor.real_nodes.missing(state) if real else []:
        raise ClusterError(f"this machine cannot have real nodes: {'; '.join(lacking)}")
    programs_dir = binaries(kubernetes)
    stop(state)
    state.mkdir(parents=True, mode=0o700, exist_ok=True)
    if any(state.iterdir()):
        raise ClusterError(f"{state} is not empty and not a cluster's")
    options = [] if die_with is None else ["--runner", str(die_with or os.getpid())]
    if real:
        options += ["--real", str(real), node_programs()]
    with open(state / "supervisor.log", "ab") as log:
        child = subprocess.Popen(
            [sys.executable, HERE / "supervisor.py", state, programs_dir, *options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        _await_start(state, child, seconds)
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        stop(state)
        raise
    return Cluster(state, programs_dir, child)


def _await_start(state, child, seconds):
    deadline = time.monotonic() + seconds
    while not (state / "started").exists():
        if child.poll() is not None or time.monotonic() > deadline:
            failed = state / "failed"
            child.terminate()
            child.wait()
            raise ClusterError(failed.read_text() if failed.exists()
                               else f"no cluster; see {state}/supervisor.log")
        time.sleep(0.05)
