import itertools
import json
import pathlib
import re
import subprocess
import sys
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "control-plane")]

import cluster  # noqa: E402
import processes  # noqa: E402

COMMAND = [sys.executable, cluster.HERE / "command.py"]
PINNED = re.search(r'^KUBERNETES_VERSIONS="(.*)"$', (cluster.HERE / "versions.env").read_text(),
                   re.MULTILINE)[1].split()


def everything(state):
    """All processes of a cluster, as processes.identity knows them."""
    facts = json.loads((pathlib.Path(state) / "state.json").read_text())
    return [facts["supervisor"], *facts["programs"].values()]


@pytest.fixture(name="ours", scope="session")
def one_cluster(tmp_path_factory):
    """One for all files: to start a cluster is what costs time here."""
    with cluster.start(tmp_path_factory.mktemp("ours") / "state") as started:
        yield started
        running = everything(started.state)
    assert not any(processes.alive(one) for one in running)


@pytest.fixture(name="until", scope="session")
def wait_until():
    def wait(condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not within {seconds} s; last: {value!r}"
            time.sleep(0.05)
        return value
    return wait


class Space:
    """A namespace of its own, and the command line on it."""

    def __init__(self, on, name):
        self.cluster, self.name = on, name

    def dev(self, *arguments):
        """./dev cluster, as from a shell; its standard output."""
        return subprocess.run([*COMMAND, *arguments, "--state", self.cluster.state], check=True,
                              stdout=subprocess.PIPE, text=True, timeout=60).stdout

    def kubectl(self, *arguments, **options):
        return self.cluster.run_kubectl("-n", self.name, *arguments, **options)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def items(self, *arguments):
        return self.get(*arguments)["items"]


numbers = itertools.count(1)


@pytest.fixture(name="new_space", scope="session")
def namespaces(ours, until):
    def make():
        made = Space(ours, f"space-{next(numbers)}")
        ours.run_kubectl("create", "namespace", made.name)
        until(lambda: made.kubectl("get", "serviceaccount", "default", "--ignore-not-found"))
        return made
    return make


@pytest.fixture(name="space")
def a_namespace(new_space):
    made = new_space()
    yield made
    made.cluster.run_kubectl("delete", "namespace", made.name, "--wait=false")
