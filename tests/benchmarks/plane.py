"""A control plane of etcd and API server alone, and what the harness itself does on it."""
import contextlib
import itertools
import json
import pathlib
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
for folder in ("tests/control-plane", "tests/integration"):
    sys.path.insert(0, str(ROOT / folder))

import cluster as control_plane  # noqa: E402
import machine  # noqa: E402
import processes  # noqa: E402
from support.api import Api, ApiError  # noqa: E402
from support.audit import Audit  # noqa: E402

CONTROLLERS = ("kwok", "kube-scheduler", "kube-controller-manager")
SERVERS = ("kube-apiserver", "etcd")
# Collections that hold what a run has made; the resources themselves first.
CHILDREN = ("apis/apps/v1/{}/statefulsets", "apis/apps/v1/{}/deployments", "apis/batch/v1/{}/jobs",
            "api/v1/{}/pods", "api/v1/{}/services", "api/v1/{}/configmaps", "api/v1/{}/secrets",
            "api/v1/{}/serviceaccounts", "apis/policy/v1/{}/poddisruptionbudgets",
            "apis/networking.k8s.io/v1/{}/networkpolicies", "api/v1/{}/persistentvolumeclaims",
            "api/v1/{}/events")


class Tool:
    """A running bench_tool: collects the lines that it tells."""

    def __init__(self, arguments):
        self.lines = []
        self.process = subprocess.Popen([str(one) for one in arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        preexec_fn=processes.die_with_parent)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def wait_line(self, name, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = [line for line in self.lines if name in line]
            if found:
                return found[0]
            if self.process.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(0.01)
        raise RuntimeError(f"bench_tool told no '{name}'")

    def end(self):
        self.process.stdin.close()
        if self.process.wait(60) != 0:
            raise RuntimeError("bench_tool failed")
        self._reader.join()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.end()
        else:
            self.process.kill()
            self.process.wait()


class Plane:
    def __init__(self, folder, keep=False):
        self.folder = pathlib.Path(folder)
        state = self.folder / "cluster"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._kept = keep
        self.cluster = control_plane.running(state) or \
            control_plane.start(state, die_with=None if keep else 0)
        for program in CONTROLLERS:
            self.cluster.stop_program(program)
        self.api = Api(self.cluster.kubeconfig)
        self.audit = Audit(self.cluster.audit_log)
        self.version = self.cluster.version()
        self._numbers = itertools.count(int(time.time()) % 100000)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self._kept:
            self.cluster.stop()

    def install(self, contender):
        for file in contender.install:
            self.cluster.run_kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
        self.cluster.run_kubectl("wait", "--for=condition=Established", "--all", "crd")
        if contender.admin:
            self.api.apply({"apiVersion": "rbac.authorization.k8s.io/v1",
                            "kind": "ClusterRoleBinding",
                            "metadata": {"name": f"bench-{contender.name}"},
                            "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
                                        "kind": "ClusterRole", "name": "cluster-admin"},
                            "subjects": [{"kind": "ServiceAccount", "name": contender.account,
                                          "namespace": contender.namespace}]})

    def kubeconfig(self, contender):
        return self.cluster.write_kubeconfig(
            self.folder / f"{contender.name}.kubeconfig",
            self.cluster.token(contender.namespace, contender.account))

    def tool(self, *arguments):
        return Tool([ROOT / "build/bin/bench_tool", "--kubeconfig", self.cluster.kubeconfig,
                     *arguments])

    def server_cpu(self):
        return sum(machine.cpu_seconds(self.cluster.pid(program)) for program in SERVERS)

    @contextlib.contextmanager
    def namespace(self, contender):
        name = f"bench-{next(self._numbers)}"
        self.api.create("Namespace", None, {"apiVersion": "v1", "kind": "Namespace",
                                            "metadata": {"name": name}})
        try:
            yield name
        finally:
            self.clear(contender, name)

    def clear(self, contender, namespace):
        """Without controllers nobody else deletes what belongs to what is gone."""
        self._delete_all(contender.path(namespace))
        for collection in CHILDREN:
            self._delete_all(collection.format(f"namespaces/{namespace}"))

    def _delete_all(self, path):
        options = {"propagationPolicy": "Background", "gracePeriodSeconds": 0}
        while True:
            with contextlib.suppress(ApiError, OSError):
                self.api.request("DELETE", path, options)
            left = self.api.request("GET", path + "?limit=500")["items"]
            if not left:
                return
            for item in left:
                if item["metadata"].get("finalizers"):
                    with contextlib.suppress(ApiError):
                        self.api.request("PATCH", f"{path}/{item['metadata']['name']}",
                                         {"metadata": {"finalizers": None}},
                                         "application/merge-patch+json")

    def make(self, contender, namespace, count, prefix="r-", first=0, parallel=8):
        """Creates resources; (when it began, when it ended)."""
        with self.tool("make", "--template", contender.template, "--path",
                       "/" + contender.path(namespace), "--prefix", prefix, "--first", first,
                       "--count", count, "--parallel", parallel) as tool:
            began = tool.wait_line("making")["t"]
            return began, tool.wait_line("made", 600)["t"]

    def play(self, contender, namespace, *arguments):
        return self.tool("play", "--namespace", namespace, "--label", contender.label, *arguments)

    def resources(self, contender, namespace):
        return self.api.request("GET", contender.path(namespace))["items"]
