"""Real nodes leave nothing, however they end, and say why they cannot start."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import pytest

import cluster
import processes
import requirements
from conftest import IMAGE, eventually

COMMAND = [sys.executable, cluster.HERE / "command.py"]


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          check=True).stdout.splitlines()


def folders(*places):
    return {f"{place}/{one}" for place in places if os.path.isdir(place)
            for one in os.listdir(place)}


def traces():
    """What of a cluster with real nodes can be seen on this machine, as sets."""
    running = set()
    for one in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = one.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if re.match(r"\S*(kubelet|kube-proxy|containerd|runc|volumes|csi-|pause|coredns)|"
                    r".*node-init|.*policies\.py|.*supervisor\.py.*--real", line):
            running.add(f"{one.parent.name} {line}")
    return {
        "processes": running,
        "mounts": {line.split()[4] for line in
                   pathlib.Path("/proc/self/mountinfo").read_text().splitlines()},
        "links": {line.split()[1] for line in output("ip", "-o", "link")},
        "routes": set(output("ip", "route")),
        "rules": set(output("nft", "list", "tables")),
        "groups": {str(one) for one in pathlib.Path("/sys/fs/cgroup").glob("*/entityservice-*")},
        "namespaces": set(output("ip", "netns", "list")),
        "loop devices": {line for line in output("losetup", "--noheadings", "--output=BACK-FILE")
                         if "(deleted)" not in line},
        "folders": folders("/var/lib", "/var/log", "/run", "/etc/cni", "/opt"),
        # Others may have clusters on this machine, which live.
        "memory": {one for one in folders("/dev/shm") if not processes.alive(
            one.partition("entityservice-cluster-")[2])}}


def left(before):
    return {kind: now for kind, found in traces().items() if (now := found - before[kind])}


def assert_nothing_left(before):
    """Within ten seconds: the kernel does some of it in its own time."""
    deadline = time.monotonic() + 10
    while (found := left(before)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not found


VOLUME = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 400Mi}}}
"""


def up(state):
    # As in the shell of someone who used another cluster before.
    subprocess.run([*COMMAND, "up", "--real", "--nodes", "2", "--state", state], check=True,
                   env={**os.environ, "KUBECONFIG": "/absent"})
    found = cluster.running(state)
    found.run_kubectl("apply", "-f", "-", input=VOLUME)
    # A pod that writes to a disk all the time.
    found.run_kubectl("run", "writer", f"--image={IMAGE}", f"--overrides={WRITER}")
    found.run_kubectl("wait", "--for=condition=Ready", "pod/writer", "--timeout=60s")
    return found


WRITER = json.dumps({"spec": {
    "containers": [{"name": "writer", "image": IMAGE,
                    "command": ["sh", "-c", "while :; do date >/data/file; sync; done"],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
    "securityContext": {"fsGroup": 999},
    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}})


def test_nothing_is_left_after_down(tmp_path):
    before = traces()
    up(tmp_path / "state")
    assert left(before).keys() >= {"processes", "links", "routes", "groups", "loop devices"}
    subprocess.run([*COMMAND, "down", "--state", tmp_path / "state"], check=True)
    assert not (tmp_path / "state").exists()
    assert_nothing_left(before)


def test_nothing_is_left_after_the_supervisor_was_killed_and_down(tmp_path):
    before = traces()
    state = tmp_path / "state"
    up(state)
    supervisor = json.loads((state / "state.json").read_text())["supervisor"]
    os.kill(int(supervisor.partition("-")[0]), signal.SIGKILL)
    eventually(lambda: not processes.alive(supervisor))
    subprocess.run([*COMMAND, "down", "--state", state], check=True)
    assert not state.exists()
    assert_nothing_left(before)


@pytest.mark.parametrize("reached", [
    "state.json", "node-1/process", "node-2/process", "csi-provisioner.log", "policies.log"])
def test_nothing_is_left_after_an_interrupt_while_it_starts(tmp_path, reached):
    before = traces()
    state = tmp_path / "state"
    starting = subprocess.Popen([*COMMAND, "up", "--real", "--nodes", "2", "--state", state],
                                stderr=subprocess.PIPE, text=True, start_new_session=True,
                                preexec_fn=processes.hear_interrupts)
    eventually((state / reached).exists)
    os.killpg(starting.pid, signal.SIGINT)
    assert "interrupted" in starting.communicate(timeout=60)[1]
    assert starting.returncode == 1
    assert not state.exists()
    assert_nothing_left(before)


def test_a_second_cluster_with_real_nodes_is_refused_and_the_first_goes_on(real, tmp_path):
    refused = subprocess.run([*COMMAND, "up", "--real", "--state", tmp_path / "state"],
                             stderr=subprocess.PIPE, text=True, check=False)
    assert refused.returncode == 1 and "has a cluster with real nodes already" in refused.stderr
    subprocess.run([*COMMAND, "down", "--state", tmp_path / "state"], check=True)
    time.sleep(13)  # a lost node would be noticed
    assert real.run_kubectl("get", "nodes", "--no-headers").count(" Ready ") == 2


@pytest.mark.parametrize("action", [
    ("renew-certificate",), ("mend",), ("break", "never-ready", "-l", "a=b"), ("fill-quota",),
    ("set-usage", "-l", "a=b", "--cpu", "1")], ids=lambda it: it[0])
def test_what_only_fake_nodes_can_do_is_refused(real, action):
    refused = subprocess.run([*COMMAND, *action, "--state", real.state], stderr=subprocess.PIPE,
                             text=True, check=False)
    assert refused.returncode == 1
    assert "this cluster has real nodes" in refused.stderr and "./dev cluster up" in refused.stderr


def test_a_machine_without_what_is_needed_is_told_so(monkeypatch, tmp_path):
    assert not list(requirements.missing(tmp_path))
    refused = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", *COMMAND, "up", "--real", "--state",
         f"{tempfile.gettempdir()}/{tmp_path.name}"],
        stderr=subprocess.PIPE, text=True, check=False)
    assert refused.returncode == 1 and "it needs root" in refused.stderr
    monkeypatch.setattr(requirements, "PROGRAMS", ("nft", "absent-program"))
    monkeypatch.setattr(requirements.node, "HIERARCHIES", ("memory", "absent-hierarchy"))
    monkeypatch.setattr(requirements, "FILE_SYSTEMS", ("xfs", "absentfs"))
    told = " ".join(requirements.missing(tmp_path))
    assert all(one in told for one in (
        "absent-program", "packages.txt", "absent-hierarchy", "absentfs"))
    assert "nft" not in told and "memory" not in told


def test_a_folder_that_overlayfs_cannot_stand_on_is_told(tmp_path):
    """An overlay is such a file system itself."""
    script = f"""
mount -t tmpfs tmpfs {tmp_path} && cd {tmp_path} && mkdir lower upper work top
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work top
exec {sys.executable} -c 'import sys; sys.path[:0] = sys.argv[1:]
import pathlib, requirements
print(*requirements.missing(pathlib.Path("{tmp_path}/top/state")))' \\
    {requirements.node.HERE} {cluster.HERE}
"""
    told = subprocess.run(["unshare", "--mount", "--propagation", "private", "bash", "-c", script],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "overlayfs cannot stand on" in told
