"""Local control planes live side by side and never outlive whom they were started for."""
import json
import os
import signal
import subprocess
import sys

import pytest

import cluster
import processes
from conftest import COMMAND, PINNED, everything


def test_workloads_become_ready_and_the_audit_log_tells_who_asked(ours, tmp_path):
    ours.run_kubectl("create", "serviceaccount", "asker")
    config = ours.write_kubeconfig(tmp_path / "config", ours.token("default", "asker"))
    refused = subprocess.run([ours.kubectl, f"--kubeconfig={config}", "get", "pods"],
                             capture_output=True, text=True, check=False)
    assert "Forbidden" in refused.stderr
    ours.run_kubectl("create", "deployment", "web", "--image=x/y:1", "--replicas=3")
    ours.run_kubectl("create", "job", "once", "--image=x/y:1")
    ours.run_kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=30s")
    ours.run_kubectl("wait", "--for=condition=Complete", "job/once", "--timeout=30s")
    asked = [json.loads(line) for line in ours.audit_log.read_text().splitlines()]
    assert any(entry["user"]["username"] == "system:serviceaccount:default:asker"
               and entry["responseStatus"]["code"] == 403 for entry in asked)
    assert not any(entry["user"]["username"] == "system:kube-scheduler" for entry in asked)


def test_cluster_is_of_the_asked_version_and_no_other_is_put_in_its_place(ours):
    asked = os.environ.get("KUBERNETES", "")
    assert ours.version()[1:] in PINNED and f"{ours.version()[1:]}.".startswith(asked)
    other = next(one for one in PINNED if one != ours.version()[1:])
    again = subprocess.run([*COMMAND, "up", "--kubernetes", other, "--state", ours.state],
                           stderr=subprocess.PIPE, text=True, check=False)
    assert again.returncode == 1 and f"already runs with Kubernetes {ours.version()}" in again.stderr


def test_clusters_live_side_by_side_and_end_with_their_runner_even_by_sigkill(
        ours, until, tmp_path):
    state = tmp_path / "state"
    runner = subprocess.Popen([sys.executable, "-c", f"""
import sys, time
sys.path.insert(0, {str(cluster.HERE)!r})
import cluster
cluster.start({str(state)!r})
time.sleep(600)"""])
    until((state / "started").exists, 120)
    other = cluster.running(state)
    other.run_kubectl("create", "namespace", "only-there")
    assert ours.server != other.server
    assert "only-there" not in ours.run_kubectl("get", "namespaces", "-o", "name")
    running = everything(state)
    assert len(running) == 6 and all(processes.alive(one) for one in running)
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    until(lambda: not any(processes.alive(one) for one in running))
    assert all(processes.alive(one) for one in everything(ours.state))


def test_an_interrupted_start_leaves_nothing(until, tmp_path):
    state = tmp_path / "state"
    starting = subprocess.Popen([*COMMAND, "up", "--state", state], stderr=subprocess.PIPE,
                                text=True, start_new_session=True,
                                preexec_fn=processes.hear_interrupts)
    until(lambda: (state / "state.json").exists() and len(everything(state)) > 1, 120)
    running = everything(state)
    os.killpg(starting.pid, signal.SIGINT)
    assert "interrupted" in starting.communicate(timeout=60)[1]
    assert starting.returncode == 1
    assert not any(processes.alive(one) for one in running)
    assert not state.exists()
    data = cluster._supervisor.MEMORY / (cluster._supervisor.MEMORY_PREFIX + running[0])
    assert not data.exists()


def test_stale_cluster_is_cleared(until, tmp_path):
    state = tmp_path / "state"
    subprocess.run([*COMMAND, "up", "--state", state], check=True)
    running = everything(state)
    operator = subprocess.Popen(["sleep", "600"])
    (state / "operator.identity").write_text(processes.identity(operator.pid) + "\n")
    os.kill(int(running[0].partition("-")[0]), signal.SIGKILL)
    until(lambda: not any(processes.alive(one) for one in running))
    assert subprocess.run([*COMMAND, "env", "--state", state], check=False).returncode != 0
    subprocess.run([*COMMAND, "down", "--state", state], check=True)
    assert not state.exists()
    assert operator.wait(5) == -signal.SIGTERM
    data = cluster._supervisor.MEMORY / (cluster._supervisor.MEMORY_PREFIX + running[0])
    assert not data.exists()


def test_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "precious").write_text("")
    subprocess.run([*COMMAND, "down", "--state", tmp_path], check=True)
    with pytest.raises(cluster.ClusterError):
        cluster.start(tmp_path)
    assert (tmp_path / "precious").exists()


def test_recycled_pid_is_not_ended():
    process = subprocess.Popen(["sleep", "60"])
    pid, _, began = processes.identity(process.pid).partition("-")
    processes.end(f"{pid}-{int(began) - 1}")
    assert process.poll() is None
    processes.end(f"{pid}-{began}")
    assert process.wait() == -signal.SIGTERM
