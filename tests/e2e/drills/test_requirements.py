"""What the requirements say of real pods (docs/requirements.md), by number."""
import concurrent.futures
import json
import pathlib
import time
import uuid

import pytest

import system as _system
from linkage import Parties, Project
from rest import Api
from system import COMPONENT, WORKERS, eventually

QUEUES = {"worker": {"celery", "compute"},
          "worker-highmemory": {"celery", "compute", "highmemory"}}
STRANGER_IMAGE = "docker.io/valkey/valkey:8.1"  # any with Python
# What listens in the pods of each component.
PORTS = {"database": [5432], "redis": [6379, 26379], "object-store": [9000], "api": [8000, 8851],
         "worker": [], "worker-highmemory": []}
PROXY_PORT = 8851


@pytest.fixture(name="api")
def the_api(system):
    return Api(system.base("node-1"))


def linked(api, kind="groups", seed="requirements"):
    """A project with a complete run; its result is exact."""
    project = Project(api, Parties(f"{seed} {time.time()}"), kind)
    project.upload_json(0)
    project.upload_binary(1)
    run = project.start()
    eventually(lambda: project.state(run) == "completed", 120, "a complete run")
    assert project.is_exact(run)
    return project


def test_5_the_api_answers_through_nginx(api):
    assert api.succeed("GET", "/status")["status"] == "ok"
    assert "anonlink" in api.succeed("GET", "/version")


def test_6_the_broker_shows_the_consumers_of_each_queue(system):
    pods = system.pods(*WORKERS)
    lines = system.kubectl(
        "exec", pods[0]["metadata"]["name"], "--", "celery", "-A", "entityservice.async_worker",
        "inspect", "active_queues", "--timeout", "10", "--json").splitlines()
    found = json.loads(next(line for line in lines if line.startswith("{")))
    consumed = {name.removeprefix("celery@"): {queue["name"] for queue in queues}
                for name, queues in found.items()}
    assert consumed == {pod["metadata"]["name"]: QUEUES[pod["metadata"]["labels"][COMPONENT]]
                        for pod in pods}


@pytest.mark.parametrize("bytes_over, status", [(-1024, 400), (1024, 413)])
def test_10_a_body_over_the_limit_is_answered_413(api, bytes_over, status):
    project = Project(api, Parties("bodies"), "groups")
    found, _ = api.request("POST", project.path + "/binaryclks", project.update_tokens[0],
                           data=bytes(_system.BODY_LIMIT + bytes_over), headers={
                               "Content-Type": "application/octet-stream", "Hash-Count": "1",
                               "Hash-Size": "64"})
    assert found == status


def test_11_a_burst_over_the_rate_is_answered_429_and_later_requests_are_not(api):
    def ask(_):
        return api.request("GET", "/version")[0]
    asked = 6 * (_system.RATE + _system.BURST)
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        found = list(pool.map(ask, range(asked)))
    assert set(found) == {200, 429}
    time.sleep(3)
    assert [ask(0) for _ in range(5)] == [200] * 5


def test_28_one_secret_has_the_password_of_redis_for_everyone(system, redis):
    for pod in redis.pods().values():
        assert redis.ask(pod, "PING") == "PONG"
        assert "NOAUTH" in system.from_node(pod["spec"]["nodeName"], "redis-cli", "-h",
                                            pod["status"]["podIP"], "PING")
    for pod in system.pods("api", *WORKERS):
        sources = [entry["valueFrom"]["secretKeyRef"] for container in pod["spec"]["containers"]
                   for entry in container.get("env", []) if entry["name"] == "REDIS_PASSWORD"]
        assert sources == [{"name": f"{system.name}-credentials", "key": "redis-password"}]


def test_45_sentinel_is_what_the_application_asks_for_the_master(system):
    for pod in system.pods("api", *WORKERS):
        container = "app" if pod["metadata"]["labels"][COMPONENT] == "api" else "worker"
        lines = system.kubectl("exec", pod["metadata"]["name"], "-c", container, "--", "env")
        found = dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)
        assert found["REDIS_USE_SENTINEL"] == "true"
        assert found["CELERY_BROKER_URL"].count("sentinel://") == 4, \
            "the Service, then each by its name"


def test_46_reads_reach_the_replicas_and_writes_the_master_alone(system, redis, api):
    pods, master = redis.pods(), redis.master()["metadata"]["name"]
    for pod in pods.values():
        redis.ask(pod, "CONFIG", "RESETSTAT")
    linked(api)

    def calls(pod, command):
        for line in redis.ask(pod, "INFO", "commandstats").splitlines():
            if line.startswith(f"cmdstat_{command}:"):
                return int(line.split("calls=")[1].split(",")[0])
        return 0
    replicas = [pod for name, pod in pods.items() if name != master]
    assert sum(calls(pod, "hget") + calls(pod, "get") for pod in replicas) > 0
    assert calls(pods[master], "lpush") > 0 and not calls(pods[master], "hget")


def test_50_pods_pass_restricted_and_need_nothing_of_their_node(system):
    namespace = json.loads(system.cluster.run_kubectl(
        "get", f"namespace/{system.namespace}", "-o", "json"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in system.pods():
        spec = pod["spec"]
        assert not any(spec.get(it) for it in ("hostNetwork", "hostPID", "hostIPC", "nodeSelector"))
        assert not [it for it in spec["volumes"] if "hostPath" in it]
        assert not [it for it in spec["volumes"] if "projected" in it]  # a ServiceAccount's token


def test_78_queues_are_never_evicted_and_results_are_kept_for_a_day(redis, api):
    linked(api)
    for pod in redis.pods().values():
        assert redis.ask(pod, "CONFIG", "GET", "maxmemory-policy").split()[1] == "noeviction"
        assert int(redis.ask(pod, "CONFIG", "GET", "maxmemory").split()[1]) > 0
    master = redis.master()
    keys = redis.ask(master, "KEYS", "celery-task-meta-*").split()
    assert keys
    assert all(0 < int(redis.ask(master, "TTL", key)) <= 86400 for key in keys[:10])


def files(system, pod):
    """{place: bytes} of what the containers wrote, volumes of the databases apart."""
    found = {}
    temporary = {it["name"] for it in pod["spec"]["volumes"] if "emptyDir" in it}
    for container in pod["spec"]["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"]
        first = _system.processes(system.cluster, pod, container["name"])[0]
        for mount in container["volumeMounts"]:
            if mount["name"] not in temporary:
                continue
            top = pathlib.Path(f"/proc/{first}/root{mount['mountPath']}")
            for file in top.rglob("*"):
                if file.is_file() and not file.is_symlink():
                    found[f"{container['name']}{mount['mountPath']}/{file.relative_to(top)}"] = \
                        file.stat().st_size
    return found


def test_83_no_file_grows_and_the_access_line_is_in_the_pods_log(system, api):
    pods = system.pods("api", *WORKERS)
    linked(api)
    before = {pod["metadata"]["name"]: files(system, pod) for pod in pods}
    word = uuid.uuid4().hex
    for _ in range(20):
        api.request("GET", f"/projects/{word}")
    linked(api)
    time.sleep(3)
    after = {pod["metadata"]["name"]: files(system, pod) for pod in pods}
    assert after == before
    lines = {container: "".join(
        system.kubectl("logs", pod["metadata"]["name"], "-c", container, "--tail=2000")
        for pod in system.pods("api")) for container in ("nginx", "app")}
    assert all(word in text for text in lines.values())


REACH = """
import socket, sys
for target in sys.argv[1:]:
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 2).close()
        print(target)
    except OSError:
        pass
"""


@pytest.fixture(params=["in the same namespace", "in another namespace"], name="stranger")
def a_strangers_pod(request, system):
    space = system.namespace if "same" in request.param else "strangers"
    kubectl = system.cluster.run_kubectl
    kubectl("apply", "-f", "-", input=json.dumps({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strangers"}}))
    eventually(lambda: kubectl("-n", space, "get", "serviceaccount/default"), 30, "an account")
    kubectl("-n", space, "apply", "-f", "-", input=json.dumps({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger"}, "spec": {
            "terminationGracePeriodSeconds": 1,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 999,
                                "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "main", "image": STRANGER_IMAGE, "command": ["sleep", "600"],
                            "securityContext": {"allowPrivilegeEscalation": False,
                                                "capabilities": {"drop": ["ALL"]}}}]}}))
    kubectl("-n", space, "wait", "--for=condition=Ready", "pod/stranger", "--timeout=60s")
    yield lambda *targets: set(kubectl("-n", space, "exec", "stranger", "--", "python3", "-c",
                                       REACH, *targets, timeout=300).split())
    kubectl("-n", space, "delete", "pod/stranger")


def test_a_stranger_reaches_nothing_but_the_api(system, stranger):
    pods = {f"{pod['status']['podIP']}:{port}": port for pod in system.pods()
            for port in PORTS[pod["metadata"]["labels"][COMPONENT]]}
    services = {f"{it['metadata']['name']}.{system.namespace}:{port['port']}"
                for it in system.get("services")["items"] for port in it["spec"]["ports"]}
    # All of them listen: policies do not hold for a pod's own node.
    listening = {target for pod in system.pods() for target in pods
                 if target.startswith(pod["status"]["podIP"] + ":")
                 and system.from_node(pod["spec"]["nodeName"], "python3", "-c", REACH, target)}
    assert listening == set(pods) and len(services) > 6
    open_to_all = {target for target, port in pods.items() if port == PROXY_PORT}
    assert stranger(*pods, *services) == open_to_all | {f"{system.name}-api.{system.namespace}:80"}
