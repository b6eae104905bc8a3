"""The network of real nodes: one bridge in a namespace of its own, this machine and every node on it.

Namespace and bridge end with the process that holds them, and this machine's link and routes with
them, however it ends: nothing has to be undone. Pods have no way to the outside.
"""
import subprocess
import time

import processes

LINK = "entityservice0"
HOST = "10.222.0.1"
PODS = "10.223.0.0/16"


def node_address(number):
    return f"10.222.0.{10 + number}"


def hardware_address(number):
    return f"02:00:00:00:00:{10 + number:02x}"


def pod_range(number):
    return f"10.223.{number}.0/24"


def run(*command, pid=None):
    """In the network namespace of the process, or in ours."""
    enter = ["nsenter", f"--net=/proc/{pid}/ns/net"] if pid else []
    subprocess.run([*enter, *command], check=True, capture_output=True, text=True, timeout=20)


def in_use():
    """True when this machine has such a network already, of whatever cluster."""
    return subprocess.run(["ip", "link", "show", LINK], capture_output=True, check=False).returncode == 0


def own_namespace(pid):
    """Waits until the process has left ours."""
    deadline = time.monotonic() + 10
    while namespace_of(pid) == namespace_of("self"):
        if time.monotonic() > deadline:
            raise RuntimeError(f"process {pid} made no network namespace; this needs root")
        time.sleep(0.01)


def namespace_of(pid):
    return subprocess.os.readlink(f"/proc/{pid}/ns/net")


def _neighbour(number, link):
    return ("ip", "neighbour", "replace", node_address(number), "lladdr", hardware_address(number),
            "nud", "permanent", "dev", link)


class Switch:
    def __init__(self):
        # sleep shares the namespace and ends with us.
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"],
                                       stdin=subprocess.DEVNULL, preexec_fn=processes.die_with_parent)
        own_namespace(self.holder.pid)
        self._ip("link", "add", "bridge", "type", "bridge")
        self._ip("link", "set", "bridge", "up")
        self._plug("host", str(subprocess.os.getpid()), LINK)
        run("ip", "address", "add", f"{HOST}/24", "dev", LINK)
        run("ip", "link", "set", LINK, "up")

    def _ip(self, *arguments):
        run("ip", *arguments, pid=self.holder.pid)

    def _plug(self, port, pid, name):
        self._ip("link", "add", port, "type", "veth", "peer", "name", name, "netns", str(pid))
        self._ip("link", "set", port, "master", "bridge", "up")

    def attach(self, number, pid, others):
        """Gives the node's namespace its address and the ways to the pods of the others."""
        self._plug(f"node-{number}", pid, "eth0")
        for command in (
                ("ip", "link", "set", "lo", "up"),
                ("ip", "link", "set", "eth0", "address", hardware_address(number)),
                ("ip", "address", "add", f"{node_address(number)}/24", "dev", "eth0"),
                ("ip", "link", "set", "eth0", "up"),
                ("ip", "route", "add", "default", "via", HOST),
                *(("ip", "route", "add", pod_range(it), "via", node_address(it)) for it in others)):
            run(*command, pid=pid)
        # Who sends to a node without power hears nothing, as in most data centres; if its hardware
        # address had to be asked for, he would be told after a second.
        for it in others:
            run(*_neighbour(it, "eth0"), pid=pid)
        run(*_neighbour(number, LINK))
        run("ip", "route", "replace", pod_range(number), "via", node_address(number))

    def wait_free(self, number, seconds=10):
        """The kernel removes the port of a node that ended in its own time."""
        deadline = time.monotonic() + seconds
        while subprocess.run(["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "ip", "link", "show",
                              f"node-{number}"], capture_output=True, check=False).returncode == 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the network of node-{number} is still there")
            time.sleep(0.05)

    def set_link(self, number, state):
        """down: the node is cut off and goes on working."""
        self._ip("link", "set", f"node-{number}", state)

    def end(self):
        self.holder.kill()
        self.holder.wait()
