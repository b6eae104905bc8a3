"""Connections that are dead and do not say so, before a whole operator."""
import os
import re
import threading
import time
import urllib.error
import urllib.request

import pytest

from support.elsewhere import Elsewhere
from support.operator import Operator
from support.relay import Relay
from support.waiting import until

KEEPALIVE, BACKOFF, SLACK = 30, 30, 20
# 290 s, less or more up to a tenth, and 30 s: the longest silence of a watch that is believed.
LONGEST_SILENCE = 290 * 1.1 + 30
pytestmark = pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="minutes; set LONG_TESTS=1")


def read(address, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{address}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def failures(operator):
    text = read(operator.metrics, "/metrics")[1]
    return {kind: float(value) for kind, value in re.findall(
        r'^entityservice_watch_failures_total{kind="(\w+)"} (\S+)$', text, re.MULTILINE)}


def edit(resources):
    resources.api.merge("Deployment", resources.namespace, "demo-worker", {"spec": {"replicas": 11}})


def is_put_right(resources):
    return resources.child("Deployment", "demo-worker")["spec"]["replicas"] == 2


def test_packets_that_vanish_are_noticed_by_every_watch_and_nothing_is_missed(
        operator, cluster, api, resources, namespace, tmp_path):
    operator.stop()
    with Elsewhere(cluster.server) as elsewhere:
        here = elsewhere.here
        single = Operator(cluster, api, str(tmp_path), server=elsewhere.url, server_name="127.0.0.1")
        here.do(single.start, "--leader-elect=false", "--namespace", namespace,
                kubeconfig=single.kubeconfig())  # which nobody can ask for from there
        try:
            resources.ready()
            before = here.do(failures, single)
            assert len(before) >= 10, before
            elsewhere.swallow_packets()
            since = time.monotonic()
            edit(resources)

            def all_noticed():
                now = here.do(failures, single)
                return all(now[kind] > before[kind] for kind in before)
            until(all_noticed, KEEPALIVE + SLACK, "every watch noticed", interval=0.5)
            print(f"noticed within {time.monotonic() - since:.0f} s")
            assert not is_put_right(resources)
            assert here.do(read, single.health, "/healthz")[0] == 200, "it is not the process' fault"
            elsewhere.let_through()
            until(lambda: is_put_right(resources), BACKOFF + SLACK, "what changed meanwhile counts")
        finally:
            here.do(single.stop)


class HalfOpen(Relay):
    """Connections that `forget` has met stay open and carry nothing any more; new ones are well."""

    def __init__(self, url):
        super().__init__(url)
        self.url = f"https://127.0.0.1:{self.port}"
        self.generation, self.mine = 0, threading.local()

    def serve(self, peer):
        self.mine.generation = self.generation
        super().serve(peer)

    def admit(self, _):
        if self.mine.generation != self.generation:
            threading.Event().wait(3600)
        return True

    admit_answer = admit

    def forget(self):
        self.generation += 1


def test_half_open_watches_are_replaced_while_requests_and_the_lease_go_on(
        operator, cluster, api, resources, namespace, tmp_path):
    """The peer's kernel acknowledges everything, so that only their silence tells."""
    operator.stop()
    with HalfOpen(cluster.server) as relay:
        single = Operator(cluster, api, str(tmp_path), server=relay.url, lease="half-open")
        single.start("--namespace", namespace)
        try:
            resources.ready()
            before = failures(single)
            relay.forget()
            since = time.monotonic()
            edit(resources)

            def all_replaced():
                assert single.process.poll() is None, single.tail()
                assert read(single.health, "/healthz")[0] == 200
                now = failures(single)
                return all(now[kind] > before[kind] for kind in before)
            until(all_replaced, LONGEST_SILENCE + 60, "every watch is replaced", interval=1)
            print(f"replaced within {time.monotonic() - since:.0f} s")
            until(lambda: is_put_right(resources), BACKOFF + SLACK, "what changed meanwhile counts")
        finally:
            single.stop()
