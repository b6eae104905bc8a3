"""Candidates that are stopped, cut off or asked to end: one leads, and nothing is written twice."""
import json
import signal
import threading
import time

import pytest

from support.audit import describe
from support.operator import NAMESPACE, Operator
from support.relay import Relay
from support.waiting import until

LEASE = "leadership"
RENEW_DEADLINE, DURATION = 10, 15
SLACK = 10  # for a busy machine


class Link(Relay):
    """A way to the API server that can be cut: what is sent then is lost, and no end hears of it."""

    def __init__(self, url):
        super().__init__(url)
        self.url = f"https://127.0.0.1:{self.port}"
        self.whole = threading.Event()
        self.whole.set()

    def admit(self, _):
        return self.whole.is_set() or self.whole.wait(300) and False

    admit_answer = admit

    def connect(self, peer):
        if not self.whole.is_set():
            self.whole.wait(300)
            raise OSError("cut")
        return super().connect(peer)

    def cut(self):
        self.whole.clear()


class Candidate(Operator):
    def __init__(self, cluster, api, folder, name):
        folder = folder / name
        folder.mkdir()
        self.name, self.link = name, Link(cluster.server)
        super().__init__(cluster, api, str(folder), server=self.link.url, lease=LEASE)

    def leads(self):
        return "holds the lease" in open(self.log, errors="replace").read()

    def end(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.stop(kill=True)
        self.link.whole.set()
        self.link.__exit__()


@pytest.fixture
def candidates(operator, cluster, api, namespace, tmp_path):
    """Makes candidates for a lease of their own, which work on the test's namespace."""
    operator.stop()
    made = []

    def start(name):
        one = Candidate(cluster, api, tmp_path, name)
        made.append(one)
        one.link.__enter__()
        return one.start("--namespace", namespace)
    yield start
    for one in made:
        one.end()
    api.delete("Lease", NAMESPACE, LEASE)


def one_leads(candidates, timeout):
    until(lambda: any(one.leads() for one in candidates), timeout, "one of them leads")
    leader, = [one for one in candidates if one.leads()]
    return leader


def written(audit, mark, namespace):
    """Writes of children that changed something, in their order."""
    return [e for e in audit.writes(mark, namespace)
            if e["objectRef"]["resource"] not in ("entityservices", "events")
            and e["responseStatus"]["code"] < 300]


def lists(audit, mark):
    """Also as the beginning of a watch; of that the log has the end as well, much later."""
    return [e["requestURI"] for e in audit.since(mark)
            if e["verb"] == "list"
            or e["stage"] == "ResponseStarted" and "sendInitialEvents=true" in e["requestURI"]]


def versions(resources):
    return {(o["kind"], o["metadata"]["name"]): o["metadata"]["resourceVersion"]
            for o in resources.children()}


def test_of_three_candidates_one_leads_whatever_befalls_them(
        candidates, api, audit, resources, namespace, settled):
    first = candidates("first")
    until(first.leads, 20)
    others = [candidates("second"), candidates("third")]
    assert not any(one.leads() for one in others)

    # The leader stands still in the middle of a create, for longer than its lease lasts.
    mark = audit.mark()
    resources.create(profile="Test")
    until(lambda: written(audit, mark, namespace), 20, "it has begun", interval=0.01)
    first.process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    warm = audit.mark()
    second = one_leads(others, DURATION + SLACK)
    assert time.monotonic() - stopped > RENEW_DEADLINE - 3, "not before the lease has expired"
    resources.wait_ready(timeout=90)
    assert not lists(audit, warm), "who takes over knows already"
    made = [describe(e).split(" →")[0] for e in written(audit, mark, namespace)
            if e["responseStatus"]["code"] == 201]
    assert len(made) == len(set(made)), "nothing is made twice"
    settled()
    before = versions(resources)
    first.process.send_signal(signal.SIGCONT)
    assert first.process.wait(timeout=20) == 3, first.tail()
    time.sleep(2)
    assert versions(resources) == before, "what it had in hand overwrites nothing"

    # The leader is cut off; what the others cannot hear it say, it must not go on to believe.
    third, = [one for one in others if one is not second]
    second.link.cut()
    cut = time.monotonic()
    mark = audit.mark()
    resources.edit(replicas=5)
    assert second.process.wait(timeout=DURATION + SLACK) == 3, second.tail()
    assert time.monotonic() - cut < DURATION + SLACK / 2
    until(third.leads, DURATION + SLACK, "the last one leads")
    until(lambda: resources.child("Deployment", "demo-worker")["spec"]["replicas"] == 5, 20)
    resources.wait_ready()
    second.link.whole.set()
    time.sleep(1)
    assert [describe(e) for e in written(audit, mark, namespace)] == \
        ["patch deployments/demo-worker → 200"]

    # The leader is asked to end: the next one does not wait for the lease to expire, nor lists.
    fourth = candidates("fourth")
    mark = audit.mark()
    third.stop()
    asked = time.monotonic()
    until(fourth.leads, DURATION, "the fourth leads", interval=0.05)
    assert time.monotonic() - asked < 5
    resources.edit(replicas=3)
    until(lambda: resources.child("Deployment", "demo-worker")["spec"]["replicas"] == 3, 20)
    assert not lists(audit, mark)
    lease = api.get("Lease", NAMESPACE, LEASE)["spec"]
    assert lease["leaseTransitions"] == 3, json.dumps(lease)
