"""The three pods of Redis and Sentinel, by the rendered scripts and configuration."""
import os
import shutil
import subprocess

import rendered
from pod import Pod, eventually

PASSWORD = rendered.CREDENTIALS["redis-password"]
DOMAIN = "demo-redis-peers.default.svc.cluster.local"
KEYS = 50


def cli(address, *command, port=6379, password=PASSWORD):
    environment = {**os.environ, "REDISCLI_AUTH": password} if password else None
    return subprocess.run(["timeout", "2", "redis-cli", "-h", address, "-p", str(port), *command],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          env=environment).stdout.strip()


def role(address):
    return (cli(address, "ROLE").splitlines() or [""])[0]


class Set:
    """The StatefulSet's pods, with addresses and volumes that stay."""

    def __init__(self, folder):
        self.folder = folder
        self.objects = rendered.render("production", folder, "--bootstrap")
        self.workload = self.objects.find("StatefulSet", "-redis")
        self.state = self.objects.get("ConfigMap", "demo-redis-state")["data"]
        self.pods = {}

    def address(self, ordinal):
        return rendered.REDIS_ADDRESSES[ordinal]

    def start(self, *ordinals):
        for ordinal in ordinals or range(3):
            self.pods[ordinal] = Pod(
                self.objects, self.workload, f"demo-redis-{ordinal}", self.address(ordinal),
                self.folder / "claims", self.folder / "pods").start()
        return self

    def kill(self, *ordinals):
        for ordinal in ordinals or list(self.pods):
            self.pods.pop(ordinal).kill()

    def established(self):
        """What the operator does once all were ready."""
        self.state["bootstrap"] = "false"
        for pod in self.pods.values():
            (pod.volumes["state"] / "bootstrap").write_text("false")

    def may_begin_with_nothing(self):
        """What an admin does whose volumes are all lost, as RedisReady says."""
        for pod in self.pods.values():
            (pod.volumes["state"] / "bootstrap").write_text("true")

    def disk(self, ordinal):
        return self.folder / "claims" / f"data-demo-redis-{ordinal}"

    def lose_disk(self, ordinal):
        shutil.rmtree(self.disk(ordinal))

    def roles(self):
        return {ordinal: role(self.address(ordinal)) for ordinal in self.pods}

    def master(self):
        """Its ordinal, once Sentinels and servers agree."""
        named = {(cli(self.address(ordinal), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster",
                      port=26379, password=None).splitlines() or [""])[0] for ordinal in self.pods}
        masters = [ordinal for ordinal, one in self.roles().items() if one == "master"]
        if len(masters) == 1 and named == {f"demo-redis-{masters[0]}.{DOMAIN}"}:
            return masters[0]
        return None

    def settled(self):
        """The master's ordinal when, besides, everyone is ready and every replica in step."""
        master = self.master()
        if master is None or not all(pod.ready() for pod in self.pods.values()):
            return None
        links = [cli(self.address(ordinal), "INFO", "replication")
                 for ordinal in self.pods if ordinal != master]
        # not the bare ordinal: 0 is a result
        return {"ordinal": master} if all("master_link_status:up" in link for link in links) else None

    def await_settled(self, seconds=60):
        return eventually(self.settled, seconds, "one master, all ready and in step")["ordinal"]

    def write(self):
        address = self.address(self.await_settled())
        for number in range(KEYS):
            assert cli(address, "SET", f"key{number}", str(number)) == "OK"
        assert cli(address, "WAIT", "2", "5000") == "2"

    def content(self):
        """What each holds."""
        counts = {ordinal: cli(self.address(ordinal), "DBSIZE") for ordinal in self.pods}
        return counts == {ordinal: str(KEYS) for ordinal in self.pods}
