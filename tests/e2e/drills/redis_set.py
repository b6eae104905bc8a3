"""The three Redis with their Sentinels, as seen from their nodes."""
import collections

QUEUES = ("celery", "compute", "highmemory")


class RedisSet:
    def __init__(self, system):
        self.system = system

    def ask(self, pod, *command, port=6379):
        known = {"REDISCLI_AUTH": self.system.credentials["redis-password"]} if port == 6379 else {}
        return self.system.from_node(
            pod["spec"]["nodeName"], "timeout", "3", "redis-cli", "-h", pod["status"]["podIP"],
            "-p", str(port), *command, **known)

    def pods(self, without=()):
        """{name: pod} of those that have an address, but for the nodes that are named."""
        return {pod["metadata"]["name"]: pod for pod in self.system.pods("redis")
                if pod["status"].get("podIP") and pod["spec"]["nodeName"] not in without}

    def named(self, pods):
        """The pod that most Sentinels of these pods name as the master, and how many do."""
        votes = collections.Counter()
        for pod in pods.values():
            try:
                found = self.ask(pod, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster", port=26379)
            except Exception:  # it does not answer: no vote
                continue
            if found:
                votes[found.split()[0].partition(".")[0]] += 1
        return votes.most_common(1)[0] if votes else (None, 0)

    def master(self, without=()):
        """The pod that two Sentinels name and that says so itself, or None."""
        pods = self.pods(without)
        name, votes = self.named(pods)
        if votes < 2 or name not in pods:
            return None
        try:
            says = self.ask(pods[name], "ROLE").split()[0]
        except Exception:
            return None
        return pods[name] if says == "master" else None

    def in_step(self):
        """All three agree, and both replicas are in step."""
        pods = self.pods()
        name, votes = self.named(pods)
        if votes < len(pods) or len(pods) < 3:
            return False
        text = self.ask(pods[name], "INFO", "replication")
        return "role:master" in text and text.count("state=online") == 2

    def waiting_tasks(self):
        """{queue: length} and what is unacknowledged, at the master."""
        master = self.master()
        found = {queue: int(self.ask(master, "LLEN", queue)) for queue in QUEUES}
        return {**found, "unacked": int(self.ask(master, "HLEN", "unacked"))}

    def is_calm(self):
        return not any(self.waiting_tasks().values())
