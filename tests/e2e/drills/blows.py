"""What is done to the system. Each blow returns how much it killed, which is never nothing."""
import contextlib
import json
import os
import signal

import deployment
import system as _system


def kill_containers(system, container, *pods):
    """SIGKILL to all of their processes; the kubelet starts them again in the same pods."""
    return sum(_kill(_system.processes(system.cluster, pod, container)) for pod in pods)


def kill_pods(system, *pods):
    """No process of them gets to say anything, and new pods take their places."""
    killed = sum(_kill(_system.processes(system.cluster, pod)) for pod in pods)
    for pod in pods:
        assert pod["metadata"]["namespace"] == pods[0]["metadata"]["namespace"]
    system.cluster.run_kubectl("-n", pods[0]["metadata"]["namespace"], "delete", "pod",
                               "--grace-period=0", "--force",
                               *(pod["metadata"]["name"] for pod in pods))
    return killed


def kill_operator(system):
    pods = json.loads(system.cluster.run_kubectl(
        "-n", deployment.SYSTEM, "get", "pods", "-o", "json"))["items"]
    return kill_pods(system, *pods)


def kill_child(system, pod, container):
    """A process that the container's first one started and that has none itself: as the kernel does
    it when memory runs out."""
    first, *others = _system.processes(system.cluster, pod, container)
    return _kill(others[-1:])


def _kill(processes):
    """1: a container, a pod or a process."""
    assert processes, "nothing is there to be killed"
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):  # went along with the container's first one
            os.kill(pid, signal.SIGKILL)
    return 1


def power_off(system, *nodes):
    for node in nodes:
        system.cluster.power_off(node)
    return len(nodes)


def power_on(system, *nodes):
    for node in nodes:
        system.cluster.power_on(node)
