"""What a NetworkPolicy says holds between real pods."""
import time

import pytest

from conftest import eventually

# Listens on 7000 to 7003, tells who asks, and echoes one line after the other.
SERVER = """
import socketserver
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
import threading, time
socketserver.ThreadingTCPServer.allow_reuse_address = True
for port in range(7000, 7004):
    threading.Thread(target=socketserver.ThreadingTCPServer(("", port), Echo).serve_forever).start()
"""
CLIENT = """
import socket, sys
for port in map(int, sys.argv[2:]):
    try:
        with socket.create_connection((sys.argv[1], port), timeout=1) as it:
            it.sendall(b"x\\n")
            print(port if it.recv(2) == b"x\\n" else "", end=" ")
    except TimeoutError:
        pass
"""
PORTS = (7000, 7001, 7002, 7003)


def serve(space, name, **given):
    space.run(name, command=("python3", "-c", SERVER),
              ports=[("first", 7000), ("second", 7001)], **given)


def address(space, name):
    return space.get("pod", name)["status"]["podIP"]


def reached(space, client, target):
    """The ports that answer; one that is dropped does not refuse either."""
    return [int(one) for one in space.kubectl(
        "exec", client, "--", "python3", "-c", CLIENT, target, *map(str, PORTS)).split()]


def policy(space, chosen, **spec):
    space.apply({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                 "metadata": {"name": "policy"},
                 "spec": {"podSelector": {"matchLabels": chosen}, **spec}})


@pytest.fixture(name="pair")
def server_and_clients(space):
    """A server on node-1, a client on each node."""
    serve(space, "server", node="node-1", labels={"app": "server"})
    space.run("near", node="node-1", labels={"app": "near"})
    space.run("far", node="node-2", labels={"app": "far"})
    return space


def holds(condition):
    """Soon, and a second later still."""
    eventually(condition, 15)
    time.sleep(1)
    assert condition()


def test_a_selected_pod_is_closed_on_its_own_node_and_from_others(pair):
    server = address(pair, "server")
    assert reached(pair, "near", server) == reached(pair, "far", server) == list(PORTS)
    policy(pair, {"app": "server"}, ingress=[])
    holds(lambda: reached(pair, "near", server) == reached(pair, "far", server) == [])
    pair.remove("networkpolicy/policy")
    holds(lambda: reached(pair, "near", server) == reached(pair, "far", server) == list(PORTS))


def test_named_ports_ranges_and_peers_are_let_in(pair, other):
    other.run("stranger", node="node-2", labels={"app": "far"})
    server = address(pair, "server")
    policy(pair, {"app": "server"}, ingress=[
        {"from": [{"podSelector": {"matchLabels": {"app": "near"}}}],
         "ports": [{"port": "second"}]},
        {"from": [{"podSelector": {"matchLabels": {"app": "far"}}}],
         "ports": [{"port": 7002, "endPort": 7003}, {"port": "absent"}]},
        {"from": [{"namespaceSelector": {
                       "matchLabels": {"kubernetes.io/metadata.name": other.name}},
                   "podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}],
         "ports": [{"port": 7000}]}])
    holds(lambda: reached(pair, "near", server) == [7001])
    assert reached(pair, "far", server) == [7002, 7003]
    assert reached(other, "stranger", server) == [7000]


def test_address_blocks_are_let_in_except_some(pair):
    server = address(pair, "server")
    policy(pair, {"app": "server"}, ingress=[{"from": [
        {"ipBlock": {"cidr": "10.223.0.0/16", "except": [f"{address(pair, 'far')}/32"]}},
        {"ipBlock": {"cidr": "fd00::/8"}}]}])
    holds(lambda: (reached(pair, "near", server), reached(pair, "far", server))
          == (list(PORTS), []))


def test_a_pod_gets_out_to_what_is_named_only_also_through_a_service(pair):
    serve(pair, "another", node="node-2", labels={"app": "another"})
    pair.kubectl("expose", "pod", "server", "--port=7001", "--name=service")
    policy(pair, {"app": "far"}, policyTypes=["Egress"], egress=[
        {"to": [{"podSelector": {"matchLabels": {"app": "server"}}}],
         "ports": [{"port": "second"}]},
        {"ports": [{"port": 1053, "protocol": "UDP"}]}])
    holds(lambda: reached(pair, "far", address(pair, "another")) == [])
    assert reached(pair, "far", address(pair, "server")) == [7001]
    name = f"service.{pair.name}.svc.cluster.local"
    assert pair.shell("far", f"python3 -c 'import socket; print(socket.create_connection(("
                      f"\"{name}\", 7001), 5).getpeername()[1])'") == "7001"


def test_a_connection_lives_on_while_policies_change(pair):
    server = address(pair, "server")
    policy(pair, {"app": "server"}, ingress=[{"ports": [{"port": 7000}]}])
    holds(lambda: reached(pair, "far", server) == [7000])
    pair.run("steady", node="node-2", command=("python3", "-c", f"""
import socket, time
it = socket.create_connection(("{server}", 7000), timeout=1)
count = 0
while True:
    it.sendall(b"x\\n")
    assert it.recv(2) == b"x\\n"
    count += 1
    print(count, flush=True)
    time.sleep(0.02)
"""))
    for last in (7001, 7002, 7003, 7000):
        policy(pair, {"app": "server"}, ingress=[{"ports": [{"port": 7000, "endPort": last}]}])
        holds(lambda end=last: reached(pair, "far", server) == list(range(7000, end + 1)))
    before = int(pair.kubectl("logs", "steady", "--tail=1"))
    eventually(lambda: int(pair.kubectl("logs", "steady", "--tail=1")) > before + 10)
    assert pair.get("pod", "steady")["status"]["containerStatuses"][0]["restartCount"] == 0
