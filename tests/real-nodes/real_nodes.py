"""The real nodes of one cluster. They need root, and one machine has one such cluster at a time."""
import contextlib
import json
import pathlib
import sys
import time

import network
import node
import policies
import requirements
import volumes

HERE = pathlib.Path(__file__).resolve().parent


def missing(state):
    """What this machine lacks to run real nodes, as sentences."""
    return list(requirements.missing(pathlib.Path(state)))


def clear(seconds=5):
    """Removes what a killed cluster left, unless another one runs."""
    deadline = time.monotonic() + seconds
    while network.in_use() and time.monotonic() < deadline:
        time.sleep(0.05)  # the kernel is not done with it yet
    if not network.in_use():
        node.sweep()


class RealNodes:
    address = network.HOST

    def __init__(self, state, programs, count):
        self.nodes = [node.Node(state, programs, number) for number in range(1, count + 1)]
        self.switch = None
        self._state, self._programs = state, programs

    def prepare(self):
        if network.in_use():
            raise RuntimeError("this machine has a cluster with real nodes already; "
                               "end it where it was started: ./dev cluster down")
        node.sweep()
        self.switch = network.Switch()

    def start(self, cluster):
        cluster.kubectl("create", "clusterrolebinding", "kube-proxy", "--user=system:kube-proxy",
                        "--clusterrole=system:node-proxier")
        cluster.commands.update(volumes.commands(self._state, self._programs))
        cluster.commands["policies"] = [sys.executable, policies.__file__, self._state]
        for name in volumes.commands(self._state, self._programs):
            cluster.start(name)
        numbers = [it.number for it in self.nodes]
        for one in self.nodes:
            one.folder.mkdir(parents=True)
            one.write(cluster.facts["server"])
            one.start(self.switch, [it for it in numbers if it != one.number])
        cluster.until("registered nodes", lambda: cluster.kubectl(
            "get", *(f"node/{it.name}" for it in self.nodes), check=False).returncode == 0)
        cluster.start("policies")

    def names(self):
        return [it.name for it in self.nodes]

    def power_off(self, name):
        """At once, and silently: nobody who sends to it is told. Its disk stays."""
        one = self._named(name)
        one.end()
        self.switch.wait_free(one.number)

    def power_on(self, name):
        one = self._named(name)
        if not one.is_on:
            one.start(self.switch, [it.number for it in self.nodes if it is not one])

    def _named(self, name):
        return next(it for it in self.nodes if it.name == name)

    def finish(self, cluster):
        cluster.kubectl("apply", "--server-side", "-f", HERE / "add-ons")
        cluster.until("volumes on each node",
                      lambda: self._with_volumes(cluster) == len(self.nodes))

    @staticmethod
    def _with_volumes(cluster):
        found = json.loads(cluster.kubectl("get", "csinodes", "-o", "json").stdout)["items"]
        return sum(driver["name"] == volumes.DRIVER for one in found
                   for driver in one["spec"].get("drivers") or [])

    def end(self):
        for one in self.nodes:
            with contextlib.suppress(RuntimeError):  # its processes end a little later: swept next time
                one.end()
        if self.switch:
            self.switch.end()
