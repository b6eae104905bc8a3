"""Who the operator is and where it connects to: as kubectl, and while credentials change."""
import contextlib
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import namespaces
import pytest
import sanitizers
import yaml

from support.identities import NAMESPACE, Identities, credential
from support.kubeconfigs import USERS, cases, config, exec_user
from support.relay import Relay
from support.waiting import until

AGENT = "entityservice-operator"
OWN_MOUNTS = [sys.executable, namespaces.__file__]


@pytest.fixture
def identities(cluster, api, tmp_path):
    return Identities(cluster, api, tmp_path)


@pytest.fixture
def allow(api):
    """Lets users do what the operator does."""
    bound = []

    def bind(*users):
        name = f"connecting-{time.monotonic_ns()}"
        api.request("POST", "apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                        "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
                         for user in users]})
        bound.append(name)
    yield bind
    for name in bound:
        api.request("DELETE", f"apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{name}")


def environment(**changed):
    kept = {k: v for k, v in os.environ.items()
            if k not in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")}
    return {**kept, **changed}


@contextlib.contextmanager
def running(log, *arguments, env=None, command=(), lease="connecting"):
    """An operator that leads by a lease of its own and works on a namespace that holds nothing."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [*command, os.environ["OPERATOR"], "run", "--namespace", "default",
             "--lease-namespace", "default", "--lease-name", lease,
             "--metrics-bind-address", "0", "--health-probe-bind-address", "0", *arguments],
            env=env or environment(), stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    report = sanitizers.found_in(log)
    assert not report, report


def moment(audit):
    """Now, for `users_of`: what was asked before may be logged later, such as a watch that ends."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return audit.mark(), now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def users_of(audit, since):
    """Who has asked something as an operator; the session's own one is left out."""
    mark, time_of = since
    return {event["user"]["username"] for event in audit.since(mark, user=None)
            if event.get("userAgent") == AGENT and "username" in event["user"]
            and event["requestReceivedTimestamp"] >= time_of} \
        - {f"system:serviceaccount:{NAMESPACE}:{AGENT}"}


def said(log):
    return pathlib.Path(log).read_text(errors="replace")


def eventually(condition, timeout, *logs):
    """`until`, and what the operators have said when it is in vain."""
    try:
        return until(condition, timeout)
    except AssertionError as error:
        raise AssertionError("\n".join([str(error), *map(said, logs)])) from None


def whoami(cluster, *arguments, env):
    """kubectl's user, or None; and what it said."""
    answer = subprocess.run([cluster.kubectl, *arguments, "auth", "whoami", "-o", "json"], env=env,
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if answer.returncode != 0:
        return None, answer.stderr
    return json.loads(answer.stdout)["status"]["userInfo"]["username"], ""


def test_for_the_same_kubeconfigs_the_operator_is_who_kubectl_is(cluster, audit, identities, allow):
    situations = cases(cluster, identities)
    allow(*USERS)
    log = identities.path("operator.log")
    wrong = []
    for case in situations:
        for name, content in case.files.items():
            identities.write(f"{name}/config", yaml.safe_dump(content))
        paths = [identities.path(f"{name}/config") for name in case.order]
        env = environment(KUBECONFIG=":".join(paths), HOME=identities.folder)
        flag = ["--kubeconfig", identities.path(f"{case.flag}/config")] if case.flag else []
        kubectl, why = whoami(cluster, *flag, env=env)
        if case.kubectl_too and kubectl != case.user:
            wrong.append(f"{case.name}: kubectl is {kubectl}: {why}")
        mark = moment(audit)
        with running(log, *flag, env=env) as process:
            eventually(lambda: process.poll() is not None or users_of(audit, mark), 60, log)
            users = users_of(audit, mark)
        if case.user is None:
            if users or process.returncode != 1 or case.message not in said(log):
                wrong.append(f"{case.name}: {users} {process.returncode} {said(log)}")
        elif users != {case.user}:
            wrong.append(f"{case.name}: the operator is {users}: {said(log)}")
        for name in case.files:
            os.unlink(identities.path(f"{name}/config"))
    assert not wrong, "\n".join(wrong)


def test_merged_kubeconfigs_give_the_server_that_kubectl_shows(cluster, identities):
    """The operator names its server when it can not connect."""
    servers = [f"https://127.0.0.1:{port}" for port in (9, 10, 11)]
    for number, server in enumerate(servers):
        fields = {"insecure-skip-tls-verify": True}
        content = config(server, [("u", {"token": "t"})], "x" if number == 1 else None, **fields)
        content["clusters"].append(
            {"name": f"c{number}", "cluster": {"server": server, **fields}})
        content["contexts"].append(
            {"name": f"x{number}", "context": {"cluster": f"c{number}", "user": "u"}})
        identities.write(f"{number}/config", yaml.safe_dump(content))
    log = identities.path("operator.log")
    for order in ("012", "210", "1", "21"):
        env = environment(KUBECONFIG=":".join(identities.path(f"{n}/config") for n in order))
        for context in ([], *(["--context", f"x{number}"] for number in order)):
            view = json.loads(subprocess.run(
                [cluster.kubectl, *context, "config", "view", "--minify", "--merge", "-o", "json"],
                env=env, check=True, capture_output=True, timeout=60).stdout)
            shown = view["clusters"][0]["cluster"]["server"]
            with running(log, *context, env=env):
                eventually(lambda: shown in said(log), 30, log)
            others = [one for one in servers if one != shown and one + "/" in said(log)]
            assert not others, f"{order} {context}: {said(log)}"
            assert said(log).count("whoever answers there gets our credentials") == 1


def test_without_a_configuration_the_operator_says_where_it_looked(identities):
    log = identities.path("operator.log")
    with running(log, env=environment(HOME=identities.folder)) as process:
        assert process.wait(timeout=20) == 1
    assert f"{identities.folder}/.kube/config does not exist" in said(log)


def counted(identities, name, answer_file):
    """A plugin that counts its runs and prints a file."""
    path = identities.write(f"{name}/plugin", f"""#!/bin/sh
echo run >>{identities.path(name)}/runs
env >{identities.path(name)}/env
cat {answer_file}
""", mode=0o700)
    return path, lambda: len(open(identities.path(f"{name}/runs")).readlines())


def soon(seconds):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


def test_changed_credentials_are_used_without_a_restart(cluster, audit, identities, allow):
    """A plugin's certificate at its expiry, a certificate in files, and a token in a file that is
    not refused; each operator is one user before and another one after."""
    before = {kind: f"{kind}-before" for kind in ("plugin", "files")}
    after = {kind: f"{kind}-after" for kind in ("plugin", "files")}
    pems = {user: identities.certificate(user) for user in (*before.values(), *after.values())}
    before["token"] = identities.account("token-before")
    after["token"] = identities.account("token-after")
    allow(*before.values(), *after.values())

    def credentials(user, expires=None):
        certificate, key = pems[user]
        return credential(expires=expires, clientCertificateData=certificate, clientKeyData=key)

    answer = identities.write("plugin/answer", credentials(before["plugin"], soon(60)))
    command, runs = counted(identities, "plugin", answer)
    for suffix, text in zip(("crt", "key"), pems[before["files"]]):
        identities.write(f"files/{suffix}", text)
    identities.write("token/token", identities.token("token-before"))
    configs = {
        "plugin": identities.kubeconfig("plugin/config", exec_user(
            command="./plugin", provideClusterInfo=True)),
        "files": identities.kubeconfig("files/config", {
            "client-certificate": "crt", "client-key": "key"}),
        "token": identities.kubeconfig("token/config", {"tokenFile": "token"}),
    }
    mark = moment(audit)
    with contextlib.ExitStack() as stack:
        processes = {kind: stack.enter_context(running(
            identities.path(f"{kind}.log"), "--kubeconfig", path, lease=f"connecting-{kind}",
            env=environment(SSL_CERT_FILE="/the/plugins/own")))
            for kind, path in configs.items()}
        logs = [identities.path(f"{kind}.log") for kind in configs]
        eventually(lambda: users_of(audit, mark) == set(before.values()), 60, *logs)
        assert runs() == 1, "the plugin runs once for watches, passes and the lease"
        lines = pathlib.Path(identities.path("plugin/env")).read_text().splitlines()
        seen = dict(line.split("=", 1) for line in lines if "=" in line)
        assert seen["SSL_CERT_FILE"] == "/the/plugins/own"
        info = json.loads(seen["KUBERNETES_EXEC_INFO"])
        assert info["spec"]["interactive"] is False
        assert info["spec"]["cluster"]["server"] == cluster.server

        identities.write("plugin/answer", credentials(after["plugin"], soon(3600)))
        identities.write("files/crt", pems[after["files"]][0])  # does not fit the key for a moment
        time.sleep(1)
        identities.write("files/key", pems[after["files"]][1])
        identities.write("token/token", identities.token("token-after"))
        changed = time.monotonic()
        took = {}
        for kind, within in (("files", 20), ("plugin", 65), ("token", 75)):
            eventually(lambda: after[kind] in users_of(audit, mark),
                       within + changed - time.monotonic(), identities.path(f"{kind}.log"))
            took[kind] = time.monotonic() - changed
        assert runs() == 2
        mark = moment(audit)
        eventually(lambda: users_of(audit, mark) == set(after.values()), 30, *logs)
        time.sleep(5)
        assert users_of(audit, mark) == set(after.values()), "nobody uses the old ones any more"
        for kind, process in processes.items():
            assert process.poll() is None, said(identities.path(f"{kind}.log"))
            assert "nauthorized" not in said(identities.path(f"{kind}.log"))
    print(took)  # shown by -s


def test_a_revoked_token_is_replaced_at_once(audit, identities, allow):
    """The API server answers 401 long before the token would expire or its file be read again."""
    before = {kind: identities.account(f"revoked-{kind}") for kind in ("plugin", "file")}
    after = {kind: identities.account(f"fresh-{kind}") for kind in ("plugin", "file")}
    allow(*before.values(), *after.values())
    answer = identities.write("plugin/answer", credential(token=identities.token("revoked-plugin")))
    _, runs = counted(identities, "plugin", answer)
    identities.write("file/token", identities.token("revoked-file"))
    configs = {"plugin": identities.kubeconfig("plugin/config", exec_user(command="./plugin")),
               "file": identities.kubeconfig("file/config", {"tokenFile": "token"})}
    mark = moment(audit)
    with contextlib.ExitStack() as stack:
        processes = {kind: stack.enter_context(running(
            identities.path(f"{kind}.log"), "--kubeconfig", path, lease=f"connecting-{kind}"))
            for kind, path in configs.items()}
        logs = [identities.path(f"{kind}.log") for kind in configs]
        eventually(lambda: users_of(audit, mark) == set(before.values()), 60, *logs)
        time.sleep(6)  # a plugin is not run more often than every 5 s
        identities.write("plugin/answer", credential(token=identities.token("fresh-plugin")))
        identities.write("file/token", identities.token("fresh-file"))
        for kind in before:
            identities.revoke(f"revoked-{kind}")
        eventually(lambda: set(after.values()) <= users_of(audit, mark), 30, *logs)
        assert runs() == 2
        for kind, process in processes.items():
            assert process.poll() is None, said(identities.path(f"{kind}.log"))


def test_a_pod_takes_new_tokens_from_its_folder(cluster, audit, identities, allow):
    """In a mount namespace that has what a kubelet gives to a pod, replaced as a kubelet does."""
    before, after = identities.account("pod-before"), identities.account("pod-after")
    allow(before, after)
    shared = identities.path("pod")
    os.makedirs(shared)

    def project(number, account):
        folder = f"pod/..{number}"
        identities.write(f"{folder}/token", identities.token(account))
        identities.write(f"{folder}/ca.crt", (cluster.pki / "ca.crt").read_text())
        identities.write(f"{folder}/namespace", "default")
        os.symlink(f"..{number}", f"{shared}/..fresh")
        os.rename(f"{shared}/..fresh", f"{shared}/..data")

    for name in ("token", "ca.crt", "namespace"):
        os.symlink(f"..data/{name}", f"{shared}/{name}")
    project(1, "pod-before")
    host, port = cluster.server.removeprefix("https://").split(":")
    mounted = ("mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount && "
               f"mount --bind {shared} /run/secrets/kubernetes.io/serviceaccount && exec \"$@\"")
    mark = moment(audit)
    log = identities.path("pod.log")
    with running(log, command=[*OWN_MOUNTS, "sh", "-c", mounted, "sh"], env=environment(
            KUBERNETES_SERVICE_HOST=host, KUBERNETES_SERVICE_PORT=port)) as process:
        eventually(lambda: users_of(audit, mark), 30, log)
        assert users_of(audit, mark) == {before}
        project(2, "pod-after")
        identities.revoke("pod-before")
        eventually(lambda: after in users_of(audit, mark), 30, log)
        assert process.poll() is None


def test_an_api_server_with_an_ipv6_address_is_used(cluster, audit, identities, allow):
    certificate, key = identities.certificate("six")
    allow("six")
    user = {"client-certificate": identities.write("crt", certificate),
            "client-key": identities.write("key", key)}
    with Relay(cluster.server, "::1") as relay:
        path = identities.kubeconfig("config", user, {
            "server": f"https://[::1]:{relay.port}", "tls-server-name": "kubernetes.default.svc"})
        mark = moment(audit)
        with running(identities.path("six.log"), "--kubeconfig", path) as process:
            log = identities.path("six.log")
            eventually(lambda: users_of(audit, mark) == {"six"}, 30, log)
            eventually(lambda: relay.connections >= 3, 30, log)  # watches, passes, the lease
            assert process.poll() is None
