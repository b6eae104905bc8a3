"""A network and mounts of the test process alone: they are gone with it, however it ends."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
import namespaces  # noqa: E402

BRIDGE = "pods"
GATEWAY = "10.96.0.1"

_names = iter(range(1, 10**6))


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise namespaces.Refused(f"ip {' '.join(arguments)}", done.stderr.strip())


def enter():
    """Moves this process, and all that it starts from now on, there; raises namespaces.Refused."""
    namespaces.enter(namespaces.NETWORK | namespaces.MOUNTS)
    ip("link", "set", "lo", "up")
    # Else it is the lowest of its ports', and another one when a pod comes or goes.
    ip("link", "add", BRIDGE, "address", "02:00:0a:60:00:01", "type", "bridge")
    ip("addr", "add", f"{GATEWAY}/16", "dev", BRIDGE)
    ip("link", "set", BRIDGE, "up")


def connect(pid, address):
    """Gives the network namespace of the process this address on the bridge."""
    outside = f"pod{next(_names)}"
    # the same for the next pod with this address: others still remember it
    mac = "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))
    ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "address", mac,
       "netns", str(pid))
    ip("link", "set", outside, "master", BRIDGE, "up")
    inside = ["nsenter", "-t", str(pid), "-n", "ip"]
    for arguments in (["link", "set", "lo", "up"], ["addr", "add", f"{address}/16", "dev", "eth0"],
                      ["link", "set", "eth0", "up"]):
        subprocess.run([*inside, *arguments], check=True)
