"""What a running cluster can be made to suffer; every function takes a cluster.Cluster.

Faults of pods are Stages that kwok follows: they live in the cluster and outlive the caller, and
`kubectl get stages -l fake.test/fault` lists them. `mend` ends all faults of a namespace.
"""
import hashlib
import json
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
MODES = ("never-ready", "crash-loop", "image-pull", "fail", "keep-running", "stuck")
TURNS = ("never-ready", "crash-loop")  # the modes that pods can also fall into when they run
FAULT, MODE, USAGE = "fake.test/fault", "fake.test/mode", "fake.test/usage"
GROUP, USED, USED_BY = "fake.test/group", "fake.test/used", "fake.test/used-by"
LOST, NODE_LOST = "fake.test/lost", "fake.test/node-lost"
QUOTA = "full"
COMPACTED = "required revision has been compacted"
SETTLE = 0.5  # seconds; kwok reads Stages by a watch and does not say when it has


class EtcdError(RuntimeError):
    pass


def _until(what, condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def _apply(cluster, *objects):
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    cluster.run_kubectl("apply", "--server-side", "-f", "-", input=json.dumps(listed))


def _get(cluster, *arguments):
    return json.loads(cluster.run_kubectl("get", "-o", "json", *arguments))


def _labels(selector):
    """{key: value}: a Stage knows no more of a selector than that."""
    pairs = dict(part.partition("=")[::2] for part in selector.split(",") if part)
    if not all(pairs.values()):
        raise ValueError(f"not a selector of the form key=value,...: {selector!r}")
    return pairs


def _stage(name, namespace, selector, expressions, steps, group=None):
    """A Stage of the pods of a namespace, stronger than those of stages.yaml."""
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage",
        "metadata": {"name": name, "labels": {FAULT: namespace, GROUP: group or name}},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"}, "weight": 1,
            "selector": {"matchLabels": _labels(selector), "matchExpressions": [
                {"key": ".metadata.namespace", "operator": "In", "values": [namespace]},
                {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
                *expressions]},
            **({"steps": steps} if steps else {"next": {}})}}


def _annotate_step(**annotations):
    return {"patch": {"type": "merge", "root": "metadata",
                      "template": json.dumps({"annotations": annotations})}}


def _name(*parts):
    return "fault-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def break_pods(cluster, namespace, selector, mode, times=None):
    """Pods of the selector that have no mode of their own behave so from now on.

    Without `times` those that run already turn too, where the mode allows. With it, only the next
    `times` new pods do, and what comes after is healthy: a Job fails so often and then succeeds.
    Pods are counted as they start; several that start in the same instant may count as one.
    """
    if mode not in MODES:
        raise ValueError(f"no mode {mode!r}; there are {', '.join(MODES)}")
    new = [{"key": ".status.phase", "operator": "In", "values": ["Pending"]},
           {"key": ".status.podIP", "operator": "DoesNotExist"},
           {"key": f'.metadata.annotations["{MODE}"]', "operator": "DoesNotExist"}]
    become = _annotate_step(**{MODE: mode, FAULT: mode})
    name = _name(namespace, selector, mode)
    if times is None:
        stages = [_stage(name, namespace, selector, new, [become])]
    else:
        stages = []
        for number in range(1, times + 1):
            # The pod that takes this Stage changes it so that it fits no other.
            one = f"{name}-{number}"
            used = _stage(one, namespace, f"{USED}=true", [], [], name)
            used["metadata"]["annotations"] = {USED_BY: "{{ .metadata.name }}"}
            stages.append(_stage(one, namespace, selector, new,
                                 [{"apply": {"template": json.dumps(used)}}, become], name))
    cluster.run_kubectl("delete", "stages", "-l", f"{GROUP}={name}")
    _apply(cluster, *stages)
    time.sleep(SETTLE)
    if times is None and mode in TURNS:
        cluster.run_kubectl("annotate", "pods", "-n", namespace, "-l", selector, "--overwrite",
                            f"{MODE}={mode}", f"{FAULT}={mode}")


def broken_by(cluster, namespace):
    """Names of the pods that a fault with `times` has hit so far."""
    stages = _get(cluster, "stages", "-l", f"{FAULT}={namespace}")["items"]
    hit = [stage["metadata"].get("annotations", {}).get(USED_BY) for stage in stages]
    return [name for name in hit if name]


def mend(cluster, namespace):
    """Ends all faults of the namespace; its broken pods get well, new ones start well."""
    cluster.run_kubectl("delete", "stages", "-l", f"{FAULT}={namespace}")
    cluster.run_kubectl("delete", "resourcequota", QUOTA, "-n", namespace, "--ignore-not-found")
    time.sleep(SETTLE)
    broken = [pod["metadata"]["name"] for pod in _get(cluster, "pods", "-n", namespace)["items"]
              if FAULT in pod["metadata"].get("annotations", {})]
    if broken:
        cluster.run_kubectl("annotate", "pods", "-n", namespace, *broken, "--overwrite",
                            f"{MODE}=healthy", f"{FAULT}-")


def fill_quota(cluster, namespace, resources=("pods",), room=0):
    """Of each resource ("pods", "count/deployments.apps") only `room` more can be created."""
    quota = {"apiVersion": "v1", "kind": "ResourceQuota",
             "metadata": {"name": QUOTA, "namespace": namespace},
             "spec": {"hard": dict.fromkeys(resources, "0")}}

    def status():
        return _get(cluster, "resourcequota", QUOTA, "-n", namespace).get("status", {})

    _apply(cluster, quota)
    _until("the quota is counted", lambda: set(status().get("used", {})) == set(resources))
    hard = {name: str(int(used) + room) for name, used in status()["used"].items()}
    quota["spec"]["hard"] = hard
    _apply(cluster, quota)
    _until("the quota is in force", lambda: status().get("hard") == hard)


def _pods_of_node(cluster, node):
    pods = _get(cluster, "pods", "-A", f"--field-selector=spec.nodeName={node}")["items"]
    return [(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in pods]


def lose_node(cluster, node):
    """Nobody hears of the node any more: it is Unknown, its pods are unready, and after their
    toleration (10 s) they are deleted without ever being gone."""
    for namespace, name in _pods_of_node(cluster, node):
        cluster.run_kubectl("annotate", "pod", name, "-n", namespace, "--overwrite",
                            f"{NODE_LOST}=true", check=False)
    cluster.run_kubectl("label", "node", node, "--overwrite", f"{LOST}=true")
    cluster.run_kubectl("wait", "node", node, "--for=condition=Ready=Unknown", "--timeout=20s")


def return_node(cluster, node):
    """It is Ready again; its pods that were deleted meanwhile go, the others get well."""
    cluster.run_kubectl("label", "node", node, f"{LOST}-")
    for namespace, name in _pods_of_node(cluster, node):
        cluster.run_kubectl("annotate", "pod", name, "-n", namespace, f"{NODE_LOST}-", check=False)
    cluster.run_kubectl("wait", "node", node, "--for=condition=Ready", "--timeout=20s")


def _etcd(cluster, path, **body):
    request = urllib.request.Request(f"{cluster.etcd}/v3/kv/{path}", json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise EtcdError(f"etcd refuses {path}: {error.read().decode(errors='replace')}") from None
    except OSError as error:
        raise EtcdError(f"etcd does not answer: {getattr(error, 'reason', error)}; if it stands "
                        "still: ./dev cluster resume etcd, else ./dev cluster restart etcd") from None


def move_revision(cluster):
    """etcd's newest revision is one that no client has seen."""
    _etcd(cluster, "put", key="YnVtcA==", value="eA==")


def compact(cluster):
    """etcd forgets all revisions but the newest, whose number is returned.

    The API server goes on to answer from its memory; only after a restart is the past really gone.
    """
    revision = int(_etcd(cluster, "range", key="YQ==")["header"]["revision"])
    try:
        _etcd(cluster, "compaction", revision=str(revision), physical=True)
    except EtcdError as error:
        if COMPACTED not in str(error):  # nothing was written since the last time
            raise
    return revision


def renew_certificate(cluster, before_use=lambda authority: None):
    """The API server's certificate comes from a new authority, whose own certificate is returned.

    What belongs to the cluster, its kubeconfig too, trusts the old one and the new one from then on;
    others are told by `before_use`, which gets that path when nothing is signed by it yet.
    """
    def pki(action):
        subprocess.run([HERE / "pki.sh", cluster.state, cluster.server, action], check=True)

    pki("new-authority")
    for program in ("kube-controller-manager", "kube-scheduler", "kwok"):
        cluster.restart_program(program)  # they read it when they start
    authority = cluster.pki / "serving-ca.crt"
    before_use(authority)
    pki("reissue")
    cluster.restart_apiserver()
    return authority


def set_usage(cluster, namespace, selector, cpu, memory="10Mi"):
    """From now on the metrics API says that each pod of the selector uses so much.

    Also for pods that start later. The first call makes the API appear; until then it is absent,
    as in a cluster without a metrics server.
    """
    usage = f"{cpu}/{memory}"
    if "podmetrics" not in cluster.run_kubectl("api-resources", "--api-group=metrics.k8s.io",
                                               check=False).lower():
        cluster.run_kubectl("apply", "--server-side", "-f", HERE / "metrics-crd.yaml")
        cluster.run_kubectl("wait", "--for=condition=Established", "crd/pods.metrics.k8s.io")
    measured = {
        "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics",
        "metadata": {
            "name": "{{ .metadata.name }}", "namespace": namespace, "labels": _labels(selector),
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "{{ .metadata.name }}",
                                 "uid": "{{ .metadata.uid }}"}]},
        "timestamp": "{{ Now }}", "window": "10s",
        "containers": [{"name": "{{ (index .spec.containers 0).name }}",
                        "usage": {"cpu": cpu, "memory": memory}}]}
    _apply(cluster, _stage(_name(namespace, selector, USAGE), namespace, selector, [
        {"key": ".status.phase", "operator": "In", "values": ["Running"]},
        {"key": f'.metadata.annotations["{USAGE}"]', "operator": "NotIn", "values": [usage]},
    ], [{"apply": {"template": json.dumps(measured)}}, _annotate_step(**{USAGE: usage})]))
    time.sleep(SETTLE)
    # Pods that run already are looked at again when something about them changes.
    cluster.run_kubectl("annotate", "pods", "-n", namespace, "-l", selector, "--overwrite",
                        f"{USAGE}=asked")
    _until("all pods are measured", lambda: all(
        pod["metadata"].get("annotations", {}).get(USAGE) == usage
        for pod in _get(cluster, "pods", "-n", namespace, "-l", selector)["items"]
        if pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]))
