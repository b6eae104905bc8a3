"""The system under test: one EntityService on real pods, and what can be asked of its parts."""
import base64
import contextlib
import functools
import json
import os
import pathlib
import subprocess
import time

import deployment
from rest import Api, Failed

COMPONENT = "entityservice.io/component"
BODY_LIMIT = 1 << 20
RATE, BURST = 60, 60  # requests of one client in each API pod
WORKERS = ("worker", "worker-highmemory")


def eventually(condition, seconds, what):
    """The first true value of the condition, which may raise until then."""
    end = time.monotonic() + seconds
    while True:
        last = None
        try:
            if value := condition():
                return value
        except (Failed, LookupError, ValueError, subprocess.SubprocessError) as error:
            last = error
        assert time.monotonic() < end, f"{seconds} s passed, not {what}: {last}"
        time.sleep(0.3)


def manifest(name, **changes):
    """What the drills deploy: the default profile with many small chunks. Requests are little: each
    of the nodes counts this machine's processors as its own."""
    little = {"requests": {"cpu": "50m"}}
    slots = {"celery": {"concurrency": 4}}  # a task of Upstream occupies its slot and no processor
    spec = {
        "profile": "Production", "version": "1.15.1", "replicas": 2, "deletionPolicy": "Delete",
        "updates": "Automatic",
        "api": {"service": {"type": "NodePort"}, "resources": little,
                "proxy": {"maxBodySize": "1m", "rateLimit": {"rps": RATE, "burst": BURST}}},
        "workers": {"chunkSizeAim": 25, "resources": little, **slots,
                    "highMemory": {"resources": little, **slots}},
    }
    return {"apiVersion": "entityservice.io/v1alpha1", "kind": "EntityService",
            "metadata": {"name": name}, "spec": {**spec, **changes}}


class System(deployment.Service):
    """Polls are cheap, and reach databases as a node's processes do: no policy is in the way."""

    def make(self):
        self.__dict__.pop("credentials", None)  # of an earlier one of this name
        super().make()

    @functools.cached_property
    def credentials(self):
        found = self.get(f"secret/{self.name}-credentials")["data"]
        return {key: base64.b64decode(value).decode() for key, value in found.items()}

    def pods(self, *components):
        """Those that shall live, as objects."""
        found = self.get("pods", "-l", f"entityservice.io/resource={self.name}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]
                and pod["status"].get("phase") not in ("Succeeded", "Failed")
                and (not components or pod["metadata"]["labels"][COMPONENT] in components)]

    def patch(self, spec):
        self.kubectl("patch", f"es/{self.name}", "--type=merge", "-p", json.dumps({"spec": spec}))

    def pod(self, name):
        return self.get(f"pod/{name}")

    def base(self, node):
        """The address of the API through the node's port."""
        port = self.get(f"service/{self.name}-api")["spec"]["ports"][0]["nodePort"]
        address = self.cluster.run_kubectl(
            "get", f"node/{node}", "-o",
            "jsonpath={.status.addresses[?(@.type=='InternalIP')].address}")
        return f"http://{address}:{port}/api/v1"

    def answers(self, node="node-1"):
        return Api(self.base(node), 5).request("GET", "/status")[0] == 200

    def all_ready(self):
        """Every pod that shall live is, and each workload has as many as it wants, all of them new."""
        pods = self.pods()
        return bool(pods) and all(is_ready(pod) for pod in pods) and self._as_many_as_wanted()

    def _as_many_as_wanted(self):
        found = self.get("deployments,statefulsets", "-l", f"entityservice.io/resource={self.name}")
        return all(it["status"].get("readyReplicas", 0) == it["spec"]["replicas"]
                   and it["status"].get("observedGeneration") == it["metadata"]["generation"]
                   and it["status"].get("updatedReplicas", it["spec"]["replicas"])
                   == it["spec"]["replicas"] for it in found["items"])

    def restarts(self, *components):
        """{pod/container: restarts} of those that live."""
        return {f"{pod['metadata']['name']}/{it['name']}": it["restartCount"]
                for pod in self.pods(*components)
                for it in pod["status"].get("containerStatuses", [])}

    def _on_node(self, node):
        known = (self.cluster.state / node / "process").read_text().partition("-")[0]
        return ["nsenter", f"--net=/proc/{known}/ns/net"]

    @staticmethod
    def _run(command, **environment):
        return subprocess.run(command, timeout=10, env={**os.environ, **environment},
                              capture_output=True, text=True, check=True).stdout.strip()

    def from_node(self, node, *command, **environment):
        """What a process on the node reads from the command; fails after ten seconds."""
        return self._run([*self._on_node(node), *command], **environment)

    def query(self, sql, database="anonlink"):
        """Rows as lines with '|' between columns."""
        pod, = self.pods("database")
        return self._run([*self._psql(pod, database), "-c", sql], **self._psql_environment)

    def _psql(self, pod, database="anonlink"):
        return [*self._on_node(pod["spec"]["nodeName"]), "psql", "-X", "-At", "-h",
                pod["status"]["podIP"], "-U", "postgres", "-d", database]

    @property
    def _psql_environment(self):
        return {"PGPASSWORD": self.credentials["postgres-password"], "PGCONNECT_TIMEOUT": "3"}

    @contextlib.contextmanager
    def comparing(self, tasks=3):
        """Inside, workers are in the middle of a chunk: they wait for the table of encodings. So do
        uploads; so this must not take long."""
        waiting = ("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                   " AND query LIKE '%SELECT encoding FROM encodings%'")
        pod, = self.pods("database")
        with subprocess.Popen(
                self._psql(pod), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                env={**os.environ, **self._psql_environment}) as session:
            try:
                session.stdin.write("BEGIN; LOCK TABLE encodings IN ACCESS EXCLUSIVE MODE;\n")
                session.stdin.flush()
                eventually(lambda: int(self.query(waiting)) >= tasks, 20, "chunks are compared")
                yield
            finally:
                session.stdin.close()


def is_ready(pod):
    return any(it["type"] == "Ready" and it["status"] == "True"
               for it in pod["status"].get("conditions", []))


def processes(cluster, pod, container=None):
    """The machine's ids of what runs in the pod, or in its container, first the first."""
    node = pod["spec"]["nodeName"]
    top = pathlib.Path("/sys/fs/cgroup/memory") / f"entityservice-{node}"
    folder = next(top.glob(f"**/pod{pod['metadata']['uid']}"), None)
    if folder is None:
        return []
    if container:
        known = next(it["containerID"] for it in pod["status"]["containerStatuses"]
                     if it["name"] == container).rpartition("/")[2]
        groups = [folder / known]
    else:
        ours = {it["containerID"].rpartition("/")[2]
                for it in pod["status"].get("containerStatuses", []) if it.get("containerID")}
        groups = [folder / one for one in ours]
    return sorted(int(one) for group in groups if group.exists()
                  for one in (group / "cgroup.procs").read_text().split())


def node_names(cluster):
    return [it["metadata"]["name"] for it in json.loads(
        cluster.run_kubectl("get", "nodes", "-o", "json"))["items"]]
