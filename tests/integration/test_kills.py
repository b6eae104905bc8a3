"""A process that is killed after any of its writes: another one ends where an undisturbed one does."""
import concurrent.futures
import os
import re

from conftest import Resources
from support.api import ApiError
from support.audit import describe
from support.operator import Operator
from support.projection import ordered, owned
from support.proxy import WritesProxy
from support.waiting import until

SAMPLE = 6  # of the writes of a create; LONG_TESTS=1 takes all
AT_ONCE = 3
PROFILE = "Test"  # has volumes


def masked(value, uids):
    if isinstance(value, dict):
        return {k: masked(v, uids) for k, v in value.items()}
    if isinstance(value, list):
        return [masked(v, uids) for v in value]
    return "<uid>" if value in uids else value


def picture(api, namespace, uid):
    """What the operator owns in the namespace, without what differs from one life to the next."""
    result = {}
    for obj in api.children(namespace, "demo"):
        name = re.sub(r"-[0-9a-f]{8}$", "-HASH", obj["metadata"]["name"])
        text = masked(ordered(owned(obj)), {uid})
        if obj["kind"] == "Secret":
            text = {"metadata": text["metadata"], "data": sorted(text["data"])}
        result[obj["kind"], name] = neutral(text)
    return result


def neutral(value):
    """Values that are random or assigned are left out: hashes in names, HMACs, cluster addresses."""
    if isinstance(value, dict):
        hashes = ("entityservice.io/secrets", "entityservice.io/inputs", "entityservice.io/template")
        return {k: "<hash>" if k in hashes else "<ip>" if k == "ip" else neutral(v)
                for k, v in value.items()}
    if isinstance(value, list):
        return [neutral(v) for v in value]
    if isinstance(value, str):
        value = re.sub(r"-[0-9a-f]{8}(?=$|\")", "-HASH", value)
        value = re.sub(r"\bkill-[0-9a-z]+\b|\bit-\d+\b", "<ns>", value)
        return re.sub(r"\b[0-9a-f]{40}\b", "<id>", value)
    return value


class Life:
    """A create in a namespace of its own, by an operator that is killed after so many writes."""

    def __init__(self, cluster, api, folder, after):
        self.api, self.after, self.namespace = api, after, f"kill-{after}"
        self.cluster, self.folder = cluster, folder / self.namespace
        self.folder.mkdir()
        api.create("Namespace", None, {"apiVersion": "v1", "kind": "Namespace",
                                       "metadata": {"name": self.namespace}})
        self.resources = Resources(api, self.namespace)

    def live_and_die(self):
        with WritesProxy(self.cluster, str(self.folder), self.after) as proxy:
            operator = Operator(self.cluster, self.api, str(self.folder), server=proxy.url, ca=proxy.ca,
                                lease=self.namespace)
            self.resources.create(profile=PROFILE)
            operator.start("--namespace", self.namespace, ready=False)
            until(lambda: proxy.reached, 90, f"write {self.after}")
            operator.stop(kill=True)
        self.kept = self.data()

    def data(self):
        """What must never be made anew: {name: uid}, and the passwords."""
        uids = {c["metadata"]["name"]: c["metadata"]["uid"]
                for c in self.api.list("PersistentVolumeClaim", self.namespace)}
        for kind, name in (("Secret", "demo-credentials"), ("ConfigMap", "demo-redis-state")):
            found = self.api.find(kind, self.namespace, name)
            if found:
                uids[name] = found["metadata"]["uid"]
                if kind == "Secret":
                    uids["passwords"] = found["data"]
        return uids

    def end(self):
        self.api.delete("Namespace", None, self.namespace)
        try:
            self.api.delete("Lease", "entityservice-system", self.namespace)
        except ApiError:
            pass


def sample(count):
    """The numbers of writes after which a process is killed."""
    if "LONG_TESTS" in os.environ:
        return list(range(1, count + 1))
    return sorted({round(1 + i * (count - 1) / (SAMPLE - 1)) for i in range(SAMPLE)})


def test_a_kill_after_any_write_of_a_create_changes_nothing_of_its_end(
        operator, cluster, api, audit, resources, namespace, settled, tmp_path):
    mark = audit.mark()
    resources.ready(profile=PROFILE, timeout=120)
    settled()
    count = len(audit.writes(mark, namespace))
    undisturbed = picture(api, namespace, resources.get()["metadata"]["uid"])
    operator.stop()

    # The last few writes are of the status and may come as one or as several.
    lives = [Life(cluster, api, tmp_path, after) for after in sample(count - 4)]
    print(f"{count} writes; killed after {[life.after for life in lives]}")
    try:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(Life.live_and_die, lives))
        operator.start()
        for life in lives:
            life.resources.wait_ready(timeout=180)
            uid = life.resources.get()["metadata"]["uid"]
            assert picture(api, life.namespace, uid) == undisturbed, life.after
            now = life.data()
            assert {name: now.get(name) for name in life.kept} == life.kept, life.after
        settled()
        operator.stop()
        mark = audit.mark()
        operator.start()
        settled(quiet=3)
        names = {life.namespace for life in lives}
        late = [describe(e) for e in audit.writes(mark) if e["objectRef"].get("namespace") in names]
        assert not late, late
    finally:
        for life in lives:
            life.end()
