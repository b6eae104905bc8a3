"""./dev cluster says in one line what it could not do, and what to do."""
import json
import pathlib
import signal
import socket
import subprocess

import pytest

import cluster
import faults
import processes
from conftest import COMMAND


def said(state, *arguments):
    """What an action that fails says."""
    done = subprocess.run([*COMMAND, *arguments, "--state", state], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 1, done
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_of_an_etcd_that_is_gone_one_line_says_how_it_comes_back(ours):
    ours.stop_program("etcd")
    try:
        assert "etcd does not answer" in said(ours.state, "compact")
        assert "./dev cluster restart etcd" in said(
            ours.state, "restart", "kube-apiserver", "--expire-watches")
    finally:
        ours.start_program("etcd")
        ours.restart_apiserver()


def test_of_an_api_server_that_is_gone_one_line_says_where_to_look(ours):
    ours.stop_program("kube-apiserver")
    try:
        refused = said(ours.state, "mend", "-n", "default")
        assert "refused" in refused and "./dev cluster status" in refused
    finally:
        ours.start_program("kube-apiserver")


def test_a_second_compaction_at_once_has_nothing_to_do(ours):
    with ours.paused("kube-apiserver"):  # so that nothing is written between the two
        assert faults.compact(ours) == faults.compact(ours)


def test_a_cluster_whose_programs_are_gone_is_told_from_none(ours, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    facts = json.loads((ours.state / "state.json").read_text())
    (state / "state.json").write_text(json.dumps({**facts, "binaries": str(tmp_path)}))
    (state / "started").touch()
    gone = said(state, "mend", "-n", "default")
    assert f"{tmp_path}/kubectl is gone" in gone and "./dev cluster down" in gone


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    text = said(tmp_path / "file" / "state", "up")
    assert f"{tmp_path}/file/state" in text and ": Not a directory; --state DIR" in text


@pytest.fixture(name="deaf")
def supervisor_that_stands_still(tmp_path, monkeypatch):
    """Its state and its process; connections are made, and nobody answers."""
    state = tmp_path / "state"
    state.mkdir()
    process = subprocess.Popen(["sleep", "600"])
    process.send_signal(signal.SIGSTOP)
    facts = {"supervisor": processes.identity(process.pid), "binaries": "/", "programs": {},
             "server": "https://127.0.0.1:1", "etcd": "http://127.0.0.1:1"}
    (state / "state.json").write_text(json.dumps(facts))
    for name in ("started", "supervisor.log"):
        (state / name).touch()
    monkeypatch.setattr(cluster, "PATIENCE", {"down": 1, "start": 1, "stop": 1})
    monkeypatch.setattr(cluster, "GRACE", 1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(processes.control_address(state))
        listener.listen()
        yield state, process
    process.kill()
    process.wait()


def test_a_supervisor_that_stands_still_is_named_and_can_be_ended(deaf):
    state, process = deaf
    with pytest.raises(cluster.ClusterError, match="does not answer; end it: ./dev cluster down"):
        cluster.running(state).stop_program("etcd")
    cluster.stop(state)
    assert process.wait(5) == -signal.SIGKILL
    assert not pathlib.Path(state).exists()
