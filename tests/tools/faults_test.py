"""Each way to make a cluster misbehave, and what of it can be seen; each by ./dev cluster."""
import json
import socket
import ssl
import subprocess

import pytest

import cluster
import faults

# What they write moves the version past the newest that a client has seen.
WRITERS = ("kwok", "kube-controller-manager", "kube-scheduler")


def deploy(space, name, replicas, *until_available):
    space.kubectl("create", "deployment", name, "--image=x/y:1", f"--replicas={replicas}")
    if until_available:
        space.kubectl("wait", "--for=condition=Available", f"deployment/{name}", "--timeout=60s")


def pods(space, selector):
    return space.items("pods", "-l", selector)


def container(pod):
    return pod["status"].get("containerStatuses", [{}])[0]


def condition(thing, kind):
    return next((one["status"] for one in thing["status"].get("conditions", [])
                 if one["type"] == kind), None)


def ready(space, name):
    return space.get("deployment", name)["status"].get("readyReplicas", 0)


def refused(space, *arguments):
    """What the API server says to it."""
    answer = subprocess.run(
        [space.cluster.kubectl, f"--kubeconfig={space.cluster.kubeconfig}", "-n", space.name,
         *arguments], capture_output=True, text=True, check=False, timeout=20)
    assert answer.returncode != 0, answer.stdout
    return answer.stderr


def test_pods_never_get_ready_until_mended(space, until):
    deploy(space, "web", 2, "available")
    deploy(space, "other", 1, "available")
    space.dev("break", "never-ready", "-n", space.name, "-l", "app=web")
    until(lambda: ready(space, "web") == 0)
    space.kubectl("scale", "deployment/web", "--replicas=3")
    until(lambda: [container(pod).get("ready") for pod in pods(space, "app=web")] == [False] * 3)
    assert [pod["status"]["phase"] for pod in pods(space, "app=web")] == ["Running"] * 3
    assert ready(space, "other") == 1
    space.dev("mend", "-n", space.name)
    until(lambda: ready(space, "web") == 3)


def test_a_crash_loop_goes_on_until_mended(space, until):
    space.dev("break", "crash-loop", "-n", space.name, "-l", "app=web")
    deploy(space, "web", 1)

    def restarts():
        return container(pods(space, "app=web")[0]).get("restartCount", 0) \
            if pods(space, "app=web") else 0

    until(lambda: restarts() >= 2)
    pod = pods(space, "app=web")[0]
    assert container(pod)["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert condition(pod, "Ready") == "False"
    space.dev("mend", "-n", space.name)
    until(lambda: ready(space, "web") == 1)


@pytest.fixture(name="retried", scope="module", autouse=True)
def a_job_with_retries(new_space):
    """Begun before everything else, because the Job controller waits 10 s before it retries."""
    space = new_space()
    space.dev("break", "fail", "-n", space.name, "-l", "job-name=once", "--times", "1")
    space.kubectl("create", "job", "once", "--image=x/y:1")
    return space


def job(name, **labels):
    return json.dumps({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": {
            "restartPolicy": "Never", "containers": [{"name": "c", "image": "x/y:1"}]}}}})


def test_jobs_hang_in_the_ways_that_they_are_told_until_mended(space, until):
    modes = ("image-pull", "keep-running")
    for mode in modes:
        space.dev("break", mode, "-n", space.name, "-l", f"way={mode}")
        space.kubectl("create", "-f", "-", input=job(mode, way=mode))
    until(lambda: [container(pod).get("state") for pod in pods(space, "way=image-pull")] ==
          [{"waiting": {"reason": "ImagePullBackOff"}}])
    assert [pod["status"]["phase"] for pod in pods(space, "way=image-pull")] == ["Pending"]
    until(lambda: [pod["status"]["phase"] for pod in pods(space, "way=keep-running")]
          == ["Running"])
    space.dev("mend", "-n", space.name)
    for mode in modes:
        space.kubectl("wait", "--for=condition=Complete", f"job/{mode}", "--timeout=60s")


def test_a_stuck_pod_is_not_gone_until_mended(space, until):
    space.dev("break", "stuck", "-n", space.name, "-l", "app=web")
    deploy(space, "web", 1, "available")
    space.kubectl("scale", "deployment/web", "--replicas=0")
    until(lambda: ["deletionTimestamp" in pod["metadata"] for pod in pods(space, "app=web")]
          == [True])
    deploy(space, "other", 1, "available")
    assert len(pods(space, "app=web")) == 1
    space.dev("mend", "-n", space.name)
    until(lambda: not pods(space, "app=web"))


def test_a_job_that_is_made_anew_fails_exactly_so_often(space, until):
    def end_of_job():
        made = space.get("job", "migrate")
        return next((kind for kind in ("Failed", "Complete") if condition(made, kind)), None)

    space.dev("break", "fail", "-n", space.name, "-l", "job-name=migrate", "--times", "2")
    ends = []
    for _ in range(3):
        space.kubectl("create", "-f", "-", input=job("migrate"))
        ends.append(until(end_of_job))
        space.kubectl("delete", "job", "migrate")
    assert ends == ["Failed", "Failed", "Complete"]
    assert len(set(faults.broken_by(space.cluster, space.name))) == 2


def test_a_job_with_retries_fails_once_and_then_succeeds(retried):
    retried.kubectl("wait", "--for=condition=Complete", "job/once", "--timeout=60s")
    status = retried.get("job", "once")["status"]
    assert (status["failed"], status["succeeded"]) == (1, 1)


def test_a_full_quota_refuses_one_more_until_mended(space, until):
    deploy(space, "web", 2, "available")
    space.dev("fill-quota", "-n", space.name, "--resources", "pods,count/configmaps", "--room", "1")
    space.kubectl("create", "configmap", "fits")
    assert "exceeded quota: full" in refused(space, "create", "configmap", "too-many")
    space.kubectl("scale", "deployment/web", "--replicas=4")
    until(lambda: condition(space.get("deployment", "web"), "ReplicaFailure") == "True")
    assert len(pods(space, "app=web")) == 3
    space.dev("mend", "-n", space.name)
    until(lambda: ready(space, "web") == 4)


def test_a_lost_node_keeps_its_pods_until_it_returns(space, until):
    tolerated = [{"key": "node.kubernetes.io/unreachable", "operator": "Exists",
                  "effect": "NoExecute", "tolerationSeconds": 2}]
    space.kubectl("create", "-f", "-", input=json.dumps({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "there"},
        "spec": {"nodeSelector": {"kubernetes.io/hostname": "node-1"}, "tolerations": tolerated,
                 "containers": [{"name": "c", "image": "x/y:1"}]}}))
    space.kubectl("wait", "--for=condition=Ready", "pod/there", "--timeout=60s")
    space.dev("lose-node", "node-1")
    node = space.get("node", "node-1")
    assert condition(node, "Ready") == "Unknown"
    until(lambda: condition(space.get("pod", "there"), "Ready") == "False")
    until(lambda: "deletionTimestamp" in space.get("pod", "there")["metadata"])
    assert {"node.kubernetes.io/unreachable"} == {
        taint["key"] for taint in space.get("node", "node-1")["spec"]["taints"]}
    assert space.items("pods")
    space.dev("return-node", "node-1")
    until(lambda: not space.items("pods"))
    until(lambda: "taints" not in space.get("node", "node-1")["spec"])


def test_an_autoscaler_follows_the_usage_up_and_down(space, until):
    deploy(space, "web", 1)
    space.kubectl("set", "resources", "deployment/web", "--requests=cpu=100m")
    space.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    space.kubectl("create", "-f", "-", input=json.dumps({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"minReplicas": 1, "maxReplicas": 4,
                 "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                 "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {
                     "type": "Utilization", "averageUtilization": 50}}}]}}))
    space.dev("set-usage", "-n", space.name, "-l", "app=web", "--cpu", "100m")
    until(lambda: ready(space, "web") == 4)
    until(lambda: space.kubectl("top", "pods", "--no-headers").count("100m") == 4)
    space.dev("set-usage", "-n", space.name, "-l", "app=web", "--cpu", "5m")
    until(lambda: len(pods(space, "app=web")) == 1)


def watched(space, version):
    """What a watch of config maps from that version says first."""
    answer = space.kubectl("get", "--raw", f"/api/v1/namespaces/{space.name}/configmaps?watch=1"
                           f"&timeoutSeconds=1&resourceVersion={version}")
    return json.loads(answer.splitlines()[0]) if answer else None


def page(space):
    """The metadata of a list of config maps as the API server sends it."""
    path = f"/api/v1/namespaces/{space.name}/configmaps?limit=1"
    return json.loads(space.kubectl("get", "--raw", path))["metadata"]


def watched_across_a_restart(space, *flags):
    """What a watch says first that goes on from what was newest before a restart."""
    seen, before = page(space)["resourceVersion"], space.cluster.api_pid
    space.dev("restart", "kube-apiserver", *flags)
    assert space.cluster.api_pid != before
    return watched(space, seen)


def own_leases(space):
    """Which the API server renews every ten seconds, whoever else is paused."""
    found = json.loads(space.kubectl("get", "leases", "-n", "kube-system", "-o", "json", "-l",
                                     "apiserver.kubernetes.io/identity=kube-apiserver"))["items"]
    assert found
    return {lease["metadata"]["name"]: lease["spec"]["renewTime"] for lease in found}


def test_a_restart_keeps_what_is_newest_and_expires_the_rest_when_asked(space, until):
    with space.cluster.paused(*WRITERS):
        before = own_leases(space)
        until(lambda: own_leases(space) != before)  # so that none is renewed while it restarts
        assert watched_across_a_restart(space) is None
        expired = watched_across_a_restart(space, "--expire-watches")
    assert (expired["type"], expired["object"]["code"]) == ("ERROR", 410)


def test_compaction_takes_the_past_away_from_etcd_and_after_a_restart_from_everyone(space):
    for number in range(3):
        space.kubectl("create", "configmap", f"m{number}")
    first = page(space)
    space.kubectl("create", "configmap", "later")
    assert int(first["resourceVersion"]) < int(space.dev("compact").split()[-1])
    with pytest.raises(faults.EtcdError, match="compacted"):
        faults._etcd(space.cluster, "range", key="YQ==", revision=first["resourceVersion"])
    space.dev("restart", "kube-apiserver")
    assert "Expired" in refused(
        space, "get", "--raw", f"/api/v1/namespaces/{space.name}/configmaps?limit=1"
        f"&continue={first['continue']}")


def test_a_paused_api_server_answers_nobody_until_resumed(space):
    space.dev("pause", "kube-apiserver")
    try:
        said = refused(space, "get", "pods", "--request-timeout=1s")
    finally:
        space.dev("resume", "kube-apiserver")
    # kubectl's words depend on what it was waiting for: a connection or an answer.
    assert "context deadline exceeded" in said or "Client.Timeout exceeded" in said
    assert space.items("pods") == []


def test_the_cluster_goes_on_after_a_restart_of_any_other_program(space, until):
    for program in ("etcd", *WRITERS):
        before = space.cluster.pid(program)
        space.dev("restart", program)
        assert space.cluster.pid(program) not in (None, before)
    until(lambda: space.kubectl("get", "--raw=/readyz", check=False) == "ok")
    deploy(space, "web", 2, "available")


def test_a_certificate_of_a_new_authority_stops_nobody_in_the_cluster(space):
    host, port = space.cluster.server.removeprefix("https://").split(":")
    trusted_before = (space.cluster.pki / "ca.crt").read_text()
    authority = space.dev("renew-certificate").split()[-1]
    ssl.get_server_certificate((host, int(port)), ca_certs=authority)  # raises when it is not trusted
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context(cadata=trusted_before).wrap_socket(
            socket.create_connection((host, int(port))), server_hostname=host)
    deploy(space, "after", 2, "available")


def test_what_cannot_be_done_is_said_and_nothing_is_changed(space, capfd):
    for arguments in (["break", "never-ready", "-n", space.name, "-l", "app"],
                      ["break", "sleepy", "-n", space.name, "-l", "app=web"],
                      ["lose-node", "node-9"], ["restart", "kwok", "--expire-watches"]):
        with pytest.raises(subprocess.CalledProcessError):
            space.dev(*arguments)
        assert "error" in capfd.readouterr().err
    assert not space.items("stages", "-l", f"{faults.FAULT}={space.name}")
    with pytest.raises(cluster.ClusterError, match="does not run"):
        space.cluster.pause_program("nothing")
