"""A network of the test process alone: it is gone with the process, however that ends."""
import ctypes
import subprocess

BRIDGE = "pods"
GATEWAY = "10.96.0.1"
CLONE_NEWNET = 0x40000000

_names = iter(range(1, 10**6))


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def enter():
    """Moves this process, and all that it starts from now on, into the new network."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace; these tests must run as root")
    ip("link", "set", "lo", "up")
    ip("link", "add", BRIDGE, "type", "bridge")
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
