"""policies.py STATE: makes the nodes of this cluster enforce its network policies, until it is
ended.

Each node has one nftables table for its own pods, which is replaced as a whole. A new pod is open
until the next look, half a second later. Only what a node forwards is looked at: a node reaches its
own pods.
"""
import http.client
import json
import pathlib
import ssl
import subprocess
import sys
import time
import urllib.parse

import yaml

import policy_rules

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "control-plane"))
import processes  # noqa: E402

INTERVAL = 0.5
LISTS = {"pods": "/api/v1/pods", "namespaces": "/api/v1/namespaces",
         "policies": "/apis/networking.k8s.io/v1/networkpolicies"}


class Server:
    """The API server, asked over one connection."""

    def __init__(self, kubeconfig):
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        context.load_cert_chain(user["client-certificate"], user["client-key"])
        self._connection = http.client.HTTPSConnection(
            urllib.parse.urlsplit(cluster["server"]).netloc, context=context, timeout=10)

    def list(self, path):
        try:
            self._connection.request("GET", f"{path}?resourceVersion=0")
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        if response.status != 200:
            raise OSError(f"{path}: {response.status} {text[:200]!r}")
        return json.loads(text)["items"]


def nodes(state):
    """{name: identity of its process} of those that run."""
    known = {path.parent.name: path.read_text() for path in state.glob("node-*/process")}
    return {name: one for name, one in known.items() if processes.alive(one)}


def apply(identity, text):
    pid = identity.partition("-")[0]
    done = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "nft", "-f", "-"], input=text,
                          capture_output=True, text=True, check=False, timeout=20)
    if done.returncode != 0:
        raise OSError(f"nft: {done.stderr.strip()}")


class Enforcer:
    def __init__(self, state):
        self._state, self._server, self._applied = state, Server(state / "admin.kubeconfig"), {}

    def look(self):
        seen = policy_rules.Seen(**{name: self._server.list(path) for name, path in LISTS.items()})
        for name, identity in nodes(self._state).items():
            text = policy_rules.table(seen, name)
            # A node that was started again has no table.
            if self._applied.get(name) != (identity, text):
                apply(identity, text)
                self._applied[name] = identity, text


def main():
    enforcer, told = Enforcer(pathlib.Path(sys.argv[1])), None
    while True:
        try:
            enforcer.look()
            told = None
        except (OSError, http.client.HTTPException, subprocess.TimeoutExpired) as error:
            if str(error) != told:
                told = str(error)
                print(time.strftime("%H:%M:%S"), "policies are not enforced as they are now:", told,
                      flush=True)
        time.sleep(INTERVAL)


if __name__ == "__main__":
    main()
