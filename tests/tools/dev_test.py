"""./dev tells what it can do, and every command it tells of exists."""
import os
import pathlib
import re
import signal
import subprocess

import processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEV = ROOT / "dev"


def dev(*arguments):
    return subprocess.run([DEV, *arguments], capture_output=True, text=True, check=False)


def test_help_lists_every_command():
    commands = re.findall(r"^([a-z0-9]+)(?: \|[^)]*)?\) ", DEV.read_text(), re.MULTILINE)
    commands += re.findall(r"^([a-z0-9]+)\)$", DEV.read_text(), re.MULTILINE)
    assert set(commands) == {
        "setup", "build", "test", "e2e", "bench", "demo", "image", "cluster", "lint", "docs", "fuzz",
        "mutants", "help"}
    told = dev("help").stdout
    for command in commands:
        assert re.search(rf"^  {command}\b", told, re.MULTILINE), command
    for action in ("up", "down", "env", "status"):
        assert f"  cluster {action}" in told
    assert "  cluster ACTION" in told


def test_unknown_command_is_refused():
    refused = dev("tset")
    assert refused.returncode == 2
    assert "unknown command: tset" in refused.stderr


def test_an_interrupted_step_ends_with_all_that_it_started(until, tmp_path):
    waits = tmp_path / "waits"
    waits.write_text(f"#!/bin/sh\nsleep 600 & echo $! >{tmp_path}/pid\nwait\n")
    waits.chmod(0o755)
    script = f". {ROOT}/tests/tools/step.sh; logs={tmp_path}; step waits waiting {waits}; true"
    running = subprocess.Popen(["bash", "-c", script], start_new_session=True,
                               stderr=subprocess.DEVNULL, preexec_fn=processes.hear_interrupts)
    until((tmp_path / "pid").exists)
    until((tmp_path / "pid").read_text)
    waiting = processes.identity(int((tmp_path / "pid").read_text()))
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(timeout=10) == 130
    until(lambda: not processes.alive(waiting))


def test_ci_runs_the_tests():
    assert "./dev test" in (ROOT / ".ci/run").read_text()
