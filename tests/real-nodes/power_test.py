"""A node whose power fails, and comes back."""
import json
import socket

import pytest

from conftest import eventually


def ready(cluster, node):
    return cluster.run_kubectl("get", f"node/{node}", "-o", "jsonpath={.status.conditions["
                               "?(@.type=='Ready')].status}")


def test_a_node_without_power_is_silent_and_returns_with_its_disk(real, space):
    space.run("here", node="node-2", labels={"app": "here"}, command=(
        "python3", "-m", "http.server", "7000", "--directory", "/tmp"))
    address = space.get("pod", "here")["status"]["podIP"]
    socket.create_connection((address, 7000), 2).close()
    began = space.get("pod", "here")["status"]["containerStatuses"][0]["containerID"]
    real.power_off("node-2")
    with pytest.raises(TimeoutError):
        socket.create_connection((address, 7000), 5)
    eventually(lambda: ready(real, "node-2") == "Unknown")
    real.power_on("node-2")
    eventually(lambda: ready(real, "node-2") == "True")
    # The pod was evicted meanwhile, or is started anew from the same disk.
    def container():
        found = space.get("pods", "-l", "app=here")["items"]
        return found and found[0]["status"]["containerStatuses"][0].get("containerID")
    eventually(lambda: container() != began)
    space.run("again", node="node-2")
    assert ready(real, "node-1") == "True"


def test_power_that_is_on_already_changes_nothing(real):
    real.power_on("node-1")
    assert ready(real, "node-1") == "True"
