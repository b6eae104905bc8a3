"""The operator in a cluster with real nodes, as its users install it, and services that it runs."""
import contextlib
import json
import pathlib
import re
import select
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/control-plane"))
import cluster as _cluster  # noqa: E402
import processes  # noqa: E402

IMAGE = ROOT / "build/operator.oci.tar"
SYSTEM = "entityservice-system"
FORWARD_SECONDS = 30
OPERATOR = "deployment/entityservice-operator"


def install(cluster):
    """The operator runs, in a pod, from manifests/install.yaml and the image of `./dev image`."""
    if not IMAGE.exists():
        raise _cluster.ClusterError(f"there is no {IMAGE.relative_to(ROOT)}; make it: ./dev image")
    cluster.load_images(IMAGE)
    cluster.run_kubectl("apply", "--server-side", "--force-conflicts",
                        "-f", ROOT / "manifests/install.yaml")
    # Another image of the same name is in use only after a restart.
    cluster.run_kubectl("-n", SYSTEM, "rollout", "restart", OPERATOR)
    cluster.run_kubectl("-n", SYSTEM, "rollout", "status", OPERATOR, "--timeout=110s")


def operator_log(cluster):
    """What every process of it logged that the nodes still know, as objects."""
    lines = []
    for pod in json.loads(cluster.run_kubectl("-n", SYSTEM, "get", "pods", "-o", "json"))["items"]:
        restarted = any(it.get("restartCount") for it in pod["status"].get("containerStatuses", []))
        for previous in ([["--previous"]] if restarted else []) + [[]]:
            lines += cluster.run_kubectl("-n", SYSTEM, "logs", pod["metadata"]["name"], *previous,
                                         check=False).splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


class Service:
    """An EntityService in a namespace of its own, in which only restricted pods are let in."""

    def __init__(self, cluster, namespace, manifest):
        """manifest: a file with one EntityService, or its object."""
        self.cluster, self.namespace, self._manifest = cluster, namespace, manifest
        cluster.run_kubectl("apply", "--server-side", "-f", "-", input=json.dumps({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": namespace, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))
        self.name = manifest["metadata"]["name"] if isinstance(manifest, dict) else \
            self.kubectl("apply", "--dry-run=client", "-o", "jsonpath={.metadata.name}", "-f", manifest)
        self.make()

    def make(self):
        given = isinstance(self._manifest, dict)
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f",
                     "-" if given else self._manifest,
                     **({"input": json.dumps(self._manifest)} if given else {}))

    def kubectl(self, *arguments, **options):
        return self.cluster.run_kubectl("-n", self.namespace, *arguments, **options)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def status(self):
        return self.get(f"es/{self.name}").get("status", {})

    def wait_ready(self, seconds=300):
        """Raises subprocess.CalledProcessError when it does not become Ready."""
        self.kubectl("wait", f"es/{self.name}", "--for=condition=Ready", f"--timeout={seconds}s",
                     timeout=seconds + 10)

    @contextlib.contextmanager
    def forwarded(self):
        """The address at which this machine reaches the API through its nginx, by the API server.

        One pod answers, as long as it lives.
        """
        command = [self.cluster.kubectl, f"--kubeconfig={self.cluster.kubeconfig}", "-n",
                   self.namespace, "port-forward", f"service/{self.name}-api", ":80"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              preexec_fn=processes.die_with_parent) as forwarder:
            try:
                heard = select.select([forwarder.stdout], [], [], FORWARD_SECONDS)[0]
                said = forwarder.stdout.readline().strip() if heard else "no answer"
                port = re.search(r"127\.0\.0\.1:(\d+) ->", said)
                if not port:
                    raise _cluster.ClusterError(
                        f"kubectl port-forward: {said}; see kubectl -n {self.namespace} get pods")
                yield f"http://127.0.0.1:{port[1]}/api/v1"
            finally:
                forwarder.kill()

    def breakdown(self):
        """[(what, seconds after the resource was made)], in order: when each pod became ready, or a
        Job's was done."""
        def at(text):
            return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
        began = at(self.get(f"es/{self.name}")["metadata"]["creationTimestamp"])
        found = []
        for pod in self.get("pods")["items"]:
            times = {it["type"]: at(it["lastTransitionTime"]) for it in pod["status"]["conditions"]}
            done = pod["status"]["phase"] == "Succeeded"
            ended = [at(state["terminated"]["finishedAt"]) for it in pod["status"]["containerStatuses"]
                     if "terminated" in (state := it["state"])]
            found.append((pod["metadata"]["name"], (max(ended) if done else times["Ready"]) - began))
        return sorted(found, key=lambda it: it[1])
